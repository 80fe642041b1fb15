"""A stream that is connected and says nothing, over real sockets, at every loopback exchange.

Time is forty times faster than the world's; the exchange's candles are pushed by the test.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.exchange import LiveExchange
from signalbot.exchange.live.exchange_settings import LiveExchangeSettings
from signalbot.exchange.live.registry import adapters_of
from signalbot.ledger.database import Database, open_database
from signalbot.replay import virtual_time
from signalbot.settings.simulation import SimulationRules
from signalbot.tasks import LoopClock
from tests.exchange.live.wire_fixtures import SWAP
from tests.venue.server import DIALECTS, Venue, venue
from tests.venue.streams import Slip, StreamRule

SPEED = 40.0
MINUTE_MS = Timeframe.M1.ms


class Market:
    """One exchange, its candles, and somebody who reads them."""

    def __init__(self, it: Venue, exchange: LiveExchange, clock: LoopClock) -> None:
        self._it = it
        self._exchange = exchange
        self._clock = clock
        self._told: AsyncIterator[Candle] = exchange.market.candles(SWAP, Timeframe.M1)
        self.start_ms = Timeframe.M1.floor(clock.now_ms())

    async def next_told_by(self) -> str:
        """Let a minute end: who tells its candle first?"""
        number = (self._clock.now_ms() - self.start_ms) // MINUTE_MS + 1
        await self._close(number)
        async with asyncio.timeout(600):
            async for candle in self._told:
                if self._number_of(candle) == number:
                    break
        source = self._exchange.market.source(SWAP, Timeframe.M1)
        assert source is not None
        assert candle.close == 50_000 + number
        return source.via

    async def _close(self, number: int) -> None:
        """The exchange tells whoever listens, well before REST is asked."""
        end_ms = self.start_ms + (number + 1) * MINUTE_MS
        await self._clock.sleep_until(Ms(end_ms - 30_000))
        price = Decimal(50_000 + number)
        self._it.engine.push_candle(
            self._it.dialect.market_id("BTC"), "1m", end_ms - MINUTE_MS, price, price, price, price
        )

    def _number_of(self, candle: Candle) -> int:
        return (candle.open_ms - self.start_ms) // MINUTE_MS

    async def until(self, holds: Callable[[], bool], *, seconds: float) -> None:
        """Return when it holds, which it must within so long."""
        async with asyncio.timeout(seconds):
            while not holds():
                await self._clock.sleep(0.5)


def _is_subscribed(it: Venue) -> bool:
    return any(it.dialect.topic_is_candle(topic) for each in it.dialect.sockets
               for topic in each.topics)  # fmt: skip


async def _silence(dialect: str, database: Database, clock: LoopClock) -> None:
    async with venue(dialect) as it, asyncio.TaskGroup() as group:
        exchange = LiveExchange(
            LiveExchangeSettings(
                name=dialect, ccxt_id=it.dialect.ccxt_id, sandbox=False, config=it.ccxt_config(),
                paper=SimulationRules(),
            ),
            adapters=adapters_of(it.dialect.ccxt_id), credentials={}, clock=clock,
        )  # fmt: skip
        await exchange.open(database)
        running = group.create_task(exchange.run())
        market = Market(it, exchange, clock)
        await market.until(lambda: _is_subscribed(it), seconds=600)
        assert await market.next_told_by() == "websocket"

        it.streams.add(StreamRule(does=Slip.MUTE))
        dialled = it.counts.connects
        assert await market.next_told_by() == "rest"
        await market.until(lambda: it.counts.connects > dialled, seconds=600)

        it.streams.clear()
        async with asyncio.timeout(900):
            while await market.next_told_by() != "websocket":
                pass
        running.cancel()
        await asyncio.wait([running])
        await exchange.close()


def test_a_silent_stream_is_replaced_by_rest_and_dialled_again(tmp_path: Path) -> None:
    """Its candle comes over REST a grace later; within a minute there is another connection."""

    async def everywhere() -> None:
        clock = LoopClock(Ms(int(time.time() * 1000) - 3_600_000))
        async with open_database(tmp_path / "a.db") as database, asyncio.TaskGroup() as group:
            for dialect in DIALECTS:
                group.create_task(_silence(dialect, database, clock))

    virtual_time.run_virtual(everywhere(), speed=SPEED)
