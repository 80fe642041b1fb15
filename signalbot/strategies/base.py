"""The strategy interface: a pure function of closed candles, called once per candle."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from signalbot.domain.market import Candle
from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.strategies.params import BadParameter

__all__ = [
    "BadParameter",
    "CandleTable",
    "CandleWindow",
    "Floats",
    "LocalStrategy",
    "RemoteStrategy",
    "SignalProposal",
    "StrategyFailed",
    "StrategySuspended",
    "Tables",
    "Windows",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CandleTable:
    """An immutable copy of closed candles, oldest first."""

    close_ms: Ms  #: close of the newest candle
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @classmethod
    def of(cls, close_ms: Ms, rows: Floats) -> "CandleTable":
        """Build a table from five rows: open, high, low, close, volume."""
        return cls(close_ms, *rows)

    def __len__(self) -> int:
        return len(self.close)


class CandleWindow:
    """The latest ``capacity`` (>= 1) closed candles of one symbol and timeframe, as float arrays.

    The arrays are read-only views, oldest first, valid until the next ``append``.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a window of {capacity} candles holds nothing")
        self._capacity = capacity
        # Five columns side by side, each four windows long: candles are written one after the
        # other, and the window moves back to the start only at a column's end.
        self._width = capacity * 4
        self._cells = array("d", bytes(8 * 5 * self._width))
        # Single cells are written faster through an array, and read faster through numpy.
        rows = np.frombuffer(memoryview(self._cells).toreadonly()).reshape(5, self._width)
        self._rows = rows
        self._open, self._high, self._low, self._close, self._volume = rows
        self._start = self._end = 0
        self.close_ms: Ms | None = None  #: close of the newest candle
        self.count = 0  #: candles ever added

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def is_full(self) -> bool:
        return self._end - self._start == self._capacity

    def append(self, candle: Candle) -> None:
        """Add the next candle; a full window drops the oldest."""
        if self._end == self._width:
            self._move_to_start()
        cells, width, at = self._cells, self._width, self._end
        cells[at] = float(candle.open)
        cells[at + width] = float(candle.high)
        cells[at + 2 * width] = float(candle.low)
        cells[at + 3 * width] = float(candle.close)
        cells[at + 4 * width] = float(candle.volume)
        if at - self._start == self._capacity:
            self._start += 1
        self._end = at + 1
        self.close_ms = candle.close_ms
        self.count += 1

    def table(self) -> CandleTable:
        """Copy the window, which must not be empty, for later use."""
        if self.close_ms is None:
            raise ValueError("a window without a candle has no table")
        return CandleTable.of(self.close_ms, self._rows[:, self._start : self._end].copy())

    def _move_to_start(self) -> None:
        size = self._end - self._start
        for column in range(0, len(self._cells), self._width):
            newest = self._cells[column + self._start : column + self._end]
            self._cells[column : column + size] = newest
        self._start, self._end = 0, size

    @property
    def open(self) -> Floats:
        return self._open[self._start : self._end]

    @property
    def high(self) -> Floats:
        return self._high[self._start : self._end]

    @property
    def low(self) -> Floats:
        return self._low[self._start : self._end]

    @property
    def close(self) -> Floats:
        return self._close[self._start : self._end]

    @property
    def volume(self) -> Floats:
        return self._volume[self._start : self._end]


Windows = Mapping[Timeframe, CandleWindow]
Tables = Mapping[Timeframe, CandleTable]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalProposal:
    """A strategy's proposal for one candle; prices are floats, not yet rounded to the tick."""

    action: Action
    strength: Strength
    confidence: float  #: 0 to 1
    reason: str  #: for people, with the numbers behind it
    stop_loss: float | None = None
    take_profits: tuple[float, ...] = ()  #: nearest first
    exit_percent: float = 100.0  #: share of the position that an exit closes


class LocalStrategy(Protocol):
    """A strategy that runs in this process.

    Synchronous, deterministic, without I/O or global state: the same candles give the same
    proposal, in any process, live or replayed. Cached state must be derivable from a full window,
    so that a restart changes nothing.
    """

    kind: ClassVar[str]

    @property
    def timeframe(self) -> Timeframe:
        """The timeframe that runs the strategy at each close."""
        ...

    @property
    def warm_up(self) -> Mapping[Timeframe, int]:
        """Required candles of every timeframe it reads; its windows have exactly this length."""
        ...

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "LocalStrategy":
        """Build a strategy with validated parameters.

        Raises:
            BadParameter: a parameter is unknown, of the wrong type or out of bounds.
        """
        ...

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        """Evaluate one window per timeframe of ``warm_up``; None means hold.

        Every window ends with the newest candle of its timeframe that closed no later than the
        newest candle of ``timeframe``. Returns None while a window is not full.
        """
        ...


class StrategyFailed(Exception):
    """A strategy failed on a candle; the message includes the traceback."""


class StrategySuspended(Exception):
    """A strategy is suspended: the candle is skipped; the message is the reason."""


@runtime_checkable
class RemoteStrategy(Protocol):
    """A strategy that runs elsewhere: in another process, or at an AI provider.

    The contract of ``LocalStrategy`` applies. ``StrategyFailed`` or any other exception makes the
    run failed, with its text as the error; ``StrategySuspended`` makes it skipped.
    """

    @property
    def timeframe(self) -> Timeframe:
        """The timeframe that runs the strategy at each close."""
        ...

    @property
    def warm_up(self) -> Mapping[Timeframe, int]:
        """Required candles of every timeframe it reads; its tables have exactly this length."""
        ...

    @property
    def max_concurrent(self) -> int:
        """Symbols it evaluates concurrently; the others wait."""
        ...

    async def evaluate(self, symbol: str, tables: Tables) -> SignalProposal | None:
        """Evaluate the newest candle of ``symbol``; None means hold.

        Must return within its own deadline, and may be cancelled.
        """
        ...

    def suspend(self) -> None:
        """Release its resources until the next ``evaluate``."""
        ...
