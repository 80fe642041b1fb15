"""Closed candles over REST, cached, with one request for concurrent readers."""

import asyncio
from collections.abc import Callable, Sequence

from signalbot.domain.errors import InvalidCandle, Unavailable
from signalbot.domain.market import Candle, MarketKind
from signalbot.domain.money import ZERO, trimmed
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.account_markets import AdaptersByKind
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.parsing import parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.ports import Clock

_MAX_CACHED = 5_000
_SETTLE_MS = 1_000  # an exchange may still add trades to a candle just closed


class CandleHistory:
    """``now_ms`` is the exchange's time, by which a candle has closed."""

    def __init__(
        self, api: ExchangeApi, *, adapters: AdaptersByKind, now_ms: Callable[[], Ms], clock: Clock
    ) -> None:
        self._api = api
        self._adapters = adapters
        self._now_ms = now_ms
        self._clock = clock
        self._cached: dict[tuple[str, Timeframe], dict[Ms, Candle]] = {}
        self._locks: dict[tuple[str, Timeframe], asyncio.Lock] = {}

    async def candles(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        """Up to ``limit`` candles that closed at or before ``end_ms``, oldest first.

        One that closed just now is read once it does not change any more.

        Raises:
            Unavailable: they cannot be read.
        """
        key = (symbol, timeframe)
        end_ms = Ms(timeframe.floor(min(end_ms, self._now_ms())))
        first_ms = Ms(end_ms - limit * timeframe.ms)
        async with self._locks.setdefault(key, asyncio.Lock()):
            cached = self._cached.setdefault(key, {})
            if limit and end_ms - timeframe.ms not in cached:
                await self._clock.sleep(max(0, end_ms + _SETTLE_MS - self._now_ms()) / 1000)
            at_ms = first_ms
            while at_ms < end_ms:
                if at_ms in cached:
                    at_ms = Ms(at_ms + timeframe.ms)
                    continue
                at_ms = await self._fetch_page(key, cached, at_ms, end_ms)
            self._trim(cached)
        return [cached[Ms(at)] for at in range(first_ms, end_ms, timeframe.ms) if Ms(at) in cached]

    async def fetch_closed(self, symbol: str, timeframe: Timeframe, open_ms: Ms) -> Candle | None:
        """The candle that opened at ``open_ms``; None while the exchange does not list it."""
        if open_ms + timeframe.ms > self._now_ms():
            return None
        for candle in await self._fetch(symbol, timeframe, since_ms=open_ms, limit=2):
            if candle.open_ms == open_ms:
                return candle
        return None

    async def _fetch_page(
        self, key: tuple[str, Timeframe], cached: dict[Ms, Candle], at_ms: Ms, end_ms: Ms
    ) -> Ms:
        """Read one page from ``at_ms``; return where the next one begins."""
        symbol, timeframe = key
        adapter = adapter_for(self._adapters, symbol)
        limit = min(adapter.capabilities.candle_page, (end_ms - at_ms) // timeframe.ms)
        found = await self._fetch(symbol, timeframe, since_ms=at_ms, limit=limit)
        for candle in found:
            cached[candle.open_ms] = candle
        if not found:
            return Ms(at_ms + limit * timeframe.ms)  # nothing was traded in all that time
        return Ms(max(candle.open_ms for candle in found) + timeframe.ms)

    async def _fetch(
        self, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> list[Candle]:
        rows = await adapter_for(self._adapters, symbol).candles(
            self._api, symbol, timeframe, since_ms=since_ms, limit=limit
        )
        if not isinstance(rows, list):
            raise Unavailable(f"no candles of {symbol} in the response")
        now_ms = self._now_ms()
        return [
            candle
            for row in rows
            if (candle := parse_candle(row, symbol, timeframe)) and candle.close_ms <= now_ms
        ]

    def _trim(self, cached: dict[Ms, Candle]) -> None:
        for oldest_ms in sorted(cached)[: max(0, len(cached) - _MAX_CACHED)]:
            del cached[oldest_ms]


def adapter_for(adapters: AdaptersByKind, symbol: str) -> ExchangeAdapter:
    """The adapter of a symbol by its form, before markets are loaded."""
    kind = MarketKind.SWAP if ":" in symbol else MarketKind.SPOT
    return adapters.get(kind) or next(iter(adapters.values()))


def parse_candle(row: Sequence[object], symbol: str, timeframe: Timeframe) -> Candle | None:
    """A candle from one of ccxt's rows; None when its values cannot be true."""
    at, opened, high, low, close, volume = (parse_decimal(value) for value in tuple(row)[:6])
    if at is None or opened is None or high is None or low is None or close is None:
        return None
    try:
        return Candle(
            symbol=symbol,
            timeframe=timeframe,
            open_ms=Ms(int(at)),
            open=trimmed(opened),
            high=trimmed(high),
            low=trimmed(low),
            close=trimmed(close),
            volume=trimmed(volume or ZERO),
        )
    except InvalidCandle:
        return None
