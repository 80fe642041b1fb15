"""MEXC: what really goes out, and what its documented answers mean to us."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.errors import (
    OrderOutcomeUnknown,
    OrderRejected,
    SignalbotError,
)
from signalbot.domain.orders import OrderRequest, OrderSide, OrderStatus
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.mexc import MexcSwap
from signalbot.exchange.live.adapters.mexc_spot import MexcSpot
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.parsing import parse_holding
from signalbot.exchange.live.transport.error_codes import (
    AddressRateLimited,
    ClockSkewed,
    OrderNotFound,
)
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from tests.exchange.live.loopback_exchange import (
    LoopbackConnection,
    close,
    entry,
    loopback_to,
    spot,
    swap,
)
from tests.exchange.live.wire_fixtures import ENTRY_ID, EXIT_ID, NOW, SPOT, SWAP, stop, target

CREATE, PLAN = "/api/v1/private/order/create", "/api/v1/private/planorder/place"
PLANS = "/api/v1/private/planorder/list/orders"
FOUND = f"/api/v1/private/order/external/BTC_USDT/{ENTRY_ID}"
LEVERAGE, CHANGE = "/api/v1/private/position/leverage", "/api/v1/private/position/change_leverage"
HELD = "/api/v1/private/position/open_positions"
ORDER = "/api/v3/order"
SHORT_STOP = stop(SWAP, "61000", side=OrderSide.BUY)
STOP, TARGET = stop(SWAP, "59000"), target(SWAP, "63000")
SHORT_TARGET = target(SWAP, "57000", side=OrderSide.BUY)


def ok(content: Any) -> dict[str, Any]:
    return {"success": True, "code": 0, "data": content}


def levers(open_type: int) -> dict[str, Any]:
    row = {"level": 1, "leverage": 5, "openType": open_type}
    return ok([row | {"positionType": 1}, row | {"positionType": 2}])


def order(**said: Any) -> dict[str, Any]:
    return {
        "orderId": "264995729269765120",
        "symbol": "BTC_USDT",
        "positionId": "0",
        "price": "60600",
        "vol": "200",
        "leverage": "5",
        "side": "1",
        "category": "1",
        "orderType": "5",
        "dealAvgPrice": "60000.5",
        "dealVol": "200",
        "takerFee": "0.24",
        "makerFee": "0",
        "feeCurrency": "USDT",
        "openType": "2",
        "state": "3",
        "externalOid": ENTRY_ID,
        "errorCode": "0",
        "createTime": "1700000000500",
        "updateTime": "1700000000600",
    } | said


def plan(**said: Any) -> dict[str, Any]:
    return {
        "id": "265557643326564352",
        "symbol": "BTC_USDT",
        "leverage": "5",
        "side": "4",
        "triggerPrice": "59000",
        "vol": "200",
        "openType": "2",
        "triggerType": "2",
        "state": "1",
        "executeCycle": "168",
        "trend": "1",
        "orderType": "5",
        "errorCode": "0",
        "createTime": str(NOW + 500),
        "updateTime": str(NOW + 500),
    } | said


@pytest.fixture
async def line() -> AsyncIterator[LoopbackConnection]:
    async with loopback_to(MexcSwap(), swap("BTC_USDT", size="0.0001", lot="1")) as made:
        made.answer(LEVERAGE, levers(2))
        yield made


@pytest.fixture
async def coins() -> AsyncIterator[LoopbackConnection]:
    async with loopback_to(MexcSpot(), spot("BTCUSDT")) as made:
        yield made


WHAT = {"symbol": "BTC_USDT", "vol": 200.0, "leverage": 5, "openType": 2, "positionMode": 2}


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (entry(SWAP), {"side": 1, "type": 5, "externalOid": ENTRY_ID}),
        (
            entry(SWAP, side=OrderSide.SELL, price="61000"),
            {"side": 3, "type": 1, "price": 61000.0, "externalOid": ENTRY_ID},
        ),
        (close(SWAP), {"side": 4, "type": 5, "externalOid": EXIT_ID, "reduceOnly": True}),
    ],
)
async def test_orders_count_contracts_and_open_or_close(
    line: LoopbackConnection, request_: OrderRequest, says: dict[str, Any]
) -> None:
    """0.02 BTC are two hundred contracts; closing is a side of its own, and says that it reduces.

    "6: convert market price to current price" rests where the price leaves it; 5 is "market".
    "reduceOnly ... For one-way positions, if you need to only reduce positions, pass in true".
    https://mexcdevelop.github.io/apidocs/contract_v1_en/#order
    "position_mode: default dual-side; 2: one-way", where the older page has "default: the user's
    current config": it is always said.
    https://www.mexc.com/api-docs/futures/account-and-trading-endpoints
    """
    line.answer(CREATE, ok({"orderId": "814218083416790528", "ts": 1779795118533}))
    found = await line.send(request_)
    assert line.says == WHAT | says
    assert found.raw["id"] == "814218083416790528"


@pytest.mark.parametrize(
    ("request_", "side", "direction"),
    [(STOP, 4, 2), (TARGET, 4, 1), (SHORT_STOP, 2, 1), (SHORT_TARGET, 2, 2)],
)
async def test_triggers_know_where_the_price_comes_from(
    line: LoopbackConnection, request_: OrderRequest, side: int, direction: int
) -> None:
    """1 is at or above, 2 at or below; the last price counts; they live for seven days."""
    line.answer(PLAN, ok("259208506303929856"))
    found = await line.send(request_)
    assert (line.called, line.says) == (
        f"POST {PLAN}",
        WHAT
        | {
            "side": side,
            "orderType": 5,
            "reduceOnly": True,
            "triggerPrice": str(request_.trigger_price),
            "triggerType": direction,
            "trend": 1,
            "executeCycle": 2,
        },
    )
    assert found.raw["id"] == "259208506303929856"


@pytest.mark.parametrize(
    ("said", "status", "filled"),
    [
        ({}, OrderStatus.FILLED, "0.02"),
        ({"state": "2", "dealVol": "0", "dealAvgPrice": "0"}, OrderStatus.OPEN, "0"),
        ({"state": "2", "dealVol": "50"}, OrderStatus.PARTIALLY_FILLED, "0.005"),
        ({"state": "4", "dealVol": "50"}, OrderStatus.CANCELLED, "0.005"),
        ({"state": "4", "dealVol": "0", "dealAvgPrice": "0"}, OrderStatus.CANCELLED, "0"),
        ({"state": "5", "dealVol": "0", "dealAvgPrice": "0"}, OrderStatus.REJECTED, "0"),
    ],
)
async def test_an_order_is_found_by_our_id(
    line: LoopbackConnection, said: dict[str, str], status: OrderStatus, filled: str
) -> None:
    """At a place of its own, which ccxt's own look-up does not know."""
    line.answer(FOUND, ok(order(**said)))
    report = await line.report(entry(SWAP))
    assert report is not None
    assert (report.status, report.filled) == (status, Decimal(filled))
    assert report.exchange_order_id == "264995729269765120"
    assert report.average_price == (Decimal("60000.5") if report.filled else None)


OTHERS = [
    plan(id="1", createTime=str(NOW - 60_000)),  # an earlier attempt
    plan(id="2", triggerPrice="58000"),
    plan(id="3", vol="100"),
    plan(id="4", side="2"),
    plan(id="5", createTime=str(NOW + 90_000), state="2"),  # a later attempt
]


async def test_a_resting_stop_is_found_by_what_it_says(line: LoopbackConnection) -> None:
    """Plan orders carry no id of ours: side, size, price and time have to do."""
    line.answer(PLANS, ok([*OTHERS, plan()]))
    report = await line.report(STOP)
    assert report is not None
    says, times = dict(line.says), ("start_time", "end_time")
    start_ms, end_ms = (int(says.pop(name)) for name in times)
    assert 0 < end_ms - start_ms <= 7 * 86_400_000, "without a start it tells of seven days only"
    assert says == {
        "symbol": "BTC_USDT", "states": "1,2,3,4,5", "page_num": "1", "page_size": "100",
    }  # fmt: skip
    assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, "265557643326564352")


async def test_a_stop_is_found_although_our_clock_is_ahead(line: LoopbackConnection) -> None:
    """The exchange dates it by its own, and the difference is known."""
    line.answer(PLANS, ok([plan(createTime=str(NOW - 29_900))]))
    assert await line.report(STOP) is None
    line.api.client.options["timeDifference"] = 30_000
    assert await line.report(STOP) is not None


async def test_a_triggered_stop_is_followed_to_the_order_it_became(
    line: LoopbackConnection,
) -> None:
    """Its fills are what counts, and they are that order's."""
    line.answer(PLANS, ok([plan(state="3", orderId="777")]))
    became = order(orderId="777", side="4", externalOid="_m_1", dealAvgPrice="58990")
    line.answer("/api/v1/private/order/get/777", ok(became))
    report = await line.report(STOP)
    assert report is not None
    assert (report.status, report.exchange_order_id) == (OrderStatus.FILLED, "777")
    assert (report.filled, report.average_price) == (Decimal("0.02"), Decimal(58990))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("2", OrderStatus.CANCELLED),
        ("4", OrderStatus.CANCELLED),
        ("5", OrderStatus.CANCELLED),  # it was taken, and failed when its trigger was reached
    ],
)
async def test_an_ended_stop_is_told(
    line: LoopbackConnection, state: str, status: OrderStatus
) -> None:
    """ccxt takes a cancelled plan order for an open one."""
    line.answer(PLANS, ok([plan(state=state)]))
    report = await line.report(STOP)
    assert report is not None
    assert report.status is status


async def test_open_orders_of_every_symbol_are_in_two_lists(line: LoopbackConnection) -> None:
    """A plan order's id is its own, not that of the order it may become."""
    line.answer("/api/v1/private/order/list/open_orders", ok([order(state="2", dealVol="0")]))
    line.answer(PLANS, ok([plan(orderId="0")]), ok([]))
    listed = await line.dialect.open_orders(line.api, [SWAP], priority=RequestPriority.POLL)
    assert [(found.wire_id, found.raw["id"]) for found in listed] == [
        (ENTRY_ID, "264995729269765120"),
        (None, "265557643326564352"),
    ]
    assert (line.says["states"], line.says["page_size"]) == ("1", "100")


async def test_cancels_name_the_exchanges_id(line: LoopbackConnection) -> None:
    """Ours when theirs is not known; a plan order that is nowhere cannot be cancelled."""
    plain, planned = "/api/v1/private/order/cancel", "/api/v1/private/planorder/cancel"
    line.answer(plain, ok([{"orderId": 264995729269765120, "errorCode": 0, "errorMsg": "success"}]))
    line.answer(planned, ok(None))
    named = "/api/v1/private/order/cancel_with_external"
    line.answer(named, ok([{"symbol": "BTC_USDT", "externalOid": ENTRY_ID, "errorCode": 0}]))
    line.answer(PLANS, ok([]))
    await line.cancel(entry(SWAP))
    assert (line.called, line.says) == (
        f"POST {named}",
        [{"symbol": "BTC_USDT", "externalOid": ENTRY_ID}],
    )
    await line.cancel(entry(SWAP), exchange_order_id="264995729269765120")
    assert (line.called, line.says) == (f"POST {plain}", [264995729269765120])
    await line.cancel(STOP, exchange_order_id="9")
    assert (line.called, line.says) == (
        f"POST {planned}",
        [{"symbol": "BTC_USDT", "orderId": "9"}],
    )
    with pytest.raises(OrderNotFound):
        await line.cancel(STOP)


@pytest.mark.parametrize(
    ("code", "side"), [("1", "buy"), ("2", "buy"), ("3", "sell"), ("4", "sell")]
)
async def test_fills_have_the_side_they_had(line: LoopbackConnection, code: str, side: str) -> None:
    """Closing a short is a purchase, which ccxt takes for a sale."""
    fill = {
        "id": "299444585",
        "symbol": "BTC_USDT",
        "side": code,
        "vol": "50",
        "price": "60000.5",
        "feeCurrency": "USDT",
        "fee": "0.06",
        "timestamp": "1700000000600",
        "profit": "0",
        "category": "2",
        "orderId": "7",
        "positionMode": "2",
        "taker": True,
    }
    line.answer("/api/v1/private/order/deal_details/7", ok([fill]))
    (found,) = await line.fills(SWAP, "7")
    assert (found.side.value, found.quantity) == (side, Decimal("0.005"))
    assert (found.price, found.fee, found.fee_currency) == (
        Decimal("60000.5"), Decimal("0.06"), "USDT",
    )  # fmt: skip
    assert found.is_liquidation


async def test_balance_and_position_are_read(line: LoopbackConnection) -> None:
    """Equity with what positions hold, which ccxt's total leaves out."""
    wallet = {
        "currency": "USDT",
        "positionMargin": 100,
        "availableBalance": 850.5,
        "frozenBalance": 0,
        "equity": 1010.25,
        "unrealized": 59.75,
    }
    position = {
        "positionId": 1394650,
        "symbol": "BTC_USDT",
        "positionType": 2,
        "openType": 2,
        "state": 1,
        "holdVol": 300,
        "openAvgPrice": 61000,
        "leverage": 5,
        "updateTime": 1609991676000,
    }
    line.answer("/api/v1/private/account/assets", ok([wallet]))
    line.answer("/api/v1/private/position/open_positions", ok([position]))
    balance = await line.dialect.balance(
        line.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert (balance.equity, balance.free) == (Decimal("1010.25"), Decimal("850.5"))
    (raw,) = await line.dialect.holdings(line.api, [SWAP], priority=RequestPriority.POLL)
    holding = parse_holding(raw, instrument=line.instrument(SWAP))
    assert holding is not None
    assert (holding.side.value, holding.quantity) == ("SHORT", Decimal("0.03"))
    assert holding.entry_price == Decimal(61000)


async def test_leverage_and_mode_are_one_setting_of_both_sides(line: LoopbackConnection) -> None:
    """Longs and shorts each have theirs."""
    line.answer(CHANGE, ok(None))
    line.answer("/api/v1/private/position/open_positions", ok([]))
    line.answer("/api/v1/private/position/position_mode", ok(2))
    await line.dialect.set_leverage(line.api, SWAP, 5, MarginMode.ISOLATED)
    here = {"symbol": "BTC_USDT", "leverage": 5, "openType": 1}
    assert line.all_said == [here | {"positionType": 1}, here | {"positionType": 2}]
    assert await line.dialect.symbol_margin(line.api, SWAP) == SymbolMargin(
        leverage=5, mode=MarginMode.CROSS
    )
    assert await line.dialect.is_one_way(line.api, SWAP) is True


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (entry(SPOT), {"side": "BUY", "type": "MARKET"}),
        (entry(SPOT, side=OrderSide.SELL), {"side": "SELL", "type": "MARKET"}),
        (entry(SPOT, price="59000"), {"side": "BUY", "type": "LIMIT", "price": "59000"}),
    ],
)
async def test_spot_orders_count_coins(
    coins: LoopbackConnection, request_: OrderRequest, says: dict[str, str]
) -> None:
    """At market as well."""
    coins.answer(ORDER, {"symbol": "BTCUSDT", "orderId": "C02__1", "orderListId": -1})
    found = await coins.send(request_)
    assert coins.says == says | {
        "symbol": "BTCUSDT", "quantity": "0.02", "newClientOrderId": ENTRY_ID,
    }  # fmt: skip
    assert found.raw["id"] == "C02__1"


async def test_a_spot_order_is_found_cancelled_and_paid(coins: LoopbackConnection) -> None:
    """By our id, under one name."""
    row = {
        "symbol": "BTCUSDT",
        "orderId": "C02__1",
        "orderListId": "-1",
        "clientOrderId": ENTRY_ID,
        "price": "0",
        "origQty": "0.02",
        "executedQty": "0.02",
        "cummulativeQuoteQty": "1200.02",
        "status": "FILLED",
        "type": "MARKET",
        "side": "BUY",
        "time": "1647667102000",
        "updateTime": "1647708567000",
    }
    fill = {
        "symbol": "BTCUSDT",
        "id": "133948532984922113",
        "orderId": "C02__1",
        "price": "60001",
        "qty": "0.02",
        "quoteQty": "1200.02",
        "commission": "0.6",
        "commissionAsset": "USDT",
        "time": "1647718055000",
        "isBuyer": True,
        "isMaker": False,
    }
    coins.answer(ORDER, row)
    coins.answer("/api/v3/myTrades", [fill])
    report = await coins.report(entry(SPOT))
    assert report is not None
    assert coins.says == {"symbol": "BTCUSDT", "origClientOrderId": ENTRY_ID}
    assert (report.status, report.average_price) == (OrderStatus.FILLED, Decimal(60001))
    (found,) = await coins.fills(SPOT, "C02__1")
    assert coins.says == {"symbol": "BTCUSDT", "orderId": "C02__1", "limit": "100"}
    assert (found.quantity, found.fee, found.fee_currency) == (
        Decimal("0.02"), Decimal("0.6"), "USDT",
    )  # fmt: skip
    await coins.cancel(entry(SPOT))
    assert (coins.called, coins.says) == (
        f"DELETE {ORDER}",
        {"symbol": "BTCUSDT", "origClientOrderId": ENTRY_ID},
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (30002, OrderRejected),
        (30004, OrderRejected),
        (700003, ClockSkewed),
        (700007, OrderRejected),
        (429, AddressRateLimited),
        (730000, OrderOutcomeUnknown),
    ],
)
async def test_spot_refusals_mean_what_the_code_says(
    coins: LoopbackConnection, code: int, kind: type[SignalbotError]
) -> None:
    """They come with status 400."""
    coins.answer(ORDER, {"code": code, "msg": "told"}, status=400)
    with pytest.raises(kind):
        await coins.send(entry(SPOT))


@pytest.mark.parametrize("code", [-2013, -2011])
async def test_an_unknown_spot_order_is_absent(coins: LoopbackConnection, code: int) -> None:
    """ccxt has no name for it."""
    coins.answer(ORDER, {"code": code, "msg": "Order does not exist."}, status=400)
    assert await coins.report(entry(SPOT)) is None


async def test_the_spot_wallet_holds_what_orders_lock(coins: LoopbackConnection) -> None:
    """Free and locked together."""
    rows = [
        {"asset": "USDT", "free": "900", "locked": "100"},
        {"asset": "BTC", "free": "0.5", "locked": "0.25"},
    ]
    coins.answer("/api/v3/account", {"balances": rows})
    balance = await coins.dialect.balance(
        coins.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert (balance.equity, balance.free) == (Decimal(1000), Decimal(900))
    assert (await coins.dialect.spot_balances(coins.api, priority=RequestPriority.POLL))[
        "BTC"
    ] == Decimal("0.75")
