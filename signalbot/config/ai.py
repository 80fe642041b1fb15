"""``[ai]``: whose models may be asked, and for how much money."""

from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from typing import Annotated

from pydantic import Field

from signalbot.advisor.model import MISSING
from signalbot.advisor.terms import AiTerms, ProviderKind, ProviderTerms
from signalbot.config.lines import Keys
from signalbot.config.numbers import Number
from signalbot.config.problems import Problem, suggestion
from signalbot.config.sources import Sources, layers_of
from signalbot.config.table import Table
from signalbot.config.terms import Config
from signalbot.config.words import BaseUrl, Name, SecretName

LLM_KIND = "llm"
"""The ``kind`` of a strategy that asks a model."""

_MODEL_KEYS = ("provider", "model")
_PRICES = ("input_price", "output_price")


class ProviderTable(Table):
    """One provider of models under a name of your choice."""

    kind: ProviderKind = Field(
        description='How it is spoken to; "openai-compatible" for local servers and others.'
    )
    base_url: BaseUrl | None = Field(default=None, description="Its address, if not its usual one.")
    api_key: SecretName | None = Field(
        default=None, description='"secret:NAME": its key, kept in the vault.'
    )
    input_price: Annotated[Decimal, Number(at_least=0)] | None = Field(
        default=None, description="What a million tokens of questions cost."
    )
    output_price: Annotated[Decimal, Number(at_least=0)] | None = Field(
        default=None, description="What a million tokens of answers cost."
    )
    max_output_tokens: Annotated[int, Number(kind=int, at_least=100, at_most=100_000)] = Field(
        default=2_000, description="Longest answer, thinking included."
    )
    retries: Annotated[int, Number(kind=int, at_least=0, at_most=5)] = Field(
        default=1, description="How often to try again when it is overloaded or out of reach."
    )


class AiSection(Table):
    """The AI that users and strategies may ask."""

    budget_per_day: Annotated[Decimal, Number(above=0)] | None = Field(
        default=None, description="Money for one UTC day, in the currency of the prices."
    )
    providers: dict[Name, ProviderTable] = Field(default={}, description="Providers by name.")


def ai_terms(section: AiSection) -> AiTerms:
    """What the rest of signalbot sees of ``[ai]``."""
    return AiTerms(
        budget_per_day=section.budget_per_day,
        providers={
            name: ProviderTerms(name=name, **dict(table))
            for name, table in section.providers.items()
        },
    )


def ai_contradictions(sources: Sources) -> Iterator[Problem]:
    """What ``[ai]`` lacks for those who want to ask."""
    for name in sources.names("ai", "providers"):
        yield from _provider(sources, name)
    for user in sources.names("users"):
        for strategy in sources.names("users", user, "subscriptions"):
            layers = layers_of(user, strategy)
            enabled = sources.deciding(layers, ("ai", "enabled"))
            if enabled is not None and sources.get(*enabled) is True:
                yield from _decision(sources, layers, enabled)
    for strategy in sources.names("strategies"):
        if sources.get("strategies", strategy, "kind") == LLM_KIND:
            yield from _analysis(sources, strategy)


def library_problems(config: Config) -> Iterator[Problem]:
    """Why the daemon cannot ask the providers that are configured."""
    if config.ai.providers and find_spec("pydantic_ai") is None:
        yield config.sources.problem(("ai", "providers"), MISSING)


def _provider(sources: Sources, name: str) -> Iterator[Problem]:
    table = ("ai", "providers", name)
    kind = sources.get(*table, "kind")
    if kind == ProviderKind.OPENAI_COMPATIBLE and not sources.has(*table, "base_url"):
        yield sources.problem((*table, "kind"), f"{kind!r} needs the base_url of its server")
    if kind in (ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.GOOGLE) and (
        not sources.has(*table, "api_key")
    ):
        yield sources.problem((*table, "kind"), f"{kind!r} needs an api_key = 'secret:NAME'")
    if sources.has("ai", "budget_per_day"):
        for price in _PRICES:
            if not sources.has(*table, price):
                yield sources.problem(
                    table, f"has no {price}: without it ai.budget_per_day cannot be kept"
                )


def _decision(sources: Sources, layers: tuple[Keys, ...], enabled: Keys) -> Iterator[Problem]:
    for name in _MODEL_KEYS:
        path = sources.deciding(layers, ("ai", name))
        if path is None:
            yield sources.problem(enabled, f"true needs an ai.{name}: whom to ask")
        elif name == "provider":
            yield from _known(sources, path)


def _analysis(sources: Sources, strategy: str) -> Iterator[Problem]:
    params = ("strategies", strategy, "params")
    if sources.has(*params, "provider"):
        yield from _known(sources, (*params, "provider"))


def _known(sources: Sources, path: Keys) -> Iterator[Problem]:
    name, known = sources.get(*path), sources.names("ai", "providers")
    if isinstance(name, str) and name not in known:
        hint = suggestion(name, known) or ": the file has no [ai.providers.…] at all"
        yield sources.problem(path, f"{name!r} is not one of the AI providers of this file{hint}")
