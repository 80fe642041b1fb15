"""A live exchange's public side: closed candles from two sources, prices from the same stream."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from decimal import Decimal

from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.connection import Connection
from signalbot.exchange.live.history import History
from signalbot.exchange.live.instruments import instrument_of
from signalbot.exchange.live.ticks import Ticks
from signalbot.exchange.live.watcher import CandleWatcher
from signalbot.ports import Clock, Source

_PRICE_LIMIT_MS = 60_000


def _as_it_is(instrument: Instrument) -> Instrument:
    return instrument


class LiveMarket:
    """Implements ``Market``. ``watcher`` feeds ``ticks``; both run while the exchange runs."""

    def __init__(
        self,
        connection: Connection,
        *,
        history: History,
        watcher: CandleWatcher,
        ticks: Ticks,
        clock: Clock,
        complete: Callable[[Instrument], Instrument] = _as_it_is,
    ) -> None:
        """``complete`` adds to a market what is told apart from its rules."""
        self._complete = complete
        self._connection = connection
        self._history = history
        self._watcher = watcher
        self._ticks = ticks
        self._clock = clock
        self._instruments: dict[str, Instrument] = {}

    def instrument(self, symbol: str) -> Instrument:
        """Rules of ``symbol``; ``KeyError`` when the exchange does not list it for us."""
        known = self._instruments.get(symbol)
        if known is None:
            market = self._connection.template.markets[symbol]
            known = self._complete(instrument_of(market, exchange=self._connection.ccxt_id))
            self._instruments[symbol] = known
            self._ticks.watch(symbol)
        return known

    @property
    def instruments(self) -> Collection[Instrument]:
        """The markets somebody has asked for lately."""
        return list(self._instruments.values())

    def forget(self) -> None:
        """The exchange has told its rules anew."""
        self._instruments.clear()

    def last_price(self, symbol: str) -> Decimal | None:
        """Last known price, no older than a minute."""
        last = self._ticks.last(symbol)
        if last is None or self._clock.now_ms() - last.at_ms > _PRICE_LIMIT_MS:
            return None
        return last.last

    async def history(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        return await self._history.candles(symbol, timeframe, end_ms=end_ms, limit=limit)

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        return self._watcher.candles(symbol, timeframe)

    def source(self, symbol: str, timeframe: Timeframe) -> Source | None:
        return self._watcher.source(symbol, timeframe)

    def prices(self, symbol: str) -> AsyncIterator[PriceRange]:
        return self._ticks.open(symbol)
