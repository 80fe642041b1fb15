"""Delivers closed candles exactly once and in order per (exchange, symbol, timeframe).

Duplicates and late candles of the source are dropped; gaps are filled from history.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.ports import CandleSource, Clock, Market
from signalbot.tasks import supervise

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, order=True)
class CandleKey:
    """Identifies one stream of candles."""

    exchange: str
    symbol: str
    timeframe: Timeframe

    def __str__(self) -> str:
        return f"{self.exchange} {self.symbol} {self.timeframe}"


class CandleSink(Protocol):
    """Receives closed candles; ``is_history`` marks those fetched from history."""

    def __call__(self, key: CandleKey, candle: Candle, *, is_history: bool) -> Awaitable[None]: ...


@dataclass(slots=True)
class CandleStream:
    """One watched key with its progress and counters."""

    key: CandleKey
    history: int  #: candles wanted before the first live one
    last_open_ms: Ms | None = None
    accepted: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    gaps_filled: int = 0
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class CandleFeed:
    """Follows the candle streams of all watched keys."""

    def __init__(self, markets: Mapping[str, Market], clock: Clock) -> None:
        self._markets = markets
        self._clock = clock
        self._start: Callable[[CandleStream], None] | None = None  # while running
        self.streams: dict[CandleKey, CandleStream] = {}

    async def run(self, sink: CandleSink) -> None:
        """Deliver every watched stream to ``sink``, also those added later, until cancelled."""
        async with asyncio.TaskGroup() as group:

            def start(stream: CandleStream) -> None:
                name = f"feed {stream.key}"
                stream.task = group.create_task(
                    supervise(name, lambda: self._follow(stream, sink), self._clock), name=name
                )

            self._start = start
            for stream in self.streams.values():
                start(stream)
            await asyncio.Event().wait()

    def watch(self, key: CandleKey, *, history: int) -> None:
        """Deliver the candles of ``key`` from now on, preceded by ``history`` older ones."""
        stream = self.streams.get(key)
        if stream is not None:
            stream.history = max(stream.history, history)
            return
        self.streams[key] = stream = CandleStream(key, history)
        if self._start is not None:
            self._start(stream)

    def last_open_ms(self, key: CandleKey) -> Ms | None:
        """Return the open time of the last delivered candle; None before the first."""
        stream = self.streams.get(key)
        return None if stream is None else stream.last_open_ms

    def source(self, key: CandleKey) -> CandleSource | None:
        """Return the current source of ``key``; None before the first candle."""
        return self._markets[key.exchange].source(key.symbol, key.timeframe)

    def unwatch(self, key: CandleKey) -> None:
        """Stop delivering the candles of ``key``."""
        stream = self.streams.pop(key, None)
        if stream is not None and stream.task is not None:
            stream.task.cancel()

    async def _follow(self, stream: CandleStream, sink: CandleSink) -> None:
        key = stream.key
        market = self._markets[key.exchange]
        await market.wait_until_open()
        await self._catch_up(stream, market, sink)
        async for candle in market.candles(key.symbol, key.timeframe):
            await self._accept(stream, market, sink, candle)

    async def _catch_up(self, stream: CandleStream, market: Market, sink: CandleSink) -> None:
        """Deliver history before the first live candle; after a reconnect, all missed candles."""
        key, now_ms, limit = stream.key, self._clock.now_ms(), stream.history
        if stream.last_open_ms is not None:
            limit = max(limit, (now_ms - stream.last_open_ms) // key.timeframe.ms)
        candles = await market.history(key.symbol, key.timeframe, end_ms=now_ms, limit=limit)
        for candle in candles:
            if stream.last_open_ms is None or candle.open_ms > stream.last_open_ms:
                await self._deliver(stream, sink, candle, is_history=True)

    async def _accept(
        self, stream: CandleStream, market: Market, sink: CandleSink, candle: Candle
    ) -> None:
        if stream.last_open_ms is not None:
            expected = stream.last_open_ms + stream.key.timeframe.ms
            if candle.open_ms < expected:
                self._count_stale(stream, candle)
                return
            if candle.open_ms > expected:
                await self._fill_gap(stream, market, sink, Ms(expected), candle.open_ms)
        await self._deliver(stream, sink, candle, is_history=False)

    async def _fill_gap(
        self, stream: CandleStream, market: Market, sink: CandleSink, first_ms: Ms, end_ms: Ms
    ) -> None:
        key = stream.key
        missing = (end_ms - first_ms) // key.timeframe.ms
        found = await market.history(key.symbol, key.timeframe, end_ms=end_ms, limit=missing)
        fitting = [candle for candle in found if candle.open_ms >= first_ms]
        for candle in fitting:
            await self._deliver(stream, sink, candle, is_history=False)
        stream.gaps_filled += len(fitting)
        log.warning("candle.gap_filled", stream=str(key), missing=missing, found=len(fitting))

    async def _deliver(
        self, stream: CandleStream, sink: CandleSink, candle: Candle, *, is_history: bool
    ) -> None:
        stream.last_open_ms = candle.open_ms
        stream.accepted += 1
        await sink(stream.key, candle, is_history=is_history)

    def _count_stale(self, stream: CandleStream, candle: Candle) -> None:
        if candle.open_ms == stream.last_open_ms:
            stream.duplicates += 1
        else:
            stream.out_of_order += 1
        log.debug("candle.dropped", stream=str(stream.key), open_ms=candle.open_ms)
