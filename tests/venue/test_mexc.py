"""The loopback MEXC is as strict as the real one, and ccxt works against it."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import ccxt.async_support as ccxt
import pytest
from ccxt import pro

from tests.venue import protobuf
from tests.venue.clients import client_of, pass_time, refused, sent
from tests.venue.mexc import Mexc
from tests.venue.model import Kind, Status
from tests.venue.server import Venue, venue

SWAP, SPOT = "BTC/USDT:USDT", "BTC/USDT"
BTC = "BTC_USDT"
DAY_MS = 86_400_000


@pytest.fixture
async def it() -> AsyncIterator[Venue]:
    """A running MEXC with two accounts."""
    async with venue("mexc", accounts=["anna", "bert"]) as running:
        yield running


@pytest.fixture
async def api(it: Venue) -> AsyncIterator[Any]:
    """ccxt's client of anna, with nothing but other addresses."""
    async with client_of(it) as client:
        yield client


async def contract(
    it: Venue, method: str, path: str, body: Any = None, *, secret: str = "anna-secret",
    shift_ms: int = 0, window_s: int = 10, **asked: Any,
) -> Any:  # fmt: skip
    """A contract request signed by hand as MEXC's documents say, and the JSON of its answer."""
    stamp = str(it.engine.now_ms() + shift_ms)
    query = "&".join(f"{name}={quote(str(asked[name]))}" for name in sorted(asked))
    text = json.dumps(body) if method == "POST" else ""
    signature = hmac.new(
        secret.encode(), f"anna{stamp}{text or query}".encode(), hashlib.sha256
    ).hexdigest()
    headers = {"ApiKey": "anna", "Request-Time": stamp, "Signature": signature,
               "Recv-Window": str(window_s), "Content-Type": "application/json"}  # fmt: skip
    _, answer = await sent(it, method, f"/api/v1/private/{path}", query=query, body=text,
                           headers=headers)  # fmt: skip
    return answer


async def spot(
    it: Venue, method: str, path: str, *, secret: str = "anna-secret", shift_ms: int = 0,
    **asked: Any,
) -> Any:  # fmt: skip
    """A spot request signed by hand as MEXC's documents say, and the JSON of its answer."""
    query = urlencode({**asked, "timestamp": it.engine.now_ms() + shift_ms})
    signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    _, answer = await sent(it, method, f"/api/v3/{path}", query=f"{query}&signature={signature}",
                           headers={"X-MEXC-APIKEY": "anna"})  # fmt: skip
    return answer


def order(**more: Any) -> dict[str, Any]:
    """The fields of a market buy of two hundred contracts: 0.02 BTC."""
    return {"symbol": BTC, "vol": 200, "side": 1, "type": 5, "openType": 2, **more}


def plan(**more: Any) -> dict[str, Any]:
    """The fields of a stop for a long of 0.02 BTC, for seven days."""
    return {
        "symbol": BTC, "vol": 200, "side": 3, "openType": 2, "triggerPrice": 49_000,
        "triggerType": 2, "executeCycle": 2, "orderType": 5, "trend": 1, "reduceOnly": True, **more,
    }  # fmt: skip


async def enter(api: Any, amount: str = "200", **params: Any) -> Any:
    """Buy at the market price."""
    return await api.create_order(SWAP, 5, "buy", amount, None, params)


# --- through ccxt -------------------------------------------------------------------------------


async def test_markets_of_both_kinds_are_listed(api: Any) -> None:
    """Contracts of 0.0001 BTC, 0.01 ETH and 100 DOGE; spot in coins."""
    sizes = [Decimal(str(api.market(f"{each}/USDT:USDT")["contractSize"]))
             for each in ("BTC", "ETH", "DOGE")]  # fmt: skip
    assert sizes == [Decimal("0.0001"), Decimal("0.01"), Decimal(100)]
    assert api.market(SPOT)["id"] == "BTCUSDT"
    assert Decimal(str(api.market("DOGE/USDT")["precision"]["amount"])) == Decimal("0.01")


async def test_a_swap_is_entered_found_and_accounted_for(it: Venue, api: Any) -> None:
    """Leverage, order, look-up by both ids, fill, position and balance."""
    await api.set_leverage(10, SWAP, {"openType": 2, "positionType": 1})
    placed = await enter(api, clientOrderId="a" * 32)
    found = await api.fetch_order(placed["id"], SWAP)
    assert (found["status"], found["average"], found["filled"]) == ("closed", "50000.0", "200")
    named = await contract(it, "GET", f"order/external/{BTC}/{'a' * 32}")
    assert named["data"]["orderId"] == placed["id"]
    [position] = await api.fetch_positions([SWAP])
    assert (position["side"], position["contracts"], position["leverage"]) == ("long", "200", "10")
    [trade] = await api.fetch_my_trades(SWAP)
    assert (trade["order"], trade["amount"], trade["takerOrMaker"]) == (
        placed["id"], "200", "taker",
    )  # fmt: skip
    balance = await api.fetch_balance({"type": "swap"})
    assert Decimal(balance["USDT"]["free"]) == Decimal("9899.8")


async def test_a_market_order_of_ccxt_is_a_limit_order_at_the_last_price(
    it: Venue, api: Any
) -> None:
    """Order: type 5 is a market order, 6 "convert market price to current price"; ccxt sends 6."""
    placed = await api.create_order(SWAP, "market", "buy", "200")
    row = (await contract(it, "GET", f"order/get/{placed['id']}"))["data"]
    assert (row["orderType"], row["price"], row["state"]) == (6, 50_000.0, 3)


async def test_a_limit_order_rests_is_listed_and_canceled(api: Any) -> None:
    """A second cancel is refused inside the answer."""
    placed = await api.create_order(SWAP, "limit", "buy", "200", "49000", {"clientOrderId": "x"})
    [listed] = await api.fetch_open_orders(SWAP)
    assert (listed["id"], listed["status"], listed["price"]) == (placed["id"], "open", "49000.0")
    await api.cancel_order(placed["id"], SWAP)
    assert (await api.fetch_order(placed["id"], SWAP))["status"] == "canceled"
    text = await refused(api.cancel_order(placed["id"], SWAP), ccxt.InvalidOrder)
    assert "cannot be cancelled" in text


async def test_a_stop_is_a_plan_order_that_becomes_another_order(it: Venue, api: Any) -> None:
    """``planorder``: listed apart; after its trigger it names the order that it became."""
    await enter(api)
    raw = {"triggerPrice": "49000", "triggerType": 2, "executeCycle": 2, "trend": 1}
    placed = await api.create_order(SWAP, "market", "sell", "200", None, raw)
    assert await api.fetch_open_orders(SWAP) == []
    [listed] = await api.fetch_open_orders(SWAP, None, None, {"trigger": True})
    assert (listed["id"], Decimal(str(listed["triggerPrice"]))) == (placed["id"], Decimal(49_000))
    it.engine.set_price(BTC, Decimal(48_900))
    [row] = (await contract(it, "GET", "planorder/list/orders", symbol=BTC))["data"]
    assert row["state"] == 3
    became = await api.fetch_order(row["orderId"], SWAP)
    assert (became["status"], became["average"]) == ("closed", "48900.0")
    assert await api.fetch_positions([SWAP]) == []


async def test_a_canceled_plan_order_is_state_two(it: Venue, api: Any) -> None:
    """Gets the trigger order list: 1 untriggered, 2 cancelled, 3 executed, 4 invalid."""
    placed = (await contract(it, "POST", "planorder/place", plan()))["data"]
    await api.cancel_order(placed, SWAP, {"trigger": True})
    [row] = (await contract(it, "GET", "planorder/list/orders"))["data"]
    assert row["state"] == 2


async def test_coins_are_bought_held_and_sold(api: Any) -> None:
    """For a cost or a quantity; a resting sell holds its coins."""
    bought = await api.create_order(SPOT, "market", "buy", None, None, {"cost": "500"})
    found = await api.fetch_order(bought["id"], SPOT)
    assert (found["status"], Decimal(found["filled"])) == ("closed", Decimal("0.01"))
    [trade] = await api.fetch_my_trades(SPOT)
    assert (trade["order"], trade["fee"]["currency"]) == (bought["id"], "BTC")
    resting = await api.create_order(
        SPOT, "limit", "sell", "0.009", "60000", {"clientOrderId": "exit-1"}
    )
    assert Decimal((await api.fetch_balance())["BTC"]["used"]) == Decimal("0.009")
    named = await api.fetch_order("", SPOT, {"clientOrderId": "exit-1"})
    assert named["id"] == resting["id"]
    canceled = await api.cancel_order(resting["id"], SPOT)
    assert canceled["status"] == "canceled"


async def test_contract_candles_are_streamed(it: Venue) -> None:
    """``push.kline``."""
    async with client_of(it, kind=pro) as client, asyncio.timeout(10):
        heard = asyncio.create_task(client.watch_ohlcv(SWAP, "1m"))
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        price = Decimal(50_000)
        it.engine.push_candle(BTC, "1m", 1_700_000_040_000, price, price, price, price)
        [row] = await heard
        assert (row[0], Decimal(row[4])) == (1_700_000_040_000, price)


async def test_contract_orders_are_streamed_to_their_account_only(it: Venue) -> None:
    """``push.personal.order`` after ``login``."""
    async with (
        client_of(it, kind=pro, options={"defaultType": "swap"}) as client,
        client_of(it, "bert") as other,
        asyncio.timeout(10),
    ):
        heard = asyncio.create_task(client.watch_orders(SWAP))
        while not any(each.key for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        await other.create_order(SWAP, "limit", "buy", "200", "49000")
        placed = await client.create_order(SWAP, "limit", "buy", "200", "48000")
        [first] = await heard
        assert (first["id"], first["status"]) == (placed["id"], "open")


async def test_spot_streams_are_protocol_buffers(it: Venue) -> None:
    """Protocol Buffers Integration: ``PushDataV3ApiWrapper``, candles in field 308."""
    topic = "spot@public.kline.v3.api.pb@BTCUSDT@Min1"
    price, address = Decimal(50_000), f"{it.url}/ws"
    async with (
        asyncio.timeout(10), aiohttp.ClientSession() as session, session.ws_connect(address) as ws,
    ):  # fmt: skip
        await ws.send_json({"method": "SUBSCRIPTION", "params": [topic], "id": 3})
        assert await ws.receive_json() == {"id": 3, "code": 0, "msg": topic}
        it.engine.push_candle("BTCUSDT", "1m", 1_700_000_040_000, price, price, price, price)
        wrapper = protobuf.decoded(await ws.receive_bytes())
        kline = protobuf.decoded(wrapper[308])
        assert (wrapper[1], wrapper[3]) == (topic.encode(), b"BTCUSDT")
        assert (kline[1], kline[2], kline[4]) == (b"Min1", 1_700_000_040, b"50000")


async def test_ccxt_reads_the_spot_streams_where_protobuf_is_installed(it: Venue) -> None:
    """Candles, and orders under a listen key."""
    pytest.importorskip("google.protobuf", reason="protobuf is no dependency")
    async with client_of(it, kind=pro) as client, asyncio.timeout(10):
        candles = asyncio.create_task(client.watch_ohlcv(SPOT, "1m"))
        orders = asyncio.create_task(client.watch_orders(SPOT))
        while sum(len(each.topics) for each in it.dialect.sockets) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        price = Decimal(50_000)
        it.engine.push_candle("BTCUSDT", "1m", 1_700_000_040_000, price, price, price, price)
        placed = await client.create_order(SPOT, "limit", "buy", "0.01", "48000")
        assert (await candles)[0][0] == 1_700_000_040_000
        [first] = await orders
        assert (first["id"], first["status"], first["side"]) == (placed["id"], "open", "buy")


# --- who may ask --------------------------------------------------------------------------------


async def test_contract_requests_are_signed_exactly(it: Venue) -> None:
    """Authentication method: HMAC-SHA256 of key, time and parameters, in a header."""
    assert (await contract(it, "GET", "account/assets"))["code"] == 0
    assert (await contract(it, "GET", "account/assets", secret="other"))["code"] == 602


@pytest.mark.parametrize(("shift_ms", "window_s", "code"), [
    (-9_000, 10, 0), (-11_000, 10, 513), (11_000, 10, 513), (-30_000, 60, 0), (-61_000, 90, 513),
])  # fmt: skip
async def test_contract_requests_are_valid_for_ten_seconds(
    it: Venue, shift_ms: int, window_s: int, code: int
) -> None:
    """Time security: ten seconds either way; ``recv-window`` raises it to 60 at most."""
    answer = await contract(it, "GET", "account/assets", shift_ms=shift_ms, window_s=window_s)
    assert answer["code"] == code


async def test_spot_requests_are_signed_exactly_and_timely(it: Venue) -> None:
    """SIGNED: ``totalParams`` under HMAC-SHA256; Timing security: 5,000 ms."""
    assert "balances" in await spot(it, "GET", "account")
    assert (await spot(it, "GET", "account", secret="other"))["code"] == 700002
    assert (await spot(it, "GET", "account", shift_ms=-5_500))["code"] == 700003
    assert (await spot(it, "GET", "account", shift_ms=1_500))["code"] == 700003
    assert (await spot(it, "GET", "account", recvWindow=60_001))["code"] == 700005


# --- orders -------------------------------------------------------------------------------------


async def test_only_the_flag_reduces_in_one_way_mode(it: Venue) -> None:
    """Order: "For one-way positions, if you need to only reduce positions, pass in true"."""
    await contract(it, "POST", "order/create", order())
    await contract(it, "POST", "order/create", order(side=4, vol=300))
    anna = it.engine.accounts["anna"]
    assert anna.held(BTC) == Decimal("-0.01"), "side 4 without the flag has turned round"
    answer = await contract(it, "POST", "order/create", order(side=4, reduceOnly=True))
    assert answer["code"] == 2009
    answer = await contract(it, "POST", "order/create", order(side=2, vol=101, reduceOnly=True))
    assert answer["code"] == 2008


async def test_hedge_mode_does_not_take_the_flag(it: Venue) -> None:
    """Order: "two-way positions will not accept this parameter"; sides 2 and 4 close there."""
    assert (await contract(it, "POST", "position/change_position_mode", {"positionMode": 1}))[
        "success"
    ]
    assert (await contract(it, "POST", "order/create", order(reduceOnly=False)))["code"] == 600
    assert (await contract(it, "POST", "order/create", order()))["code"] == 0
    assert (await contract(it, "POST", "order/create", order(side=4)))["code"] == 0
    assert it.engine.accounts["anna"].held(BTC) == 0
    answer = await contract(it, "POST", "order/create", order(side=4))
    assert answer["code"] == 2009


async def test_an_external_id_has_32_letters_at_most_and_may_repeat(it: Venue) -> None:
    """2030: "External order ID is too long"; no document promises that it is unique."""
    assert (await contract(it, "POST", "order/create", order(externalOid="a" * 33)))["code"] == 2030
    for _ in range(2):
        await contract(it, "POST", "order/create", order(externalOid="same"))
    assert it.engine.journal.entries_accepted("anna") == {"same": 2}


async def test_a_look_up_of_an_unknown_order_is_no_error(it: Venue) -> None:
    """An answer without data (hostile reading: the documents show no error for it)."""
    for path in ("order/get/1", f"order/external/{BTC}/none"):
        assert await contract(it, "GET", path) == {"success": True, "code": 0}


async def test_isolated_margin_needs_a_leverage(it: Venue) -> None:
    """Order: "Leverage is necessary on Isolated Margin"; one margin mode for one position."""
    assert (await contract(it, "POST", "order/create", order(openType=1)))["code"] == 2006
    assert (await contract(it, "POST", "order/create", order(openType=1, leverage=5)))["code"] == 0
    assert (await contract(it, "POST", "order/create", order()))["code"] == 2027
    answer = await contract(it, "POST", "order/create", order(openType=1, leverage=9))
    assert answer["code"] == 2021


async def test_leverage_belongs_to_margin_mode_and_direction(it: Venue) -> None:
    """Switch leverage: ``openType`` and ``positionType`` without a position, its id with one."""
    asked = {"symbol": BTC, "leverage": 7, "openType": 2, "positionType": 1}
    assert (await contract(it, "POST", "position/change_leverage", asked))["success"]
    rows = (await contract(it, "GET", "position/leverage", symbol=BTC))["data"]
    assert {row["positionType"]: row["leverage"] for row in rows} == {1: 7, 2: 20}
    await contract(it, "POST", "order/create", order())
    [held] = (await contract(it, "GET", "position/open_positions"))["data"]
    assert held["leverage"] == 7
    assert (await contract(it, "POST", "position/change_leverage", asked))["code"] == 2019
    asked = {"positionId": held["positionId"], "leverage": 9}
    assert (await contract(it, "POST", "position/change_leverage", asked))["success"]


# --- plan and stop orders -----------------------------------------------------------------------


@pytest.mark.parametrize(("cycle", "days"), [(1, 1), (2, 7)])
async def test_a_plan_order_expires(it: Venue, cycle: int, days: int) -> None:
    """Trigger order: ``executeCycle`` "1: 24 hours, 2: 7 days"; then it is state 4, invalid."""
    await contract(it, "POST", "order/create", order())
    await contract(it, "POST", "planorder/place", plan(executeCycle=cycle))
    it.engine.clock_offset_ms += days * DAY_MS + 1_000
    it.engine.set_price(BTC, Decimal(48_000))
    anna = it.engine.accounts["anna"]
    assert anna.held(BTC) == Decimal("0.02"), "nothing has stopped it"
    start_ms = it.engine.now_ms() - 10 * DAY_MS
    rows = (await contract(it, "GET", "planorder/list/orders", start_time=start_ms))["data"]
    assert [row["state"] for row in rows] == [4]


async def test_plan_orders_are_listed_for_seven_days_unless_a_start_is_named(it: Venue) -> None:
    """Trigger order list: "default return the last 7 days"; 90 days at a time."""
    await contract(it, "POST", "planorder/place", plan())
    it.engine.clock_offset_ms += 7 * DAY_MS + 5_000
    assert (await contract(it, "GET", "planorder/list/orders"))["data"] == []
    start_ms = it.engine.now_ms() - 8 * DAY_MS
    assert (await contract(it, "GET", "planorder/list/orders", start_time=start_ms))["data"]
    start_ms = it.engine.now_ms() - 91 * DAY_MS
    answer = await contract(it, "GET", "planorder/list/orders", start_time=start_ms)
    assert answer["code"] == 6003


async def test_the_trigger_direction_is_what_is_said(it: Venue) -> None:
    """``triggerType`` "1: more than or equal, 2: less than or equal", whatever the side."""
    await contract(it, "POST", "order/create", order())
    answer = await contract(it, "POST", "planorder/place", plan(triggerType=1))
    assert answer["success"], "a stop below the price that waits for more is there already"
    assert it.engine.accounts["anna"].held(BTC) == 0


@pytest.mark.parametrize(("field", "code"), [
    ("triggerType", 3002), ("executeCycle", 3003), ("trend", 3001), ("triggerPrice", 3004),
])  # fmt: skip
async def test_a_plan_order_says_everything(it: Venue, field: str, code: int) -> None:
    """Error code: 3001 to 3004."""
    answer = await contract(it, "POST", "planorder/place", plan(**{field: None}))
    assert answer["code"] == code


async def test_a_plan_order_has_no_id_of_the_clients(it: Venue) -> None:
    """Trigger order: no ``externalOid`` among its parameters, nor in the list."""
    await contract(it, "POST", "planorder/place", plan(externalOid="mine"))
    [row] = (await contract(it, "GET", "planorder/list/orders"))["data"]
    assert "externalOid" not in row
    assert "data" not in await contract(it, "GET", f"order/external/{BTC}/mine")


async def test_a_plan_order_without_the_flag_opens_a_position(it: Venue) -> None:
    """It reduces only with ``reduceOnly``, which can be refused (the documents do not name it)."""
    await contract(it, "POST", "planorder/place", plan(reduceOnly=False))
    it.engine.set_price(BTC, Decimal(48_900))
    assert it.engine.accounts["anna"].held(BTC) == Decimal("-0.02")
    assert isinstance(it.dialect, Mexc)
    it.dialect.swap.refuses_reduce_only = True
    assert (await contract(it, "POST", "planorder/place", plan()))["code"] == 600


async def test_a_stop_order_rests_with_its_position(it: Venue) -> None:
    """``stoporder``: it does not expire, and it goes with the position."""
    await contract(it, "POST", "order/create", order())
    [held] = (await contract(it, "GET", "position/open_positions"))["data"]
    asked = {"positionId": held["positionId"], "vol": 200, "stopLossPrice": 49_000}
    assert (await contract(it, "POST", "stoporder/place", asked))["success"]
    it.engine.clock_offset_ms += 30 * DAY_MS
    start_ms = it.engine.now_ms() - 31 * DAY_MS
    rows = (await contract(it, "GET", "stoporder/list/orders", start_time=start_ms))["data"]
    assert [(row["state"], row["stopLossPrice"]) for row in rows] == [(1, 49_000.0)]
    it.engine.close_by_hand("anna", BTC)
    [stop] = [
        each for each in it.engine.accounts["anna"].orders.values() if each.ask.kind is Kind.STOP
    ]
    assert stop.status is Status.CANCELED


async def test_an_entry_may_bring_its_levels(it: Venue) -> None:
    """Order: ``stopLossPrice``, ``takeProfitPrice``; they become stop orders."""
    await contract(it, "POST", "order/create", order(stopLossPrice=49_000, takeProfitPrice=52_000))
    rows = (await contract(it, "GET", "stoporder/list/orders", is_finished=0))["data"]
    assert {row["triggerSide"] for row in rows} == {0}
    assert len(rows) == 2
    it.engine.set_price(BTC, Decimal(48_900))
    assert it.engine.accounts["anna"].held(BTC) == 0
    assert it.engine.accounts["anna"].open == {}


# --- lists and candles --------------------------------------------------------------------------


async def test_contract_lists_come_in_pages_of_twenty(it: Venue, api: Any) -> None:
    """page size default 20, maximum 100; newest first."""
    for number in range(25):
        asked = order(type=1, price=40_000 + number, vol=1)
        await contract(it, "POST", "order/create", asked)
    first = (await contract(it, "GET", "order/list/open_orders", page_num=1))["data"]
    second = (await contract(it, "GET", "order/list/open_orders", page_num=2))["data"]
    assert [row["price"] for row in first + second] == [40_024.0 - n for n in range(25)]
    assert len(first) == 20
    assert len(await api.fetch_open_orders(SWAP)) == 25, "ccxt asks for a hundred"


async def test_fills_come_in_pages_of_twenty_for_seven_days(it: Venue, api: Any) -> None:
    """Transaction details: "the default is to push forward 7 days", 20 a page."""
    for _ in range(22):
        await enter(api, "1")
    start_ms = it.engine.now_ms() - 5_000
    assert len(await api.fetch_my_trades(SWAP)) == 20
    assert len(await api.fetch_my_trades(SWAP, None, 100)) == 22
    pass_time(it, 8 * DAY_MS, api)
    assert await api.fetch_my_trades(SWAP) == []
    assert len(await api.fetch_my_trades(SWAP, start_ms, 100)) == 22


def push_minutes(it: Venue, market: str, number: int) -> int:
    """Push so many candles of a minute that end now; return where the first opens."""
    price = Decimal(50_000)
    first = it.engine.now_ms() // 60_000 * 60_000 - (number - 1) * 60_000
    for n in range(number):
        it.engine.push_candle(market, "1m", first + n * 60_000, price, price, price, price)
    return first


async def test_contract_candles_are_the_newest_2000_of_the_window(it: Venue, api: Any) -> None:
    """Get K-line data: 2,000 pieces at most; with a start alone the newest (hostile reading)."""
    first = push_minutes(it, BTC, 2_010)
    rows = await api.fetch_ohlcv(SWAP, "1m", first)
    assert (len(rows), rows[0][0]) == (2_000, first + 10 * 60_000)
    rows = await api.fetch_ohlcv(SWAP, "1m", first, None, {"until": first + 2 * 60_000})
    assert [row[0] for row in rows] == [first, first + 60_000, first + 2 * 60_000]


async def test_spot_candles_are_500_at_most_and_their_end_is_not_included(it: Venue) -> None:
    """Kline/Candlestick Data: 1,000 are documented; clients have seen 500 and an exclusive end."""
    first = push_minutes(it, "BTCUSDT", 510)
    query = f"symbol=BTCUSDT&interval=1m&limit=1000&startTime={first}"
    _, rows = await sent(it, "GET", "/api/v3/klines", query=query)
    assert (len(rows), rows[0][0]) == (500, first + 10 * 60_000)
    query += f"&endTime={first + 120_000}"
    _, rows = await sent(it, "GET", "/api/v3/klines", query=query)
    assert [row[0] for row in rows] == [first, first + 60_000]


@pytest.mark.parametrize("interval", ["Min3", "None", "Hour2"])
async def test_an_unknown_interval_is_refused(it: Venue, interval: str) -> None:
    """Min1, Min5, Min15, Min30, Min60, Hour4, Hour8, Day1, Week1, Month1 and no other."""
    _, answer = await sent(it, "GET", f"/api/v1/contract/kline/{BTC}", query=f"interval={interval}")
    assert answer["code"] == 600


# --- spot rules ---------------------------------------------------------------------------------


async def test_spot_orders_are_listed_for_a_day_and_for_a_week_at_most(it: Venue) -> None:
    """All Orders: "the latest 24 hours by default", "the latest 7 days" at most."""
    await spot(it, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty=500)
    it.engine.clock_offset_ms += DAY_MS + 1_000
    assert await spot(it, "GET", "allOrders", symbol="BTCUSDT") == []
    start_ms = it.engine.now_ms() - 2 * DAY_MS
    assert await spot(it, "GET", "allOrders", symbol="BTCUSDT", startTime=start_ms)
    it.engine.clock_offset_ms += 7 * DAY_MS
    assert await spot(it, "GET", "allOrders", symbol="BTCUSDT", startTime=start_ms) == []


async def test_spot_trades_are_a_hundred_at_most_and_of_the_past_month(it: Venue, api: Any) -> None:
    """Account Trade List: "Default 100; max 100", "in the past 1 month"."""
    for _ in range(102):
        await api.create_order(SPOT, "market", "buy", None, None, {"cost": "5"})
    start_ms = it.engine.now_ms() - 60_000
    trades = await spot(it, "GET", "myTrades", symbol="BTCUSDT", limit=500, startTime=start_ms)
    assert len(trades) == 100
    it.engine.clock_offset_ms += 31 * DAY_MS
    assert await spot(it, "GET", "myTrades", symbol="BTCUSDT", startTime=start_ms) == []


async def test_an_unknown_spot_order_has_a_code(it: Venue) -> None:
    """-2013 for a look-up, -2011 "Unknown order sent" for a cancel."""
    asked: dict[str, Any] = {"symbol": "BTCUSDT", "origClientOrderId": "none"}
    assert (await spot(it, "GET", "order", **asked))["code"] == -2013
    assert (await spot(it, "DELETE", "order", **asked))["code"] == -2011


async def test_coins_that_are_held_cannot_be_sold(it: Venue, api: Any) -> None:
    """30004: "Insufficient position"."""
    anna = it.engine.accounts["anna"]
    anna.coins["BTC"] = Decimal("0.01")
    await api.create_order(SPOT, "limit", "sell", "0.01", "60000")
    await refused(api.create_order(SPOT, "market", "sell", "0.01"), ccxt.InsufficientFunds)


async def test_a_listen_key_is_valid_for_an_hour(it: Venue) -> None:
    """Websocket User Data Streams: 60 minutes, renewed by PUT."""
    key = (await spot(it, "POST", "userDataStream"))["listenKey"]
    it.engine.clock_offset_ms += 50 * 60_000
    assert await spot(it, "PUT", "userDataStream", listenKey=key) == {"listenKey": key}
    it.engine.clock_offset_ms += 61 * 60_000
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{it.url}/ws?listenKey={key}") as ws,
    ):
        assert await ws.receive_str() == "Invalid listen key"


async def test_contract_requests_are_limited_by_endpoint(it: Venue) -> None:
    """Rate limit: 20 times/2 seconds for each endpoint; 510 beyond."""
    it.limits.on = True
    codes = [(await contract(it, "GET", "account/assets"))["code"] for _ in range(21)]
    assert codes == [0] * 20 + [510]
    assert (await contract(it, "GET", "position/open_positions"))["code"] == 0
