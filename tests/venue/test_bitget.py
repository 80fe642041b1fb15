"""The loopback Bitget is as strict as the real one, and ccxt works against it."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import ccxt.async_support as ccxt
import pytest
from ccxt import pro

from tests.venue.bitget import Bitget
from tests.venue.bitget_errors import REFUSALS
from tests.venue.bitget_stream import sign
from tests.venue.clients import client_of, pass_time, refused, sent
from tests.venue.model import Kind, Status
from tests.venue.server import Venue, venue

SWAP, SPOT = "BTC/USDT:USDT", "BTC/USDT"
BTC, BTC_SPOT = "BTCUSDT", "BTCUSDT_SPBL"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIX: dict[str, Any] = {"symbol": BTC, "productType": "USDT-FUTURES", "marginCoin": "USDT"}


@pytest.fixture
async def it() -> AsyncIterator[Venue]:
    """A running Bitget with two accounts."""
    async with venue("bitget", accounts=["anna", "bert"]) as running:
        yield running


@pytest.fixture
async def api(it: Venue) -> AsyncIterator[Any]:
    """ccxt's client of anna, with nothing but other addresses."""
    async with client_of(it) as client:
        yield client


async def signed(
    it: Venue, method: str, path: str, body: Any = None, *, secret: str = "anna-secret",
    password: str = "anna-password", shift_ms: int = 0, **asked: Any,
) -> Any:  # fmt: skip
    """A request signed by hand as Bitget's documents say, and the JSON of its answer."""
    stamp = str(it.engine.now_ms() + shift_ms)
    query = urlencode(asked)
    text = json.dumps(body) if method == "POST" else ""
    target = f"/api/{path}" + (f"?{query}" if query else "")
    headers = {
        "ACCESS-KEY": "anna", "ACCESS-TIMESTAMP": stamp, "ACCESS-PASSPHRASE": password,
        "ACCESS-SIGN": sign(secret, f"{stamp}{method}{target}{text}"),
        "Content-Type": "application/json",
    }  # fmt: skip
    _, answer = await sent(it, method, f"/api/{path}", query=query, body=text, headers=headers)
    return answer


async def place(it: Venue, **more: Any) -> Any:
    """A market buy of 0.02 BTC, sent by hand."""
    asked = {**MIX, "marginMode": "crossed", "side": "buy", "orderType": "market", "size": "0.02"}
    return await signed(it, "POST", "v2/mix/order/place-order", asked | more)


async def protect(it: Venue, **more: Any) -> Any:
    """A stop of the whole long position, sent by hand."""
    asked = {**MIX, "planType": "pos_loss", "triggerPrice": "49000", "triggerType": "fill_price",
             "holdSide": "buy"}  # fmt: skip
    return await signed(it, "POST", "v2/mix/order/place-tpsl-order", asked | more)


async def enter(api: Any, amount: str = "0.02", **params: Any) -> Any:
    """Buy at the market price."""
    return await api.create_order(SWAP, "market", "buy", amount, None, params)


# --- through ccxt -------------------------------------------------------------------------------


async def test_markets_of_both_kinds_are_listed_under_one_name(api: Any) -> None:
    """Futures and spot are both called BTCUSDT."""
    assert (api.market(SWAP)["id"], api.market(SPOT)["id"]) == (BTC, BTC)
    assert Decimal(str(api.market(SWAP)["precision"]["amount"])) == Decimal("0.0001")
    assert Decimal(str(api.market("DOGE/USDT:USDT")["precision"]["price"])) == Decimal("0.00001")


async def test_a_future_is_entered_found_and_accounted_for(it: Venue, api: Any) -> None:
    """Leverage, margin mode, order, look-up by both ids, fill, position and balance."""
    await api.set_leverage(10, SWAP)
    await api.set_margin_mode("cross", SWAP)
    placed = await enter(api, clientOrderId="a" * 32)
    found = await api.fetch_order("", SWAP, {"clientOrderId": "a" * 32})
    assert (found["id"], found["status"], found["average"]) == (placed["id"], "closed", "50000")
    assert found["fee"]["cost"] == "0.6"
    [position] = await api.fetch_positions([SWAP])
    assert (position["side"], position["contracts"], position["leverage"]) == ("long", "0.02", "10")
    [trade] = await api.fetch_my_trades(SWAP)
    assert (trade["order"], trade["amount"], trade["fee"]["cost"]) == (placed["id"], "0.02", "0.6")
    balance = await api.fetch_balance({"type": "swap"})
    assert Decimal(balance["USDT"]["total"]) == Decimal("9999.4")


async def test_a_limit_order_rests_is_listed_and_canceled(api: Any) -> None:
    """And cannot be canceled twice."""
    placed = await api.create_order(SWAP, "limit", "buy", "0.02", "49000", {"clientOrderId": "x"})
    [listed] = await api.fetch_open_orders(SWAP)
    assert (listed["id"], listed["clientOrderId"], listed["status"]) == (placed["id"], "x", "open")
    await api.cancel_order("", SWAP, {"clientOrderId": "x"})
    assert (await api.fetch_order(placed["id"], SWAP))["status"] == "canceled"
    assert "22001" in await refused(api.cancel_order(placed["id"], SWAP))


async def test_a_stop_of_the_position_is_listed_apart_and_fills_as_another_order(
    it: Venue, api: Any
) -> None:
    """ccxt's ``stopLossPrice`` is ``pos_loss``; it is found with ``planType: profit_loss``."""
    await enter(api)
    stop = {"stopLossPrice": "49000", "clientOrderId": "guard", "triggerType": "fill_price"}
    placed = await api.create_order(SWAP, "market", "sell", "0.02", None, stop)
    assert await api.fetch_open_orders(SWAP) == []
    assert await api.fetch_open_orders(SWAP, None, None, {"trigger": True}) == []
    params = {"trigger": True, "planType": "profit_loss"}
    [listed] = await api.fetch_open_orders(SWAP, None, None, params)
    assert (listed["id"], listed["clientOrderId"]) == (placed["id"], "guard")
    it.engine.set_price(BTC, Decimal(48_900))
    history = await signed(
        it, "GET", "v2/mix/order/orders-plan-history", planType="profit_loss",
        productType="USDT-FUTURES",
    )  # fmt: skip
    [row] = history["data"]["entrustedList"]
    assert row["planStatus"] == "executed"
    became = await api.fetch_order(row["executeOrderId"], SWAP)
    assert (became["status"], became["average"]) == ("closed", "48900")
    assert became["info"]["orderSource"] == "pos_loss_market"
    assert await api.fetch_positions([SWAP]) == []


async def test_a_target_for_a_part_of_the_position(it: Venue, api: Any) -> None:
    """``planType: profit_plan`` needs a size."""
    await enter(api)
    params = {"takeProfitPrice": "52000", "planType": "profit_plan", "triggerType": "fill_price"}
    await api.create_order(SWAP, "market", "sell", "0.01", None, params)
    it.engine.set_price(BTC, Decimal(52_100))
    assert it.engine.accounts["anna"].held(BTC) == Decimal("0.01")


async def test_coins_are_bought_held_and_sold(api: Any) -> None:
    """A market buy has a cost, not a quantity; its fee is taken from the coins it brings."""
    bought = await api.create_order(SPOT, "market", "buy", None, None, {"cost": "500"})
    found = await api.fetch_order(bought["id"], SPOT)
    assert (found["status"], Decimal(found["filled"])) == ("closed", Decimal("0.01"))
    [trade] = await api.fetch_my_trades(SPOT)
    assert (trade["order"], trade["fee"]["currency"]) == (bought["id"], "BTC")
    resting = await api.create_order(
        SPOT, "limit", "sell", "0.009", "60000", {"timeInForce": "GTC"}
    )
    assert Decimal((await api.fetch_balance())["BTC"]["used"]) == Decimal("0.009")
    [listed] = await api.fetch_open_orders(SPOT)
    assert listed["id"] == resting["id"]
    await api.cancel_order(resting["id"], SPOT)
    sold = await api.create_order(SPOT, "market", "sell", "0.009")
    assert (await api.fetch_order(sold["id"], SPOT))["status"] == "closed"


async def test_a_spot_stop_is_a_plan_order_that_holds_nothing(it: Venue, api: Any) -> None:
    """Place Plan Order: listed apart, fails when its coins are gone."""
    await api.create_order(SPOT, "market", "buy", None, None, {"cost": "500"})
    params = {"triggerPrice": "49000", "triggerType": "fill_price"}
    placed = await api.create_order(SPOT, "market", "sell", "0.009", None, params)
    [listed] = await api.fetch_open_orders(SPOT, None, None, {"trigger": True})
    assert listed["id"] == placed["id"]
    await api.create_order(SPOT, "limit", "sell", "0.00999", "60000", {"timeInForce": "GTC"})
    it.engine.set_price(BTC_SPOT, Decimal(48_900))
    anna = it.engine.accounts["anna"]
    child = anna.orders[anna.orders[int(placed["id"])].child_id or 0]
    assert child.status is Status.EXPIRED
    assert not child.filled


@pytest.mark.parametrize(("symbol", "market"), [(SWAP, BTC), (SPOT, BTC_SPOT)])
async def test_candles_are_streamed(it: Venue, symbol: str, market: str) -> None:
    """``candle1m`` of ``USDT-FUTURES`` or ``SPOT``."""
    async with client_of(it, kind=pro) as client, asyncio.timeout(10):
        heard = asyncio.create_task(client.watch_ohlcv(symbol, "1m"))
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        price = Decimal(50_000)
        it.engine.push_candle(market, "1m", 1_700_000_040_000, price, price, price, price)
        [row] = await heard
        assert (row[0], Decimal(row[4])) == (1_700_000_040_000, price)


@pytest.mark.parametrize("symbol", [SWAP, SPOT])
async def test_orders_are_streamed_to_their_account_only(it: Venue, symbol: str) -> None:
    """After ``login``; those of other accounts are not sent."""
    async with (
        client_of(it, kind=pro) as client, client_of(it, "bert") as other, asyncio.timeout(10),
    ):  # fmt: skip
        heard = asyncio.create_task(client.watch_orders(symbol))
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        params = {"timeInForce": "GTC"}
        await other.create_order(symbol, "limit", "buy", "0.02", "49000", params)
        placed = await client.create_order(symbol, "limit", "buy", "0.02", "48000", params)
        [first] = await heard
        assert (first["id"], first["status"]) == (placed["id"], "open")


async def test_nobody_logs_in_with_a_wrong_secret(it: Venue) -> None:
    """30015, as an error of authentication."""
    async with client_of(it, kind=pro, secret="other") as client, asyncio.timeout(10):
        await refused(client.watch_orders(SWAP), ccxt.AuthenticationError)


# --- who may ask --------------------------------------------------------------------------------


async def test_requests_are_signed_exactly(it: Venue) -> None:
    """Signature: time, method, path, query and body; the passphrase apart."""
    path = "v2/mix/account/accounts"
    codes = [
        (await signed(it, "GET", path, secret=secret, password=password,
                      productType="USDT-FUTURES"))["code"]
        for secret, password in (
            ("anna-secret", "anna-password"), ("other", "anna-password"), ("anna-secret", "other"),
            ("anna-secret", ""),
        )
    ]  # fmt: skip
    assert codes == ["00000", "40009", "40012", "40011"]


@pytest.mark.parametrize(
    ("shift_ms", "code"), [(-29_000, "00000"), (-31_000, "40008"), (31_000, "40008")]
)
async def test_a_request_is_valid_for_thirty_seconds(it: Venue, shift_ms: int, code: str) -> None:
    """40008: "Request timestamp expired"."""
    answer = await signed(it, "GET", "v2/spot/account/info", shift_ms=shift_ms)
    assert answer["code"] == code


async def test_unified_accounts_are_refused(it: Venue) -> None:
    """40085 for classic endpoints; 40084 for the unified ones of a classic account."""
    assert (await signed(it, "GET", "v3/account/settings"))["code"] == "40084"
    assert isinstance(it.dialect, Bitget)
    it.dialect.unified.add("anna")
    assert (await signed(it, "GET", "v3/account/settings"))["code"] == "00000"
    assert (await place(it))["code"] == "40085"
    async with client_of(it, options={"uta": False}) as client:
        await refused(client.fetch_balance({"type": "swap"}), ccxt.PermissionDenied)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(REFUSALS))
async def test_documented_refusals_are_answered_in_their_words(it: Venue, code: int) -> None:
    """Error Code: ten refusals that ccxt does not know; the order is not taken."""
    assert isinstance(it.dialect, Bitget)
    it.dialect.mix.refuse_next(code)
    assert await place(it) == {
        "code": str(code), "msg": REFUSALS[code], "data": None, "requestTime": pytest.approx(
            it.engine.now_ms(), abs=5_000
        ),
    }  # fmt: skip
    assert it.engine.journal.lines == []
    assert (await place(it))["code"] == "00000", "the next one is taken"


async def test_more_than_is_held_cannot_be_closed(it: Venue) -> None:
    """40867 in one-way mode, 40804 in hedge mode; 22002 where nothing is held."""
    close = {"side": "sell", "reduceOnly": "YES"}
    assert (await place(it, **close))["code"] == "22002"
    await place(it)
    assert (await place(it, **close, size="0.03"))["code"] == "40867"
    assert (await place(it, **close))["code"] == "00000"
    hedge = {"productType": "USDT-FUTURES", "posMode": "hedge_mode"}
    assert (await signed(it, "POST", "v2/mix/account/set-position-mode", hedge))["code"] == "00000"
    await place(it, tradeSide="open")
    assert (await place(it, tradeSide="close", size="0.03"))["code"] == "40804"


async def test_limits_of_the_account_are_kept(it: Venue) -> None:
    """45116 too many positions, 50048 too many orders, 45123 market orders only."""
    assert isinstance(it.dialect, Bitget)
    mix = it.dialect.mix
    mix.most_positions = 1
    await place(it)
    assert (await place(it, symbol="ETHUSDT"))["code"] == "45116"
    mix.market_orders_only = {BTC}
    limit = {"orderType": "limit", "price": "49000"}
    assert (await place(it, **limit))["code"] == "45123"
    mix.market_orders_only, mix.most_orders = set(), 1
    assert (await place(it, **limit))["code"] == "00000"
    assert (await place(it, **limit))["code"] == "50048"


async def test_a_request_that_timed_out_has_a_code_of_its_own(it: Venue, api: Any) -> None:
    """40010 "Request timed out": ccxt takes it for an error of authentication."""
    from tests.venue.faults import Refuse, Rule
    from tests.venue.http_wire import Trouble

    it.faults.add(Rule(leg="entry", does=(Refuse(why=Trouble.UNKNOWN_OUTCOME, after=True),)))
    text = await refused(enter(api), ccxt.AuthenticationError)
    assert "40010" in text
    assert it.engine.accounts["anna"].held(BTC) == Decimal("0.02"), "and it was carried out"


# --- orders -------------------------------------------------------------------------------------


async def test_a_client_id_is_unique_among_open_orders(it: Venue) -> None:
    """40786 "Duplicate clientOid"; used again after the first has ended (hostile reading)."""
    limit = {"orderType": "limit", "price": "49000", "clientOid": "same"}
    await place(it, **limit)
    assert (await place(it, **limit))["code"] == "40786"
    await place(it, clientOid="done")
    assert (await place(it, clientOid="done"))["code"] == "00000"


async def test_modes_must_fit(it: Venue) -> None:
    """40774: ``tradeSide`` belongs to hedge mode; 45117: no change of mode with a position."""
    assert (await place(it, tradeSide="open"))["code"] == "40774"
    await place(it)
    assert (await place(it, marginMode="isolated"))["code"] == "45117"
    asked = {**MIX, "marginMode": "isolated"}
    assert (await signed(it, "POST", "v2/mix/account/set-margin-mode", asked))["code"] == "45117"


@pytest.mark.parametrize(("more", "code"), [
    ({"price": "49000.05"}, "45115"), ({"size": "0.00005"}, "40020"), ({"size": "0.0001"}, "45110"),
    ({"size": "90"}, "40762"), ({"symbol": "NONEUSDT"}, "40034"), ({"marginMode": ""}, "40019"),
])  # fmt: skip
async def test_orders_that_cannot_be_are_refused(
    it: Venue, more: dict[str, str], code: str
) -> None:
    """Tick, step, least amount, margin, symbol, missing parameter."""
    limit = {"orderType": "limit", "price": "45000", **more}
    assert (await place(it, **limit))["code"] == code
    assert it.engine.journal.lines == []


async def test_a_post_only_order_that_would_take_is_canceled(it: Venue) -> None:
    """It is accepted first."""
    answer = await place(it, orderType="limit", price="51000", force="post_only")
    found = await signed(it, "GET", "v2/mix/order/detail", orderId=answer["data"]["orderId"], **MIX)
    assert found["data"]["state"] == "canceled"


# --- stops and plans ----------------------------------------------------------------------------


async def test_a_stop_of_the_position_needs_one_and_ends_with_it(it: Venue) -> None:
    """43023 without a position; one of a kind; gone when the position is closed."""
    assert (await protect(it))["code"] == "43023"
    await place(it)
    await protect(it)
    await protect(it, triggerPrice="48000")
    anna = it.engine.accounts["anna"]
    assert [each.ask.trigger for each in anna.open.values()] == [Decimal(48_000)]
    it.engine.close_by_hand("anna", BTC)
    assert anna.open == {}


@pytest.mark.parametrize(("plan", "trigger", "code"), [
    ("pos_loss", "51000", "40917"), ("pos_profit", "49000", "40830"), ("loss_plan", "", "40019"),
])  # fmt: skip
async def test_a_level_on_the_wrong_side_is_refused(
    it: Venue, plan: str, trigger: str, code: str
) -> None:
    """40917 stop, 40830 target of a long; 40019 without a trigger."""
    await place(it)
    assert (await protect(it, planType=plan, triggerPrice=trigger))["code"] == code


async def test_hold_side_is_buy_or_sell_in_one_way_mode(it: Venue) -> None:
    """Place TP/SL Order: "one-way position: (buy: long position, sell: short position)"."""
    await place(it)
    assert (await protect(it, holdSide="long"))["code"] == "40020"
    assert (await protect(it, holdSide=""))["code"] == "40019"


async def test_plans_are_listed_by_type_and_the_type_must_be_said(it: Venue) -> None:
    """Get Pending Trigger Order: ``planType`` is required."""
    await place(it)
    await protect(it)
    path = "v2/mix/order/orders-plan-pending"
    assert (await signed(it, "GET", path, productType="USDT-FUTURES"))["code"] == "40019"
    for plan, number in (("normal_plan", 0), ("profit_loss", 1)):
        answer = await signed(it, "GET", path, productType="USDT-FUTURES", planType=plan)
        assert len(answer["data"]["entrustedList"] or []) == number


async def test_a_failed_cancel_of_a_plan_is_inside_of_a_good_answer(it: Venue, api: Any) -> None:
    """Cancel Trigger Order: ``failureList``; without ``planType`` stops are not looked at."""
    await place(it)
    stop = (await protect(it))["data"]["orderId"]
    asked = {**MIX, "orderIdList": [{"orderId": stop}]}
    answer = await signed(it, "POST", "v2/mix/order/cancel-plan-order", asked)
    assert answer["code"] == "00000"
    assert [row["errorCode"] for row in answer["data"]["failureList"]] == ["43025"]
    canceled = await api.cancel_order(stop, SWAP, {"trigger": True})
    assert canceled["id"] is None, "ccxt says nothing"
    asked["planType"] = "profit_loss"
    answer = await signed(it, "POST", "v2/mix/order/cancel-plan-order", asked)
    assert [row["orderId"] for row in answer["data"]["successList"]] == [stop]


async def test_an_entry_may_bring_its_levels(it: Venue, api: Any) -> None:
    """``presetStopLossPrice`` and ``presetStopSurplusPrice``: at the mark price."""
    await enter(api, stopLoss={"triggerPrice": "49000"}, takeProfit={"triggerPrice": "52000"})
    kinds = {each.ask.kind for each in it.engine.accounts["anna"].open.values()}
    assert kinds == {Kind.STOP, Kind.TAKE_PROFIT}
    it.engine.set_price(BTC, Decimal(50_000), mark=Decimal(48_900))
    assert it.engine.accounts["anna"].held(BTC) == 0


# --- lists and candles --------------------------------------------------------------------------


async def test_fills_are_a_hundred_at_most_and_go_on_before_an_id(it: Venue, api: Any) -> None:
    """Get Order Fill Details: limit 100, ``idLessThan``; the last 90 days."""
    for number in range(104):
        side = "buy" if number % 2 else "sell"
        await place(it, side=side, size="0.001")
    first = (await signed(it, "GET", "v2/mix/order/fills", **MIX))["data"]
    rest = (await signed(it, "GET", "v2/mix/order/fills", idLessThan=first["endId"], **MIX))["data"]
    assert (len(first["fillList"]), len(rest["fillList"])) == (100, 4)
    assert (await signed(it, "GET", "v2/mix/order/fills", limit=101, **MIX))["code"] == "40020"
    assert len(await api.fetch_my_trades(SWAP)) == 100
    pass_time(it, 91 * DAY_MS, api)
    assert await api.fetch_my_trades(SWAP) == []


async def test_an_unknown_order_has_a_code_for_each_question(it: Venue) -> None:
    """40109 look-up, 40768 cancel; spot: an empty list, and 43001."""
    asked = {**MIX, "orderId": "123"}
    assert (await signed(it, "GET", "v2/mix/order/detail", **asked))["code"] == "40109"
    assert (await signed(it, "POST", "v2/mix/order/cancel-order", asked))["code"] == "40768"
    spot: dict[str, Any] = {"symbol": BTC, "orderId": "123"}
    assert (await signed(it, "GET", "v2/spot/trade/orderInfo", **spot))["data"] == []
    assert (await signed(it, "POST", "v2/spot/trade/cancel-order", spot))["code"] == "43001"


async def candles(it: Venue, endpoint: str, **asked: Any) -> list[int]:
    """Where the candles open that are answered."""
    query = urlencode({"symbol": BTC, "productType": "usdt-futures", **asked})
    _, answer = await sent(it, "GET", f"/api/v2/mix/market/{endpoint}", query=query)
    return [int(row[0]) for row in answer["data"]]


def push(it: Venue, timeframe: str, length_ms: int, number: int, days_ago: int = 0) -> int:
    """Push so many candles up to ``days_ago``; return where the first opens."""
    price, end_ms = Decimal(50_000), it.engine.now_ms() - days_ago * DAY_MS
    first = end_ms // length_ms * length_ms - (number - 1) * length_ms
    for n in range(number):
        it.engine.push_candle(BTC, timeframe, first + n * length_ms, price, price, price, price)
    return first


async def test_history_is_the_last_200_of_the_window(it: Venue) -> None:
    """Get Historical Candlestick: maximum 200; what is older in the window is left out."""
    first = push(it, "1h", HOUR_MS, 600, days_ago=100)
    end_ms = first + 600 * HOUR_MS
    rows = await candles(it, "history-candles", granularity="1H", limit=200, startTime=first,
                         endTime=end_ms)  # fmt: skip
    assert (len(rows), rows[0]) == (200, first + 400 * HOUR_MS)


@pytest.mark.parametrize(("granularity", "timeframe", "length_ms", "days"), [
    ("5m", "5m", 300_000, 30), ("1H", "1h", HOUR_MS, 83), ("2H", "2h", 2 * HOUR_MS, 120),
])  # fmt: skip
async def test_recent_candles_reach_back_so_far_only(
    it: Venue, granularity: str, timeframe: str, length_ms: int, days: int
) -> None:
    """Get Candlestick Data: 1m, 3m, 5m a month, 1H 83 days, 2H 120 days; older ones are missing."""
    first = push(it, timeframe, length_ms, 3, days_ago=days + 1)
    window = {"startTime": first, "endTime": first + 3 * length_ms}
    assert await candles(it, "candles", granularity=granularity, **window) == []
    rows = await candles(it, "history-candles", granularity=granularity, **window)
    assert rows[0] == first


async def test_a_window_is_ninety_days_at_most(it: Venue) -> None:
    """The maximum time query range is 90 days: the last 90 of a wider one."""
    first = push(it, "4h", 4 * HOUR_MS, 600)
    rows = await candles(it, "candles", granularity="4H", limit=1_000, startTime=first)
    assert rows[0] >= it.engine.now_ms() - 90 * DAY_MS
    assert rows[0] > first


async def test_six_hours_half_days_and_days_are_of_the_asian_day(it: Venue) -> None:
    """``6H``, ``12H``, ``1D`` next to ``6Hutc``, ``12Hutc``, ``1Dutc`` (UTC)."""
    push(it, "2h", 2 * HOUR_MS, 30)
    push(it, "4h", 4 * HOUR_MS, 30)
    push(it, "1d", DAY_MS, 2)
    for granularity, length_h, offset_h in (("6H", 6, 4), ("12H", 12, 4), ("1D", 24, 16)):
        rows = await candles(it, "candles", granularity=granularity)
        assert {row % (length_h * HOUR_MS) for row in rows} == {offset_h * HOUR_MS}
    assert {row % DAY_MS for row in await candles(it, "candles", granularity="1Dutc")} == {0}


@pytest.mark.parametrize("granularity", ["10m", "8H", "None"])
async def test_an_unknown_granularity_is_refused(it: Venue, granularity: str) -> None:
    """Those of the table and no other."""
    query = urlencode({**MIX, "granularity": granularity})
    status, answer = await sent(it, "GET", "/api/v2/mix/market/candles", query=query)
    assert (status, answer["code"]) == (400, "400171")


async def test_requests_are_limited_by_endpoint(it: Venue) -> None:
    """10 times/s (UID) for most private endpoints, 429 beyond."""
    it.limits.on = True
    codes = [(await signed(it, "GET", "v2/mix/order/orders-pending", **MIX))["code"]
             for _ in range(11)]  # fmt: skip
    assert codes == ["00000"] * 10 + ["429"]


async def test_coins_that_are_held_cannot_be_sold(it: Venue, api: Any) -> None:
    """43012: "Insufficient balance"."""
    anna = it.engine.accounts["anna"]
    anna.coins["BTC"] = Decimal("0.01")
    await api.create_order(SPOT, "limit", "sell", "0.01", "60000", {"timeInForce": "GTC"})
    await refused(api.create_order(SPOT, "market", "sell", "0.01"), ccxt.InsufficientFunds)
