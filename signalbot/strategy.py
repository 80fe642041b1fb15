"""The public API of strategy files.

A strategy file holds one subclass of ``Strategy``. It is called once per closed candle, with the
latest closed candles of every timeframe it requires, and returns ``long(...)``, ``short(...)``,
``exit_long(...)``, ``exit_short(...)`` or None. It must be deterministic: the same candles give the
same result, live or replayed, so it keeps no state and uses neither clock nor random numbers.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from signalbot.domain.signals import Action, Strength
from signalbot.strategies.base import CandleTable, Floats
from signalbot.strategies.base import SignalProposal as Idea
from signalbot.strategies.params import Bounds as Within
from signalbot.strategies.params import Requires as Needs

__all__ = [
    "CandleTable",
    "Candles",
    "Floats",
    "Idea",
    "Needs",
    "Strategy",
    "Strength",
    "Within",
    "exit_long",
    "exit_short",
    "long",
    "short",
]

WEAK, MODERATE, STRONG, VERY_STRONG = Strength


class Candles(Mapping[str, CandleTable]):
    """The newest closed candles by timeframe: ``candles["5m"].close[-1]``.

    Arrays are numpy floats, oldest first, read-only, with the length ``warm_up`` requires.
    """

    def __init__(self, symbol: str, timeframe: str, tables: Mapping[str, CandleTable]) -> None:
        self.symbol = symbol  #: such as ``BTC/USDT:USDT``
        self.timeframe = timeframe  #: the timeframe of the candle that just closed
        self._tables = tables

    @property
    def main(self) -> CandleTable:
        """The candles of ``timeframe``."""
        return self._tables[self.timeframe]

    def __getitem__(self, timeframe: str) -> CandleTable:
        return self._tables[timeframe]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


class Strategy:
    """Base class of a strategy, one subclass per file; its docstring is its description."""

    #: A frozen dataclass; ``Annotated[int, Within(2, 200), "what it is"] = 20`` is one parameter.
    Params: ClassVar[type[Any] | None] = None

    def warm_up(self, timeframe: str, params: Any) -> int | Mapping[str, int]:
        """Return the required candles: of ``timeframe``, or of each of several timeframes.

        ``timeframe`` is the configured one; others must be longer.
        """
        raise NotImplementedError("a strategy must define warm_up")

    def on_candle(self, candles: Candles, params: Any) -> Idea | None:
        """Evaluate the candle that just closed; None means hold."""
        raise NotImplementedError("a strategy must define on_candle")


def long(
    reason: str,
    *,
    confidence: float = 0.5,
    strength: Strength | str = MODERATE,
    stop_loss: float | None = None,
    take_profits: tuple[float, ...] | list[float] = (),
) -> Idea:
    """Open a long position, or close a short one.

    ``reason`` is for people, with the numbers behind it; ``confidence`` is 0 to 1;
    ``take_profits`` are ordered nearest first.
    """
    return _proposal(Action.LONG, reason, confidence, strength, stop_loss, take_profits)


def short(
    reason: str,
    *,
    confidence: float = 0.5,
    strength: Strength | str = MODERATE,
    stop_loss: float | None = None,
    take_profits: tuple[float, ...] | list[float] = (),
) -> Idea:
    """Open a short position, or close a long one; see ``long``."""
    return _proposal(Action.SHORT, reason, confidence, strength, stop_loss, take_profits)


def exit_long(
    reason: str,
    *,
    percent: float = 100.0,
    confidence: float = 0.5,
    strength: Strength | str = MODERATE,
) -> Idea:
    """Close ``percent`` (above 0, at most 100) of a long position; open nothing."""
    return _proposal(Action.EXIT_LONG, reason, confidence, strength, exit_percent=percent)


def exit_short(
    reason: str,
    *,
    percent: float = 100.0,
    confidence: float = 0.5,
    strength: Strength | str = MODERATE,
) -> Idea:
    """Close ``percent`` (above 0, at most 100) of a short position; open nothing."""
    return _proposal(Action.EXIT_SHORT, reason, confidence, strength, exit_percent=percent)


def _proposal(
    action: Action,
    reason: str,
    confidence: float,
    strength: Strength | str,
    stop_loss: float | None = None,
    take_profits: tuple[float, ...] | list[float] = (),
    exit_percent: float = 100.0,
) -> Idea:
    return Idea(
        action=action,
        strength=Strength(strength),
        confidence=float(confidence),
        reason=str(reason),
        stop_loss=None if stop_loss is None else float(stop_loss),
        take_profits=tuple(float(price) for price in take_profits),
        exit_percent=float(exit_percent),
    )
