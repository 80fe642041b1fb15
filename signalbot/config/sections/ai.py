"""``[ai]``: model providers and the daily budget."""

from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from typing import Annotated

from pydantic import Field

from signalbot.ai.provider_models import LIBRARY_MISSING
from signalbot.ai.settings import AiProviderSettings, AiSettings, ProviderKind
from signalbot.config.number_types import Number
from signalbot.config.problems import Problem, suggestion
from signalbot.config.section import Section
from signalbot.config.settings import Config
from signalbot.config.sources import Sources, setting_layers
from signalbot.config.toml_positions import Keys
from signalbot.config.validators import BaseUrl, Name, SecretName

LLM_KIND = "llm"
"""The ``kind`` of a strategy that a model evaluates."""

_MODEL_KEYS = ("provider", "model")
_PRICES = ("input_price", "output_price")


class ProviderSection(Section):
    """One provider of models, under a name of your choice."""

    kind: ProviderKind = Field(
        description='API protocol; "openai-compatible" for local servers and others.'
    )
    base_url: BaseUrl | None = Field(
        default=None, description="Its address, if not the default one."
    )
    api_key: SecretName | None = Field(
        default=None, description='"secret:NAME": its key, kept in the vault.'
    )
    input_price: Annotated[Decimal, Number(at_least=0)] | None = Field(
        default=None, description="Price of a million input tokens."
    )
    output_price: Annotated[Decimal, Number(at_least=0)] | None = Field(
        default=None, description="Price of a million output tokens."
    )
    max_output_tokens: Annotated[int, Number(kind=int, at_least=100, at_most=100_000)] = Field(
        default=2_000, description="Maximum output tokens of a response, reasoning included."
    )
    retries: Annotated[int, Number(kind=int, at_least=0, at_most=5)] = Field(
        default=1, description="Retries when it is overloaded or unreachable."
    )


class AiSection(Section):
    """The model providers that users and strategies may use."""

    budget_per_day: Annotated[Decimal, Number(above=0)] | None = Field(
        default=None, description="Spending limit per UTC day, in the currency of the prices."
    )
    providers: dict[Name, ProviderSection] = Field(default={}, description="Providers by name.")


def ai_settings(section: AiSection) -> AiSettings:
    """Convert the section to settings."""
    return AiSettings(
        budget_per_day=section.budget_per_day,
        providers={
            name: AiProviderSettings(name=name, **dict(table))
            for name, table in section.providers.items()
        },
    )


def ai_conflicts(sources: Sources) -> Iterator[Problem]:
    """Yield what is missing or inconsistent in ``[ai]`` and in the settings that use it."""
    for name in sources.names("ai", "providers"):
        yield from _provider(sources, name)
    for user in sources.names("users"):
        for strategy in sources.names("users", user, "subscriptions"):
            layers = setting_layers(user, strategy)
            enabled = sources.deciding_path(layers, ("ai", "enabled"))
            if enabled is not None and sources.get(*enabled) is True:
                yield from _decision(sources, layers, enabled)
    for strategy in sources.names("strategies"):
        if sources.get("strategies", strategy, "kind") == LLM_KIND:
            yield from _analysis(sources, strategy)


def ai_library_problems(config: Config) -> Iterator[Problem]:
    """Yield a problem if providers are configured and their library is not installed."""
    if config.ai.providers and find_spec("pydantic_ai") is None:
        yield config.sources.problem(("ai", "providers"), LIBRARY_MISSING)


def _provider(sources: Sources, name: str) -> Iterator[Problem]:
    table = ("ai", "providers", name)
    kind = sources.get(*table, "kind")
    if kind == ProviderKind.OPENAI_COMPATIBLE and not sources.has(*table, "base_url"):
        yield sources.problem((*table, "kind"), f"{kind!r} needs a base_url")
    if kind in (ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.GOOGLE) and (
        not sources.has(*table, "api_key")
    ):
        yield sources.problem((*table, "kind"), f"{kind!r} needs an api_key = 'secret:NAME'")
    if sources.has("ai", "budget_per_day"):
        for price in _PRICES:
            if not sources.has(*table, price):
                yield sources.problem(table, f"has no {price}: ai.budget_per_day needs it")


def _decision(sources: Sources, layers: tuple[Keys, ...], enabled: Keys) -> Iterator[Problem]:
    for name in _MODEL_KEYS:
        path = sources.deciding_path(layers, ("ai", name))
        if path is None:
            yield sources.problem(enabled, f"true needs an ai.{name}")
        elif name == "provider":
            yield from _provider_exists(sources, path)


def _analysis(sources: Sources, strategy: str) -> Iterator[Problem]:
    params = ("strategies", strategy, "params")
    if sources.has(*params, "provider"):
        yield from _provider_exists(sources, (*params, "provider"))


def _provider_exists(sources: Sources, path: Keys) -> Iterator[Problem]:
    name, names = sources.get(*path), sources.names("ai", "providers")
    if isinstance(name, str) and name not in names:
        ending = suggestion(name, names) or ": the file has no [ai.providers.…] at all"
        yield sources.problem(path, f"{name!r} is not one of the AI providers of this file{ending}")
