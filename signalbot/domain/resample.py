"""Aggregates candles into a larger timeframe; incomplete candles are dropped."""

from collections.abc import Sequence

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe

_NEVER = Ms(-1)


class Resampler:
    """Aggregates one symbol's ``base`` candles, given in order, into ``target`` candles.

    A larger candle with a missing base candle must never be traded on: it is dropped and counted
    in ``dropped``. A repeated or late base candle is ignored.

    Raises:
        ValueError: a ``target`` candle is not made of whole ``base`` candles.
    """

    def __init__(self, base: Timeframe, target: Timeframe) -> None:
        if target.ms % base.ms:
            raise ValueError(f"a {target} candle cannot be made of {base} candles")
        self._base = base
        self._target = target
        self._open_ms = _NEVER  # of the larger candle now forming
        self._parts: list[Candle] = []  # its base candles so far; empty once one is missing
        self._expected_ms = EPOCH  # open of the next base candle
        self.dropped = 0  #: incomplete larger candles

    def add(self, candle: Candle) -> Candle | None:
        """Add the next base candle; return the larger candle if this was its last part.

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
            self._discard_incomplete()  # the previous larger candle stayed incomplete
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
    """Aggregate consecutive ``parts`` (at least one), oldest first, into one candle."""
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
