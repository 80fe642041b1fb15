"""Bitget: what really goes out, and what its documented answers mean to us."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import (
    OrderOutcomeUnknown,
)
from signalbot.domain.orders import OrderSide, OrderStatus
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.bitget import BitgetSpot, BitgetSwap
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.parsing import parse_holding
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from tests.exchange.live.loopback_exchange import (
    LoopbackConnection,
    close,
    entry,
    loopback_to,
    spot,
    swap,
)
from tests.exchange.live.wire_fixtures import (
    ENTRY_ID,
    NOW,
    SPOT,
    STOP_ID,
    SWAP,
    stop,
    target,
)

PLACE = "/api/v2/mix/order/place-order"
PLACE_PLAN = "/api/v2/mix/order/place-tpsl-order"
DETAIL = "/api/v2/mix/order/detail"
PENDING = "/api/v2/mix/order/orders-pending"
PLANS = "/api/v2/mix/order/orders-plan-pending"
PAST_PLANS = "/api/v2/mix/order/orders-plan-history"
ACCOUNT = "/api/v2/mix/account/account"
MARKET = {"symbol": "BTCUSDT", "productType": "USDT-FUTURES"}


def ok(content: Any) -> dict[str, Any]:
    return {"code": "00000", "msg": "success", "requestTime": 1627292199523, "data": content}


def account(**said: str) -> dict[str, Any]:
    return ok(
        {
            "marginCoin": "USDT",
            "crossedMarginLeverage": "5",
            "isolatedLongLever": "7",
            "isolatedShortLever": "7",
            "marginMode": "crossed",
            "posMode": "one_way_mode",
        }
        | said
    )


def order(**said: str) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "size": "0.02",
        "orderId": "123456",
        "clientOid": ENTRY_ID,
        "baseVolume": "0.02",
        "priceAvg": "60000.5",
        "fee": "",
        "price": "",
        "state": "filled",
        "side": "buy",
        "force": "gtc",
        "posSide": "net",
        "orderType": "market",
        "marginMode": "crossed",
        "reduceOnly": "NO",
        "posMode": "one_way_mode",
        "cTime": "1627300098776",
        "uTime": "1627300098776",
    } | said


def plan(**said: str) -> dict[str, Any]:
    return {
        "planType": "loss_plan",
        "symbol": "BTCUSDT",
        "size": "0.02",
        "orderId": "777",
        "clientOid": STOP_ID,
        "price": "",
        "executePrice": "",
        "triggerPrice": "59000",
        "triggerType": "fill_price",
        "planStatus": "live",
        "side": "sell",
        "posSide": "net",
        "orderType": "market",
        "cTime": "1627293504612",
        "uTime": "1627293504612",
    } | said


STOP = stop(SWAP, "59000")
TARGET = target(SWAP, "63000")


@pytest.fixture
async def line() -> AsyncIterator[LoopbackConnection]:
    async with loopback_to(BitgetSwap(), swap("BTCUSDT", lot="0.001")) as made:
        made.answer(ACCOUNT, account())
        yield made


@pytest.fixture
async def coins() -> AsyncIterator[LoopbackConnection]:
    async with loopback_to(BitgetSpot(), spot("BTCUSDT")) as made:
        yield made


PLAIN = MARKET | {
    "marginCoin": "USDT",
    "size": "0.02",
    "marginMode": "crossed",
    "clientOid": ENTRY_ID,
    "force": "GTC",
}


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (entry(SWAP), PLAIN | {"orderType": "market", "side": "buy"}),
        (
            entry(SWAP, side=OrderSide.SELL, price="61000"),
            PLAIN | {"orderType": "limit", "side": "sell", "price": "61000"},
        ),
    ],
)
async def test_an_entry_says_its_margin_mode(
    line: LoopbackConnection, request_: Any, says: Any
) -> None:
    """Mode, size in coins and our id go along; an acknowledgement is not more than that."""
    line.answer(PLACE, ok({"orderId": "123456", "clientOid": ENTRY_ID}))
    found = await line.send(request_)
    assert line.says == says
    assert (found.raw["id"], found.wire_id) == ("123456", ENTRY_ID)


@pytest.mark.parametrize(
    ("request_", "plan_type", "price"),
    [(STOP, "loss_plan", "59000"), (TARGET, "profit_plan", "63000")],
)
async def test_a_plan_order_has_a_size_and_watches_the_last_price(
    line: LoopbackConnection, request_: Any, plan_type: str, price: str
) -> None:
    """Not the whole position, and not the mark price, which ccxt would both choose."""
    line.answer(PLACE_PLAN, ok({"orderId": "777", "clientOid": request_.client_order_id}))
    found = await line.send(request_)
    assert line.says == MARKET | {
        "marginCoin": "USDT",
        "size": "0.02",
        "clientOid": request_.client_order_id,
        "orderType": "market",
        "force": "GTC",
        "triggerType": "fill_price",
        "planType": plan_type,
        "triggerPrice": price,
        "holdSide": "buy",
    }
    assert (found.raw["id"], found.wire_id) == ("777", request_.client_order_id)


async def test_a_close_only_reduces(line: LoopbackConnection) -> None:
    """An exit of an order that is gone must not open the other side."""
    line.answer(PLACE, ok({"orderId": "1", "clientOid": STOP_ID}))
    await line.send(close(SWAP))
    assert line.says["reduceOnly"] == "YES"


async def test_cancels_name_our_id_and_the_kind_of_plan(line: LoopbackConnection) -> None:
    """Plain orders and plan orders are cancelled at different places."""
    line.answer("/api/v2/mix/order/cancel-order", ok({"orderId": "1", "clientOid": ENTRY_ID}))
    line.answer("/api/v2/mix/order/cancel-plan-order", ok({"successList": [], "failureList": []}))
    await line.cancel(entry(SWAP))
    assert line.says == MARKET | {"clientOid": ENTRY_ID}
    await line.cancel(STOP)
    assert line.says == MARKET | {
        "planType": "loss_plan",
        "orderIdList": [{"clientOid": STOP_ID}],
    }


@pytest.mark.parametrize(
    ("said", "status", "filled"),
    [
        ({}, OrderStatus.FILLED, "0.02"),
        ({"state": "live", "baseVolume": "0", "priceAvg": ""}, OrderStatus.OPEN, "0"),
        ({"state": "partially_filled", "baseVolume": "0.01"}, OrderStatus.PARTIALLY_FILLED, "0.01"),
        ({"state": "canceled", "baseVolume": "0", "priceAvg": ""}, OrderStatus.CANCELLED, "0"),
    ],
)
async def test_an_order_is_found_by_our_id(
    line: LoopbackConnection, said: dict[str, str], status: OrderStatus, filled: str
) -> None:
    """Whatever has become of it."""
    line.answer(DETAIL, ok(order(**said)))
    report = await line.report(entry(SWAP))
    assert report is not None
    assert line.says == MARKET | {"clientOid": ENTRY_ID}
    assert (report.status, report.filled) == (status, Decimal(filled))
    assert report.average_price == (Decimal("60000.5") if report.filled else None)


async def test_a_resting_stop_is_found_among_the_pending(line: LoopbackConnection) -> None:
    """One question is enough."""
    line.answer(PLANS, ok({"entrustedList": [plan()], "endId": "777"}))
    report = await line.report(STOP)
    assert report is not None
    assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, "777")
    assert line.says == MARKET | {"planType": "profit_loss", "clientOid": STOP_ID}


async def test_a_triggered_stop_is_followed_to_the_order_it_became(
    line: LoopbackConnection,
) -> None:
    """Its fills are what counts, and they are that order's."""
    executed = plan(planStatus="executed", executeOrderId="888", baseVolume="0.02")
    line.answer(PLANS, ok({"entrustedList": None, "endId": None}))
    line.answer(PAST_PLANS, ok({"entrustedList": [executed], "endId": "777"}))
    line.answer(DETAIL, ok(order(orderId="888", clientOid="999", side="sell", priceAvg="58990")))
    report = await line.report(STOP)
    assert report is not None
    assert (report.status, report.exchange_order_id) == (OrderStatus.FILLED, "888")
    assert (report.filled, report.average_price) == (Decimal("0.02"), Decimal(58990))


@pytest.mark.parametrize(
    ("state", "status"),
    [("cancelled", OrderStatus.CANCELLED), ("fail_execute", OrderStatus.REJECTED)],
)
async def test_an_ended_stop_is_found_in_the_history(
    line: LoopbackConnection, state: str, status: OrderStatus
) -> None:
    """Cancelled by hand, or failed when it triggered."""
    line.answer(PLANS, ok({"entrustedList": [], "endId": None}))
    line.answer(PAST_PLANS, ok({"entrustedList": [plan(planStatus=state)], "endId": "777"}))
    report = await line.report(STOP)
    assert report is not None
    assert report.status is status


async def test_open_orders_come_from_every_list(line: LoopbackConnection) -> None:
    """Plain orders, stops and targets, and the owner's own trigger orders."""
    line.answer(PENDING, ok({"entrustedList": [order(status="live", baseVolume="0")]}))
    line.answer(PLANS, ok({"entrustedList": [plan()]}), ok({"entrustedList": None}))
    listed = await line.dialect.open_orders(line.api, [SWAP], priority=RequestPriority.POLL)
    assert [found.wire_id for found in listed] == [ENTRY_ID, STOP_ID]
    assert [said.get("planType") for said in line.all_said] == [None, "profit_loss", "normal_plan"]


async def test_fills_carry_what_was_paid(line: LoopbackConnection) -> None:
    """Fees are negative there; a forced sale says so."""
    fill = {
        "tradeId": "11",
        "symbol": "BTCUSDT",
        "orderId": "123456",
        "price": "60000.5",
        "baseVolume": "0.02",
        "feeDetail": [{"deduction": "no", "feeCoin": "USDT", "totalFee": "-0.72"}],
        "side": "sell",
        "quoteVolume": "1200.01",
        "tradeSide": "burst_sell_single",
        "posMode": "one_way_mode",
        "cTime": "1627300098776",
    }
    line.answer("/api/v2/mix/order/fills", ok({"fillList": [fill], "endId": "11"}))
    (found,) = await line.fills(SWAP, "123456")
    assert line.says == MARKET | {"orderId": "123456", "limit": "100"}
    assert (found.quantity, found.price) == (Decimal("0.02"), Decimal("60000.5"))
    assert (found.fee, found.fee_currency, found.is_liquidation) == (Decimal("0.72"), "USDT", True)


async def test_balance_counts_unrealized_and_usable_margin(line: LoopbackConnection) -> None:
    """Equity is the account's, free is what a new position may use in either mode."""
    row = {
        "marginCoin": "USDT",
        "available": "1200",
        "crossedMaxAvailable": "900",
        "isolatedMaxAvailable": "800",
        "maxTransferOut": "500",
        "accountEquity": "1500.5",
    }
    line.answer("/api/v2/mix/account/accounts", ok([row]))
    balance = await line.dialect.balance(
        line.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert line.says == {"productType": "USDT-FUTURES"}
    assert balance == Balance(equity=Decimal("1500.5"), free=Decimal(800), as_of_ms=NOW)


async def test_a_position_is_read(line: LoopbackConnection) -> None:
    """Side, size in coins and entry price."""
    row = {
        "marginCoin": "USDT",
        "symbol": "BTCUSDT",
        "holdSide": "short",
        "total": "0.03",
        "available": "0.03",
        "leverage": "5",
        "openPriceAvg": "61000",
        "marginMode": "crossed",
        "posMode": "one_way_mode",
        "cTime": "1627300098776",
        "uTime": "1627300098776",
    }
    line.answer("/api/v2/mix/position/all-position", ok([row]))
    (raw,) = await line.dialect.holdings(line.api, [SWAP], priority=RequestPriority.POLL)
    holding = parse_holding(raw, instrument=line.instrument(SWAP))
    assert holding is not None
    assert (holding.side.value, holding.quantity) == ("SHORT", Decimal("0.03"))
    assert holding.entry_price == Decimal(61000)


async def test_leverage_and_mode_are_set_and_read(line: LoopbackConnection) -> None:
    """Per symbol; the leverage that counts is that of the mode in force."""
    here = MARKET | {"marginCoin": "USDT"}
    line.answer("/api/v2/mix/account/set-leverage", ok({"symbol": "BTCUSDT"}))
    line.answer("/api/v2/mix/account/set-margin-mode", ok({"symbol": "BTCUSDT"}))
    await line.dialect.set_leverage(line.api, SWAP, 5, MarginMode.CROSS)
    assert line.says == here | {"leverage": "5"}
    await line.dialect.set_margin_mode(line.api, SWAP, 5, MarginMode.ISOLATED)
    assert line.says == here | {"marginMode": "isolated"}
    assert await line.dialect.symbol_margin(line.api, SWAP) == SymbolMargin(
        leverage=5, mode=MarginMode.CROSS
    )
    assert await line.dialect.is_one_way(line.api, SWAP) is True
    assert line.says == here


async def test_a_close_that_is_answered_without_an_order_id_is_looked_up(
    line: LoopbackConnection,
) -> None:
    """Where it made other reduce-only orders go, "the response ... will not include an `orderId`".

    "You can use the `clientOid` set in the request to query order details."
    https://www.bitget.com/api-doc/contract/trade/Place-Order
    """
    exit_ = close(SWAP)
    line.answer(PLACE, ok({"clientOid": exit_.client_order_id}))
    with pytest.raises(OrderOutcomeUnknown):
        await line.send(exit_)
    line.answer(DETAIL, ok(order(clientOid=exit_.client_order_id, side="sell")))
    report = await line.report(exit_)
    assert report is not None
    assert report.status is OrderStatus.FILLED


async def test_a_spot_buy_at_market_is_bounded_and_counted_in_coins(
    coins: LoopbackConnection,
) -> None:
    """The exchange would take a cost: a limit one percent above the ask buys the exact quantity."""
    coins.answer("/api/v2/spot/market/tickers", ok([{"symbol": "BTCUSDT", "askPr": "60000"}]))
    coins.answer("/api/v2/spot/trade/place-order", ok({"orderId": "1", "clientOid": ENTRY_ID}))
    await coins.send(entry(SPOT))
    assert coins.says == {
        "symbol": "BTCUSDT",
        "side": "buy",
        "orderType": "limit",
        "force": "IOC",
        "price": "60600",
        "size": "0.02",
        "clientOid": ENTRY_ID,
    }


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (entry(SPOT, side=OrderSide.SELL), {"orderType": "market", "side": "sell"}),
        (
            entry(SPOT, price="59000"),
            {"orderType": "limit", "side": "buy", "price": "59000"},
        ),
    ],
)
async def test_other_spot_orders_go_out_as_they_are(
    coins: LoopbackConnection, request_: Any, says: dict[str, str]
) -> None:
    """Nothing that only reduces exists here."""
    coins.answer("/api/v2/spot/trade/place-order", ok({"orderId": "1", "clientOid": ENTRY_ID}))
    await coins.send(request_)
    assert coins.says == says | {
        "symbol": "BTCUSDT",
        "size": "0.02",
        "force": "GTC",
        "clientOid": ENTRY_ID,
    }


async def test_a_spot_order_is_found_cancelled_and_paid(coins: LoopbackConnection) -> None:
    """By our id; fees of a purchase are coins."""
    row = {
        "symbol": "BTCUSDT",
        "orderId": "1",
        "clientOid": ENTRY_ID,
        "price": "60600",
        "size": "0.02",
        "orderType": "limit",
        "side": "buy",
        "status": "filled",
        "priceAvg": "60001",
        "baseVolume": "0.02",
        "quoteVolume": "1200.02",
        "feeDetail": "",
        "cTime": "1627300098776",
        "uTime": "1627300098776",
    }
    fill = {
        "symbol": "BTCUSDT",
        "orderId": "1",
        "tradeId": "5",
        "side": "buy",
        "priceAvg": "60001",
        "size": "0.02",
        "amount": "1200.02",
        "feeDetail": {"deduction": "no", "feeCoin": "BTC", "totalFee": "-0.00002"},
        "cTime": "1627300098776",
    }
    coins.answer("/api/v2/spot/trade/orderInfo", ok([row]), ok([]))
    coins.answer("/api/v2/spot/trade/fills", ok([fill]))
    coins.answer("/api/v2/spot/trade/cancel-order", ok({"orderId": "1", "clientOid": ENTRY_ID}))
    report = await coins.report(entry(SPOT))
    assert report is not None
    assert (report.status, report.average_price) == (OrderStatus.FILLED, Decimal(60001))
    assert coins.says == {"clientOid": ENTRY_ID}
    assert await coins.report(entry(SPOT)) is None
    (found,) = await coins.fills(SPOT, "1")
    assert (found.fee, found.fee_currency) == (Decimal("0.00002"), "BTC")
    await coins.cancel(entry(SPOT))
    assert coins.says == {"symbol": "BTCUSDT", "clientOid": ENTRY_ID}


async def test_the_wallet_is_free_and_locked_coins_together(coins: LoopbackConnection) -> None:
    """Coins in an open order are still the account's."""
    rows = [
        {"coin": "USDT", "available": "900", "frozen": "100", "locked": "0"},
        {"coin": "BTC", "available": "0.5", "frozen": "0.25", "locked": "0"},
    ]
    coins.answer("/api/v2/spot/account/assets", ok(rows))
    balance = await coins.dialect.balance(
        coins.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert (balance.equity, balance.free) == (Decimal(1000), Decimal(900))
    assert (await coins.dialect.spot_balances(coins.api, priority=RequestPriority.POLL))[
        "BTC"
    ] == Decimal("0.75")
    assert await coins.dialect.holdings(coins.api, [SPOT], priority=RequestPriority.POLL) == ()
