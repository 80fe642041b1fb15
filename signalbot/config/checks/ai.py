"""Checks of ``[ai]``, and of the users and strategies that use it."""

from collections.abc import Iterator
from importlib.util import find_spec

from signalbot.ai.provider_models import LIBRARY_MISSING
from signalbot.config.problems import Problem, suggestion
from signalbot.config.settings import Config
from signalbot.config.sources import Sources, setting_layers
from signalbot.config.toml_positions import Keys
from signalbot.settings.ai import ProviderKind
from signalbot.strategies.kinds import LLM

_MODEL_KEYS = ("provider", "model")
_PRICES = ("input_price", "output_price")


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
        if sources.get("strategies", strategy, "kind") == LLM:
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
