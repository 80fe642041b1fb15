"""The public side of a simulated exchange: whoever has the prices advances it."""

from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Final, TypeVar
from weakref import ref

from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.resample import Resampler
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.ports import Source
from signalbot.stream import Stream

T = TypeVar("T")
HistorySource = Callable[[str, Timeframe, Ms, int], Sequence[Candle]]
"""``(symbol, timeframe, end_ms, limit)`` to closed candles with ``close_ms <= end_ms``."""

_CANDLES_KEPT: Final = 1_000  # for a reader that does not read; the feed fills what is lost


class SimulatedMarket:
    """Implements ``Market``. Streams end with their reader: they are dropped once unreferenced.

    At a common boundary the larger candle is published before the smaller one.
    """

    def __init__(
        self,
        *,
        instrument: Callable[[str], Instrument],
        history: HistorySource,
        base: Timeframe = Timeframe.M1,
    ) -> None:
        self._instrument = instrument
        self._history = history
        self._base = base
        self._channels: dict[str, _Channel] = {}
        self._on_first_use: Callable[[str], None] | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every market somebody has asked for, in the order of asking."""
        return tuple(self._channels)

    def on_first_use(self, call: Callable[[str], None]) -> None:
        """Let ``call`` hear of every symbol when somebody first asks for it."""
        self._on_first_use = call

    is_open = True

    async def opened(self) -> None:
        """At once."""

    def instrument(self, symbol: str) -> Instrument:
        """Rules of ``symbol``; ``KeyError`` when it is not listed."""
        return self._channel(symbol).instrument

    def last_price(self, symbol: str) -> Decimal | None:
        """Last known price; None before the first, and for what is not listed."""
        try:
            return self._channel(symbol).last
        except KeyError:
            return None

    async def fresh_price(self, symbol: str) -> Decimal | None:
        """The last price: it is always the newest."""
        return self.last_price(symbol)

    async def history(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        """Up to ``limit`` closed candles with ``close_ms <= end_ms``, oldest first."""
        return self._history(symbol, timeframe, end_ms, limit)

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        """Candles that close from now on, also while nobody reads yet.

        Raises:
            ValueError: ``timeframe`` is not made of whole base candles.
        """
        return self._channel(symbol).open_candles(timeframe)

    def funding_interval_ms(self, symbol: str) -> int | None:
        """None: nobody pays here."""
        return None

    def source(self, symbol: str, timeframe: Timeframe) -> Source | None:
        channel = self._channels.get(symbol)
        if channel is None or channel.told_ms == EPOCH:
            return None
        return Source(via="simulated", looked_ms=channel.told_ms)

    def prices(self, symbol: str) -> AsyncIterator[PriceRange]:
        """Ranges from now on; what a reader has not read yet is one range."""
        return self._channel(symbol).open_prices()

    def tick(self, symbol: str, price: Decimal, at_ms: Ms) -> None:
        """Tell a price; the candle it belongs to follows by ``advance``."""
        reached = PriceRange(symbol=symbol, high=price, low=price, last=price, at_ms=at_ms)
        self._channel(symbol).tell(reached)

    def advance(self, candle: Candle) -> None:
        """Publish a closed base candle and every larger one that closes with it.

        Its range is told as a price as well, unless ticks have told it already.
        """
        channel = self._channel(candle.symbol)
        if channel.told_ms < candle.close_ms:
            channel.tell(
                PriceRange(
                    symbol=candle.symbol,
                    high=candle.high,
                    low=candle.low,
                    last=candle.close,
                    at_ms=candle.close_ms,
                )
            )
        channel.advance(candle)

    def _channel(self, symbol: str) -> "_Channel":
        channel = self._channels.get(symbol)
        if channel is None:
            channel = _Channel(self._instrument(symbol), self._base, self._history)
            self._channels[symbol] = channel
            if self._on_first_use is not None:
                self._on_first_use(symbol)
        return channel


class _Channel:
    """One symbol's readers."""

    def __init__(self, instrument: Instrument, base: Timeframe, history: HistorySource) -> None:
        self.instrument = instrument
        self.last: Decimal | None = None
        self.told_ms = EPOCH  #: instant of the last price told
        self._base = base
        self._history = history
        self._readers: list[ref[Stream[PriceRange]]] = []
        self._grids: dict[Timeframe, _Grid] = {}  # largest first

    def open_prices(self) -> Stream[PriceRange]:
        stream: Stream[PriceRange] = Stream(merge=_merged)
        self._readers.append(ref(stream))
        return stream

    def open_candles(self, timeframe: Timeframe) -> Stream[Candle]:
        if timeframe not in self._grids:
            self._grids[timeframe] = _Grid(self._base, timeframe)
            by_length = sorted(self._grids.items(), key=lambda entry: -entry[0].ms)
            self._grids = dict(by_length)
        return self._grids[timeframe].open()

    def tell(self, reached: PriceRange) -> None:
        self.last = reached.last
        self.told_ms = reached.at_ms
        self._readers = _put(self._readers, reached)

    def advance(self, candle: Candle) -> None:
        unread = [grid for grid in self._grids.values() if not grid.advance(candle, self._history)]
        for grid in unread:
            del self._grids[grid.timeframe]


class _Grid:
    """The readers of one timeframe, and the candle that is forming for them."""

    def __init__(self, base: Timeframe, timeframe: Timeframe) -> None:
        self.timeframe = timeframe
        self._base = base
        self._resampler = Resampler(base, timeframe)
        self._primed = False
        self._readers: list[ref[Stream[Candle]]] = []

    def open(self) -> Stream[Candle]:
        stream: Stream[Candle] = Stream(limit=_CANDLES_KEPT)
        self._readers.append(ref(stream))
        return stream

    def advance(self, candle: Candle, history: HistorySource) -> bool:
        """Take a base candle; False when nobody reads any more."""
        if not self._primed:
            self._primed = True
            self._prime(candle, history)
        closed = self._resampler.add(candle)
        if closed is not None:
            self._readers = _put(self._readers, closed)
        return bool(self._readers)

    def _prime(self, candle: Candle, history: HistorySource) -> None:
        """Give the larger candle now forming the parts that closed before anybody read it."""
        missing = (candle.open_ms - self.timeframe.floor(candle.open_ms)) // self._base.ms
        if missing:
            for part in history(candle.symbol, self._base, candle.open_ms, missing):
                self._resampler.add(part)


def _put(readers: list[ref[Stream[T]]], item: T) -> list[ref[Stream[T]]]:
    """Give ``item`` to every reader that still exists; return those."""
    alive = []
    for reader in readers:
        stream = reader()
        if stream is not None:
            stream.put(item)
            alive.append(reader)
    return alive


def _merged(before: PriceRange, after: PriceRange) -> PriceRange:
    return PriceRange(
        symbol=after.symbol,
        high=max(before.high, after.high),
        low=min(before.low, after.low),
        last=after.last,
        at_ms=after.at_ms,
    )
