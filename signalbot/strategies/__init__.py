"""Strategies: closed candles in, an Idea or nothing out. One file per kind.

The kinds are listed here by name only, and a kind's module is imported when it is first asked for:
numerical libraries take long to load, and most commands never run a strategy.
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
    """No strategy of this kind. It is the key ``kind`` that is wrong, none in ``params``."""


class _StrategyKinds(Mapping[str, "type[LocalStrategy]"]):
    """Strategy classes by kind; looking at the names alone imports nothing."""

    # The module is named like the kind.
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
    """The strategy ``kind`` for candles of ``timeframe``.

    Raises:
        UnknownKind: there is no such kind; the message names the nearest one.
        BadParameter: a parameter cannot be used; the message names what would be right.
    """
    if kind not in KINDS:
        raise UnknownKind("kind", f"unknown strategy kind {kind!r}: {suggestion(kind, KINDS)}")
    return KINDS[kind].build(timeframe, params)
