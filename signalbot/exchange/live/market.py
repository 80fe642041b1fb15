"""A live exchange's public side: closed candles from two sources, prices from the same stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from signalbot.domain.errors import Unavailable
from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.connection import Connection
from signalbot.exchange.live.history import History
from signalbot.exchange.live.instruments import instrument_of
from signalbot.exchange.live.ticks import Ticks
from signalbot.exchange.live.watcher import CandleWatcher
from signalbot.ports import Clock, Source

_PRICE_LIMIT_MS = 60_000
_FRESH_MS = 2_000  # older prices are asked for before a decision


def _ignore(_instrument: Instrument) -> None:
    """Nothing is remembered."""


def _as_it_is(instrument: Instrument) -> Instrument:
    return instrument


class LiveMarket:
    """Implements ``Market``. ``watcher`` feeds ``ticks``; both run while the exchange runs.

    ``remembered`` are rules that the exchange listed formerly; ``save`` keeps those that are new.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        history: History,
        watcher: CandleWatcher,
        ticks: Ticks,
        clock: Clock,
        complete: Callable[[Instrument], Instrument] = _as_it_is,
        remembered: Mapping[str, Instrument] = MappingProxyType({}),
        save: Callable[[Instrument], None] = _ignore,
    ) -> None:
        """``complete`` adds to a market what is told apart from its rules."""
        self._complete = complete
        self._remembered = remembered
        self._save = save
        self._connection = connection
        self._history = history
        self._watcher = watcher
        self._ticks = ticks
        self._clock = clock
        self._instruments: dict[str, Instrument] = {}
        self.funding_intervals_ms: Mapping[str, int] = {}  #: by symbol, as last read
        self._is_open = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._is_open.is_set()

    async def opened(self) -> None:
        await self._is_open.wait()

    def open(self) -> None:
        """Markets are known now; what was remembered of them does not count any more."""
        self.forget()
        self._is_open.set()

    def instrument(self, symbol: str) -> Instrument:
        """Rules of ``symbol``; ``KeyError`` when the exchange does not list it for us.

        Raises:
            Unavailable: the exchange has not been reached since the start.
        """
        known = self._instruments.get(symbol)
        if known is None:
            known = self._instruments[symbol] = self._complete(self._listed(symbol))
            self._ticks.watch(symbol)
        return known

    @property
    def instruments(self) -> Collection[Instrument]:
        """The markets somebody has asked for lately."""
        return list(self._instruments.values())

    def _listed(self, symbol: str) -> Instrument:
        if not self._connection.has_markets:
            if symbol in self._remembered:
                return self._remembered[symbol]
            raise Unavailable(f"{self._connection.name} has not been reached since the start")
        market = self._connection.template.markets[symbol]
        listed = instrument_of(market, exchange=self._connection.ccxt_id)
        if listed != self._remembered.get(symbol):
            self._save(listed)
        return listed

    def forget(self) -> None:
        """The exchange has told its rules anew."""
        self._instruments.clear()

    def last_price(self, symbol: str) -> Decimal | None:
        """Last known price, no older than a minute."""
        last = self._ticks.last(symbol)
        if last is None or self._clock.now_ms() - last.at_ms > _PRICE_LIMIT_MS:
            return None
        return last.last

    async def fresh_price(self, symbol: str) -> Decimal | None:
        await self._ticks.refresh(symbol, max_age_ms=_FRESH_MS)
        return self.last_price(symbol)

    async def history(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        return await self._history.candles(symbol, timeframe, end_ms=end_ms, limit=limit)

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        return self._watcher.candles(symbol, timeframe)

    def funding_interval_ms(self, symbol: str) -> int | None:
        return self.funding_intervals_ms.get(symbol)

    def source(self, symbol: str, timeframe: Timeframe) -> Source | None:
        return self._watcher.source(symbol, timeframe)

    def prices(self, symbol: str) -> AsyncIterator[PriceRange]:
        return self._ticks.open(symbol)
