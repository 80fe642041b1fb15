"""The last price of every watched symbol, and where it went: from streams, else from REST."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from weakref import ref

import structlog

from signalbot.domain.errors import SignalbotError
from signalbot.domain.market import PriceRange
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.exchange.live.parsing import parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority
from signalbot.ports import Clock
from signalbot.stream import Stream

log = structlog.get_logger()

_STALE_MS = 10_000
_POLL_INTERVAL_S = 2.0
_RETRY_MS = 1_000  # after an ask in vain
_REFRESH_S = 1.5  # how long a decision waits for a price


class PriceFeed:
    """Prices told by whoever knows them; a symbol nobody tells of is asked for every few seconds.

    ``on_price`` hears every range before the readers do.
    """

    def __init__(self, api: ExchangeApi, *, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._stale: set[str] = set()
        self._failed_ms: dict[str, Ms] = {}
        self._pending: dict[str, asyncio.Event] = {}  #: under way for ``refresh``, by symbol
        self._last: dict[str, PriceRange | None] = {}
        self._readers: dict[str, list[ref[Stream[PriceRange]]]] = {}
        self._listeners: list[Callable[[PriceRange], None]] = []

    def watch(self, symbol: str) -> None:
        """Keep the price of ``symbol`` known from now on."""
        self._last.setdefault(symbol, None)

    def mark_stale(self, symbol: str) -> None:
        """Whoever told the price of ``symbol`` has fallen silent: ask for it until it is told."""
        self._stale.add(symbol)

    def on_price(self, listener: Callable[[PriceRange], None]) -> None:
        """Call ``listener`` with every range of every symbol."""
        self._listeners.append(listener)

    def last(self, symbol: str) -> PriceRange | None:
        return self._last.get(symbol)

    def open(self, symbol: str) -> AsyncIterator[PriceRange]:
        """Ranges from now on; what a reader has not read yet is one range."""
        self.watch(symbol)
        stream: Stream[PriceRange] = Stream(merge=_merged)
        self._readers.setdefault(symbol, []).append(ref(stream))
        return stream

    def publish(
        self, symbol: str, last: Decimal, *, high: Decimal | None = None, low: Decimal | None = None
    ) -> None:
        """The price is ``last`` now, and went as far as ``high`` and ``low`` on its way."""
        if last <= 0:
            return
        price_range = PriceRange(
            symbol=symbol,
            high=max(last, high or last),
            low=min(last, low or last),
            last=last,
            at_ms=self._clock.now_ms(),
        )
        self._last[symbol] = price_range
        self._stale.discard(symbol)
        for listener in self._listeners:
            listener(price_range)
        alive = []
        for reader in self._readers.get(symbol, ()):
            stream = reader()
            if stream is not None:
                stream.put(price_range)
                alive.append(reader)
        self._readers[symbol] = alive

    async def refresh(self, symbol: str, *, max_age_ms: int) -> None:
        """See that the price is no older, as far as the exchange answers soon.

        Many who want it at once share one request.
        """
        last = self._last.get(symbol)
        if last is not None and self._clock.now_ms() - last.at_ms <= max_age_ms:
            return
        if self._clock.now_ms() < self._failed_ms.get(symbol, EPOCH) + _RETRY_MS:
            return
        self.watch(symbol)
        pending = self._pending.get(symbol)
        if pending is not None:
            await pending.wait()
            return
        pending = self._pending[symbol] = asyncio.Event()
        try:
            async with asyncio.timeout(_REFRESH_S):
                await self._fetch(symbol, priority=RequestPriority.ENTRY)
        except TimeoutError:
            self._failed_ms[symbol] = self._clock.now_ms()
            log.debug("price.fetch_failed", symbol=symbol, cause=f"no answer in {_REFRESH_S:g} s")
        finally:
            del self._pending[symbol]
            pending.set()

    async def fetch_missing(self) -> None:
        """Ask for every price that is not known yet; what is not told stays unknown."""
        async with asyncio.TaskGroup() as group:
            for symbol in [each for each, last in self._last.items() if last is None]:
                group.create_task(self._fetch(symbol), name=f"price {symbol}")

    async def run(self) -> None:
        """Ask for the prices that no stream tells, until cancelled."""
        while True:
            silent_since = Ms(self._clock.now_ms() - _STALE_MS)
            for symbol, last in list(self._last.items()):
                if last is None or last.at_ms < silent_since or symbol in self._stale:
                    await self._fetch(symbol)
            await self._clock.sleep(_POLL_INTERVAL_S)

    async def _fetch(
        self, symbol: str, *, priority: RequestPriority = RequestPriority.POLL
    ) -> None:
        try:
            ticker = await self._api.read("fetch_ticker", symbol, priority=priority)
        except SignalbotError as e:
            log.debug("price.fetch_failed", symbol=symbol, cause=str(e))
            return
        last = parse_decimal(ticker.get("last")) or parse_decimal(ticker.get("close"))
        if last is not None:
            self.publish(symbol, last)


def _merged(before: PriceRange, after: PriceRange) -> PriceRange:
    return PriceRange(
        symbol=after.symbol,
        high=max(before.high, after.high),
        low=min(before.low, after.low),
        last=after.last,
        at_ms=after.at_ms,
    )
