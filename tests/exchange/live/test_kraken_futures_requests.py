"""Kraken Futures: what really goes out, and what its documented answers mean to us."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.errors import (
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    SignalbotError,
)
from signalbot.domain.orders import OrderRequest, OrderSide, OrderStatus
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.kraken_futures import KrakenFutures
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.parsing import parse_holding, parse_report
from signalbot.exchange.live.transport.error_codes import AccountRateLimited
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from tests.exchange.live.loopback_exchange import (
    LoopbackConnection,
    close,
    entry,
    loopback_to,
    swap,
)
from tests.exchange.live.wire_fixtures import ENTRY_ID, NOW, STOP_ID, stop, target

PERP = "BTC/USD:USD"
SEND, STATUS = "/derivatives/api/v3/sendorder", "/derivatives/api/v3/orders/status"
FILLS, OPEN = "/derivatives/api/v3/fills", "/derivatives/api/v3/openorders"
ORDERS, TRIGGERS = "/api/history/v2/orders", "/api/history/v2/triggers"
LEVERAGE = "/derivatives/api/v3/leveragepreferences"
UID = "179f9af8-e45e-469d-b3e9-2fd4675cb7d0"
STOP, TARGET = stop(PERP, "59000"), target(PERP, "63000")
WHEN = "2026-03-02T06:10:31.954Z"


def ok(**content: Any) -> dict[str, Any]:
    return {"result": "success", "serverTime": WHEN} | content


def sent(status: str = "placed", *events: dict[str, Any]) -> dict[str, Any]:
    told = {"status": status, "order_id": UID, "receivedTime": WHEN, "orderEvents": list(events)}
    return ok(sendStatus=told)


def known(
    status: str = "ENTERED_BOOK", *, cli: str = ENTRY_ID, filled: str = "0"
) -> dict[str, Any]:
    order = {
        "type": "ORDER",
        "orderId": UID,
        "cliOrdId": cli,
        "symbol": "PF_XBTUSD",
        "side": "buy",
        "quantity": "0.02",
        "filled": filled,
        "limitPrice": "60000",
        "reduceOnly": False,
        "timestamp": WHEN,
        "lastUpdateTimestamp": WHEN,
    }
    return ok(orders=[{"order": order, "status": status, "updateReason": None, "error": None}])


def fill(
    *, cli: str = ENTRY_ID, size: float = 0.02, price: float = 60000.5, number: int = 1
) -> Any:
    return {
        "fillTime": "2026-03-02T06:10:32.000Z",
        "order_id": UID,
        "fill_id": f"522d4e08-96e7-4b44-9694-bfaea8fe215{number}",
        "cliOrdId": cli,
        "symbol": "PF_XBTUSD",
        "side": "buy",
        "size": size,
        "price": price,
        "fillType": "taker",
    }


def ended(name: str, cli: str) -> dict[str, Any]:
    order = {"uid": UID, "clientId": cli, "tradeable": "PF_XBTUSD", "filled": "0"}
    return {"uid": "1", "timestamp": 1707258274849, "event": {name: {"order": order}}}


NOTHING = ok(elements=[], len=0)


@pytest.fixture
async def line() -> AsyncIterator[LoopbackConnection]:
    market = swap("PF_XBTUSD", lot="0.0001", quote="USD")
    async with loopback_to(KrakenFutures(), market, secret="c2VjcmV0") as made:
        made.answer(STATUS, ok(orders=[]))
        made.answer(FILLS, ok(fills=[]))
        made.answer(ORDERS, NOTHING)
        made.answer(TRIGGERS, NOTHING)
        yield made


TRIGGERED = {"side": "sell", "triggerSignal": "last", "reduceOnly": "true"}


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (entry(PERP), {"orderType": "mkt", "side": "buy"}),
        (
            entry(PERP, side=OrderSide.SELL, price="61000"),
            {"orderType": "lmt", "side": "sell", "limitPrice": "61000"},
        ),
        (close(PERP), {"orderType": "mkt", "side": "sell", "reduceOnly": "true"}),
        (STOP, TRIGGERED | {"orderType": "stp", "stopPrice": "59000"}),
        (TARGET, TRIGGERED | {"orderType": "take_profit", "stopPrice": "63000"}),
    ],
)
async def test_an_order_watches_the_last_price_and_grows_too_old(
    line: LoopbackConnection, request_: OrderRequest, says: dict[str, str]
) -> None:
    """An order stuck on its way is never taken late."""
    line.answer(SEND, sent())
    await line.send(request_)
    assert line.says == says | {
        "symbol": "PF_XBTUSD",
        "size": "0.02",
        "cliOrdId": request_.client_order_id,
    }
    left_ms = line.api.client.parse8601(line.params["processBefore"])
    assert 0 < left_ms - line.api.client.milliseconds() <= line.dialect.request_validity_ms


async def test_an_execution_in_the_answer_counts(line: LoopbackConnection) -> None:
    """Market orders are told with what they filled."""
    prior = {
        "orderId": UID,
        "cliOrdId": ENTRY_ID,
        "type": "ioc",
        "symbol": "PF_XBTUSD",
        "side": "buy",
        "quantity": 0.02,
        "filled": 0,
        "limitPrice": 60500.0,
        "reduceOnly": False,
        "timestamp": WHEN,
        "lastUpdateTimestamp": WHEN,
    }
    event = {
        "type": "EXECUTION",
        "executionId": "403bf49f",
        "price": 60000.5,
        "amount": 0.02,
        "orderPriorEdit": None,
        "orderPriorExecution": prior,
        "takerReducedQuantity": None,
    }
    line.answer(SEND, sent("placed", event))
    found = await line.send(entry(PERP))
    report = parse_report(
        found.raw,
        client_order_id=ENTRY_ID,
        instrument=line.instrument(PERP),
        requested=Decimal("0.02"),
        now_ms=NOW,
    )
    assert found.wire_id == ENTRY_ID
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.02"))
    assert report.average_price == Decimal("60000.5")


@pytest.mark.parametrize("request_", [entry(PERP), STOP])
async def test_cancels_name_our_id_alone(line: LoopbackConnection, request_: OrderRequest) -> None:
    """ccxt's own cancel would send an empty exchange id."""
    path = "/derivatives/api/v3/cancelorder"
    line.answer(path, ok(cancelStatus={"status": "cancelled"}))
    await line.cancel(request_)
    assert (line.called, line.says) == (f"POST {path}", {"cliOrdId": request_.client_order_id})


@pytest.mark.parametrize(
    ("request_", "status"), [(entry(PERP), "ENTERED_BOOK"), (STOP, "TRIGGER_PLACED")]
)
async def test_a_resting_order_is_found_by_our_id(
    line: LoopbackConnection, request_: OrderRequest, status: str
) -> None:
    """Plain or conditional, one question is enough."""
    line.answer(STATUS, known(status, cli=request_.client_order_id))
    report = await line.report(request_)
    assert report is not None
    assert line.says == {"cliOrdIds": request_.client_order_id}
    assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, UID)


@pytest.mark.parametrize("is_remembered", [True, False])
async def test_a_filled_order_is_told_by_its_fills(
    line: LoopbackConnection, is_remembered: bool
) -> None:
    """They carry our id long after the order is forgotten, and only they tell the price."""
    if is_remembered:
        line.answer(STATUS, known("FULLY_EXECUTED", filled="0.02"))
    parts = [fill(size=0.015, price=60000), fill(size=0.005, price=60002, number=2)]
    line.answer(FILLS, ok(fills=[*parts, fill(cli="another", number=3)]))
    report = await line.report(entry(PERP))
    assert report is not None
    assert (report.status, report.exchange_order_id) == (OrderStatus.FILLED, UID)
    assert (report.filled, report.average_price) == (Decimal("0.02"), Decimal("60000.5"))


async def test_a_triggered_stop_is_told_by_its_fills(line: LoopbackConnection) -> None:
    """It stays ours by id."""
    line.answer(FILLS, ok(fills=[fill(cli=STOP_ID, price=58990)]))
    report = await line.report(STOP)
    assert report is not None
    assert (report.status, report.average_price) == (OrderStatus.FILLED, Decimal(58990))


async def test_a_partly_filled_order_that_still_rests_is_open(line: LoopbackConnection) -> None:
    """Its fills alone would look like an end."""
    line.answer(STATUS, known("PARTIALLY_FILLED", filled="0.01"))
    line.answer(FILLS, ok(fills=[fill(size=0.01)]))
    report = await line.report(entry(PERP, price="60000.5"))
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.01"))


@pytest.mark.parametrize(
    ("path", "name", "request_", "status"),
    [
        (ORDERS, "OrderCancelled", entry(PERP), OrderStatus.CANCELLED),
        (ORDERS, "OrderRejected", entry(PERP), OrderStatus.REJECTED),
        (TRIGGERS, "OrderTriggerCancelled", STOP, OrderStatus.CANCELLED),
    ],
)
async def test_an_order_that_ended_unfilled_is_found_in_the_history(
    line: LoopbackConnection, path: str, name: str, request_: OrderRequest, status: OrderStatus
) -> None:
    """From shortly before it was meant on."""
    line.answer(path, ok(elements=[ended(name, "another"), ended(name, request_.client_order_id)]))
    report = await line.report(request_)
    assert report is not None
    assert (report.status, report.exchange_order_id) == (status, UID)
    assert line.says == {"since": str(NOW - 5_000)}


async def test_an_ended_order_is_found_behind_newer_events(line: LoopbackConnection) -> None:
    """A page is not the whole history: "continuationToken" tells that there is more.

    https://docs.kraken.com/api/docs/futures-api/history/get-order-events
    """
    line.answer(
        ORDERS,
        ok(elements=[ended("OrderCancelled", "another")], continuationToken="c3RyaW5n"),
        ok(elements=[ended("OrderCancelled", ENTRY_ID)]),
    )
    report = await line.report(entry(PERP))
    assert report is not None
    assert report.status is OrderStatus.CANCELLED
    assert line.says == {"since": str(NOW - 5_000), "continuation_token": "c3RyaW5n"}


async def test_an_order_that_was_only_placed_has_not_ended(line: LoopbackConnection) -> None:
    """The history tells of its beginning too, which ccxt takes for a cancellation."""
    line.answer(ORDERS, ok(elements=[ended("OrderPlaced", ENTRY_ID)]))
    assert await line.report(entry(PERP)) is None


async def test_a_refused_trigger_is_rejected(line: LoopbackConnection) -> None:
    """A stop that could not be activated protects nobody."""
    line.answer(STATUS, known("TRIGGER_ACTIVATION_FAILURE", cli=STOP_ID))
    report = await line.report(STOP)
    assert report is not None
    assert report.status is OrderStatus.REJECTED


async def test_open_orders_of_every_symbol_take_one_request(line: LoopbackConnection) -> None:
    """Stops are among them, and what has filled counts."""
    row = {
        "order_id": UID,
        "cliOrdId": ENTRY_ID,
        "symbol": "PF_XBTUSD",
        "side": "buy",
        "orderType": "lmt",
        "limitPrice": 60000,
        "unfilledSize": 0.015,
        "filledSize": 0.005,
        "receivedTime": WHEN,
        "lastUpdateTime": WHEN,
        "status": "partiallyFilled",
        "reduceOnly": False,
    }
    line.answer(OPEN, ok(openOrders=[row, row | {"cliOrdId": STOP_ID, "orderType": "stop"}]))
    listed = await line.dialect.open_orders(line.api, [PERP], priority=RequestPriority.POLL)
    assert [found.wire_id for found in listed] == [ENTRY_ID, STOP_ID]
    report = parse_report(
        listed[0].raw,
        client_order_id=ENTRY_ID,
        instrument=line.instrument(PERP),
        requested=None,
        now_ms=NOW,
    )
    assert (report.status, report.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.005"))
    assert line.paths == [OPEN]


def execution(uid: str) -> dict[str, Any]:
    body = {"uid": uid, "takerOrder": {"uid": UID}, "takerOrderData": {"fee": "0.6"}}
    return {"uid": uid, "timestamp": NOW, "event": {"Execution": {"execution": body}}}


async def test_fees_of_fills_are_read_from_the_history(line: LoopbackConnection) -> None:
    """Get execution events: ``orderData`` of the own side tells the ``fee``; fills do not.

    https://docs.kraken.com/api/docs/futures-api/history/get-execution-events
    """
    forced = fill(number=2) | {"fillType": "liquidation"}
    told = [fill(), forced, fill(number=3) | {"order_id": "another"}]
    line.answer(FILLS, ok(fills=told))
    line.answer("/api/history/v2/executions", {
        "elements": [execution(each["fill_id"]) for each in told], "len": 3,
    })  # fmt: skip
    since_ms = Ms(line.api.client.parse8601("2026-03-01T00:00:00Z"))
    paid, taken = await line.fills(PERP, UID, since_ms=since_ms)
    assert (paid.fee, taken.fee) == (Decimal("0.6"), Decimal("0.6"))
    assert (paid.quantity, paid.price, paid.fee_currency) == (
        Decimal("0.02"), Decimal("60000.5"), "USD",
    )  # fmt: skip
    assert not paid.is_liquidation
    assert taken.is_liquidation


async def test_balance_and_position_are_read(line: LoopbackConnection) -> None:
    """The multi-collateral wallet, in dollars."""
    flex = {
        "currencies": {"usdt": {"quantity": "1000", "available": "900"}},
        "portfolioValue": "1010.5",
        "availableMargin": "850.25",
        "type": "multiCollateralMarginAccount",
    }
    position = {
        "side": "short",
        "symbol": "PF_XBTUSD",
        "price": "60000.5",
        "fillTime": WHEN,
        "size": "0.03",
        "unrealizedFunding": "-0.001",
    }
    line.answer("/derivatives/api/v3/accounts", ok(accounts={"flex": flex}))
    line.answer("/derivatives/api/v3/openpositions", ok(openPositions=[position]))
    balance = await line.dialect.balance(line.api, "USD", now_ms=NOW, priority=RequestPriority.POLL)
    assert (balance.equity, balance.free) == (Decimal("1010.5"), Decimal("850.25"))
    (raw,) = await line.dialect.holdings(line.api, [PERP], priority=RequestPriority.POLL)
    holding = parse_holding(raw, instrument=line.instrument(PERP))
    assert holding is not None
    assert (holding.side.value, holding.quantity) == ("SHORT", Decimal("0.03"))
    assert holding.entry_price == Decimal("60000.5")


async def test_a_leverage_preference_is_isolated_margin(line: LoopbackConnection) -> None:
    """And its absence is cross margin."""
    preference = {"symbol": "PF_XBTUSD", "maxLeverage": 5.0}
    line.answer(LEVERAGE, ok(leveragePreferences=[preference]))
    margin = await line.dialect.symbol_margin(line.api, PERP)
    assert margin == SymbolMargin(leverage=5, mode=MarginMode.ISOLATED)
    await line.dialect.set_leverage(line.api, PERP, 5, MarginMode.ISOLATED)
    assert line.called == f"PUT {LEVERAGE}"
    assert line.says == {"symbol": "PF_XBTUSD", "maxLeverage": "5"}
    await line.dialect.set_margin_mode(line.api, PERP, 5, MarginMode.CROSS)
    assert (line.called, line.says) == (f"PUT {LEVERAGE}", {"symbol": "PF_XBTUSD"})
    line.answer(LEVERAGE, ok(leveragePreferences=[]))
    await line.dialect.set_leverage(line.api, PERP, 5, MarginMode.CROSS)
    margin = await line.dialect.symbol_margin(line.api, PERP)
    assert margin == SymbolMargin(leverage=None, mode=MarginMode.CROSS)
    assert len(line.paths) == 4


@pytest.mark.parametrize(
    ("status", "kind", "refusal"),
    [
        ("invalidPrice", OrderRejected, RejectionReason.OTHER),
        ("wouldNotReducePosition", OrderRejected, RejectionReason.OTHER),
        ("wouldProcessAfterSpecifiedTime", OrderRejected, RejectionReason.OTHER),
        ("marketSuspended", OrderRejected, RejectionReason.OTHER),
        ("insufficientAvailableFunds", OrderRejected, RejectionReason.INSUFFICIENT_MARGIN),
        ("marketIsPostOnly", OrderRejected, RejectionReason.OTHER),
        ("clientOrderIdInvalid", OrderRejected, RejectionReason.OTHER),
        ("clientOrderIdTooBig", OrderRejected, RejectionReason.OTHER),
        ("wouldIncreasePriceDislocation", OrderRejected, RejectionReason.OTHER),
        ("fixedLeverageTooHigh", OrderRejected, RejectionReason.OTHER),
        ("clientOrderIdAlreadyExist", OrderOutcomeUnknown, None),
        ("somethingNew", OrderOutcomeUnknown, None),
    ],
)
async def test_refusals_mean_what_the_status_says(
    line: LoopbackConnection,
    status: str,
    kind: type[SignalbotError],
    refusal: RejectionReason | None,
) -> None:
    """They come as a success; a status nobody listed is no refusal.

    https://docs.kraken.com/api/docs/futures-api/trading/send-order (``sendStatus.status``)
    """
    line.answer(SEND, sent(status))
    with pytest.raises(kind) as caught:
        await line.send(STOP)
    assert getattr(caught.value, "rejection_reason", None) is refusal


@pytest.mark.parametrize("status", ["selfFill", "wouldNotReducePosition"])
async def test_an_order_that_traded_before_it_was_refused_is_not_refused(
    line: LoopbackConnection, status: str
) -> None:
    """REJECTED_AFTER_EXECUTION is one of the reasons: what it traded is in the account.

    https://docs.kraken.com/api/docs/futures-api/trading/send-order (``orderEvents``)
    """
    traded = {"type": "EXECUTION", "executionId": "1", "price": 60000.5, "amount": 0.01}
    refused = {"type": "REJECT", "uid": UID, "reason": "REJECTED_AFTER_EXECUTION"}
    line.answer(SEND, sent(status, traded, refused))
    with pytest.raises(OrderOutcomeUnknown):
        await line.send(entry(PERP))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("apiLimitExceeded", AccountRateLimited),
        ("requiredArgumentMissing", OrderRejected),
        ("authenticationError", OrderRejected),
        ("Server Error", OrderOutcomeUnknown),
        ("unavailable", OrderOutcomeUnknown),
    ],
)
async def test_errors_mean_what_they_say(
    line: LoopbackConnection, error: str, kind: type[SignalbotError]
) -> None:
    """Here the whole request has failed."""
    line.answer(SEND, {"result": "error", "serverTime": WHEN, "error": error})
    with pytest.raises(kind):
        await line.send(STOP)
