"""Public data of a live exchange: instruments, closed candles and prices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from signalbot.domain.errors import Unavailable
from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.instruments import parse_instrument
from signalbot.exchange.live.market_data.candle_history import CandleHistory
from signalbot.exchange.live.market_data.candle_stream import CandleWatcher
from signalbot.exchange.live.market_data.prices import PriceFeed
from signalbot.exchange.live.registry import exchange_row
from signalbot.exchange.live.transport.connection import Connection
from signalbot.ports import CandleSource, Clock

_MAX_PRICE_AGE_MS = 60_000
_FRESH_PRICE_AGE_MS = 2_000  # older prices are refreshed before a decision


def _save_nothing(_instrument: Instrument) -> None:
    """Rules are not saved."""


def _unchanged(instrument: Instrument) -> Instrument:
    return instrument


class LiveMarket:
    """Implements ``Market``. ``watcher`` feeds ``price_feed``; both run while the exchange runs.

    ``saved`` are the rules of a former process; ``save`` is called with changed ones.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        history: CandleHistory,
        watcher: CandleWatcher,
        price_feed: PriceFeed,
        clock: Clock,
        with_brackets: Callable[[Instrument], Instrument] = _unchanged,
        saved: Mapping[str, Instrument] = MappingProxyType({}),
        save: Callable[[Instrument], None] = _save_nothing,
    ) -> None:
        """``with_brackets`` adds margin brackets to an instrument."""
        self._with_brackets = with_brackets
        self._saved = saved
        self._save = save
        self._connection = connection
        self._history = history
        self._watcher = watcher
        self._price_feed = price_feed
        self._clock = clock
        self._instruments: dict[str, Instrument] = {}
        self.funding_intervals_ms: Mapping[str, int] = {}  #: by symbol, as last read
        self._is_open = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._is_open.is_set()

    async def wait_until_open(self) -> None:
        await self._is_open.wait()

    def open(self) -> None:
        """Markets are loaded: the saved rules do not count any more."""
        self.invalidate()
        self._is_open.set()

    def instrument(self, symbol: str) -> Instrument:
        """Rules of ``symbol``; ``KeyError`` when the exchange does not list it for us.

        Raises:
            Unavailable: the exchange has not been reached since the start.
        """
        cached = self._instruments.get(symbol)
        if cached is None:
            cached = self._instruments[symbol] = self._with_brackets(
                self._listed_instrument(symbol)
            )
            self._price_feed.watch(symbol)
        return cached

    @property
    def instruments(self) -> Collection[Instrument]:
        """The markets that were used since they were last loaded."""
        return list(self._instruments.values())

    def _listed_instrument(self, symbol: str) -> Instrument:
        if not self._connection.has_markets:
            if symbol in self._saved:
                return self._saved[symbol]
            raise Unavailable(f"{self._connection.name} has not been reached since the start")
        market = self._connection.template.markets[symbol]
        listed = parse_instrument(
            market, has_minimum=exchange_row(self._connection.ccxt_id).has_minimum
        )
        if listed != self._saved.get(symbol):
            self._save(listed)
        return listed

    def invalidate(self) -> None:
        """Drop parsed instruments: the rules or brackets have changed."""
        self._instruments.clear()

    def last_price(self, symbol: str) -> Decimal | None:
        """Last known price, no older than a minute."""
        last = self._price_feed.last(symbol)
        if last is None or self._clock.now_ms() - last.at_ms > _MAX_PRICE_AGE_MS:
            return None
        return last.last

    async def fresh_price(self, symbol: str) -> Decimal | None:
        await self._price_feed.refresh(symbol, max_age_ms=_FRESH_PRICE_AGE_MS)
        return self.last_price(symbol)

    async def history(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        return await self._history.candles(symbol, timeframe, end_ms=end_ms, limit=limit)

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        return self._watcher.candles(symbol, timeframe)

    def funding_interval_ms(self, symbol: str) -> int | None:
        return self.funding_intervals_ms.get(symbol)

    def source(self, symbol: str, timeframe: Timeframe) -> CandleSource | None:
        return self._watcher.source(symbol, timeframe)

    def prices(self, symbol: str) -> AsyncIterator[PriceRange]:
        return self._price_feed.ranges(symbol)
