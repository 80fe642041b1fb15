"""Calls one provider's models through pydantic-ai; the only module that uses that library."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

import structlog

from signalbot.ai.prompt import Prompt
from signalbot.ai.schemas import AiResponse, AnalysisResponse, DecisionResponse
from signalbot.domain.errors import ConfigError
from signalbot.settings.ai import MAX_CALL_S, AiProviderSettings, ProviderKind

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.models import Model

log = structlog.get_logger()

A = TypeVar("A", bound=AiResponse)

LIBRARY_MISSING = "AI providers need pydantic-ai: pip install 'signalbot[ai]'"
_MAX_CAUSE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply(Generic[A]):
    response: A
    input_tokens: int
    output_tokens: int


class ModelCallFailed(Exception):
    """No usable response; the message is a short reason."""

    def __init__(
        self,
        cause: str,
        *,
        is_rejected: bool = False,
        input_tokens: int = 0,
        output_tokens: int = 0,
    ) -> None:
        super().__init__(cause)
        self.is_rejected = is_rejected  #: the API call failed, so the provider charges nothing
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


def require_library() -> None:
    """Import pydantic-ai at start: the import takes a second and would delay trading.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import pydantic_ai  # noqa: F401, PLC0415 - optional, and slow to load
    except ImportError:
        raise ConfigError(LIBRARY_MISSING) from None


class ProviderModels:
    """The models of one provider, called with one API key."""

    def __init__(self, settings: AiProviderSettings, api_key: str | None) -> None:
        self.settings = settings
        self._api_key = api_key
        self._agents: dict[tuple[str, type[AiResponse]], Agent[None, Any]] = {}
        self._model_factory: Callable[[str], Model]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hold the provider's connections open within the block.

        Raises:
            ConfigError: the provider's library is not installed.
        """
        require_library()
        try:
            self._model_factory, provider = _model_factory(self.settings, self._api_key or "none")
        except ImportError:
            raise ConfigError(LIBRARY_MISSING) from None
        async with provider:
            await self._warm_up()
            yield

    async def _warm_up(self) -> None:
        """Make a call to a test model: lazy imports of the first call would delay trading."""
        from pydantic_ai.models.test import TestModel  # noqa: PLC0415 - optional

        for schema in (DecisionResponse, AnalysisResponse):
            await self._agent("", schema).run("", model=TestModel())

    async def request(self, model: str, prompt: Prompt, schema: type[A]) -> ModelReply[A]:
        """Return the model's response as an instance of ``schema``.

        Raises:
            ModelCallFailed: the provider rejected the call, is unreachable, or the response is
                invalid.
        """
        from pydantic_ai.exceptions import (  # noqa: PLC0415 - optional
            AgentRunError,
            ModelAPIError,
        )
        from pydantic_ai.usage import RunUsage  # noqa: PLC0415

        usage = RunUsage()
        try:
            result = await self._agent(model, schema).run(
                prompt.text, instructions=prompt.system, usage=usage
            )
        except ModelAPIError as e:
            raise ModelCallFailed(self._redacted_text(e), is_rejected=True) from None
        except AgentRunError as e:
            raise ModelCallFailed(
                self._redacted_text(e),
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
            ) from None
        except Exception as e:
            log.exception("ai.internal_error", provider=self.settings.name, model=model)
            raise ModelCallFailed(f"{type(e).__name__}: {self._redacted_text(e)}") from None
        return ModelReply(
            response=result.output,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )

    def _redacted_text(self, error: Exception) -> str:
        """Return the error text, shortened, without the API key: it is stored in the ledger."""
        message = " ".join(str(error).split())
        if self._api_key is not None:
            for secret in (self._api_key, quote(self._api_key, safe="")):
                message = message.replace(secret, "…")
        return message if len(message) <= _MAX_CAUSE else f"{message[:_MAX_CAUSE]}…"

    def _agent(self, model: str, schema: type[A]) -> "Agent[None, A]":
        from pydantic_ai import Agent, ModelSettings, ToolOutput  # noqa: PLC0415 - optional

        key = (model, schema)
        if key not in self._agents:
            self._agents[key] = Agent(
                self._model_factory(model),
                output_type=ToolOutput(schema, name="answer"),
                model_settings=ModelSettings(
                    max_tokens=self.settings.max_output_tokens,
                    max_retries=self.settings.retries,
                    timeout=MAX_CALL_S,
                ),
                retries=0,
                deps_type=type(None),
            )
        return self._agents[key]


def _model_factory(
    settings: AiProviderSettings, key: str
) -> "tuple[Callable[[str], Model], AbstractAsyncContextManager[object]]":
    """Return a factory of models by name, and their provider, which holds the connections."""
    match settings.kind:
        case ProviderKind.OPENAI | ProviderKind.OPENAI_COMPATIBLE:
            from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415 - optional
            from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

            openai = OpenAIProvider(base_url=settings.base_url, api_key=key)
            return lambda name: OpenAIChatModel(name, provider=openai), openai
        case ProviderKind.ANTHROPIC:
            from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
            from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

            anthropic = AnthropicProvider(base_url=settings.base_url, api_key=key)
            return lambda name: AnthropicModel(name, provider=anthropic), anthropic
        case ProviderKind.GOOGLE:
            from pydantic_ai.models.google import GoogleModel  # noqa: PLC0415
            from pydantic_ai.providers.google import GoogleProvider  # noqa: PLC0415

            google = GoogleProvider(base_url=settings.base_url, api_key=key)
            return lambda name: GoogleModel(name, provider=google), google
