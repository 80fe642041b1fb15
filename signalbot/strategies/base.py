"""What a strategy is: a pure function of closed candles, called once per candle."""

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
    """Closed candles that no later candle changes, oldest first."""

    close_ms: Ms  #: close of the newest candle
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @classmethod
    def of(cls, close_ms: Ms, rows: Floats) -> "CandleTable":
        """The table of five rows: open, high, low, close, volume."""
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
        # other, and only at a column's end does the window move back to its start.
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
        """Add the next candle; the oldest leaves once the window is full."""
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
        """What the window holds now (at least one candle), for whoever looks at it later."""
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
    """What a strategy says about one candle. Prices are floats until they meet a tick."""

    action: Action
    strength: Strength
    confidence: float  #: 0 to 1
    reason: str  #: for people, with the numbers it rests on
    stop_loss: float | None = None
    take_profits: tuple[float, ...] = ()  #: nearest first
    exit_percent: float = 100.0  #: the part of the position that an exit closes


class LocalStrategy(Protocol):
    """Candles in, Idea or None out.

    Synchronous, deterministic, without I/O or global state: the same candles give the same answer,
    in this process or another, live or replayed. What it remembers of a window is what a full one
    tells anew: after a restart it goes on as if there had been none.
    """

    kind: ClassVar[str]

    @property
    def timeframe(self) -> Timeframe:
        """The candle whose close runs the strategy."""
        ...

    @property
    def warm_up(self) -> Mapping[Timeframe, int]:
        """Candles needed of every timeframe it looks at; its windows have just this length."""
        ...

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "LocalStrategy":
        """A strategy with checked parameters.

        Raises:
            BadParameter: a parameter is unknown, of the wrong type or out of bounds.
        """
        ...

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        """Look at one window per timeframe of ``warm_up``; None means hold.

        Every window ends with the newest candle of its timeframe that closed no later than the
        newest candle of ``timeframe``. One that is not full yet gives None.
        """
        ...


class StrategyFailed(Exception):
    """A strategy that could not look at a candle; the message tells all, traceback included."""


class StrategySuspended(Exception):
    """A strategy that cannot be asked just now: the candle is passed over, the message says why."""


@runtime_checkable
class RemoteStrategy(Protocol):
    """A strategy that answers later: computed in another process, or asked of somebody else.

    What is said of ``LocalStrategy`` holds here, too. ``StrategyFailed`` makes a failed run with
    its text
    as the error, any other exception as well; ``StrategySuspended`` makes a skipped one.
    """

    @property
    def timeframe(self) -> Timeframe:
        """The candle whose close asks the strategy."""
        ...

    @property
    def warm_up(self) -> Mapping[Timeframe, int]:
        """Candles needed of every timeframe it looks at; its tables have just this length."""
        ...

    @property
    def max_concurrent(self) -> int:
        """How many symbols it considers at the same time; the others wait for their turn."""
        ...

    async def evaluate(self, symbol: str, tables: Tables) -> SignalProposal | None:
        """What it says about the newest candle of ``symbol``; None means hold.

        It must come back by a deadline of its own, and may be cancelled.
        """
        ...

    def suspend(self) -> None:
        """Nobody needs it for now: let go of what it holds. It may be asked again."""
        ...
