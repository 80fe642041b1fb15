"""The last price and price range of every watched symbol, from streams or over REST."""

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
_RETRY_MS = 1_000  # after a failed request
_REFRESH_S = 1.5  # how long a decision waits for a price


class PriceFeed:
    """Prices published by streams; those of other symbols are read every few seconds.

    Listeners are called with every range before readers get it.
    """

    def __init__(self, api: ExchangeApi, *, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._stale: set[str] = set()
        self._failed_ms: dict[str, Ms] = {}
        self._pending: dict[str, asyncio.Event] = {}  #: refreshes in flight, by symbol
        self._last: dict[str, PriceRange | None] = {}
        self._readers: dict[str, list[ref[Stream[PriceRange]]]] = {}
        self._listeners: list[Callable[[PriceRange], None]] = []

    def watch(self, symbol: str) -> None:
        """Keep the price of ``symbol`` known from now on."""
        self._last.setdefault(symbol, None)

    def mark_stale(self, symbol: str) -> None:
        """Read the price over REST until a stream publishes it again."""
        self._stale.add(symbol)

    def add_listener(self, listener: Callable[[PriceRange], None]) -> None:
        """Call ``listener`` with every range of every symbol."""
        self._listeners.append(listener)

    def last(self, symbol: str) -> PriceRange | None:
        return self._last.get(symbol)

    def ranges(self, symbol: str) -> AsyncIterator[PriceRange]:
        """Ranges from now on; unread ranges are merged into one."""
        self.watch(symbol)
        stream: Stream[PriceRange] = Stream(merge=_merged)
        self._readers.setdefault(symbol, []).append(ref(stream))
        return stream

    def publish(
        self, symbol: str, last: Decimal, *, high: Decimal | None = None, low: Decimal | None = None
    ) -> None:
        """Publish the last price, with the highest and lowest since the one before."""
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
        """Read the price if it is older than ``max_age_ms``; waits at most 1.5 s.

        Concurrent callers share one request.
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
            log.debug("price.fetch_failed", symbol=symbol, cause=f"no response in {_REFRESH_S:g} s")
        finally:
            del self._pending[symbol]
            pending.set()

    async def fetch_missing(self) -> None:
        """Read every unknown price; failures leave it unknown."""
        async with asyncio.TaskGroup() as group:
            for symbol in [each for each, last in self._last.items() if last is None]:
                group.create_task(self._fetch(symbol), name=f"price {symbol}")

    async def run(self) -> None:
        """Read prices that no stream publishes, until cancelled."""
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
