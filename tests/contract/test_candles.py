"""A year of candles is read without a hole, however little an exchange tells at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import ccxt
import pytest

from signalbot.domain.market import Candle, MarketKind
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.exchange import LiveExchange
from signalbot.exchange.live.exchange_settings import LiveExchangeSettings
from signalbot.exchange.live.registry import SUPPORTED, adapters_of
from signalbot.ledger.database import open_database
from signalbot.tasks import SystemClock
from tests.contract.simulated import RULES
from tests.venue.server import DIALECTS, OTHERS, Venue, build, listening
from tests.venue.spot import SpotMarket

HOUR_MS = 3_600_000
YEAR = 365 * 24
PART = 4_000
SWAP = "BTC/USDT:USDT"
MARKETS = [
    (name, kind)
    for name in (DIALECTS | OTHERS)
    for kind in adapters_of(build(name).dialect.ccxt_id)
    if name not in ("bybit", "okx") or kind is MarketKind.SWAP  # their spot pairs speak the same
]


@asynccontextmanager
async def exchange_at(venue: Venue, folder: Path) -> AsyncIterator[LiveExchange]:
    """Its public side."""
    ccxt_id = venue.dialect.ccxt_id
    async with open_database(folder / "x.db") as database:
        exchange = LiveExchange(
            LiveExchangeSettings(
                name="x", ccxt_id=ccxt_id, sandbox=False, config=venue.ccxt_config(), paper=RULES
            ),
            adapters=adapters_of(ccxt_id), credentials={}, clock=SystemClock(),
        )  # fmt: skip
        await exchange.open(database)
        try:
            await exchange.connect()
            yield exchange
        finally:
            await exchange.close()


def symbol_of(exchange: LiveExchange, kind: MarketKind) -> str:
    markets = exchange._watcher._connection.template.markets
    wanted = [
        each["symbol"] for each in markets.values()
        if each["base"] == "BTC" and bool(each["swap"]) is (kind is MarketKind.SWAP)
    ]  # fmt: skip
    return str(wanted[0])


@pytest.mark.parametrize(("name", "kind"), MARKETS)
async def test_a_year_is_read_without_a_hole(name: str, kind: MarketKind, tmp_path: Path) -> None:
    """Every hour of it once; of the exchange that tells 720 candles at most the latest."""
    async with listening(build(name)) as venue, exchange_at(venue, tmp_path) as exchange:
        symbol = symbol_of(exchange, kind)
        market_id = exchange._watcher._connection.template.market(symbol)["id"]
        can = adapters_of(venue.dialect.ccxt_id)[kind].capabilities
        hours = YEAR if can.max_candle_history is None else can.max_candle_history - 1
        end_ms = Timeframe.H1.floor(SystemClock().now_ms())
        for back in range(hours, 0, -1):
            at = Decimal(50_000 + back)
            venue.engine.push_candle(
                _engine_id(venue, market_id, kind), "1h", end_ms - back * HOUR_MS, at, at, at, at,
                tell=False,
            )  # fmt: skip
        found = await _read(exchange, symbol, end_ms, hours)
        assert len(found) == hours
        assert [each.open_ms for each in found] == list(
            range(end_ms - hours * HOUR_MS, end_ms, HOUR_MS)
        )
        assert [each.close for each in found] == [
            Decimal(50_000 + back) for back in range(hours, 0, -1)
        ]


def _engine_id(venue: Venue, market_id: str, kind: MarketKind) -> str:
    """Where two markets have one name, spot has another inside the engine."""
    spots = [each.id for each in venue.engine.markets.values() if isinstance(each, SpotMarket)]
    if kind is MarketKind.SPOT and spots:
        return next(each for each in spots if "btc" in each.lower() or "xbt" in each.lower())
    return market_id


async def _read(exchange: LiveExchange, symbol: str, end_ms: Ms, hours: int) -> list[Candle]:
    """In parts, as a download does."""
    found: list[Candle] = []
    for first in range(hours, 0, -PART):
        count = min(PART, first)
        until_ms = Ms(end_ms - (first - count) * HOUR_MS)
        found += await exchange.market.history(symbol, Timeframe.H1, end_ms=until_ms, limit=count)
    return found


@pytest.mark.parametrize("ccxt_id", SUPPORTED)
def test_lengths_that_are_offered_are_ones_that_ccxt_can_ask_for(ccxt_id: str) -> None:
    """An unknown one would go out as ``None``, or under a name of another length."""
    known = getattr(ccxt, ccxt_id)().timeframes
    for dialect in adapters_of(ccxt_id).values():
        assert {each.value for each in dialect.capabilities.timeframes} <= set(known)


async def test_a_market_without_a_stream_dials_no_socket(tmp_path: Path) -> None:
    """MEXC's spot frames are protocol buffers: its candles come over REST."""
    async with listening(build("mexc")) as venue, exchange_at(venue, tmp_path) as exchange:
        await exchange.prepare()
        read = [exchange.market.candles(each, Timeframe.M1) for each in ("BTC/USDT", SWAP)]
        run = asyncio.create_task(exchange.run())
        try:
            async with asyncio.timeout(20):
                while not venue.dialect.sockets:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.02)
            assert {socket.path for socket in venue.dialect.sockets} == {"/edge"}
            assert len(read) == 2
        finally:
            run.cancel()
            await asyncio.wait([run])
