"""One provider's models through pydantic-ai. All of that library that we touch is here."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

import structlog

from signalbot.advisor.answer import AnalysisAnswer, Answer, DecisionAnswer
from signalbot.advisor.prompt import Question
from signalbot.advisor.share import LONGEST_CALL_S
from signalbot.advisor.terms import ProviderKind, ProviderTerms
from signalbot.domain.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.models import Model

log = structlog.get_logger()

A = TypeVar("A", bound=Answer)

MISSING = "asking an AI needs pydantic-ai: pip install 'signalbot[ai]'"
_MOST_CAUSE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[A]):
    answer: A
    input_tokens: int
    output_tokens: int


class CallFailed(Exception):
    """No usable answer; the message says why, in short."""

    def __init__(
        self, cause: str, *, refused: bool = False, input_tokens: int = 0, output_tokens: int = 0
    ) -> None:
        super().__init__(cause)
        self.refused = refused  #: the provider did not answer at all, and charges nothing
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


def require_library() -> None:
    """See that pydantic-ai is there, and load it: that takes a second, so not while trading.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import pydantic_ai  # noqa: F401, PLC0415 - optional, and slow to load
    except ImportError:
        raise ConfigError(MISSING) from None


class Models:
    """The models of one provider, asked with one key."""

    def __init__(self, terms: ProviderTerms, api_key: str | None) -> None:
        self.terms = terms
        self._api_key = api_key
        self._agents: dict[tuple[str, type[Answer]], Agent[None, Any]] = {}
        self._make: Callable[[str], Model]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected for the duration of the block.

        Raises:
            ConfigError: the provider's library is not installed.
        """
        require_library()
        try:
            self._make, provider = _maker(self.terms, self._api_key or "none")
        except ImportError:
            raise ConfigError(MISSING) from None
        async with provider:
            await self._rehearse()
            yield

    async def _rehearse(self) -> None:
        """Go through a call without a model: what it loads at first would hold up trading."""
        from pydantic_ai.models.test import TestModel  # noqa: PLC0415 - optional

        for form in (DecisionAnswer, AnalysisAnswer):
            await self._agent("", form).run("", model=TestModel())

    async def ask(self, model: str, question: Question, form: type[A]) -> Reply[A]:
        """The model's answer in ``form``.

        Raises:
            CallFailed: the provider refused or could not be reached, or said anything else.
        """
        from pydantic_ai.exceptions import (  # noqa: PLC0415 - optional
            AgentRunError,
            ModelAPIError,
        )
        from pydantic_ai.usage import RunUsage  # noqa: PLC0415

        usage = RunUsage()
        try:
            result = await self._agent(model, form).run(
                question.text, instructions=question.system, usage=usage
            )
        except ModelAPIError as e:
            raise CallFailed(self._plain(e), refused=True) from None
        except AgentRunError as e:
            raise CallFailed(
                self._plain(e), input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
            ) from None
        except Exception as e:
            log.exception("ai.broken", provider=self.terms.name, model=model)
            raise CallFailed(f"{type(e).__name__}: {self._plain(e)}") from None
        return Reply(
            answer=result.output,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )

    def _plain(self, error: Exception) -> str:
        """What went wrong, in short; it is kept in the ledger, so without the key."""
        words = " ".join(str(error).split())
        if self._api_key is not None:
            for form in (self._api_key, quote(self._api_key, safe="")):
                words = words.replace(form, "…")
        return words if len(words) <= _MOST_CAUSE else f"{words[:_MOST_CAUSE]}…"

    def _agent(self, model: str, form: type[A]) -> "Agent[None, A]":
        from pydantic_ai import Agent, ModelSettings, ToolOutput  # noqa: PLC0415 - optional

        key = (model, form)
        if key not in self._agents:
            self._agents[key] = Agent(
                self._make(model),
                output_type=ToolOutput(form, name="answer"),
                model_settings=ModelSettings(
                    max_tokens=self.terms.max_output_tokens,
                    max_retries=self.terms.retries,
                    timeout=LONGEST_CALL_S,
                ),
                retries=0,
                deps_type=type(None),
            )
        return self._agents[key]


def _maker(
    terms: ProviderTerms, key: str
) -> "tuple[Callable[[str], Model], AbstractAsyncContextManager[object]]":
    """What makes a model of its name, and the connections all of them share."""
    match terms.kind:
        case ProviderKind.OPENAI | ProviderKind.OPENAI_COMPATIBLE:
            from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415 - optional
            from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

            openai = OpenAIProvider(base_url=terms.base_url, api_key=key)
            return lambda name: OpenAIChatModel(name, provider=openai), openai
        case ProviderKind.ANTHROPIC:
            from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
            from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

            anthropic = AnthropicProvider(base_url=terms.base_url, api_key=key)
            return lambda name: AnthropicModel(name, provider=anthropic), anthropic
        case ProviderKind.GOOGLE:
            from pydantic_ai.models.google import GoogleModel  # noqa: PLC0415
            from pydantic_ai.providers.google import GoogleProvider  # noqa: PLC0415

            google = GoogleProvider(base_url=terms.base_url, api_key=key)
            return lambda name: GoogleModel(name, provider=google), google
