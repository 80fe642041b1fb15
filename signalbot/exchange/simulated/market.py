"""The public side of a simulated exchange; its driver advances it."""

from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Final, TypeVar
from weakref import ref

from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.resample import Resampler
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.ports import CandleSource
from signalbot.stream import Stream

T = TypeVar("T")
HistorySource = Callable[[str, Timeframe, Ms, int], Sequence[Candle]]
"""``(symbol, timeframe, end_ms, limit)`` to closed candles with ``close_ms <= end_ms``."""

_MAX_QUEUED_CANDLES: Final = 1_000  # of a slow reader; the candle feed fills gaps


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
        self._channels: dict[str, _SymbolChannel] = {}
        self._on_first_use: Callable[[str], None] | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every used market, in the order of first use."""
        return tuple(self._channels)

    def on_first_use(self, call: Callable[[str], None]) -> None:
        """Call ``call`` with every symbol on its first use."""
        self._on_first_use = call

    is_open = True

    async def wait_until_open(self) -> None:
        """Return at once."""

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
        """The last price, which is always current."""
        return self.last_price(symbol)

    async def history(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        """Up to ``limit`` closed candles with ``close_ms <= end_ms``, oldest first."""
        return self._history(symbol, timeframe, end_ms, limit)

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        """Candles that close from now on, also before the first read.

        Raises:
            ValueError: ``timeframe`` is not made of whole base candles.
        """
        return self._channel(symbol).open_candles(timeframe)

    def funding_interval_ms(self, symbol: str) -> int | None:
        """None: no funding is paid."""
        return None

    def source(self, symbol: str, timeframe: Timeframe) -> CandleSource | None:
        channel = self._channels.get(symbol)
        if channel is None or channel.updated_ms == EPOCH:
            return None
        return CandleSource(via="simulated", checked_at_ms=channel.updated_ms)

    def prices(self, symbol: str) -> AsyncIterator[PriceRange]:
        """Ranges from now on; unread ranges are merged into one."""
        return self._channel(symbol).open_prices()

    def tick(self, symbol: str, price: Decimal, at_ms: Ms) -> None:
        """Publish a price; its candle follows by ``advance``."""
        price_range = PriceRange(symbol=symbol, high=price, low=price, last=price, at_ms=at_ms)
        self._channel(symbol).publish(price_range)

    def advance(self, candle: Candle) -> None:
        """Publish a closed base candle and every larger one that closes with it.

        Its range is published as a price, too, unless ticks have published it already.
        """
        channel = self._channel(candle.symbol)
        if channel.updated_ms < candle.close_ms:
            channel.publish(
                PriceRange(
                    symbol=candle.symbol,
                    high=candle.high,
                    low=candle.low,
                    last=candle.close,
                    at_ms=candle.close_ms,
                )
            )
        channel.advance(candle)

    def _channel(self, symbol: str) -> "_SymbolChannel":
        channel = self._channels.get(symbol)
        if channel is None:
            channel = _SymbolChannel(self._instrument(symbol), self._base, self._history)
            self._channels[symbol] = channel
            if self._on_first_use is not None:
                self._on_first_use(symbol)
        return channel


class _SymbolChannel:
    """One symbol's readers."""

    def __init__(self, instrument: Instrument, base: Timeframe, history: HistorySource) -> None:
        self.instrument = instrument
        self.last: Decimal | None = None
        self.updated_ms = EPOCH  #: of the last published price
        self._base = base
        self._history = history
        self._readers: list[ref[Stream[PriceRange]]] = []
        self._timeframes: dict[Timeframe, _TimeframeChannel] = {}  # largest first

    def open_prices(self) -> Stream[PriceRange]:
        stream: Stream[PriceRange] = Stream(merge=_merged)
        self._readers.append(ref(stream))
        return stream

    def open_candles(self, timeframe: Timeframe) -> Stream[Candle]:
        if timeframe not in self._timeframes:
            self._timeframes[timeframe] = _TimeframeChannel(self._base, timeframe)
            by_length = sorted(self._timeframes.items(), key=lambda entry: -entry[0].ms)
            self._timeframes = dict(by_length)
        return self._timeframes[timeframe].open()

    def publish(self, price_range: PriceRange) -> None:
        self.last = price_range.last
        self.updated_ms = price_range.at_ms
        self._readers = _put(self._readers, price_range)

    def advance(self, candle: Candle) -> None:
        unread = [
            grid for grid in self._timeframes.values() if not grid.advance(candle, self._history)
        ]
        for grid in unread:
            del self._timeframes[grid.timeframe]


class _TimeframeChannel:
    """The readers of one timeframe, and the candle that is forming for them."""

    def __init__(self, base: Timeframe, timeframe: Timeframe) -> None:
        self.timeframe = timeframe
        self._base = base
        self._resampler = Resampler(base, timeframe)
        self._primed = False
        self._readers: list[ref[Stream[Candle]]] = []

    def open(self) -> Stream[Candle]:
        stream: Stream[Candle] = Stream(limit=_MAX_QUEUED_CANDLES)
        self._readers.append(ref(stream))
        return stream

    def advance(self, candle: Candle, history: HistorySource) -> bool:
        """Add a base candle; False when no reader is left."""
        if not self._primed:
            self._primed = True
            self._prime(candle, history)
        closed = self._resampler.add(candle)
        if closed is not None:
            self._readers = _put(self._readers, closed)
        return bool(self._readers)

    def _prime(self, candle: Candle, history: HistorySource) -> None:
        """Add the base candles that closed before the first read to the forming candle."""
        missing = (candle.open_ms - self.timeframe.floor(candle.open_ms)) // self._base.ms
        if missing:
            for part in history(candle.symbol, self._base, candle.open_ms, missing):
                self._resampler.add(part)


def _put(readers: list[ref[Stream[T]]], item: T) -> list[ref[Stream[T]]]:
    """Put ``item`` into the stream of every living reader; return those readers."""
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
