"""The loopback Kraken is as strict as the real one, and ccxt works against it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import ccxt.async_support as ccxt
import pytest
from ccxt import pro

from tests.venue.clients import client_of, connected, frame, pass_time, refused, sent
from tests.venue.faults import Drop, Hide, Rule
from tests.venue.kraken import Kraken, sign
from tests.venue.kraken_engine import KrakenEngine, secret_of, to_number, to_text
from tests.venue.server import Venue, venue

SPOT, BTC = "BTC/USD", "XXBTZUSD"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
async def it() -> AsyncIterator[Venue]:
    """A running Kraken with two accounts."""
    async with venue("kraken", accounts=["anna", "bert"]) as running:
        yield running


@pytest.fixture
async def api(it: Venue) -> AsyncIterator[Any]:
    """ccxt's client of anna, with nothing but other addresses."""
    async with client_of(it) as client:
        yield client


async def signed(
    it: Venue, name: str, *, key: str = "anna", secret: str = "", nonce: int | None = None,
    **asked: Any,
) -> Any:  # fmt: skip
    """A request signed by hand as Kraken's documents say, and the JSON of its answer."""
    dialect = it.dialect
    assert isinstance(dialect, Kraken)
    stamp = str(dialect.nonces.get(key, 0) + 1 if nonce is None else nonce)
    body, path = urlencode({"nonce": stamp, **asked}), f"/0/private/{name}"
    headers = {
        "API-Key": key, "API-Sign": sign(secret or secret_of(key), path, stamp, body),
        "Content-Type": "application/x-www-form-urlencoded",
    }  # fmt: skip
    return (await sent(it, "POST", path, body=body, headers=headers))[1]


async def place(it: Venue, **more: Any) -> Any:
    """A limit buy of 0.01 BTC that rests, sent by hand."""
    asked = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000",
             "volume": "0.01"}  # fmt: skip
    return await signed(it, "AddOrder", **asked | more)


async def refusal(it: Venue, **more: Any) -> str:
    """The text with which an order is refused."""
    answer = await place(it, **more)
    return str(answer["error"][0])


async def enter(api: Any, amount: str = "0.02", **params: Any) -> Any:
    """Buy at the market price."""
    return await api.create_order(SPOT, "market", "buy", amount, None, params)


def coins(it: Venue) -> dict[str, Decimal]:
    """What anna has."""
    account = it.engine.accounts["anna"]
    return account.coins


def give(it: Venue) -> None:
    """Let anna own a bitcoin."""
    engine = it.engine
    assert isinstance(engine, KrakenEngine)
    engine.set_coins(engine.accounts["anna"], "BTC", Decimal(1))


# --- through ccxt -------------------------------------------------------------------------------


async def test_markets_have_three_names(api: Any) -> None:
    """XXBTZUSD for requests, XBTUSD in orders, BTC/USD on the second websocket."""
    assert api.market(SPOT)["id"] == BTC
    assert api.market(SPOT)["altname"] == "XBTUSD"
    assert Decimal(str(api.market(SPOT)["precision"]["amount"])) == Decimal("0.00000001")
    assert api.market("DOGE/USD")["limits"]["amount"]["min"] == "13"


async def test_an_order_is_entered_found_and_accounted_for(it: Venue, api: Any) -> None:
    """A buy pays its fee in USD: what was bought is there whole ("fciq")."""
    placed = await enter(api, clientOrderId="a" * 32)
    found = await api.fetch_order(placed["id"], SPOT)
    assert (found["status"], found["clientOrderId"], found["filled"]) == (
        "closed", "a" * 32, "0.02000000",
    )  # fmt: skip
    assert found["fee"]["cost"] == "4.00000"
    [trade] = await api.fetch_my_trades(SPOT)
    assert (trade["order"], trade["amount"]) == (placed["id"], "0.02000000")
    balance = await api.fetch_balance()
    assert Decimal(balance["BTC"]["total"]) == Decimal("0.02")
    assert Decimal(balance["USD"]["free"]) == 10_000 - 1_000 - 4


async def test_an_order_by_its_own_id_is_only_in_the_lists(api: Any) -> None:
    """Get Open Orders and "Get Closed Orders" take ``cl_ord_id``; "Query Orders Info" does not.

    ccxt's ``fetch_order`` with ``clientOrderId`` sends it as ``userref``, a number of 32 bits.
    """
    placed = await api.create_order(SPOT, "limit", "buy", "0.01", "40000", {"clientOrderId": "x"})
    [found] = await api.fetch_open_orders(SPOT, None, None, {"clientOrderId": "x"})
    assert (found["id"], found["status"]) == (placed["id"], "open")
    assert await api.fetch_open_orders(SPOT, None, None, {"clientOrderId": "y"}) == []
    assert "txid" in await refused(api.fetch_order("", SPOT, {"clientOrderId": "x"}))
    await api.cancel_order("", SPOT, {"clientOrderId": "x"})
    [ended] = await api.fetch_closed_orders(SPOT, None, None, {"clientOrderId": "x"})
    assert (ended["id"], ended["status"]) == (placed["id"], "canceled")


async def test_nothing_is_canceled_twice(api: Any) -> None:
    """``EOrder:Unknown order`` for an order that has ended."""
    placed = await api.create_order(SPOT, "limit", "buy", "0.01", "40000")
    await api.cancel_order(placed["id"], SPOT)
    await refused(api.cancel_order(placed["id"], SPOT), ccxt.OrderNotFound)


async def test_a_stop_holds_what_it_will_sell_and_keeps_its_id(it: Venue, api: Any) -> None:
    """``hold_trade`` of "Get Extended Balance" counts it, so a target beside it is refused.

    The documents do not exclude that a stop-loss order holds coins; a bot that counts on both at
    once has no target. The order that was triggered is the order that fills.
    """
    await enter(api)
    stop = await api.create_order(SPOT, "market", "sell", "0.02", None, {"stopLossPrice": "49000"})
    balance = await api.fetch_balance()
    assert Decimal(balance["BTC"]["used"]) == Decimal("0.02")
    target = api.create_order(SPOT, "market", "sell", "0.02", None, {"takeProfitPrice": "60000"})
    await refused(target, ccxt.InsufficientFunds)
    [listed] = await api.fetch_open_orders(SPOT)
    assert (listed["id"], listed["stopLossPrice"]) == (stop["id"], "49000.0")
    it.engine.set_price(BTC, Decimal(48_900))
    found = await api.fetch_order(stop["id"], SPOT)
    assert (found["status"], found["average"]) == ("closed", "48900.0")
    assert coins(it)["BTC"] == 0


async def test_a_target_sells_when_the_price_has_risen(it: Venue, api: Any) -> None:
    """``take-profit-limit``: ``price`` triggers, ``price2`` is the limit."""
    await enter(api)
    params = {"takeProfitPrice": "60000"}
    target = await api.create_order(SPOT, "limit", "sell", "0.02", "59900", params)
    it.engine.set_price(BTC, Decimal(60_100))
    found = await api.fetch_order(target["id"], SPOT)
    assert (found["status"], found["average"]) == ("closed", "60100.0")


async def test_a_stop_beyond_the_price_sells_at_once(it: Venue) -> None:
    """The documents do not mention a refusal."""
    give(it)
    placed = await place(it, type="sell", ordertype="stop-loss", price="51000")
    order = it.engine.accounts["anna"].orders[to_number(placed["result"]["txid"][0]) or 0]
    assert order.average == 50_000


async def test_a_close_order_follows_what_its_entry_fills(it: Venue) -> None:
    """``close[ordertype]`` of "Add Order"; its ``refid`` is the entry."""
    close = {"close[ordertype]": "stop-loss", "close[price]": "45000"}
    placed = await place(it, ordertype="market", **close)
    opens = (await signed(it, "OpenOrders"))["result"]["open"]
    [stop] = opens.values()
    assert stop["refid"] == placed["result"]["txid"][0]
    assert (stop["vol"], stop["stopprice"]) == ("0.01000000", "45000.0")


# --- the second websocket -----------------------------------------------------------------------


async def test_candles_are_streamed(it: Venue) -> None:
    """``ohlc`` of BTC/USD: the kept ones first, then every change."""
    at_ms = it.engine.now_ms() // 60_000 * 60_000
    price = Decimal(50_000)
    it.engine.push_candle(BTC, "1m", at_ms - 60_000, price, price, price, price)
    async with client_of(it, kind=pro) as client, asyncio.timeout(10):
        first = await client.watch_ohlcv(SPOT, "1m")
        assert first[0][0] == at_ms - 60_000
        heard = asyncio.create_task(client.watch_ohlcv(SPOT, "1m"))
        it.engine.push_candle(BTC, "1m", at_ms, price, price + 5, price, price, closed=False)
        rows = await heard
        assert (rows[-1][0], Decimal(rows[-1][2])) == (at_ms, price + 5)


async def test_the_second_websocket_knows_no_xbt(it: Venue) -> None:
    """Currency pair not supported; and only the nine timeframes."""
    async with connected(it, "/v2") as socket, asyncio.timeout(10):
        for symbol, interval in (("XBT/USD", 1), (SPOT, 3)):
            params = {"channel": "ohlc", "symbol": [symbol], "interval": interval}
            await socket.send_json({"method": "subscribe", "params": params, "req_id": 7})
            answer = await frame(socket, lambda got: got.get("req_id") == 7)
            assert answer["success"] is False


async def test_orders_are_streamed_to_their_account_only(it: Venue) -> None:
    """``executions``, with a token of "Get Websockets Token"."""
    async with (
        client_of(it, kind=pro) as client, client_of(it, "bert") as other, asyncio.timeout(10),
    ):  # fmt: skip
        heard = asyncio.create_task(client.watch_orders(SPOT))
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        await other.create_order(SPOT, "limit", "buy", "0.02", "49000")
        placed = await client.create_order(SPOT, "limit", "buy", "0.02", "48000")
        [first] = await heard
        assert (first["id"], first["amount"]) == (placed["id"], "0.02")


async def executions(it: Venue, socket: Any) -> None:
    """Subscribe to what anna's orders do."""
    token = (await signed(it, "GetWebSocketsToken"))["result"]["token"]
    params = {"channel": "executions", "token": token}
    await socket.send_json({"method": "subscribe", "params": params, "req_id": 1})
    await frame(socket, lambda got: got.get("type") == "snapshot")


async def test_updates_tell_what_has_changed_and_nothing_else(it: Venue) -> None:
    """Executions: ``pending_new``, ``new``, ``trade``, ``filled``, one message each.

    The trade that completes the order has ``partially_filled``; only ``filled`` has the sums,
    and neither ``new`` nor ``filled`` has a symbol.
    """
    async with connected(it, "/auth/v2") as socket, asyncio.timeout(10):
        await executions(it, socket)
        await place(it, ordertype="market", cl_ord_id="mine")
        told = [(await frame(socket, lambda got: got["channel"] == "executions"))["data"][0]
                for _ in range(4)]  # fmt: skip
    assert [each["exec_type"] for each in told] == ["pending_new", "new", "trade", "filled"]
    assert [each["order_status"] for each in told] == [
        "pending_new", "new", "partially_filled", "filled",
    ]  # fmt: skip
    assert ["symbol" in each for each in told] == [True, False, True, False]
    assert (told[3]["cum_qty"], told[3]["avg_price"]) == (0.01, 50_000.0)
    assert {each["cl_ord_id"] for each in told} == {"mine"}


async def test_a_stop_says_that_it_was_triggered(it: Venue) -> None:
    """``triggers.status`` becomes ``triggered``, then the order trades under its own id."""
    give(it)
    async with connected(it, "/auth/v2") as socket, asyncio.timeout(10):
        await executions(it, socket)
        await place(it, type="sell", ordertype="stop-loss", price="49000")
        it.engine.set_price(BTC, Decimal(48_000))
        told = await frame(socket, lambda got: got["channel"] == "executions"
                           and got["data"][0]["exec_type"] == "status")  # fmt: skip
        assert told["data"][0]["triggers"]["status"] == "triggered"
        last = await frame(socket, lambda got: got["channel"] == "executions"
                           and got["data"][0]["exec_type"] == "filled")  # fmt: skip
        assert last["data"][0]["order_id"] == told["data"][0]["order_id"]


async def test_a_token_lives_fifteen_minutes(it: Venue) -> None:
    """Get Websockets Token: 900 seconds; ``ESession:Invalid session`` afterwards."""
    token = (await signed(it, "GetWebSocketsToken"))["result"]["token"]
    pass_time(it, 900_001)
    async with connected(it, "/auth/v2") as socket, asyncio.timeout(10):
        params = {"channel": "executions", "token": token}
        await socket.send_json({"method": "subscribe", "params": params, "req_id": 1})
        answer = await frame(socket, lambda got: got.get("req_id") == 1)
        assert answer["error"] == "ESession:Invalid session"


# --- who may ask --------------------------------------------------------------------------------


async def test_requests_are_signed_exactly(it: Venue) -> None:
    """REST Authentication: HMAC-SHA512 of path and SHA-256 of nonce and body."""
    assert (await signed(it, "Balance"))["error"] == []
    assert (await signed(it, "Balance", secret=secret_of("other")))["error"] == [
        "EAPI:Invalid signature"
    ]
    assert (await signed(it, "Balance", key="nobody"))["error"] == ["EAPI:Invalid key"]
    it.engine.accounts["anna"].is_revoked = True
    assert (await signed(it, "Balance"))["error"] == ["EAPI:Invalid key"]


async def test_the_nonce_rises_with_every_request_of_a_key(it: Venue, api: Any) -> None:
    """Nonce: always increasing. Two requests that overtake each other are one refused."""
    high = 10**18
    assert (await signed(it, "Balance", nonce=high))["error"] == []
    for late in (high, high - 1):
        assert (await signed(it, "Balance", nonce=late))["error"] == ["EAPI:Invalid nonce"]
    assert (await signed(it, "Balance", key="bert", nonce=5))["error"] == []
    await refused(api.fetch_balance(), ccxt.InvalidNonce)


async def test_a_key_that_may_not_trade_places_nothing(it: Venue) -> None:
    """``EGeneral:Permission denied``; "Get API Key Info" lists what a key may do."""
    anna = it.engine.accounts["anna"]
    anna.can_trade, anna.can_withdraw = False, True
    assert await refusal(it) == "EGeneral:Permission denied"
    told = (await signed(it, "GetApiKeyInfo"))["result"]
    assert "modify-trades" not in told["permissions"]
    assert "withdraw-funds" in told["permissions"]
    assert told["ipAllowlist"] == ["127.0.0.1"]


# --- client ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        ("6d1b345e-2821-40e2-ad83-4ecb18a06876", True), ("6d1b345e282140e2ad834ecb18a06876", True),
        ("arb-20240509-00010", True), ("arb-20240509-000100", False), ("Upper", False),
        ("under_score", False), ("6d1b345e282140e2ad834ecb18a0687", False), ("zażółć", False),
    ],
)  # fmt: skip
async def test_a_client_id_has_one_of_three_forms(it: Venue, name: str, is_good: bool) -> None:
    """Guide on ``cl_ord_id``: a UUID, 32 hexadecimal digits, or 18 free characters.

    That free text is lower case is what a client has measured.
    """
    answer = await place(it, cl_ord_id=name)
    assert answer["error"] == ([] if is_good else ["EGeneral:Invalid arguments:cl_ord_id"])


async def test_a_client_id_is_unique_among_open_orders_only(it: Venue) -> None:
    """The guide: "across open orders for each client". After the end it buys a second time."""
    first = await place(it, cl_ord_id="same")
    assert await refusal(it, cl_ord_id="same") == (
        "EGeneral:Invalid arguments:cl_ord_id not unique"
    )
    await signed(it, "CancelOrder", txid=first["result"]["txid"][0])
    assert (await place(it, cl_ord_id="same"))["error"] == []
    assert (await signed(it, "OpenOrders", cl_ord_id="same"))["result"]["count"] == 1


async def test_a_reference_is_a_number_that_orders_share(it: Venue) -> None:
    """``userref`` has 32 bits and excludes ``cl_ord_id``; a cancel by it ends all of them."""
    for _ in range(2):
        assert (await place(it, userref=7))["error"] == []
    assert "exclusive" in await refusal(it, userref=7, cl_ord_id="x")
    assert (await refusal(it, userref=2**31)).endswith("userref")
    assert (await refusal(it, userref="text")).endswith("userref")
    assert (await signed(it, "OpenOrders", userref=7))["result"]["count"] == 2
    assert (await signed(it, "CancelOrder", txid="7"))["result"] == {"count": 2}


async def test_who_gives_no_reference_is_told_zero(it: Venue, api: Any) -> None:
    """The example of "Get Open Orders"; to ccxt that is an order with the client id "0"."""
    await place(it)
    [found] = await api.fetch_open_orders(SPOT)
    assert found["clientOrderId"] == "0"


# --- orders -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"volume": "0.00004"}, "EOrder:Order minimum not met"),
        ({"volume": "0.00005", "price": "5000"}, "EOrder:Cost minimum not met"),
        ({"price": "40000.05"}, "EOrder:Tick size check failed"),
        ({"volume": "0.010000001"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "1"}, "EOrder:Insufficient funds"),
        ({"type": "sell"}, "EOrder:Insufficient funds"),
        ({"pair": "BTC/USD"}, "EQuery:Unknown asset pair"),
        ({"ordertype": "stop"}, "EGeneral:Invalid arguments:ordertype"),
        ({"ordertype": "stop-loss-limit"}, "EGeneral:Invalid arguments:price2"),
        ({"timeinforce": "PO"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"oflags": "postonly"}, "EGeneral:Invalid arguments:oflags"),
        ({"trigger": "mark", "ordertype": "stop-loss"}, "EGeneral:Invalid arguments:trigger"),
        ({"leverage": "3"}, "EOrder:Margin allowance exceeded"),
        ({"reduce_only": "true"}, "EOrder:Reduce only:No position exists"),
        ({"close[ordertype]": "limit"}, "EGeneral:Invalid arguments:close"),
    ],
)  # fmt: skip
async def test_orders_are_refused_with_kraken_s_texts(
    it: Venue, asked: dict[str, str], text: str
) -> None:
    """Spot Error Messages. A balance is no position, so nothing can be reduced."""
    assert await refusal(it, **asked) == text


async def test_a_refusal_comes_with_http_200(it: Venue) -> None:
    """Only the list ``error`` distinguishes it from a success."""
    status, answer = await sent(it, "GET", "/0/public/OHLC", query="pair=XBTUSD&interval=3")
    assert (status, answer) == (200, {"error": ["EGeneral:Invalid arguments:interval"]})


async def test_an_order_that_may_only_wait_is_taken_and_canceled(it: Venue, api: Any) -> None:
    """``oflags=post``: the id comes back, the order has ended with "Post only order"."""
    placed = await api.create_order(SPOT, "limit", "buy", "0.01", "50000", {"postOnly": True})
    found = await api.fetch_order(placed["id"], SPOT)
    assert (found["status"], found["info"]["reason"]) == ("canceled", "Post only order")


async def test_a_validated_order_is_not_placed(it: Venue) -> None:
    """``validate`` answers with the description and no ``txid``."""
    answer = await place(it, validate="true")
    assert answer["result"] == {"descr": {"order": "buy 0.01000000 XBTUSD @ limit 40000.0"}}
    assert not it.engine.accounts["anna"].orders


async def test_a_deadline_refuses_what_comes_late(it: Venue) -> None:
    """Add Order: 500 ms to 60 s from now; ``EService:Deadline elapsed`` afterwards."""

    def after(seconds: float) -> str:
        now = datetime.fromtimestamp(it.engine.now_ms() / 1000, UTC)
        return (now + timedelta(seconds=seconds)).isoformat()

    assert (await place(it, deadline=after(20)))["error"] == []
    assert await refusal(it, deadline=after(-1)) == "EService:Deadline elapsed"
    assert (await refusal(it, deadline=after(90))).endswith("deadline")


async def test_a_market_buy_for_a_sum_is_not_bought_in_base_coins(it: Venue, api: Any) -> None:
    """``viqc``: the volume is in USD, for market buys only."""
    await api.create_market_buy_order_with_cost(SPOT, "1000")
    assert coins(it)["BTC"] == Decimal("0.02")
    assert (await refusal(it, oflags="viqc")).endswith("viqc")


async def test_one_unknown_id_fails_a_whole_look_up(it: Venue) -> None:
    """``EOrder:Invalid order``; the documents do not mention an answer for the known ones."""
    placed = (await place(it))["result"]["txid"][0]
    assert set((await signed(it, "QueryOrders", txid=placed))["result"]) == {placed}
    both = f"{placed},{to_text(7, 'O')}"
    assert (await signed(it, "QueryOrders", txid=both))["error"] == ["EOrder:Invalid order"]
    many = ",".join([placed] * 51)
    assert (await signed(it, "QueryOrders", txid=many))["error"] == [
        "EGeneral:Invalid arguments:txid"
    ]


async def test_an_order_of_a_lost_answer_is_listed_late(it: Venue, api: Any) -> None:
    """The order lives, its answer is lost, and no list knows it at first."""
    it.faults.add(Rule(leg="entry", does=(Hide(seconds=3_600), Drop())))
    await refused(enter(api, clientOrderId="lost"), ccxt.NetworkError)
    assert await api.fetch_closed_orders(SPOT, None, None, {"clientOrderId": "lost"}) == []
    assert await api.fetch_my_trades(SPOT) == []
    assert coins(it)["BTC"] == Decimal("0.02")


# --- history ------------------------------------------------------------------------------------


async def test_trades_come_fifty_a_page_of_all_pairs(it: Venue, api: Any) -> None:
    """Get Trades History: 50, newest first; ``ofs`` goes on. ccxt's limit reaches nothing."""
    for _ in range(52):
        await place(it, ordertype="market", volume="0.001")
    pages = [(await signed(it, "TradesHistory", ofs=ofs))["result"] for ofs in (0, 50)]
    assert [len(page["trades"]) for page in pages] == [50, 2]
    times = [row["time"] for row in pages[0]["trades"].values()]
    assert times == sorted(times, reverse=True)
    assert len(await api.fetch_my_trades(SPOT, None, 100)) == 50


async def test_closed_orders_come_fifty_a_page(it: Venue) -> None:
    """Get Closed Orders: 50, newest first."""
    for _ in range(52):
        await place(it, ordertype="market", volume="0.001")
    pages = [(await signed(it, "ClosedOrders", ofs=ofs))["result"] for ofs in (0, 50)]
    assert [len(page["closed"]) for page in pages] == [50, 2]
    assert pages[0]["count"] == 52


async def test_the_usual_window_needs_both_times_inside(it: Venue) -> None:
    """``closetime`` is ``both`` by default: an order that was opened before ``start``
    is missing though it was closed inside."""
    placed = (await place(it))["result"]["txid"][0]
    pass_time(it, HOUR_MS)
    await signed(it, "CancelOrder", txid=placed)
    start = it.engine.now_ms() // 1000 - 60
    counts = {
        use: (await signed(it, "ClosedOrders", start=start, closetime=use))["result"]["count"]
        for use in ("both", "open", "close")
    }
    assert counts == {"both": 0, "open": 0, "close": 1}


# --- candles ------------------------------------------------------------------------------------


def push(it: Venue, timeframe: str, opens_ms: list[int]) -> None:
    """Closed candles at 50,000."""
    price = Decimal(50_000)
    for open_ms in opens_ms:
        it.engine.push_candle(BTC, timeframe, open_ms, price, price, price, price, tell=False)


async def ohlc(it: Venue, **asked: Any) -> list[int]:
    """Where the candles open that are answered, in milliseconds."""
    _, answer = await sent(it, "GET", "/0/public/OHLC", query=urlencode({"pair": BTC, **asked}))
    return [row[0] * 1000 for row in answer["result"][BTC]]


async def test_no_candle_is_older_than_the_last_720(it: Venue, api: Any) -> None:
    """Get OHLC Data: up to 720 of the most recent, whatever ``since`` is."""
    now_ms = it.engine.now_ms() // HOUR_MS * HOUR_MS
    opens = [now_ms - back * HOUR_MS for back in range(1_000, 0, -1)]
    push(it, "1h", opens)
    told = await ohlc(it, interval=60, since=opens[0] // 1000)
    assert (len(told), told[0], told[-1]) == (720, now_ms - 719 * HOUR_MS, now_ms)
    rows = await api.fetch_ohlcv(SPOT, "1h", opens[0], 1_000)
    assert rows[0][0] == now_ms - 719 * HOUR_MS


async def test_the_last_candle_is_never_over(it: Venue) -> None:
    """The last entry is for the current, not-yet-committed frame and will always be present."""
    now_ms = it.engine.now_ms() // HOUR_MS * HOUR_MS
    push(it, "1h", [now_ms - HOUR_MS])
    assert await ohlc(it, interval=60) == [now_ms - HOUR_MS, now_ms]
    assert await ohlc(it, interval=60, since=now_ms // 1000 + 60) == [now_ms]


async def test_since_excludes(it: Venue) -> None:
    """``since`` is made for ``last`` of the answer before; ccxt asks for one candle more."""
    now_ms = it.engine.now_ms() // HOUR_MS * HOUR_MS
    push(it, "1h", [now_ms - 2 * HOUR_MS, now_ms - HOUR_MS])
    assert await ohlc(it, interval=60, since=(now_ms - 2 * HOUR_MS) // 1000) == [
        now_ms - HOUR_MS, now_ms,
    ]  # fmt: skip


async def test_weeks_begin_on_thursday(it: Venue) -> None:
    """10,080 and 21,600 minutes are counted from the epoch: 15 days are no two weeks."""
    day_ms = it.engine.now_ms() // DAY_MS * DAY_MS
    push(it, "1d", [day_ms - back * DAY_MS for back in range(40, 0, -1)])
    weeks, halves = await ohlc(it, interval=10_080), await ohlc(it, interval=21_600)
    assert {datetime.fromtimestamp(each / 1000, UTC).weekday() for each in weeks} == {3}
    assert {each % (15 * DAY_MS) for each in halves} == {0}


@pytest.mark.parametrize("timeframe", ["3m", "2h", "6h", "12h"])
async def test_other_timeframes_do_not_exist(api: Any, timeframe: str) -> None:
    """Get OHLC Data: nine intervals. ccxt sends the name of any other as it is."""
    await refused(api.fetch_ohlcv(SPOT, timeframe))


# --- limits -------------------------------------------------------------------------------------


async def test_private_requests_raise_a_counter_per_key(it: Venue) -> None:
    """Spot REST Rate Limits: 20 points (15 for a starter), two for a history of trades.

    Orders are not counted here.
    """
    it.limits.on = True
    dialect = it.dialect
    assert isinstance(dialect, Kraken)
    dialect.limits.tiers["bert"] = "starter"
    for _ in range(7):
        assert (await signed(it, "TradesHistory", key="bert"))["error"] == []
    assert (await signed(it, "TradesHistory", key="bert"))["error"] == ["EAPI:Rate limit exceeded"]
    assert (await place(it, key="bert"))["error"] == []
    for _ in range(20):
        assert (await signed(it, "Balance"))["error"] == []
    assert (await signed(it, "Balance"))["error"] == ["EAPI:Rate limit exceeded"]


async def test_the_counter_decays(it: Venue) -> None:
    """0.33 a second for a starter, 0.5 for an intermediate account, 1 for a professional one."""
    dialect = it.dialect
    assert isinstance(dialect, Kraken)
    for tier, decay in (("starter", 0.33), ("intermediate", 0.5), ("pro", 1.0)):
        counter, now = dialect.limits.calls[tier], [0.0]
        counter.now_s = lambda now=now: now[0]  # type: ignore[misc]
        counter.add("someone", 10)
        now[0] = 4.0
        assert counter.value("someone") == pytest.approx(10 - 4 * decay)


async def test_a_young_order_is_dear_to_cancel(it: Venue) -> None:
    """Spot Trading Limits: one for an order, eight for a cancel within five seconds.

    Above the threshold the pair refuses everything, also the next cancel.
    """
    it.limits.on = True
    dialect = it.dialect
    assert isinstance(dialect, Kraken)
    dialect.limits.tiers["anna"] = "starter"
    kept = [(await place(it))["result"]["txid"][0] for _ in range(3)]
    for _ in range(7):
        placed = (await place(it))["result"]["txid"][0]
        assert (await signed(it, "CancelOrder", txid=placed))["error"] == []
    assert await refusal(it) == "EOrder:Rate limit exceeded"
    assert (await signed(it, "CancelOrder", txid=kept[0]))["error"] == [
        "EOrder:Rate limit exceeded"
    ]
    assert (await place(it, pair="ETHUSD", price="1000"))["error"] == []


async def test_so_many_orders_of_a_pair_may_rest(it: Venue) -> None:
    """60 for a starter, 80, or 225: ``EOrder:Orders limit exceeded``."""
    dialect = it.dialect
    assert isinstance(dialect, Kraken)
    dialect.limits.tiers["anna"] = "pro"
    for _ in range(225):
        await place(it, price="100")
    it.limits.on = True
    assert await refusal(it, price="100") == "EOrder:Orders limit exceeded"
    assert (await place(it, pair="ETHUSD", price="1000"))["error"] == []


async def test_public_requests_are_few_a_second(it: Venue) -> None:
    """frequency of less than or equal to 1 per second: ``EGeneral:Too many requests``."""
    it.limits.on = True
    answers = [(await sent(it, "GET", "/0/public/Time"))[1]["error"] for _ in range(7)]
    assert answers[5:] == [[], ["EGeneral:Too many requests"]]
