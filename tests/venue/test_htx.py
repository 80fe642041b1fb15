"""The loopback HTX is as strict as the real one, and ccxt works against it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import ccxt.async_support as ccxt
import pytest
from ccxt import pro

from tests.venue.clients import client_of, pass_time, refused, sent
from tests.venue.htx import Htx
from tests.venue.htx_stream import sign
from tests.venue.model import Kind, Status
from tests.venue.server import Venue, venue

SWAP, SPOT = "BTC/USDT:USDT", "BTC/USDT"
BTC = "BTC-USDT"
HOUR_MS = 3_600_000
ONE_WAY = {"position_side": "both"}


@pytest.fixture
async def it() -> AsyncIterator[Venue]:
    """A running HTX with two accounts."""
    async with venue("htx", accounts=["anna", "bert"]) as running:
        yield running


@pytest.fixture
async def api(it: Venue) -> AsyncIterator[Any]:
    """ccxt's client of anna, with nothing but other addresses."""
    async with client_of(it) as client:
        yield client


async def signed(
    it: Venue, method: str, path: str, *, secret: str = "anna-secret", shift_s: int = 0,
    host: str = "", **asked: Any,
) -> Any:  # fmt: skip
    """A request signed by hand as HTX's documents say, and the JSON of its answer."""
    host = host or it.url.partition("://")[2]
    at_s = it.engine.now_ms() / 1000 + shift_s
    fields = {
        "AccessKeyId": "anna", "SignatureMethod": "HmacSHA256", "SignatureVersion": "2",
        "Timestamp": datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    }  # fmt: skip
    if method == "GET":
        fields |= {name: str(value) for name, value in asked.items()}
    query = "&".join(f"{name}={quote(fields[name], safe='')}" for name in sorted(fields))
    signature = quote(sign(secret, method, host, path, query), safe="")
    body = json.dumps(asked.get("body", asked)) if method == "POST" else ""
    _, answer = await sent(it, method, path, query=f"{query}&Signature={signature}", body=body)
    return answer


def order(**more: Any) -> dict[str, Any]:
    """The fields of a market buy of twenty contracts."""
    return {
        "contract_code": BTC, "margin_mode": "cross", "side": "buy", "type": "market",
        "volume": "20", **more,
    }  # fmt: skip


def stop(**more: Any) -> dict[str, Any]:
    """The fields of a stop for a long of twenty contracts."""
    return {
        "contract_code": BTC, "margin_mode": "cross", "side": "sell", "type": "sl", "volume": "20",
        "position_side": "both", "sl_trigger_price": "49000", **more,
    }  # fmt: skip


async def enter(api: Any, amount: str = "20", **params: Any) -> Any:
    """Buy at the market price."""
    return await api.create_order(SWAP, "market", "buy", amount, None, params)


# --- through ccxt -------------------------------------------------------------------------------


async def test_markets_of_both_kinds_are_listed(api: Any) -> None:
    """Contracts of 0.001 BTC, 0.01 ETH and 100 DOGE; spot in coins."""
    sizes = {each: Decimal(str(api.market(f"{each}/USDT:USDT")["contractSize"]))
             for each in ("BTC", "ETH", "DOGE")}  # fmt: skip
    assert sizes == {"BTC": Decimal("0.001"), "ETH": Decimal("0.01"), "DOGE": Decimal(100)}
    assert api.market(SPOT)["id"] == "btcusdt"
    assert Decimal(str(api.market("DOGE/USDT")["precision"]["amount"])) == Decimal("0.01")


async def test_a_swap_is_entered_found_and_accounted_for(api: Any) -> None:
    """Leverage, order, look-up by both ids, fill, position and balance."""
    await api.set_leverage(10, SWAP)
    placed = await enter(api, clientOrderId=77)
    assert (placed["clientOrderId"], placed["status"]) == ("77", None)
    found = await api.fetch_order(placed["id"], SWAP)
    assert (found["status"], found["average"], found["filled"]) == ("closed", "50000", "20")
    [position] = await api.fetch_positions([SWAP])
    assert (position["side"], position["contracts"], position["leverage"]) == ("long", "20", "10")
    [trade] = await api.fetch_my_trades(SWAP)
    assert (trade["order"], trade["amount"]) == (placed["id"], "20")
    balance = await api.fetch_balance({"type": "swap"})
    assert Decimal(balance["USDT"]["total"]) == Decimal(10_000) - 1_000 * Decimal("0.0006")


async def test_a_limit_order_rests_is_listed_and_canceled(api: Any) -> None:
    """And is found as canceled by the exchange's id."""
    placed = await api.create_order(SWAP, "limit", "buy", "20", "49000", {"clientOrderId": 5})
    [listed] = await api.fetch_open_orders(SWAP)
    assert (listed["id"], listed["status"], listed["price"]) == (placed["id"], "open", "49000")
    await api.cancel_order(placed["id"], SWAP)
    assert (await api.fetch_order(placed["id"], SWAP))["status"] == "canceled"
    assert await api.fetch_open_orders(SWAP) == []


async def test_a_stop_and_a_target_live_among_the_algo_orders(it: Venue, api: Any) -> None:
    """Each in a list of its own type, and nowhere else; the stop becomes another order."""
    await enter(api)
    params = {"reduce_only": 1, **ONE_WAY}
    placed = await api.create_order(
        SWAP, "market", "sell", "20", None, {"stopLossPrice": "49000", "clientOrderId": 9, **params}
    )
    await api.create_order(
        SWAP, "market", "sell", "20", None, {"takeProfitPrice": "52000", **params}
    )
    assert await api.fetch_open_orders(SWAP) == []
    [listed] = await api.fetch_open_orders(SWAP, None, None, {"stopLoss": True})
    assert (listed["id"], listed["clientOrderId"]) == (placed["id"], "9")
    [target] = await api.fetch_open_orders(SWAP, None, None, {"takeProfit": True})
    assert target["takeProfitPrice"] == "52000"
    it.engine.set_price(BTC, Decimal(48_900))
    ended = await signed(it, "GET", "/v5/algo/order", type="sl", algo_id=placed["id"])
    [row] = ended["data"]
    assert row["state"] == "effective"
    became = await api.fetch_order(row["relation_order_id"], SWAP)
    assert (became["status"], became["average"]) == ("closed", "48900")
    assert await api.fetch_positions([SWAP]) == []


async def test_coins_are_bought_held_and_sold(it: Venue, api: Any) -> None:
    """A market buy has a cost, not a quantity; its fee is taken from the coins it brings."""
    bought = await api.create_order(SPOT, "market", "buy", None, None, {"cost": "500"})
    found = await api.fetch_order(bought["id"], SPOT)
    assert (found["status"], found["side"]) == ("closed", "buy")
    [trade] = await api.fetch_my_trades(SPOT)
    assert (Decimal(trade["amount"]), trade["fee"]["currency"]) == (Decimal("0.01"), "BTC")
    free = Decimal((await api.fetch_balance({"type": "spot"}))["BTC"]["free"])
    assert free == Decimal("0.01") * Decimal("0.998")
    await api.create_order(SPOT, "limit", "sell", "0.009", "60000")
    held = await api.fetch_balance({"type": "spot"})
    assert Decimal(held["BTC"]["used"]) == Decimal("0.009")
    await api.create_order(SPOT, "market", "sell", "0.0009")
    assert len(it.engine.accounts["anna"].trades) == 2


async def test_a_spot_stop_keeps_its_id_when_it_triggers(it: Venue, api: Any) -> None:
    """``sell-stop-limit``: listed as created, then an ordinary order that fills."""
    await api.create_order(SPOT, "market", "buy", None, None, {"cost": "500"})
    placed = await api.create_order(
        SPOT, "limit", "sell", "0.009", "48000", {"triggerPrice": "49000"}
    )
    [listed] = await api.fetch_open_orders(SPOT)
    assert (listed["id"], listed["triggerPrice"]) == (placed["id"], "49000")
    it.engine.set_price("btcusdt", Decimal(48_900))
    assert (await api.fetch_order(placed["id"], SPOT))["status"] == "closed"


@pytest.mark.parametrize(("symbol", "market"), [(SWAP, BTC), (SPOT, "btcusdt")])
async def test_candles_are_streamed(it: Venue, symbol: str, market: str) -> None:
    """In gzip; the newest candle changes until the next one begins."""
    async with client_of(it, kind=pro) as client, asyncio.timeout(10):
        heard = asyncio.create_task(client.watch_ohlcv(symbol, "1m"))
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        price = Decimal(50_000)
        it.engine.push_candle(market, "1m", 1_700_000_040_000, price, price, price, price)
        [row] = await heard
        assert (row[0], Decimal(row[4])) == (1_700_000_040_000, price)


@pytest.mark.parametrize(("symbol", "kind"), [(SWAP, "swap"), (SPOT, "spot")])
async def test_orders_are_streamed_to_their_account_only(it: Venue, symbol: str, kind: str) -> None:
    """Placed by the account itself; those of other accounts are not sent."""
    async with (
        client_of(it, kind=pro, options={"defaultType": kind}) as client,
        client_of(it, "bert") as other,
        asyncio.timeout(10),
    ):
        heard = asyncio.create_task(client.watch_orders(symbol))
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        amount = "20" if kind == "swap" else "0.01"
        await other.create_order(symbol, "limit", "buy", amount, "49000")
        placed = await client.create_order(symbol, "limit", "buy", amount, "48000")
        [first] = await heard
        assert (first["id"], first["status"]) == (placed["id"], "open")


# --- who may ask --------------------------------------------------------------------------------


async def test_a_signature_over_host_path_and_query_is_exact(it: Venue) -> None:
    """Authentication: method, host in lower case, path and sorted query, one a line."""
    codes = [
        (await signed(it, "GET", "/v5/account/balance", secret=secret, host=host))["code"]
        for secret, host in (("anna-secret", ""), ("bert-secret", ""), ("anna-secret", "hbdm.com"))
    ]
    assert codes == [200, 1003, 1003]


async def test_a_request_is_valid_for_five_minutes(it: Venue) -> None:
    """Authentication: "The value is valid within 5 minutes"."""
    assert (await signed(it, "GET", "/v5/account/balance", shift_s=-299))["code"] == 200
    assert (await signed(it, "GET", "/v5/account/balance", shift_s=-301))["code"] == 403


async def test_ccxt_sees_a_wrong_secret_as_such(it: Venue) -> None:
    """1003 for swaps, ``api-signature-not-valid`` for spot."""
    async with client_of(it, secret="another") as client:
        await refused(client.fetch_balance({"type": "swap"}), ccxt.AuthenticationError)
        await refused(client.fetch_balance({"type": "spot"}), ccxt.AuthenticationError)


async def test_the_old_swap_api_is_not_for_these_accounts(it: Venue) -> None:
    """Code 6023, as a live client has recorded it for v1 order lists; v5 has it for the others."""
    answer = await signed(
        it, "POST", "/linear-swap-api/v1/swap_cross_openorders", contract_code=BTC
    )
    assert (answer["status"], answer["err_code"]) == ("error", 6023)
    assert isinstance(it.dialect, Htx)
    it.dialect.old_accounts.add("anna")
    assert (await signed(it, "GET", "/v5/account/balance"))["code"] == 6023


# --- client ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["abc", "0", str(2**63), "1.5"])
async def test_a_swap_client_id_is_a_whole_number(it: Venue, bad: str) -> None:
    """Place Order: "the value must be in [1, 9223372036854775807]"; 1067 for any other."""
    answer = await signed(it, "POST", "/v5/trade/order", **order(client_order_id=bad))
    assert (answer["code"], answer["message"]) == (1067, "Illegal parameter client_order_id.")
    assert it.engine.journal.lines == []


async def test_client_ids_are_not_unique(it: Venue) -> None:
    """Accepted as often as sent: HTX's v5 documents promise no uniqueness (hostile reading)."""
    for _ in range(2):
        await signed(it, "POST", "/v5/trade/order", **order(client_order_id="7"))
    assert it.engine.journal.entries_accepted("anna") == {"7": 2}


async def test_a_swap_client_id_is_forgotten_as_soon_as_its_order_ends(it: Venue) -> None:
    """And after eight hours while it lives: "The client_order_id is valid in 8 hours only"."""
    await signed(it, "POST", "/v5/trade/order", **order(client_order_id="7"))
    answer = await signed(it, "GET", "/v5/trade/order", contract_code=BTC, client_order_id="7")
    assert answer["code"] == 1017
    limit = order(client_order_id="8", type="limit", price="40000")
    await signed(it, "POST", "/v5/trade/order", **limit)
    named: dict[str, Any] = {"contract_code": BTC, "client_order_id": "8"}
    assert (await signed(it, "GET", "/v5/trade/order", **named))["code"] == 200
    it.engine.clock_offset_ms += 8 * HOUR_MS + 1_000
    assert (await signed(it, "GET", "/v5/trade/order", **named))["code"] == 1017
    assert (await signed(it, "POST", "/v5/trade/cancel_order", **named))["code"] == 1061


async def test_a_spot_client_id_lives_two_hours_after_an_ended_order_was_made(
    it: Venue, api: Any
) -> None:
    """Glossary: two hours "since the order creation" for completed orders, eight for others."""
    params = {"cost": "500", "clientOrderId": "done"}
    await api.create_order(SPOT, "market", "buy", None, None, params)
    await api.create_order(SPOT, "limit", "buy", "0.01", "40000", {"clientOrderId": "open"})
    it.engine.clock_offset_ms += 2 * HOUR_MS + 1_000
    unknown = await signed(it, "GET", "/v1/order/orders/getClientOrder", clientOrderId="done")
    assert unknown["err-code"] == "base-record-invalid"
    found = await signed(it, "GET", "/v1/order/orders/getClientOrder", clientOrderId="open")
    assert found["data"]["state"] == "submitted"
    it.engine.clock_offset_ms += 6 * HOUR_MS
    unknown = await signed(it, "GET", "/v1/order/orders/getClientOrder", clientOrderId="open")
    assert unknown["err-code"] == "base-record-invalid"


async def test_an_unknown_order_has_a_code_for_each_question(it: Venue) -> None:
    """Error table: 1017 look-up, 1061 cancel, 1063 cancel of a filled, 1071 of a canceled one."""
    asked: dict[str, Any] = {"contract_code": BTC, "order_id": "123"}
    assert (await signed(it, "GET", "/v5/trade/order", **asked))["code"] == 1017
    assert (await signed(it, "POST", "/v5/trade/cancel_order", **asked))["code"] == 1061
    filled = (await signed(it, "POST", "/v5/trade/order", **order()))["data"]["order_id"]
    asked["order_id"] = filled
    assert (await signed(it, "POST", "/v5/trade/cancel_order", **asked))["code"] == 1063
    limit = await signed(it, "POST", "/v5/trade/order", **order(type="limit", price="40000"))
    asked["order_id"] = limit["data"]["order_id"]
    assert (await signed(it, "POST", "/v5/trade/cancel_order", **asked))["code"] == 200
    assert (await signed(it, "POST", "/v5/trade/cancel_order", **asked))["code"] == 1071


async def test_a_canceled_order_is_forgotten_after_two_hours(it: Venue) -> None:
    """It's no longer queryable after being cancelled for 2 hours; nor is it in the history."""
    placed = await signed(it, "POST", "/v5/trade/order", **order(type="limit", price="40000"))
    asked: dict[str, Any] = {"contract_code": BTC, "order_id": placed["data"]["order_id"]}
    await signed(it, "POST", "/v5/trade/cancel_order", **asked)
    it.engine.clock_offset_ms += 2 * HOUR_MS + 1_000
    assert (await signed(it, "GET", "/v5/trade/order", **asked))["code"] == 1017
    history = await signed(
        it, "GET", "/v5/trade/order/history", contract_code=BTC, margin_mode="cross"
    )
    assert history["data"] == []


async def test_an_ended_order_has_another_record_id(it: Venue, api: Any) -> None:
    """``id`` is the "Query ID" of a list; ``order_id`` is the order's. Recorded live."""
    placed = await enter(api)
    [row] = (
        await signed(it, "GET", "/v5/trade/order/history", contract_code=BTC, margin_mode="cross")
    )["data"]
    assert row["order_id"] == placed["id"] != row["id"]


# --- algo orders --------------------------------------------------------------------------------


async def test_an_algo_order_must_say_its_position_side(it: Venue, api: Any) -> None:
    """1067 without ``position_side``, also in one-way mode, where it is "both"."""
    await enter(api)
    answer = await signed(it, "POST", "/v5/algo/order", **stop(position_side=""))
    assert (answer["code"], answer["message"]) == (1067, "Illegal parameter position_side.")
    assert (await signed(it, "POST", "/v5/algo/order", **stop(position_side="long")))[
        "code"
    ] == 1067
    assert (await signed(it, "POST", "/v5/algo/order", **stop()))["code"] == 200
    text = await refused(
        api.create_order(SWAP, "market", "sell", "20", None, {"stopLossPrice": "49000"}),
        ccxt.InvalidOrder,
    )
    assert "position_side" in text


async def test_hedge_mode_wants_long_or_short(it: Venue) -> None:
    """Place Order: "In Hedge mode, this field is mandatory, and only long or short"."""
    await signed(it, "POST", "/v5/position/mode", position_mode="dual_side")
    assert (await signed(it, "POST", "/v5/trade/order", **order()))["code"] == 1067
    assert (await signed(it, "POST", "/v5/trade/order", **order(position_side="long")))[
        "code"
    ] == 200


async def test_a_stop_without_the_flag_opens_a_position(it: Venue, api: Any) -> None:
    """``reduce_only`` is a field of v5's algo orders: without it a late stop turns round."""
    await enter(api)
    await signed(it, "POST", "/v5/algo/order", **stop())
    assert it.engine.journal.unprotected_s("anna") > 0, "it does not protect"
    it.engine.close_by_hand("anna", BTC)
    it.engine.set_price(BTC, Decimal(48_900))
    assert it.engine.accounts["anna"].held(BTC) == Decimal("-0.020")


async def test_the_flag_may_be_refused(it: Venue, api: Any) -> None:
    """Switched on: clients disagree on whether stops may carry it."""
    assert isinstance(it.dialect, Htx)
    it.dialect.swap.refuses_reduce_only = True
    await enter(api)
    answer = await signed(it, "POST", "/v5/algo/order", **stop(reduce_only=1))
    assert answer["message"] == "Illegal parameter reduce_only."


@pytest.mark.parametrize("bad", [True, "true", 2])
async def test_reduce_only_is_zero_or_one(it: Venue, bad: object) -> None:
    """Place Order: "Integer … 0 is false; 1 is true"."""
    answer = await signed(it, "POST", "/v5/trade/order", **order(reduce_only=bad))
    assert answer["code"] == 1067


async def test_a_reduction_that_is_too_large_fails(it: Venue, api: Any) -> None:
    """1492: "Amount of Reduce Only order exceeds the amount available to close"."""
    await enter(api)
    large = order(side="sell", volume="21", reduce_only=1)
    assert (await signed(it, "POST", "/v5/trade/order", **large))["code"] == 1492
    await signed(it, "POST", "/v5/algo/order", **stop(reduce_only=1))
    await signed(it, "POST", "/v5/trade/order", **order(side="sell", volume="5", reduce_only=1))
    it.engine.set_price(BTC, Decimal(48_900))
    anna = it.engine.accounts["anna"]
    assert anna.held(BTC) == Decimal("0.015"), "the stop for twenty has failed"
    [stopped] = [each for each in anna.orders.values() if each.ask.kind is Kind.STOP]
    assert stopped.status is Status.EXPIRED


async def test_a_cancel_of_algo_orders_has_a_code_for_each(it: Venue) -> None:
    """The code of the whole answer is 200: the codes are in its rows."""
    body = [{"contract_code": BTC, "algo_id": "55"}]
    answer = await signed(it, "POST", "/v5/algo/cancel_orders", body=body)
    assert (answer["code"], answer["data"][0]["code"]) == (200, 1061)


async def test_attached_levels_come_to_life_with_the_fill(it: Venue, api: Any) -> None:
    """Place Order: ``sl_trigger_price``, ``tp_trigger_price``."""
    attached: dict[str, Any] = {
        "stopLoss": {"triggerPrice": "49000"},
        "takeProfit": {"triggerPrice": "52000"},
    }
    await enter(api, **attached)
    kinds = {each.ask.kind for each in it.engine.accounts["anna"].open.values()}
    assert kinds == {Kind.STOP, Kind.TAKE_PROFIT}


# --- margin -------------------------------------------------------------------------------------


async def test_every_order_says_its_margin_mode(it: Venue) -> None:
    """Illegal parameter margin_mode., recorded live; cross and isolated both exist in v5."""
    answer = await signed(it, "POST", "/v5/trade/order", **order(margin_mode="crossed"))
    assert answer["message"] == "Illegal parameter margin_mode."
    assert (await signed(it, "POST", "/v5/trade/order", **order(margin_mode="isolated")))[
        "code"
    ] == 200
    [row] = (await signed(it, "GET", "/v5/trade/position/opens"))["data"]
    assert row["margin_mode"] == "isolated"
    close = order(side="sell", reduce_only=1)
    assert (await signed(it, "POST", "/v5/trade/order", **close))["code"] == 1492, (
        "another position"
    )


async def test_leverage_belongs_to_a_margin_mode(it: Venue) -> None:
    """Set Leverage: contract, margin mode and rate; 1045 while orders are open."""
    await signed(
        it, "POST", "/v5/position/lever", contract_code=BTC, margin_mode="cross", lever_rate=20
    )
    rows = (await signed(it, "GET", "/v5/position/lever", contract_code=BTC))["data"]
    assert {row["margin_mode"]: row["lever_rate"] for row in rows} == {"cross": 20, "isolated": 5}
    await signed(it, "POST", "/v5/trade/order", **order(type="limit", price="40000"))
    answer = await signed(
        it, "POST", "/v5/position/lever", contract_code=BTC, margin_mode="cross", lever_rate=10
    )
    assert answer["code"] == 1045


# --- lists --------------------------------------------------------------------------------------


async def test_open_orders_come_in_pages_of_ten(it: Venue, api: Any) -> None:
    """Get Current Orders: "defaults to 10, with a maximum limit of 100", in order of creation."""
    for number in range(12):
        await api.create_order(SWAP, "limit", "buy", "1", str(40_000 + number))
    assert len(await api.fetch_open_orders(SWAP)) == 10
    first = (await signed(it, "GET", "/v5/trade/order/opens", contract_code=BTC))["data"]
    after: dict[str, Any] = {"from": first[-1]["id"], "direct": "next", "contract_code": BTC}
    rest = await signed(it, "GET", "/v5/trade/order/opens", **after)
    assert [row["price"] for row in first + rest["data"]] == [str(40_000 + n) for n in range(12)]
    assert len(await api.fetch_open_orders(SWAP, None, 500)) == 12


async def test_fills_come_in_pages_of_ten_and_windows_of_48_hours(it: Venue, api: Any) -> None:
    """Execution Details (last 3 days): default window and page, the oldest first."""
    for _ in range(12):
        await enter(api, "1")
    start_ms = it.engine.now_ms() - 1_000
    assert len(await api.fetch_my_trades(SWAP)) == 10
    assert len(await api.fetch_my_trades(SWAP, None, 100)) == 12
    pass_time(it, 49 * HOUR_MS, api)
    assert await api.fetch_my_trades(SWAP) == [], "the last 48 hours"
    assert len(await api.fetch_my_trades(SWAP, start_ms, 100)) == 12
    pass_time(it, 24 * HOUR_MS, api)
    assert await api.fetch_my_trades(SWAP, start_ms, 100) == [], "three days"


async def test_spot_windows_wider_than_48_hours_are_refused(it: Venue) -> None:
    """Search Past Orders: "The maximum range of each query is 48 hours"."""
    now_ms = it.engine.now_ms()
    window: dict[str, Any] = {"start-time": now_ms - 49 * HOUR_MS, "end-time": now_ms}
    answer = await signed(it, "GET", "/v1/order/matchresults", **window)
    assert answer["err-code"] == "invalid-interval"


# --- candles ------------------------------------------------------------------------------------


async def klines(it: Venue, **asked: Any) -> Any:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    path = "/linear-swap-ex/market/history/kline"
    _, answer = await sent(it, "GET", path, query=f"contract_code={BTC}&{query}")
    return answer


def push_minutes(it: Venue, number: int, *, timeframe: str = "1m", step_ms: int = 60_000) -> int:
    """Push so many candles that end now; return where the first opens."""
    price = Decimal(50_000)
    first = it.engine.now_ms() // step_ms * step_ms - (number - 1) * step_ms
    for n in range(number):
        it.engine.push_candle(BTC, timeframe, first + n * step_ms, price, price, price, price + n)
    return first


async def test_size_makes_the_window_ignored(it: Venue, api: Any) -> None:
    """Get KLine Data: "If from to size are all filled, 'from' and 'to' will be ignored"."""
    first = push_minutes(it, 10)
    answer = await klines(it, period="1min", size=3, **{"from": first // 1000, "to": first // 1000})
    assert [row["id"] * 1000 for row in answer["data"]] == [first + n * 60_000 for n in (7, 8, 9)]
    answer = await klines(it, period="1min", **{"from": first // 1000, "to": first // 1000 + 120})
    assert [row["id"] * 1000 for row in answer["data"]] == [first + n * 60_000 for n in (0, 1, 2)]
    rows = await api.fetch_ohlcv(SWAP, "1m", first, 3)
    assert [row[0] for row in rows] == [first + n * 60_000 for n in (7, 8, 9)], "ccxt sends both"


async def test_a_window_needs_both_ends(it: Venue) -> None:
    """Get KLine Data: "Either size field or from and to fields need to be filled"."""
    asked: dict[str, Any]
    for asked in ({}, {"from": 1_700_000_000}):
        assert (await klines(it, period="1min", **asked))["status"] == "error"
    assert (await klines(it, period="10min", size=1))["err-msg"] == "invalid period"


async def test_days_open_at_midnight_in_singapore(it: Venue, api: Any) -> None:
    """Market data: "Start at 00:00(UTC+8) of the day", which is 16:00 UTC."""
    push_minutes(it, 12, timeframe="4h", step_ms=4 * HOUR_MS)
    rows = await api.fetch_ohlcv(SWAP, "1d")
    assert rows
    assert all(row[0] % 86_400_000 == 16 * HOUR_MS for row in rows)
    with pytest.raises(ValueError, match="16:00"):
        push_minutes(it, 1, timeframe="1d", step_ms=86_400_000)


async def test_spot_candles_with_a_size_are_the_newest(it: Venue, api: Any) -> None:
    """No document speaks of from and to beside size here: size wins (hostile reading)."""
    price, first = Decimal(1), it.engine.now_ms() // 60_000 * 60_000 - 9 * 60_000
    for n in range(10):
        it.engine.push_candle("btcusdt", "1m", first + n * 60_000, price, price, price, price)
    rows = await api.fetch_ohlcv(SPOT, "1m", first, 3)
    assert [row[0] for row in rows] == [first + n * 60_000 for n in (7, 8, 9)]
    assert len(await api.fetch_ohlcv(SPOT, "1m", first)) == 10


# --- limits and coins ---------------------------------------------------------------------------


async def test_trading_requests_are_limited_by_key(it: Venue) -> None:
    """Trade Interface: at most 72 times every 3 seconds, the reading ones apart."""
    it.limits.on = True
    asked: dict[str, Any] = {"contract_code": BTC, "order_id": "1"}
    codes = [(await signed(it, "POST", "/v5/trade/cancel_order", **asked))["code"]
             for _ in range(73)]  # fmt: skip
    assert codes == [1061] * 72 + [1032]
    assert (await signed(it, "GET", "/v5/account/balance"))["code"] == 200


async def test_coins_cannot_be_sold_twice(it: Venue, api: Any) -> None:
    """What a resting order holds is not free."""
    anna = it.engine.accounts["anna"]
    anna.coins["BTC"] = Decimal("0.01")
    await api.create_order(SPOT, "limit", "sell", "0.01", "60000")
    await refused(api.create_order(SPOT, "market", "sell", "0.01"), ccxt.InsufficientFunds)


async def test_a_conditional_spot_order_holds_nothing_and_may_fail(it: Venue, api: Any) -> None:
    """Place a conditional order: without "sufficient fund for triggering" it fails."""
    bought = await api.create_order(SPOT, "market", "buy", None, None, {"cost": "500"})
    assert bought["id"]
    placed = await signed(
        it, "POST", "/v2/algo-orders", accountId=1_528_640, symbol="btcusdt", orderSide="sell",
        orderType="market", orderSize="0.009", stopPrice="49000", clientOrderId="guard",
    )  # fmt: skip
    assert placed["data"] == {"clientOrderId": "guard"}
    await api.create_order(SPOT, "limit", "sell", "0.00998", "60000")
    it.engine.set_price("btcusdt", Decimal(48_900))
    found = await signed(it, "GET", "/v2/algo-orders/specific", clientOrderId="guard")
    assert found["data"]["orderStatus"] == "triggered"
    sold = it.engine.accounts["anna"].orders[found["data"]["orderId"]]
    assert sold.status is Status.EXPIRED
    assert not sold.filled
