"""What a strategy file imports: all its author needs to know.

A strategy is one subclass of ``Strategy`` in a file of its own. It is asked once for every closed
candle, with the newest closed candles of every timeframe it wants, and says ``long(...)``,
``short(...)``, ``exit_long(...)``, ``exit_short(...)`` or None. It must give the same answer to the
same candles, live or replayed: no memory, no clock, no chance.
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

    Arrays are numpy floats, oldest first, read-only, and as long as ``warm_up`` asks.
    """

    def __init__(self, symbol: str, timeframe: str, tables: Mapping[str, CandleTable]) -> None:
        self.symbol = symbol  #: such as ``BTC/USDT:USDT``
        self.timeframe = timeframe  #: the one whose candle has just closed
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
    """To be subclassed, once per file. Its docstring is its description."""

    #: A frozen dataclass; ``Annotated[int, Within(2, 200), "what it is"] = 20`` is one parameter.
    Params: ClassVar[type[Any] | None] = None

    def warm_up(self, timeframe: str, params: Any) -> int | Mapping[str, int]:
        """Candles needed: a number of ``timeframe``, or one for each of several timeframes.

        ``timeframe`` is the one of the configuration; others must be longer.
        """
        raise NotImplementedError("a strategy must say how many candles it needs")

    def on_candle(self, candles: Candles, params: Any) -> Idea | None:
        """What to do now that a candle has closed; None means hold."""
        raise NotImplementedError("a strategy must look at candles")


def long(
    reason: str,
    *,
    confidence: float = 0.5,
    strength: Strength | str = MODERATE,
    stop_loss: float | None = None,
    take_profits: tuple[float, ...] | list[float] = (),
) -> Idea:
    """Open a long position, or close a short one.

    ``reason`` is for people, with the numbers it rests on; ``confidence`` is 0 to 1;
    ``take_profits`` stand nearest first.
    """
    return _idea(Action.LONG, reason, confidence, strength, stop_loss, take_profits)


def short(
    reason: str,
    *,
    confidence: float = 0.5,
    strength: Strength | str = MODERATE,
    stop_loss: float | None = None,
    take_profits: tuple[float, ...] | list[float] = (),
) -> Idea:
    """Open a short position, or close a long one; see ``long``."""
    return _idea(Action.SHORT, reason, confidence, strength, stop_loss, take_profits)


def exit_long(
    reason: str,
    *,
    percent: float = 100.0,
    confidence: float = 0.5,
    strength: Strength | str = MODERATE,
) -> Idea:
    """Close ``percent`` (above 0, at most 100) of a long position; open nothing."""
    return _idea(Action.EXIT_LONG, reason, confidence, strength, exit_percent=percent)


def exit_short(
    reason: str,
    *,
    percent: float = 100.0,
    confidence: float = 0.5,
    strength: Strength | str = MODERATE,
) -> Idea:
    """Close ``percent`` (above 0, at most 100) of a short position; open nothing."""
    return _idea(Action.EXIT_SHORT, reason, confidence, strength, exit_percent=percent)


def _idea(
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
