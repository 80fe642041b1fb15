"""Bybit: what really goes out, and what its documented answers mean to us."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    SignalbotError,
)
from signalbot.domain.orders import Leg, OrderRequest, OrderSide, OrderStatus, OrderType
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.bybit_spot import BybitSpot
from signalbot.exchange.live.adapters.bybit_swap import BybitSwap
from signalbot.exchange.live.adapters.types import KeyPermissions, SymbolMargin
from signalbot.exchange.live.parsing import parse_holding
from signalbot.exchange.live.transport.error_codes import (
    AccountRateLimited,
    AddressRateLimited,
    ClockSkewed,
    OrderNotFound,
)
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from tests.exchange.live.wire_fixtures import (
    ENTRY_ID,
    NOW,
    SPOT,
    STOP_ID,
    SWAP,
    TARGET_ID,
    Wire,
    market,
    order,
    stop,
    target,
    wire,
)

CREATE, CANCEL = "POST /v5/order/create", "POST /v5/order/cancel"
REALTIME, HISTORY = "GET /v5/order/realtime", "GET /v5/order/history"
EXECUTIONS, POSITIONS = "GET /v5/execution/list", "GET /v5/position/list"
TICKERS, WALLET = "GET /v5/market/tickers", "GET /v5/account/wallet-balance"

BTC = {"category": "linear", "symbol": "BTCUSDT"}
BTC_SPOT = {"category": "spot", "symbol": "BTCUSDT"}
LIMIT_ENTRY = order(SWAP, type_=OrderType.LIMIT, price="49000.5")
ACK = {"orderId": "c6f055d9-7f21-4079", "orderLinkId": ""}


def ok(result: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": NOW}


def failed(code: int, message: str) -> dict[str, Any]:
    return {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": NOW}


def rows(*items: dict[str, Any], cursor: str = "") -> dict[str, Any]:
    return ok({"category": "linear", "nextPageCursor": cursor, "list": list(items)})


def shown(order_id: str, **changed: Any) -> dict[str, Any]:
    """An order as ``order/realtime`` and ``order/history`` show it."""
    return {
        "symbol": "BTCUSDT", "orderType": "Market", "orderLinkId": "", "slLimitPrice": "0",
        "orderId": order_id, "cancelType": "UNKNOWN", "avgPrice": "", "stopOrderType": "",
        "lastPriceOnCreated": "50000", "orderStatus": "New", "createType": "CreateByUser",
        "takeProfit": "", "cumExecValue": "0", "tpslMode": "", "smpType": "None",
        "triggerDirection": 0, "rejectReason": "EC_NoError", "price": "0", "positionIdx": 0,
        "createdTime": str(NOW + 250), "updatedTime": str(NOW + 300), "timeInForce": "IOC",
        "side": "Buy", "triggerPrice": "", "cumExecFee": "0", "leavesQty": "0.02",
        "closeOnTrigger": False, "cumExecQty": "0", "reduceOnly": False, "qty": "0.02",
        "stopLoss": "", "triggerBy": "",
    } | changed  # fmt: skip


FILL = {"orderStatus": "Filled", "cumExecQty": "0.02", "cumExecValue": "1000.2",
        "avgPrice": "50010", "leavesQty": "0"}  # fmt: skip
ATTACHED = {"side": "Sell", "reduceOnly": True, "closeOnTrigger": True, "tpslMode": "Full",
            "stopOrderType": "StopLoss", "createType": "CreateByStopLoss", "triggerDirection": 2,
            "triggerPrice": "48000.00", "orderStatus": "Untriggered"}  # fmt: skip


@pytest.fixture
async def swap() -> AsyncIterator[Wire]:
    async with _wire(BybitSwap()) as each:
        yield each


@pytest.fixture
async def spot() -> AsyncIterator[Wire]:
    async with _wire(BybitSpot()) as each:
        yield each


def _wire(dialect: ExchangeAdapter) -> Any:
    return wire(
        dialect,
        urls=lambda url: {"public": url, "private": url},
        markets=[market("BTCUSDT", SWAP), market("BTCUSDT", SPOT)],
    )


# --- sending ------------------------------------------------------------------------------

TRIGGER = {"triggerBy": "LastPrice", "reduceOnly": True}
SENT = [
    (order(SWAP), {"side": "Buy", "orderType": "Market", "qty": "0.02", "orderLinkId": ENTRY_ID}),
    (
        LIMIT_ENTRY,
        {"side": "Buy", "orderType": "Limit", "qty": "0.02", "price": "49000.5",
         "orderLinkId": ENTRY_ID},
    ),
    (
        stop(SWAP),
        {"side": "Sell", "orderType": "Market", "qty": "0.02", "orderLinkId": STOP_ID,
         "triggerPrice": "48000", "triggerDirection": 2, **TRIGGER},
    ),
    (
        stop(SWAP, "52000", side=OrderSide.BUY),
        {"side": "Buy", "orderType": "Market", "qty": "0.02", "orderLinkId": STOP_ID,
         "triggerPrice": "52000", "triggerDirection": 1, **TRIGGER},
    ),
    (
        target(SWAP),
        {"side": "Sell", "orderType": "Market", "qty": "0.02", "orderLinkId": TARGET_ID,
         "triggerPrice": "55000", "triggerDirection": 1, **TRIGGER},
    ),
    (
        order(SWAP, Leg.EXIT),
        {"side": "Sell", "orderType": "Market", "qty": "0.02", "reduceOnly": True,
         "orderLinkId": "0" * 31 + "1"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "expected"), SENT)
async def test_every_order_says_exactly_what_it_is(
    swap: Wire, request_: OrderRequest, expected: dict[str, Any]
) -> None:
    """Client id, side, size in base units, trigger and the price it watches: nothing by default."""
    swap.venue.answers(CREATE, ok(ACK))
    report = await swap.send(request_)
    assert swap.venue.calls() == [CREATE]
    assert swap.venue.last.params == BTC | expected
    assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, ACK["orderId"])


async def test_an_entry_carries_its_stop_for_the_whole_position(swap: Wire) -> None:
    """The stop watches the last price, leaves at market and follows the position's size."""
    swap.venue.answers(CREATE, ok(ACK))
    await swap.send(order(SWAP), stop=stop(SWAP))
    assert swap.venue.last.params == BTC | {
        "side": "Buy", "orderType": "Market", "qty": "0.02", "orderLinkId": ENTRY_ID,
        "stopLoss": "48000", "slTriggerBy": "LastPrice", "slOrderType": "Market",
        "tpslMode": "Full",
    }  # fmt: skip


SENT_SPOT = [
    (order(SPOT), {"side": "Buy", "orderType": "Market", "marketUnit": "baseCoin"}),
    (
        order(SPOT, type_=OrderType.LIMIT, price="49000"),
        {"side": "Buy", "orderType": "Limit", "price": "49000"},
    ),
    (
        stop(SPOT),
        {"side": "Sell", "orderType": "Market", "marketUnit": "baseCoin",
         "orderFilter": "tpslOrder", "triggerPrice": "48000"},
    ),
    (order(SPOT, Leg.EXIT), {"side": "Sell", "orderType": "Market", "marketUnit": "baseCoin"}),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "expected"), SENT_SPOT)
async def test_spot_orders_count_coins(
    spot: Wire, request_: OrderRequest, expected: dict[str, Any]
) -> None:
    """A market buy asks for coins, not for what they cost; a stop occupies its coins at once.

    "tpslOrder: Spot TP/SL order, the assets are occupied even before the order is triggered".
    https://bybit-exchange.github.io/docs/v5/order/create-order
    """
    spot.venue.answers(TICKERS, ticker("50000"))
    spot.venue.answers(CREATE, ok(ACK))
    await spot.send(request_)
    ours = {"qty": "0.02", "orderLinkId": request_.client_order_id}
    assert spot.venue.last.params == BTC_SPOT | ours | expected


def ticker(last: str) -> dict[str, Any]:
    return ok({"category": "spot", "list": [{"symbol": "BTCUSDT", "lastPrice": last}]})


async def test_a_spot_stop_the_price_has_passed_is_not_sent(spot: Wire) -> None:
    """Its trigger has no direction: it would wait for the price to come back."""
    spot.venue.answers(TICKERS, ticker("47999"))
    with pytest.raises(OrderRejected) as refused:
        await spot.send(stop(SPOT))
    assert refused.value.rejection_reason is RejectionReason.WOULD_TRIGGER
    assert spot.venue.calls() == [TICKERS]


# --- cancelling ---------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [LIMIT_ENTRY, target(SWAP)])
async def test_orders_are_cancelled_by_the_exchanges_id_or_ours(
    swap: Wire, request_: OrderRequest
) -> None:
    """By ours as long as no other is known."""
    swap.venue.answers(CANCEL, ok(ACK))
    await swap.cancel(request_, exchange_order_id="x")
    assert swap.venue.last.params == BTC | {"orderId": "x"}
    await swap.cancel(request_)
    assert swap.venue.last.params == BTC | {"orderLinkId": request_.client_order_id}


async def test_a_stop_is_cancelled_by_the_exchanges_id(swap: Wire) -> None:
    """One that came along with its entry has no other."""
    swap.venue.answers(CANCEL, ok(ACK))
    await swap.cancel(stop(SWAP), exchange_order_id="sl-1")
    assert swap.venue.calls() == [CANCEL]
    assert swap.venue.last.params == BTC | {"orderId": "sl-1"}


async def test_a_stop_whose_id_is_not_known_is_looked_for_first(swap: Wire) -> None:
    """Never by our id, which an attached stop does not have."""
    swap.venue.answers(REALTIME, rows(shown("sl-1", **ATTACHED)))
    swap.venue.answers(CANCEL, ok(ACK))
    await swap.cancel(stop(SWAP))
    assert swap.venue.last.params == BTC | {"orderId": "sl-1"}


@pytest.mark.parametrize(
    ("request_", "where"),
    [(order(SPOT, type_=OrderType.LIMIT, price="1"), "Order"), (stop(SPOT), "tpslOrder")],
)
async def test_spot_orders_are_cancelled_where_they_live(
    spot: Wire, request_: OrderRequest, where: str
) -> None:
    """Conditional orders are kept apart from others on spot."""
    spot.venue.answers(CANCEL, ok(ACK))
    await spot.cancel(request_)
    ours = {"orderLinkId": request_.client_order_id, "orderFilter": where}
    assert spot.venue.last.params == BTC_SPOT | ours


@pytest.mark.parametrize(
    ("code", "kind"),
    [(110001, OrderNotFound), (110008, OrderRejected), (110010, OrderRejected),
     (170147, OrderOutcomeUnknown)],
)  # fmt: skip
async def test_a_cancel_that_comes_too_late_is_no_mystery(
    swap: Wire, code: int, kind: type[SignalbotError]
) -> None:
    """Only a time-out leaves open what became of it."""
    swap.venue.answers(CANCEL, failed(code, "order not exists or too late to cancel"))
    with pytest.raises(kind):
        await swap.cancel(LIMIT_ENTRY)


# --- looking ------------------------------------------------------------------------------

MINE = {"orderLinkId": ENTRY_ID}


async def test_an_order_is_found_by_our_id(swap: Wire) -> None:
    """An open, or lately closed order is told at the first place."""
    swap.venue.answers(REALTIME, rows(shown("1", **MINE, **FILL)))
    report = await swap.lookup(order(SWAP))
    assert swap.venue.last.params == BTC | MINE
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.02"))
    assert report.average_price == Decimal(50010)


async def test_an_order_that_closed_long_ago_is_found_in_the_history(swap: Wire) -> None:
    """The first place forgets when the exchange restarts."""
    swap.venue.answers(REALTIME, rows())
    swap.venue.answers(HISTORY, rows(shown("1", **MINE, orderStatus="Cancelled")))
    report = await swap.lookup(LIMIT_ENTRY)
    assert swap.venue.calls() == [REALTIME, HISTORY]
    assert swap.venue.last.params == BTC | MINE
    assert report is not None
    assert report.status is OrderStatus.CANCELLED


async def test_other_orders_are_not_taken_for_ours(swap: Wire) -> None:
    """Asked for an id it does not know, the exchange may answer with its newest order."""
    swap.venue.answers(REALTIME, rows(shown("9", orderLinkId="somebody")))
    swap.venue.answers(HISTORY, rows(shown("9", orderLinkId="somebody")))
    assert await swap.lookup(order(SWAP)) is None


async def test_a_market_order_cut_short_is_not_filled(swap: Wire) -> None:
    """PartiallyFilledCanceled is closed for ccxt; only the filled quantity counts."""
    cut = FILL | {"orderStatus": "PartiallyFilledCanceled", "cumExecQty": "0.01"}
    swap.venue.answers(REALTIME, rows(shown("1", **MINE, **cut)))
    report = await swap.lookup(order(SWAP))
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, Decimal("0.01"))


@pytest.mark.parametrize(
    ("said", "status", "filled"),
    [
        ({"orderStatus": "Untriggered"}, OrderStatus.OPEN, "0"),
        ({"orderStatus": "Deactivated"}, OrderStatus.CANCELLED, "0"),
        (FILL, OrderStatus.FILLED, "0.02"),
    ],
)
async def test_a_conditional_order_keeps_its_identity(
    swap: Wire, said: dict[str, str], status: OrderStatus, filled: str
) -> None:
    """Resting, cancelled or triggered: one order, one id, and the quantity it filled."""
    conditional = {"orderLinkId": TARGET_ID, "side": "Sell", "triggerPrice": "55000"}
    swap.venue.answers(REALTIME, rows(shown("tp-1", **conditional, **said)))
    report = await swap.lookup(target(SWAP))
    assert report is not None
    assert (report.status, report.filled) == (status, Decimal(filled))


async def test_a_spot_stop_that_became_another_order_tells_its_fills(spot: Wire) -> None:
    """Of two orders under our id, the one that filled counts."""
    ours = {"orderLinkId": STOP_ID, "side": "Sell"}
    triggered = shown("1", **ours, orderStatus="Triggered")
    spot.venue.answers(REALTIME, rows(triggered, shown("2", **ours, **FILL)))
    report = await spot.lookup(stop(SPOT))
    assert report is not None
    assert (report.exchange_order_id, report.status) == ("2", OrderStatus.FILLED)


# --- attached stops -----------------------------------------------------------------------


async def test_an_attached_stop_is_found_by_its_trigger(swap: Wire) -> None:
    """It has no client id; its price, side and kind say that it is ours."""
    swap.venue.answers(REALTIME, rows(shown("1", **MINE), shown("sl-1", **ATTACHED)))
    report = await swap.lookup(stop(SWAP, "48000.0"))
    assert swap.venue.last.params == BTC | {"limit": "50"}
    assert report is not None
    assert (report.exchange_order_id, report.status) == ("sl-1", OrderStatus.OPEN)


@pytest.mark.parametrize(
    "other",
    [
        {"triggerPrice": "48000.1"},
        {"side": "Buy"},
        {"stopOrderType": "PartialStopLoss"},
        {"stopOrderType": "TakeProfit"},
        {"orderLinkId": "somebody"},
        {"createdTime": str(NOW - 60_000)},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_another_stop_is_not_taken_for_the_attached_one(
    swap: Wire, other: dict[str, Any]
) -> None:
    """Neither at another price, nor of another kind, nor from before ours was asked for."""
    everywhere = rows(shown("sl-1", **(ATTACHED | other)))
    swap.venue.answers(REALTIME, everywhere)
    swap.venue.answers(HISTORY, everywhere)
    assert await swap.lookup(stop(SWAP)) is None


async def test_a_stop_of_its_own_is_found_among_what_rests(swap: Wire) -> None:
    """Under our id, before any attached one is looked for."""
    separate = {**ATTACHED, "orderLinkId": STOP_ID, "stopOrderType": "Stop"}
    swap.venue.answers(REALTIME, rows(shown("stop-1", **separate)))
    report = await swap.lookup(stop(SWAP))
    assert swap.venue.calls() == [REALTIME]
    assert report is not None
    assert report.exchange_order_id == "stop-1"


@pytest.mark.parametrize("place", ["realtime", "history"])
async def test_an_attached_stop_that_triggered_tells_what_it_filled(swap: Wire, place: str) -> None:
    """Nothing rests any more: it is among the lately closed, or in the history."""
    filled = rows(shown("sl-1", **(ATTACHED | FILL)))
    lately = filled if place == "realtime" else rows()
    swap.venue.answers(REALTIME, rows(), rows(), lately)
    swap.venue.answers(HISTORY, rows(), filled)
    report = await swap.lookup(stop(SWAP))
    told = {"limit": "50", "orderFilter": "StopOrder"}
    if place == "realtime":
        assert swap.venue.last.params == BTC | told | {"openOnly": "1"}
    else:
        assert swap.venue.last.params == BTC | told | {"startTime": str(NOW - 5_000)}
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.02"))
    assert report.average_price == Decimal(50010)


async def test_a_stop_that_waits_with_its_entry_is_not_declared_absent(swap: Wire) -> None:
    """It becomes an order when the entry fills; until then it must not be placed again."""
    entry = shown("1", **MINE, orderType="Limit", stopLoss="48000")
    swap.venue.answers(REALTIME, rows(entry), rows())
    swap.venue.answers(HISTORY, rows())
    with pytest.raises(OrderOutcomeUnknown, match="entry"):
        await swap.lookup(stop(SWAP))


# --- lists --------------------------------------------------------------------------------


async def test_every_page_of_open_orders_is_read(swap: Wire) -> None:
    """One list holds conditional orders too; a full page is not the whole of it."""
    first = [shown(str(at), orderLinkId=f"{at:032x}") for at in range(50)]
    swap.venue.answers(REALTIME, rows(*first, cursor="page%3A2"), rows(shown("sl", **ATTACHED)))
    found = await swap.open_orders(SWAP)
    assert len(found) == 51
    assert swap.venue.last.params == BTC | {"limit": "50", "cursor": "page:2"}
    assert {each.wire_id for each in found} >= {f"{49:032x}", None}


def execution(exec_id: str, **changed: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "orderType": "Market", "orderLinkId": ENTRY_ID, "side": "Buy",
        "orderId": "1", "execTime": str(NOW), "isMaker": False, "execFee": "0.55",
        "feeRate": "0.00055", "execId": exec_id, "execPrice": "50010", "execQty": "0.02",
        "execType": "Trade", "execValue": "1000.2", "feeCurrency": "",
    } | changed  # fmt: skip


async def test_the_trades_of_an_order_are_asked_for_by_its_id(swap: Wire) -> None:
    """Quantity, price and fee as the exchange wrote them."""
    swap.venue.answers(EXECUTIONS, rows(execution("e-1")))
    (fill,) = await swap.fills(SWAP, order_id="1")
    asked = {"orderId": "1", "execType": "Trade", "limit": "100"}
    assert swap.venue.last.params == BTC | asked
    assert (fill.trade_id, fill.quantity, fill.price) == ("e-1", Decimal("0.02"), Decimal(50010))
    assert (fill.fee, fill.fee_currency) == (Decimal("0.55"), "USDT")


async def test_forced_trades_are_asked_for_and_told(swap: Wire) -> None:
    """Liquidation and deleveraging are kinds of their own, and not listed with other trades."""
    now_ms = swap.api.client.milliseconds()
    ours, forced = (
        execution(kind, execType=kind, execTime=str(now_ms)) for kind in ("Trade", "BustTrade")
    )
    swap.venue.answers(EXECUTIONS, rows(ours), rows(forced), rows())
    fills = await swap.fills(SWAP)
    kinds = [asked.params["execType"] for asked in swap.venue.asked]
    assert kinds == ["Trade", "BustTrade", "AdlTrade"]
    assert [(fill.trade_id, fill.is_liquidation) for fill in fills] == [
        ("Trade", False),
        ("BustTrade", True),
    ]


async def test_trades_are_asked_for_week_by_week(swap: Wire) -> None:
    """Asked from longer ago, the exchange would answer with one week, and not with the others."""
    swap.venue.answers(EXECUTIONS, rows())
    now_ms, week_ms = swap.api.client.milliseconds(), 7 * 86_400_000
    await swap.fills(SWAP, since_ms=Ms(now_ms - 3 * week_ms + 60_000))
    asked = [each.params for each in swap.venue.asked if each.params["execType"] == "Trade"]
    spans = [(int(each["startTime"]), int(each["endTime"])) for each in asked]
    assert len(spans) == 3
    assert all(0 < end - start < week_ms for start, end in spans)
    assert [start for start, _ in spans[1:]] == [end + 1 for _, end in spans[:-1]]
    assert abs(spans[-1][1] - now_ms) < 60_000


async def test_a_spot_fee_is_in_the_coin_the_exchange_names(spot: Wire) -> None:
    """ccxt would guess the base coin for a buy."""
    spot.venue.answers(EXECUTIONS, rows(execution("e-1", feeCurrency="MNT", execFee="0.9")))
    (fill,) = await spot.fills(SPOT, order_id="1")
    assert (fill.fee, fill.fee_currency) == (Decimal("0.9"), "MNT")


# --- the account --------------------------------------------------------------------------

POSITION = {
    "symbol": "BTCUSDT", "leverage": "5", "side": "Sell", "size": "0.5", "avgPrice": "50010",
    "positionIdx": 0, "positionValue": "25005", "unrealisedPnl": "-3", "markPrice": "50016",
    "createdTime": str(NOW), "updatedTime": str(NOW), "stopLoss": "", "takeProfit": "",
}  # fmt: skip
INFO = "GET /v5/account/info"


async def test_holdings_are_asked_for_once_per_settlement_coin(swap: Wire) -> None:
    """A list takes one symbol only; the coin gives them all."""
    swap.venue.answers(POSITIONS, rows(POSITION))
    (raw,) = await swap.dialect.holdings(swap.api, [SWAP], priority=RequestPriority.POLL)
    asked = {"category": "linear", "settleCoin": "USDT", "limit": "200"}
    assert swap.venue.last.params == asked
    held = parse_holding(raw, instrument=swap.instrument(SWAP))
    assert held is not None
    assert (held.side, held.quantity, held.entry_price) == (
        Side.SHORT, Decimal("0.5"), Decimal(50010),
    )  # fmt: skip


@pytest.mark.parametrize(("index", "expected"), [(0, True), (1, False), (2, False)])
async def test_the_position_mode_is_read_from_the_position(
    swap: Wire, index: int, *, expected: bool
) -> None:
    """Every symbol shows one, empty or not."""
    swap.venue.answers(POSITIONS, rows(POSITION | {"positionIdx": index, "size": "0"}))
    assert await swap.dialect.is_one_way(swap.api, SWAP) is expected


@pytest.mark.parametrize(
    ("said", "mode"),
    [("ISOLATED_MARGIN", MarginMode.ISOLATED), ("REGULAR_MARGIN", MarginMode.CROSS),
     ("PORTFOLIO_MARGIN", None)],
)  # fmt: skip
async def test_leverage_is_the_symbols_and_the_margin_mode_the_accounts(
    swap: Wire, said: str, mode: MarginMode | None
) -> None:
    """Two places tell the two."""
    swap.venue.answers(POSITIONS, rows(POSITION))
    swap.venue.answers(INFO, ok({"marginMode": said, "unifiedMarginStatus": 6}))
    assert await swap.dialect.symbol_margin(swap.api, SWAP) == SymbolMargin(leverage=5, mode=mode)


async def test_leverage_and_margin_mode_are_set(swap: Wire) -> None:
    """Both sides of the leverage alike; what is set already is no failure."""
    leverage = "POST /v5/position/set-leverage"
    swap.venue.answers(leverage, failed(110043, "Set leverage not modified"))
    swap.venue.answers("POST /v5/account/set-margin-mode", ok({"reasons": []}))
    await swap.dialect.set_leverage(swap.api, SWAP, 5, MarginMode.CROSS)
    assert swap.venue.last.params == BTC | {"buyLeverage": "5", "sellLeverage": "5"}
    await swap.dialect.set_margin_mode(swap.api, SWAP, 5, MarginMode.CROSS)
    assert swap.venue.last.params == {"setMarginMode": "REGULAR_MARGIN"}


def wallet(available: str) -> dict[str, Any]:
    usdt = {
        "coin": "USDT", "equity": "990", "walletBalance": "1000", "unrealisedPnl": "-10",
        "totalPositionIM": "200", "totalOrderIM": "50", "locked": "0", "availableToWithdraw": "",
    }  # fmt: skip
    return ok({"list": [
        {"accountType": "UNIFIED", "totalAvailableBalance": available, "coin": [usdt]}
    ]})  # fmt: skip


@pytest.mark.parametrize(("available", "free"), [("740.5", "740.5"), ("", "750")])
async def test_free_margin_is_the_accounts_or_else_the_coins(
    swap: Wire, available: str, free: str
) -> None:
    """In isolated mode the account as a whole has none."""
    swap.venue.answers(WALLET, wallet(available))
    balance = await swap.dialect.balance(
        swap.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert swap.venue.last.params == {"accountType": "UNIFIED"}
    assert (balance.equity, balance.free) == (Decimal(990), Decimal(free))


async def test_a_spot_balance_is_the_wallets(spot: Wire) -> None:
    """What is bound elsewhere in the account is not free."""
    spot.venue.answers(WALLET, wallet("740.5"))
    balance = await spot.dialect.balance(
        spot.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert (balance.equity, balance.free) == (Decimal(1000), Decimal(750))
    assert await spot.dialect.spot_balances(spot.api, priority=RequestPriority.POLL) == {
        "USDT": Decimal(1000)
    }
    assert await spot.dialect.holdings(spot.api, [SPOT], priority=RequestPriority.POLL) == ()


# --- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "refusal"),
    [
        (10001, "Qty invalid", RejectionReason.OTHER),
        (110017, "Reduce-only rule not satisfied", RejectionReason.OTHER),
        (110121, "Sign the agreement of this kind of contract first", RejectionReason.OTHER),
        (110126, "The contract is not open for this account", RejectionReason.OTHER),
        (110094, "Order does not meet minimum order value 5USDT", RejectionReason.OTHER),
        (110007, "ab not enough for new order", RejectionReason.INSUFFICIENT_MARGIN),
        (170131, "Balance insufficient", RejectionReason.INSUFFICIENT_MARGIN),
        (
            110092,
            "expect Rising, but trigger_price[1] <= current[2]",
            RejectionReason.WOULD_TRIGGER,
        ),
        (
            110093,
            "expect Falling, but trigger_price[2] >= current[1]",
            RejectionReason.WOULD_TRIGGER,
        ),
        (10005, "Permission denied for current apikey", RejectionReason.ACCESS_DENIED),
        (33004, "Your api key has expired", RejectionReason.ACCESS_DENIED),
    ],
)
async def test_refusals_are_final(
    swap: Wire, code: int, message: str, refusal: RejectionReason
) -> None:
    """And say what comes next."""
    swap.venue.answers(CREATE, failed(code, message))
    with pytest.raises(OrderRejected) as refused:
        await swap.send(order(SWAP))
    assert refused.value.rejection_reason is refusal


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (110072, "OrderLinkedID is duplicate", OrderOutcomeUnknown),
        (12141, "Duplicate clientOrderId.", OrderOutcomeUnknown),
        (10014, "Invalid duplicate request", OrderOutcomeUnknown),
        (10016, "Server error", OrderOutcomeUnknown),
        (10000, "Server Timeout", OrderOutcomeUnknown),
        (170146, "Order creation timeout", OrderOutcomeUnknown),
        (170035, "Submitted to the system for processing!", OrderOutcomeUnknown),
        (170007, "Timeout waiting for response from backend server", OrderOutcomeUnknown),
        (987654, "a code of tomorrow", OrderOutcomeUnknown),
        (10002, "The request time exceeds the time window range", ClockSkewed),
        (10006, "Too many visits. Exceeded the API Rate Limit.", AccountRateLimited),
        (10018, "Exceeded the IP Rate Limit", AddressRateLimited),
    ],
)
async def test_what_is_no_refusal_is_not_taken_for_one(
    swap: Wire, code: int, message: str, kind: type[SignalbotError]
) -> None:
    """A duplicate means that it is there; a time-out that nobody knows."""
    swap.venue.answers(CREATE, failed(code, message))
    with pytest.raises(kind):
        await swap.send(order(SWAP))


async def test_a_key_without_the_right_is_told_apart_when_reading(swap: Wire) -> None:
    """Its user must be halted, not retried."""
    swap.venue.answers(REALTIME, failed(10010, "Unmatched IP"))
    with pytest.raises(AccessDenied):
        await swap.lookup(order(SWAP))


@pytest.mark.parametrize(
    ("told", "rights"),
    [
        (
            {
                "readOnly": 0,
                "permissions": {"ContractTrade": ["Order"], "Wallet": ["AccountTransfer"]},
                "ips": ["*"],
                "expiredAt": "2026-02-14T08:00:00Z",
            },
            KeyPermissions(
                may_trade=True,
                may_withdraw=False,
                is_ip_bound=False,
                expires_at_ms=Ms(1_771_056_000_000),
            ),
        ),
        (
            {"readOnly": 1, "permissions": {"Wallet": ["Withdraw"]}, "ips": ["10.0.0.1"]},
            KeyPermissions(may_trade=False, may_withdraw=True, is_ip_bound=True),
        ),
        ({}, KeyPermissions()),
    ],
)
async def test_what_a_key_may_do_is_told(
    swap: Wire, told: dict[str, Any], rights: KeyPermissions
) -> None:
    """Trade, withdraw, from where, until when; what is not told is not taken for safe."""
    swap.venue.answers("GET /v5/user/query-api", {"retCode": 0, "result": told})
    assert await swap.dialect.key_permissions(swap.api) == rights
