"""Larger candles out of smaller ones, without ever inventing one."""

from collections.abc import Sequence

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe

_NEVER = Ms(-1)


class Resampler:
    """Joins one symbol's ``base`` candles, given in order, into ``target`` candles.

    A larger candle with a missing base candle must never be traded on, so it is not given at all:
    it counts in ``dropped``. A base candle that repeats or comes too late changes nothing.

    Raises:
        ValueError: a ``target`` candle is not made of whole ``base`` candles.
    """

    def __init__(self, base: Timeframe, target: Timeframe) -> None:
        if target.ms % base.ms:
            raise ValueError(f"a {target} candle cannot be made of {base} candles")
        self._base = base
        self._target = target
        self._open_ms = _NEVER  # of the larger candle now forming
        self._parts: list[Candle] = []  # of it, without a gap; empty once one is missing
        self._expected_ms = EPOCH  # open of the base candle that comes next
        self.dropped = 0  #: larger candles begun and found incomplete

    def add(self, candle: Candle) -> Candle | None:
        """Take the next base candle; give the larger candle when this was its last part.

        Raises:
            ValueError: ``candle`` is not a base candle.
        """
        if candle.timeframe is not self._base:
            raise ValueError(f"expected a {self._base} candle, got {candle.timeframe}")
        if candle.open_ms < self._expected_ms:
            return None
        if self._target is self._base:
            self._expected_ms = candle.close_ms
            return candle
        self._place(candle)
        self._expected_ms = candle.close_ms
        if not self._parts or not self._target.is_boundary(candle.close_ms):
            return None
        parts, self._parts = self._parts, []
        return aggregate(parts, self._target)

    def _place(self, candle: Candle) -> None:
        open_ms = self._target.floor(candle.open_ms)
        if open_ms != self._open_ms:
            self._discard_incomplete()  # the larger candle before never saw its end
            self._open_ms = open_ms
            if candle.open_ms == open_ms:
                self._parts.append(candle)
            else:
                self.dropped += 1
        elif candle.open_ms != self._expected_ms:
            self._discard_incomplete()
        elif self._parts:
            self._parts.append(candle)

    def _discard_incomplete(self) -> None:
        if self._parts:
            self._parts.clear()
            self.dropped += 1


def aggregate(parts: Sequence[Candle], timeframe: Timeframe) -> Candle:
    """One candle over consecutive ``parts`` (at least one), oldest first."""
    first, last = parts[0], parts[-1]
    return Candle(
        symbol=first.symbol,
        timeframe=timeframe,
        open_ms=first.open_ms,
        open=first.open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=last.close,
        volume=sum((part.volume for part in parts[1:]), first.volume),
    )
