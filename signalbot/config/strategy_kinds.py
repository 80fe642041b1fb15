"""The registry of strategy kinds: one row per special kind; all other names are built-in."""

from signalbot.ai.strategy_kind import LlmKind
from signalbot.sandbox.strategy_kind import FileKind
from signalbot.strategies.kinds import BuiltinKind, StrategyKind, WebhookKind

SPECIAL_KINDS: tuple[StrategyKind, ...] = (FileKind(), LlmKind(), WebhookKind())

_BUILTIN = BuiltinKind()
_BY_NAME = {each.name: each for each in SPECIAL_KINDS}


def strategy_kind(name: str) -> StrategyKind:
    """Return the special kind called ``name``, else the built-in one, which validates ``name``."""
    return _BY_NAME.get(name, _BUILTIN)
