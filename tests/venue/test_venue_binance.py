"""The loopback Binance is as strict as the real one, and ccxt works against it unchanged."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support as ccxt
import ccxt.pro as ccxt_pro
import pytest

from tests.venue.binance import Binance
from tests.venue.server import Venue, venue

SYMBOL = "BTC/USDT:USDT"
MARKET = "BTCUSDT"
MINUTE_MS = 60_000
OPTIONS = {"fetchCurrencies": False, "watchPositions": {"fetchPositionsSnapshot": False}}


@pytest.fixture
async def it() -> AsyncIterator[Venue]:
    """A running Binance with one account, alice."""
    async with venue("binance", accounts=["alice"]) as running:
        yield running


def settings(it: Venue, key: str = "alice") -> dict[str, Any]:
    return {
        **it.credentials(key), **it.ccxt_config(), "options": dict(OPTIONS),
        "enableRateLimit": False, "number": str,
    }  # fmt: skip


@pytest.fixture
async def api(it: Venue) -> AsyncIterator[Any]:
    """A client of ccxt as it comes, with nothing but other urls."""
    client = ccxt.binanceusdm(settings(it))
    await client.load_markets()
    yield client
    await client.close()


@pytest.fixture
async def pro(it: Venue) -> AsyncIterator[Any]:
    """The streaming client."""
    client = ccxt_pro.binanceusdm(settings(it))
    await client.load_markets()
    yield client
    await client.close()


def stop_at(price: str, client_id: str = "stop1") -> dict[str, Any]:
    return {"clientOrderId": client_id, "stopLossPrice": price, "reduceOnly": True}


async def enter(api: Any, client_id: str = "e1", amount: str = "0.010") -> Any:
    return await api.create_order(
        SYMBOL, "market", "buy", amount, None, {"clientOrderId": client_id}
    )


async def refused(call: Awaitable[Any]) -> str:
    """What the exchange said in its refusal."""
    with pytest.raises(ccxt.BaseError) as caught:
        await call
    return str(caught.value)


# --- through ccxt ---------------------------------------------------------------------------


async def test_a_market_order_fills_at_once_and_is_found_under_its_client_id(api: Any) -> None:
    """The result tells quantity and average price, and no fee, as at the real one."""
    order = await enter(api)
    assert order["status"] == "closed"
    assert Decimal(order["filled"]) == Decimal("0.010")
    assert Decimal(order["average"]) == 50_000
    found = await api.fetch_order("", SYMBOL, {"clientOrderId": "e1"})
    assert found["id"] == order["id"]
    assert found["clientOrderId"] == "e1"
    assert order["fee"] is None


async def test_fees_come_with_the_trades(api: Any) -> None:
    """``userTrades`` of one order."""
    order = await enter(api)
    [trade] = await api.fetch_my_trades(SYMBOL, None, None, {"orderId": order["id"]})
    assert trade["order"] == order["id"]
    assert Decimal(trade["fee"]["cost"]) == Decimal("0.25")
    assert trade["fee"]["currency"] == "USDT"


async def test_a_position_and_the_balance_follow_the_fill(api: Any) -> None:
    """Size, entry price, profit at the mark price, and what remains as margin."""
    await enter(api)
    [position] = await api.fetch_positions([SYMBOL])
    assert (position["side"], Decimal(str(position["contracts"]))) == ("long", Decimal("0.010"))
    assert Decimal(str(position["entryPrice"])) == 50_000
    balance = await api.fetch_balance()
    assert Decimal(balance["USDT"]["total"]) == Decimal("9999.75")
    assert Decimal(balance["USDT"]["free"]) == Decimal("9974.75")


async def test_a_limit_order_rests_until_the_price_comes(it: Venue, api: Any) -> None:
    """As a maker, at its own price."""
    await api.create_order(SYMBOL, "limit", "buy", "0.010", "49000", {"clientOrderId": "l1"})
    assert [o["clientOrderId"] for o in await api.fetch_open_orders(SYMBOL)] == ["l1"]
    it.engine.set_price(MARKET, Decimal(48_900))
    order = await api.fetch_order("", SYMBOL, {"clientOrderId": "l1"})
    assert (order["status"], order["average"]) == ("closed", "49000.00000")
    [trade] = await api.fetch_my_trades(SYMBOL)
    assert trade["takerOrMaker"] == "maker"


async def test_a_cancelled_order_says_so(api: Any) -> None:
    """By client id; a second cancel is refused."""
    await api.create_order(SYMBOL, "limit", "buy", "0.010", "49000", {"clientOrderId": "l1"})
    cancelled = await api.cancel_order("", SYMBOL, {"clientOrderId": "l1"})
    assert cancelled["status"] == "canceled"
    assert "-2011" in await refused(api.cancel_order("", SYMBOL, {"clientOrderId": "l1"}))


async def test_a_stop_lives_among_the_algo_orders_only(api: Any) -> None:
    """The plain list, the plain look-up and the plain cancel do not know it."""
    await enter(api)
    stop = await api.create_order(SYMBOL, "market", "sell", "0.010", None, stop_at("49000"))
    assert stop["status"] == "open"
    assert await api.fetch_open_orders(SYMBOL) == []
    [listed] = await api.fetch_open_orders(SYMBOL, None, None, {"trigger": True})
    assert (listed["clientOrderId"], listed["triggerPrice"]) == ("stop1", "49000")
    assert "-2013" in await refused(api.fetch_order("", SYMBOL, {"clientOrderId": "stop1"}))
    await api.cancel_order("", SYMBOL, {"clientOrderId": "stop1", "trigger": True})
    found = await api.fetch_order("", SYMBOL, {"clientOrderId": "stop1", "trigger": True})
    assert found["status"] == "canceled"


async def test_a_triggered_stop_goes_on_as_another_order(it: Venue, api: Any) -> None:
    """The algo order names the one it became; that one has the fill."""
    await enter(api)
    await api.create_order(SYMBOL, "market", "sell", "0.010", None, stop_at("49000"))
    it.engine.set_price(MARKET, Decimal(48_990))
    stop = await api.fetch_order("", SYMBOL, {"clientOrderId": "stop1", "trigger": True})
    assert stop["info"]["algoStatus"] == "FINISHED"
    actual = await api.fetch_order(stop["info"]["actualOrderId"], SYMBOL)
    assert actual["id"] != stop["id"]
    assert (actual["filled"], actual["average"]) == ("0.01", "48990.00000")
    assert await api.fetch_positions([SYMBOL]) == []


async def test_a_target_triggers_on_the_other_side(it: Venue, api: Any) -> None:
    """And the stop that is left rests on, as there, until somebody cancels it."""
    await enter(api)
    await api.create_order(SYMBOL, "market", "sell", "0.010", None, stop_at("49000"))
    target = {"clientOrderId": "tp1", "takeProfitPrice": "51000", "reduceOnly": True}
    await api.create_order(SYMBOL, "market", "sell", "0.010", None, target)
    it.engine.set_price(MARKET, Decimal(51_010))
    assert it.engine.accounts["alice"].held(MARKET) == 0
    left = await api.fetch_open_orders(SYMBOL, None, None, {"trigger": True})
    assert [o["clientOrderId"] for o in left] == ["stop1"]
    it.engine.set_price(MARKET, Decimal(48_000))
    assert it.engine.accounts["alice"].held(MARKET) == 0, "reduce-only never opens a position"


async def test_a_whole_position_stop_ends_with_the_position(it: Venue, api: Any) -> None:
    """``closePosition`` needs no quantity, and nothing is left behind."""
    await enter(api)
    whole = {"clientOrderId": "all1", "stopLossPrice": "49000", "closePosition": True}
    await api.create_order(SYMBOL, "market", "sell", None, None, whole)
    it.engine.close_by_hand("alice", MARKET)
    assert await api.fetch_open_orders(SYMBOL, None, None, {"trigger": True}) == []


async def test_leverage_and_margin_mode_are_kept(api: Any) -> None:
    """Read back through ``symbolConfig``; the same margin mode again is -4046."""
    await api.set_leverage(5, SYMBOL)
    assert (await api.fetch_leverage(SYMBOL))["longLeverage"] == 5
    await api.set_margin_mode("isolated", SYMBOL)
    rows = await api.fapiPrivateGetSymbolConfig({"symbol": MARKET})
    assert rows[0]["marginType"] == "ISOLATED"
    assert "-4046" in await refused(api.fapiPrivatePostMarginType(
        {"symbol": MARKET, "marginType": "ISOLATED"}
    ))  # fmt: skip
    assert (await api.fetch_position_mode(SYMBOL))["hedged"] is False


async def test_a_key_tells_its_permissions(it: Venue, api: Any) -> None:
    """``apiRestrictions``: whether it may withdraw."""
    assert (await api.sapiGetAccountApiRestrictions())["enableWithdrawals"] is False
    it.engine.accounts["alice"].can_withdraw = True
    assert (await api.sapiGetAccountApiRestrictions())["enableWithdrawals"] is True


async def test_candles_come_in_order_from_the_asked_instant(it: Venue, api: Any) -> None:
    """The newest ones without a start, the first ones with it."""
    for n in range(5):
        price = Decimal(50_000 + n)
        it.engine.push_candle(MARKET, "1m", n * MINUTE_MS, price, price, price, price)
    newest = await api.fetch_ohlcv(SYMBOL, "1m", None, 2)
    assert [row[0] for row in newest] == [3 * MINUTE_MS, 4 * MINUTE_MS]
    first = await api.fetch_ohlcv(SYMBOL, "1m", 1, 2)
    assert [row[0] for row in first] == [MINUTE_MS, 2 * MINUTE_MS]


async def test_what_the_owner_and_the_exchange_do_is_to_be_seen(it: Venue, api: Any) -> None:
    """Closed by hand, liquidated, funding paid."""
    await enter(api)
    it.engine.pay_funding(MARKET, Decimal("0.0001"))
    assert (await api.fetch_funding_history(SYMBOL))[0]["amount"] == "-0.05000000"
    by_hand = it.engine.close_by_hand("alice", MARKET)
    assert by_hand.ask.client_id.startswith("web_")
    await enter(api, "e2")
    it.engine.liquidate("alice", MARKET)
    forced = await api.fapiPrivateGetForceOrders({"symbol": MARKET})
    assert forced[0]["clientOrderId"].startswith("autoclose-")
    assert await api.fetch_positions([SYMBOL]) == []


# --- strict ---------------------------------------------------------------------------------


async def asked(it: Venue, method: str, path: str, *, secret: str = "", **params: Any) -> Any:
    """One hand-made request and its answer, status and code."""
    query = urlencode(params)
    if secret:
        signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        query = f"{query}&signature={signature}"
    async with (
        aiohttp.ClientSession(headers={"X-MBX-APIKEY": "alice"}) as session,
        session.request(method, f"{it.url}{path}?{query}") as response,
    ):
        body = await response.json()
        return response.status, body.get("code") if isinstance(body, dict) else body


async def test_a_wrong_signature_is_refused(it: Venue) -> None:
    """-1022, and nothing is carried out."""
    now_ms = it.engine.now_ms()
    assert await asked(it, "GET", "/fapi/v2/balance", secret="wrong", timestamp=now_ms) == (
        400, -1022,
    )  # fmt: skip
    assert await asked(it, "GET", "/fapi/v2/balance", timestamp=now_ms) == (400, -1102)


@pytest.mark.parametrize("late_ms", [6_000, -2_000])
async def test_a_timestamp_outside_of_the_window_is_refused(it: Venue, late_ms: int) -> None:
    """Too old, or from the future: -1021."""
    sent_ms = it.engine.now_ms() - late_ms
    answer = await asked(
        it, "GET", "/fapi/v2/balance", secret="alice-secret", timestamp=sent_ms, recvWindow=5_000
    )
    assert answer == (400, -1021)


async def test_a_clock_that_goes_wrong_is_noticed_and_told(it: Venue, api: Any) -> None:
    """The exchange's time is told by ``time``; the offset makes requests too old."""
    it.engine.clock_offset_ms = 60_000
    assert "-1021" in await refused(api.fetch_balance())
    await api.load_time_difference()
    assert abs(api.options["timeDifference"] + 60_000) < 1_000


async def test_unknown_and_revoked_keys_are_refused(it: Venue, api: Any) -> None:
    """-2015 for both, at once."""
    it.engine.accounts["alice"].is_revoked = True
    assert "-2015" in await refused(api.fetch_balance())
    api.apiKey = "nobody"
    assert "-2015" in await refused(api.fetch_balance())


ORDER: dict[str, Any] = {
    "symbol": MARKET, "side": "BUY", "type": "MARKET", "quantity": "0.010",
    "newClientOrderId": "x1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": "0.0105"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"quantity": "121"}, -4005),
        ({"quantity": "1e-2"}, -1100),
        ({"quantity": "10"}, -2019),
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"side": "buy"}, -1117),
        ({"type": "STOP_MARKET", "stopPrice": "49000"}, -4120),
        ({"price": "50000"}, -1106),
        ({"type": "LIMIT", "price": "49000.05", "timeInForce": "GTC"}, -4014),
        ({"type": "LIMIT", "price": "49000"}, -1102),
        ({"type": "LIMIT", "price": "4000", "quantity": "0.001", "timeInForce": "GTC"}, -4164),
        ({"type": "LIMIT", "price": "51000", "timeInForce": "GTX"}, -5022),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "x 1"}, -1100),
    ],
)
async def test_an_order_against_the_rules_is_refused(
    api: Any, it: Venue, change: dict[str, str], code: int
) -> None:
    """With the code the real one has for it; nothing is accepted."""
    assert f'"code":{code},' in await refused(api.fapiPrivatePostOrder({**ORDER, **change}))
    assert it.engine.journal.lines == []


async def test_a_client_id_is_unique_among_open_orders_only(api: Any) -> None:
    """Like the real one: after a fill the same id opens a second position."""
    await api.create_order(SYMBOL, "limit", "buy", "0.010", "49000", {"clientOrderId": "e1"})
    assert "-4116" in await refused(enter(api, "e1"))
    await api.cancel_order("", SYMBOL, {"clientOrderId": "e1"})
    await enter(api, "e1")
    await enter(api, "e1")
    [position] = await api.fetch_positions([SYMBOL])
    assert Decimal(str(position["contracts"])) == Decimal("0.020")


async def test_a_stop_on_the_wrong_side_of_the_price_is_refused(api: Any) -> None:
    """It would trigger at once: -2021."""
    await enter(api)
    late = api.create_order(SYMBOL, "market", "sell", "0.010", None, stop_at("50100"))
    assert "-2021" in await refused(late)


async def test_a_trigger_by_mark_price_ignores_the_last_price(it: Venue, api: Any) -> None:
    """And the other way round."""
    await enter(api)
    marked = stop_at("49000") | {"workingType": "MARK_PRICE"}
    await api.create_order(SYMBOL, "market", "sell", "0.010", None, marked)
    it.engine.set_price(MARKET, Decimal(48_000), mark=Decimal(49_500))
    assert it.engine.accounts["alice"].held(MARKET) == Decimal("0.010")
    it.engine.set_price(MARKET, Decimal(49_500), mark=Decimal(48_990))
    assert it.engine.accounts["alice"].held(MARKET) == 0


async def test_a_hedged_account_refuses_one_way_orders(it: Venue, api: Any) -> None:
    """-4061."""
    it.engine.accounts["alice"].is_hedged = True
    assert "-4061" in await refused(enter(api))


# --- streams --------------------------------------------------------------------------------


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - nobody tells the test when a client has subscribed
            await asyncio.sleep(0.01)


def subscribed(it: Venue) -> bool:
    return any(socket.topics for socket in it.dialect.sockets)


async def test_candles_are_streamed_to_those_who_subscribed(it: Venue, pro: Any) -> None:
    """ccxt's ``watch_ohlcv`` on the path variant it makes of the url."""
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(pro.watch_ohlcv(SYMBOL, "1m"))
        await until(lambda: subscribed(it))
        at, price = 600_000, Decimal(50_100)
        it.engine.push_candle(MARKET, "1m", at, price, price, price, price, Decimal(7))
        rows = await asyncio.wait_for(watching, 5)
    assert rows[-1][0] == at
    assert Decimal(str(rows[-1][4])) == price
    assert {s.path for s in it.dialect.sockets} == {"/market/ws/0"}


async def test_orders_are_streamed_to_their_account_only(it: Venue, pro: Any) -> None:
    """A fill with its fee; a stop and what it became."""
    it.add_account("bob")
    watch: list[Any] = []

    async def follow() -> None:
        while len(watch) < 4:
            watch.extend(await pro.watch_orders(SYMBOL))

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        await until(lambda: any(socket.key == "alice" for socket in it.dialect.sockets))
        await enter(pro)
        await pro.create_order(SYMBOL, "market", "sell", "0.010", None, stop_at("49000"))
        bob = ccxt.binanceusdm(settings(it, "bob"))
        await enter(bob, "bob1")
        await bob.close()
        it.engine.set_price(MARKET, Decimal(48_990))
    names = {order["clientOrderId"] for order in watch}
    assert names == {"e1", "stop1"}
    assert any(order["fee"] for order in watch if order["clientOrderId"] == "e1")


async def test_a_listen_key_that_has_expired_falls_silent(it: Venue, pro: Any) -> None:
    """The connection stays, and says nothing more; a dead key cannot be prolonged."""
    key = (await pro.fapiPrivatePostListenKey())["listenKey"]
    assert (await pro.fapiPrivatePutListenKey())["listenKey"] == key
    dialect = it.dialect
    assert isinstance(dialect, Binance)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{it.url}/private/ws?listenKey={key}") as socket,
    ):
        await until(lambda: any(each.key for each in it.dialect.sockets))
        await enter(pro)
        events = [(await socket.receive_json(timeout=5))["e"] for _ in range(3)]
        assert events == ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
        dialect.streaming.expire("alice")
        assert (await socket.receive_json(timeout=5))["e"] == "listenKeyExpired"
        await enter(pro, "e2")
        with pytest.raises(TimeoutError):
            await socket.receive_json(timeout=0.1)
    assert "-1125" in await refused(pro.fapiPrivatePutListenKey())


async def test_a_topic_is_not_served_under_another_ones_path(it: Venue) -> None:
    """Candles belong to ``/market``, best prices to ``/public``."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{it.url}/public/ws") as socket,
    ):
        topics = ["btcusdt@kline_1m", "btcusdt@bookTicker"]
        await socket.send_json({"method": "SUBSCRIBE", "params": topics, "id": 1})
        assert await socket.receive_json(timeout=5) == {"result": None, "id": 1}
        price = Decimal(50_000)
        it.engine.push_candle(MARKET, "1m", 0, price, price, price, price)
        it.engine.set_price(MARKET, price)
        assert (await socket.receive_json(timeout=5))["e"] == "bookTicker"
