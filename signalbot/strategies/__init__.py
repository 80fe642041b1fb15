"""Built-in strategies: closed candles in, a SignalProposal or None out. One module per kind.

Kinds are listed by name, and a kind's module is imported on first use: numerical libraries load
slowly, and most commands run no strategy.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.params import BadParameter, suggestion

if TYPE_CHECKING:
    from signalbot.strategies.base import LocalStrategy

__all__ = ["KINDS", "BadParameter", "UnknownKind", "build_strategy"]


class UnknownKind(BadParameter):
    """There is no such strategy kind; ``name`` is the key ``kind``, not one in ``params``."""


class _StrategyKinds(Mapping[str, "type[LocalStrategy]"]):
    """Strategy classes by kind; reading only the names imports nothing."""

    # Each module is named after its kind.
    _CLASS_NAMES: Mapping[str, str] = {
        "ema_cross": "EmaCross",
        "rsi_reversal": "RsiReversal",
        "donchian_breakout": "DonchianBreakout",
        "supertrend": "Supertrend",
        "macd_cross": "MacdCross",
    }

    def __getitem__(self, kind: str) -> "type[LocalStrategy]":
        class_name = self._CLASS_NAMES[kind]
        found: type[LocalStrategy] = getattr(import_module(f"{__name__}.{kind}"), class_name)
        return found

    def __contains__(self, kind: object) -> bool:
        return kind in self._CLASS_NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(self._CLASS_NAMES)

    def __len__(self) -> int:
        return len(self._CLASS_NAMES)


KINDS: Mapping[str, "type[LocalStrategy]"] = _StrategyKinds()
"""Every built-in strategy class by its kind."""


def build_strategy(
    kind: str, *, timeframe: Timeframe, params: Mapping[str, Any]
) -> "LocalStrategy":
    """Build the built-in strategy ``kind`` for candles of ``timeframe``.

    Raises:
        UnknownKind: there is no such kind; the message names the nearest one.
        BadParameter: a parameter is invalid; the message describes valid values.
    """
    if kind not in KINDS:
        raise UnknownKind("kind", f"unknown strategy kind {kind!r}: {suggestion(kind, KINDS)}")
    return KINDS[kind].build(timeframe, params)
