"""Order streams: what they tell, and how it can be late, twice, lost, mixed up, or silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from ccxt import pro

from tests.venue.exchange_clients import BTC, PERP, SPOT, control, trading
from tests.venue.server import Venue
from tests.venue.streams import Slip, StreamRule

UPDATE = "ORDER_TRADE_UPDATE"


@asynccontextmanager
async def listening(it: Venue, client: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Anna's user stream at Binance."""
    key = (await client.fapiPrivatePostListenKey())["listenKey"]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{it.url}/private/ws?listenKey={key}") as socket,
    ):
        while not any(each.key for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        yield socket


async def place(client: Any, *prices: int) -> None:
    for price in prices:
        await client.create_order(PERP, "limit", "buy", "0.01", str(price))


async def prices(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[int]:
    """The prices of the next order events."""
    told: list[int] = []
    while len(told) < count:
        event = await socket.receive_json(timeout=5)
        if event["e"] == UPDATE:
            told.append(int(event["o"]["p"]))
    return told


async def test_events_can_be_late_and_be_overtaken() -> None:
    """The delayed one comes after those that followed it."""
    async with trading("binance") as (it, client), listening(it, client) as socket:
        it.streams.add(StreamRule(does=Slip.DELAY, topic=UPDATE, times=1, seconds=0.3))
        await place(client, 40_000, 41_000)
        assert await prices(socket, 2) == [41_000, 40_000]


async def test_events_can_be_lost_and_doubled_by_chance() -> None:
    """Some never come, some come twice: the same ones for the same seed."""
    async with trading("binance") as (it, client), listening(it, client) as socket:
        seen = []
        for _ in range(2):
            it.streams.clear()
            it.streams.add(StreamRule(does=Slip.MUTE, topic=UPDATE, chance=0.4, seed=4))
            it.streams.add(StreamRule(does=Slip.REPEAT, topic=UPDATE, chance=0.5, seed=1))
            await place(client, *range(40_000, 40_010))
            it.streams.clear()
            await place(client, 30_000)
            told: list[int] = []
            while not told or told[-1] != 30_000:
                told += await prices(socket, 1)
            seen.append(told)
        assert seen[0] == seen[1]
        assert len(set(seen[0])) < 11, "some are lost"
        assert len(seen[0]) > len(set(seen[0])), "some come twice"


async def test_events_can_come_in_any_order() -> None:
    """All of them, shuffled by a seed."""
    async with trading("binance") as (it, client), listening(it, client) as socket:
        await control(it, "stream_fault", does="shuffle", topic=UPDATE, size=6, seed=1)
        wanted = list(range(40_000, 40_006))
        await place(client, *wanted)
        told = await prices(socket, 6)
        assert told != wanted
        assert sorted(told) == wanted


async def test_a_stream_can_be_silent_for_a_time_while_it_is_connected() -> None:
    """Pings are answered, orders are traded, nothing is told; then it goes on."""
    async with trading("binance") as (it, client), listening(it, client) as socket:
        it.streams.add(StreamRule(does=Slip.MUTE, key="anna", for_s=0.4))
        await place(client, 40_000)
        await socket.ping()
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.1)
        await asyncio.sleep(0.4)
        await place(client, 41_000)
        assert await prices(socket, 1) == [41_000]


async def test_a_listen_key_can_expire_by_the_control_endpoint() -> None:
    """It is told once; the connection stays, and says nothing more."""
    async with trading("binance") as (it, client), listening(it, client) as socket:
        await control(it, "expire_listen_key", key="anna")
        assert (await socket.receive_json(timeout=5))["e"] == "listenKeyExpired"
        await place(client, 40_000)
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.1)
        assert not socket.closed


async def test_a_stop_tells_its_way_to_the_matching_engine() -> None:
    """NEW, TRIGGERING, TRIGGERED, FINISHED, around what its order tells."""
    async with trading("binance") as (it, client), listening(it, client) as socket:
        await client.create_order(PERP, "market", "buy", "0.01")
        stop = {"stopLossPrice": "49000", "reduceOnly": True}
        await client.create_order(PERP, "market", "sell", "0.01", None, stop)
        it.engine.set_price(BTC, Decimal(48_990))
        states: list[str] = []
        while "FINISHED" not in states:
            event = await socket.receive_json(timeout=5)
            if event["e"] == "ALGO_UPDATE":
                states.append(event["o"]["X"])
        assert states == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]


async def test_binance_spot_tells_orders_and_balances_by_its_websocket_api() -> None:
    """A signed subscription; ccxt's ``watch_orders`` and ``watch_balance`` read it."""
    async with trading("binance_spot", kind=pro) as (it, client), asyncio.timeout(10):
        orders = asyncio.create_task(client.watch_orders())
        while not any(each.key for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        await client.create_order(SPOT, "limit", "buy", "0.01", "49000")
        [order] = await orders
        assert (order["status"], order["price"]) == ("open", "49000.00000000")
        it.engine.set_price(BTC, Decimal(48_900))
        held = None
        while held != Decimal("0.00999"):
            balance = await client.watch_balance()
            held = Decimal(balance.get("BTC", {}).get("total") or 0)


@pytest.mark.parametrize("dialect", ["bybit", "okx"])
async def test_positions_and_fills_are_told_as_well(dialect: str) -> None:
    """ccxt's ``watch_positions`` and ``watch_my_trades`` read them."""
    async with trading(dialect, kind=pro) as (it, client), asyncio.timeout(15):
        client.options["watchPositions"] = {"fetchPositionsSnapshot": False}
        trades = asyncio.create_task(client.watch_my_trades())
        positions = asyncio.create_task(client.watch_positions())
        while sum(len(each.topics) for each in it.dialect.sockets) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await client.create_order(PERP, "market", "buy", "1")
        [trade] = await trades
        assert (trade["price"], trade["side"]) == ("50000", "buy")
        [position] = await positions
        assert position["side"] == "long"
        assert Decimal(str(position["contracts"])) == 1


async def test_frames_of_any_kind_can_be_swallowed() -> None:
    """Acknowledgements too, when a rule says so: the subscription is there, nobody tells."""
    async with trading("binance") as (it, _), aiohttp.ClientSession() as session:
        it.streams.add(StreamRule(does=Slip.MUTE, control=True, times=1))
        async with session.ws_connect(f"{it.url}/market/ws") as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1})
            with pytest.raises(TimeoutError):
                await socket.receive(timeout=0.1)
            price = Decimal(50_000)
            it.engine.push_candle(BTC, "1m", 0, price, price, price, price)
            assert (await socket.receive_json(timeout=5))["e"] == "kline"
