"""Binance, futures and spot: what really goes out, and what documented answers mean to us."""

from collections.abc import AsyncIterator, Mapping
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
from signalbot.domain.orders import ForcedClose, Leg, OrderRequest, OrderStatus, OrderType
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.binance_spot import BinanceSpot
from signalbot.exchange.live.adapters.binance_usdm import BinanceUsdm
from signalbot.exchange.live.adapters.types import SymbolMargin
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
    EXIT_ID,
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

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
TRADES, POSITIONS = "GET /fapi/v1/userTrades", "GET /fapi/v3/positionRisk"
SPOT_ORDER, SPOT_TRADES = "/api/v3/order", "GET /api/v3/myTrades"

BTC = {"symbol": "BTCUSDT"}
LIMIT_ENTRY = order(SWAP, type_=OrderType.LIMIT, price="49000.5")
LIMIT_SPOT = order(SPOT, type_=OrderType.LIMIT, price="49000")


def futures_urls(url: str) -> Mapping[str, str]:
    return {
        f"fapi{side}{version}": f"{url}/fapi/{version.lower() or 'v1'}"
        for side in ("Public", "Private")
        for version in ("", "V2", "V3")
    }


@pytest.fixture
async def swap() -> AsyncIterator[Wire]:
    types = {"orderTypes": ["LIMIT", "MARKET", "STOP_MARKET", "TAKE_PROFIT_MARKET"]}
    made = wire(BinanceUsdm(), urls=futures_urls, markets=[market("BTCUSDT", SWAP, info=types)])
    async with made as each:
        yield each


@pytest.fixture
async def spot() -> AsyncIterator[Wire]:
    types = {"orderTypes": ["LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"]}
    made = wire(
        BinanceSpot(),
        urls=lambda url: {"public": f"{url}/api/v3", "private": f"{url}/api/v3"},
        markets=[market("BTCUSDT", SPOT, step="0.00001", least="0.00001", info=types)],
    )
    async with made as each:
        yield each


def plain(order_id: int, **changed: Any) -> dict[str, Any]:
    """An order as futures and spot tell it; each adds fields that nobody needs here."""
    return {
        "symbol": "BTCUSDT", "orderId": order_id, "clientOrderId": ENTRY_ID, "status": "NEW",
        "price": "0.00", "avgPrice": "0.00", "origQty": "0.020", "executedQty": "0.000",
        "cumQuote": "0.00", "timeInForce": "GTC", "type": "MARKET", "origType": "MARKET",
        "side": "BUY", "reduceOnly": False, "stopPrice": "0", "time": NOW, "updateTime": NOW,
    } | changed  # fmt: skip


def algo(algo_id: int, **changed: Any) -> dict[str, Any]:
    return {
        "algoId": algo_id, "clientAlgoId": STOP_ID, "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET", "symbol": "BTCUSDT", "side": "SELL", "positionSide": "BOTH",
        "timeInForce": "GTC", "quantity": "0.020", "algoStatus": "NEW", "actualOrderId": "",
        "actualPrice": "0", "triggerPrice": "48000", "price": "0", "workingType": "CONTRACT_PRICE",
        "reduceOnly": True, "closePosition": False, "createTime": NOW, "updateTime": NOW,
        "triggerTime": 0, "goodTillDate": 0,
    } | changed  # fmt: skip


FILLED = {"status": "FILLED", "executedQty": "0.020", "avgPrice": "50010", "cumQuote": "1000.2"}


# --- futures: sending ---------------------------------------------------------------------

SENT = [
    (order(SWAP), {"side": "BUY", "type": "MARKET", "newClientOrderId": ENTRY_ID}),
    (
        LIMIT_ENTRY,
        {"side": "BUY", "type": "LIMIT", "price": "49000.5", "timeInForce": "GTC",
         "newClientOrderId": ENTRY_ID},
    ),
    (
        order(SWAP, Leg.EXIT),
        {"side": "SELL", "type": "MARKET", "reduceOnly": "true", "newClientOrderId": EXIT_ID},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "expected"), SENT)
async def test_plain_orders_say_exactly_what_they_are(
    swap: Wire, request_: OrderRequest, expected: dict[str, str]
) -> None:
    """The answer is asked to be whole, and a fill is known at once."""
    swap.venue.answers(f"POST {ORDER}", plain(1, clientOrderId=request_.client_order_id, **FILLED))
    report = await swap.send(request_)
    said = {"quantity": "0.02", "newOrderRespType": "RESULT"}
    assert swap.venue.calls() == [f"POST {ORDER}"]
    assert swap.venue.last.params == BTC | said | expected
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.02"))
    assert report.average_price == Decimal(50010)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (stop(SWAP), {"type": "STOP_MARKET", "triggerPrice": "48000", "clientAlgoId": STOP_ID}),
        (
            target(SWAP),
            {"type": "TAKE_PROFIT_MARKET", "triggerPrice": "55000", "clientAlgoId": TARGET_ID},
        ),
    ],
)
async def test_stops_and_targets_are_algo_orders_on_the_last_price(
    swap: Wire, request_: OrderRequest, expected: dict[str, str]
) -> None:
    """Reduce-only, so that two of them never open anything."""
    answer = algo(9, clientAlgoId=request_.client_order_id)
    swap.venue.answers(f"POST {ALGO}", answer)
    report = await swap.send(request_)
    said = {
        "side": "SELL", "quantity": "0.02", "reduceOnly": "true", "algoType": "CONDITIONAL",
        "workingType": "CONTRACT_PRICE", "newOrderRespType": "RESULT",
    }  # fmt: skip
    assert swap.venue.calls() == [f"POST {ALGO}"]
    assert swap.venue.last.params == BTC | said | expected
    assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, "9")


# --- futures: cancelling and looking ------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "call", "ours"),
    [
        (LIMIT_ENTRY, f"DELETE {ORDER}", {"origClientOrderId": ENTRY_ID, "orderId": "7"}),
        (stop(SWAP), f"DELETE {ALGO}", {"clientAlgoId": STOP_ID, "algoId": "7"}),
        (target(SWAP), f"DELETE {ALGO}", {"clientAlgoId": TARGET_ID, "algoId": "7"}),
    ],
)
async def test_orders_are_cancelled_by_the_exchanges_id_or_ours(
    swap: Wire, request_: OrderRequest, call: str, ours: dict[str, str]
) -> None:
    """Each where it lives."""
    swap.venue.answers(call, {"algoId": 9, "code": "200", "msg": "success", "orderId": 1})
    for known in ("7", None):
        await swap.cancel(request_, exchange_order_id=known)
        said = {name: value for name, value in ours.items() if (value == "7") is bool(known)}
        assert swap.venue.last.params.items() >= said.items()
    assert swap.venue.calls() == [call, call]


@pytest.mark.parametrize(
    ("said", "status", "filled"),
    [
        ({}, OrderStatus.OPEN, "0"),
        (FILLED, OrderStatus.FILLED, "0.02"),
        ({"status": "CANCELED"}, OrderStatus.CANCELLED, "0"),
        ({"status": "EXPIRED", "executedQty": "0.010"}, OrderStatus.CANCELLED, "0.01"),
    ],
)
async def test_a_plain_order_is_found_by_our_id(
    swap: Wire, said: dict[str, str], status: OrderStatus, filled: str
) -> None:
    """Expired market orders have filled as far as there was somebody to trade with."""
    swap.venue.answers(f"GET {ORDER}", plain(1, **said))
    report = await swap.lookup(order(SWAP))
    assert swap.venue.last.params == BTC | {"origClientOrderId": ENTRY_ID}
    assert report is not None
    assert (report.status, report.filled) == (status, Decimal(filled))


@pytest.mark.parametrize(
    ("said", "status"),
    [("NEW", OrderStatus.OPEN), ("CANCELED", OrderStatus.CANCELLED),
     ("EXPIRED", OrderStatus.CANCELLED)],
)  # fmt: skip
async def test_a_stop_is_found_among_algo_orders(
    swap: Wire, said: str, status: OrderStatus
) -> None:
    """Under the same id of ours."""
    swap.venue.answers(f"GET {ALGO}", algo(9, algoStatus=said))
    report = await swap.lookup(stop(SWAP))
    assert swap.venue.last.params.items() >= {"clientAlgoId": STOP_ID}.items()
    assert report is not None
    assert (report.status, report.filled) == (status, Decimal(0))


async def test_a_triggered_stop_tells_what_the_order_it_became_has_filled(swap: Wire) -> None:
    """The algo order itself is finished with nothing filled."""
    swap.venue.answers(f"GET {ALGO}", algo(9, algoStatus="FINISHED", actualOrderId="77"))
    swap.venue.answers(f"GET {ORDER}", plain(77, clientOrderId="x-1", side="SELL", **FILLED))
    report = await swap.lookup(stop(SWAP))
    assert swap.venue.last.params == BTC | {"orderId": "77"}
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.02"))
    assert report.exchange_order_id == "77"


async def test_an_order_nobody_knows_is_not_there(swap: Wire) -> None:
    """Of either kind."""
    unknown = {"code": -2013, "msg": "Order does not exist."}
    swap.venue.answers(f"GET {ORDER}", unknown, status=400)
    swap.venue.answers(f"GET {ALGO}", unknown, status=400)
    assert await swap.lookup(order(SWAP)) is None
    assert await swap.lookup(stop(SWAP)) is None


async def test_conditional_orders_are_listed_too(swap: Wire) -> None:
    """The plain list leaves them out."""
    swap.venue.answers("GET /fapi/v1/openOrders", [plain(1)])
    swap.venue.answers("GET /fapi/v1/openAlgoOrders", [algo(9)])
    found = await swap.open_orders(SWAP)
    assert [(each.wire_id, each.raw["id"]) for each in found] == [(ENTRY_ID, "1"), (STOP_ID, "9")]
    assert all(asked.params == BTC for asked in swap.venue.asked)


async def test_the_trades_of_an_order_tell_its_fees(swap: Wire) -> None:
    """In whatever coin they were paid."""
    trade = {
        "id": 698759, "symbol": "BTCUSDT", "orderId": 1, "side": "BUY", "price": "50010",
        "qty": "0.020", "quoteQty": "1000.2", "commission": "0.0012", "commissionAsset": "BNB",
        "time": NOW, "maker": False, "buyer": True, "realizedPnl": "0",
    }  # fmt: skip
    swap.venue.answers(TRADES, [trade])
    (fill,) = await swap.fills(SWAP, order_id="1")
    assert swap.venue.last.params == BTC | {"orderId": "1", "limit": "1000"}
    assert (fill.quantity, fill.price) == (Decimal("0.02"), Decimal(50010))
    assert (fill.fee, fill.fee_currency) == (Decimal("0.0012"), "BNB")


# --- futures: the account -----------------------------------------------------------------


async def test_holdings_have_a_side(swap: Wire) -> None:
    """Binance writes a short position as a negative amount."""
    swap.venue.answers(POSITIONS, [{
        "symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-0.5", "entryPrice": "50010",
        "breakEvenPrice": "50000", "markPrice": "50016", "unRealizedProfit": "-3",
        "updateTime": NOW, "liquidationPrice": "60000", "isolatedMargin": "0", "adl": 2,
        "notional": "-25005",
        "marginAsset": "USDT", "isolatedWallet": "0", "initialMargin": "5000", "maintMargin": "100",
        "positionInitialMargin": "5000", "openOrderInitialMargin": "0", "bidNotional": "0",
        "askNotional": "0",
    }])  # fmt: skip
    (raw,) = await swap.dialect.holdings(swap.api, [SWAP], priority=RequestPriority.POLL)
    held = parse_holding(raw, instrument=swap.instrument(SWAP))
    assert held is not None
    assert (held.side, held.quantity, held.entry_price) == (
        Side.SHORT, Decimal("0.5"), Decimal(50010),
    )  # fmt: skip


async def test_leverage_and_margin_mode_are_read_and_set_by_symbol(swap: Wire) -> None:
    """What is set already is no failure."""
    config = BTC | {"marginType": "CROSSED", "leverage": 21, "isAutoAddMargin": "false"}
    swap.venue.answers("GET /fapi/v1/symbolConfig", [config])
    assert await swap.dialect.symbol_margin(swap.api, SWAP) == SymbolMargin(
        leverage=21, mode=MarginMode.CROSS
    )
    already = {"code": -4046, "msg": "No need to change margin type."}
    swap.venue.answers("POST /fapi/v1/marginType", already, status=400)
    await swap.dialect.set_margin_mode(swap.api, SWAP, 5, MarginMode.ISOLATED)
    assert swap.venue.last.params == BTC | {"marginType": "ISOLATED"}
    swap.venue.answers("POST /fapi/v1/leverage", BTC | {"leverage": 5, "maxNotionalValue": "1"})
    await swap.dialect.set_leverage(swap.api, SWAP, 5, MarginMode.ISOLATED)
    assert swap.venue.last.params == BTC | {"leverage": "5"}


@pytest.mark.parametrize(("dual", "expected"), [(False, True), (True, False)])
async def test_the_position_mode_is_the_accounts(swap: Wire, *, dual: bool, expected: bool) -> None:
    """One-way is what we need; the configuration weighs 5, the mode's own endpoint 30."""
    swap.venue.answers("GET /fapi/v1/accountConfig", {"dualSidePosition": dual})
    assert await swap.dialect.is_one_way(swap.api, SWAP) is expected
    assert len(swap.venue.calls()) == 1
    swap.venue.answers("GET /fapi/v1/accountConfig", {"code": -5000, "msg": "?"}, status=404)
    swap.venue.answers("GET /fapi/v1/positionSide/dual", {"dualSidePosition": dual})
    assert await swap.dialect.is_one_way(swap.api, SWAP) is expected


async def test_equity_has_what_is_not_realised(swap: Wire) -> None:
    """And free is what new positions can use."""
    usdt = {
        "asset": "USDT", "walletBalance": "1000", "unrealizedProfit": "-10", "marginBalance": "990",
        "availableBalance": "740.5", "crossWalletBalance": "1000", "initialMargin": "249.5",
        "maxWithdrawAmount": "740.5", "updateTime": NOW,
    }  # fmt: skip
    swap.venue.answers("GET /fapi/v3/account", {"assets": [usdt], "positions": []})
    balance = await swap.dialect.balance(
        swap.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert (balance.equity, balance.free) == (Decimal(990), Decimal("740.5"))


async def test_liquidations_are_told_by_a_list_of_their_own(swap: Wire) -> None:
    """Trades do not say that they were forced."""
    forced = BTC | {"orderId": 6071832819, "status": "FILLED", "clientOrderId": "autoclose-1"}
    swap.venue.answers("GET /fapi/v1/forceOrders", [forced])
    since_ms = Ms(swap.api.client.milliseconds() - 60_000)
    found = await swap.dialect.forced_orders(swap.api, SWAP, since_ms=since_ms)
    assert swap.venue.last.params.items() >= (BTC | {"startTime": str(since_ms)}).items()
    assert found == {"6071832819": ForcedClose.LIQUIDATION}


# --- spot ---------------------------------------------------------------------------------

TRADE = {
    "symbol": "BTCUSDT", "id": 28457, "orderId": 1, "price": "50010", "qty": "0.02",
    "quoteQty": "1000.2", "commission": "0.00002", "commissionAsset": "BTC", "time": NOW,
    "isBuyer": True, "isMaker": False, "isBestMatch": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (order(SPOT), {"side": "BUY", "type": "MARKET", "newOrderRespType": "FULL"}),
        (
            LIMIT_SPOT,
            {"side": "BUY", "type": "LIMIT", "price": "49000", "timeInForce": "GTC",
             "newOrderRespType": "FULL"},
        ),
        (
            stop(SPOT),
            {"side": "SELL", "type": "STOP_LOSS", "stopPrice": "48000", "newOrderRespType": "FULL"},
        ),
        (order(SPOT, Leg.EXIT), {"side": "SELL", "type": "MARKET", "newOrderRespType": "FULL"}),
    ],
)  # fmt: skip
async def test_spot_orders_count_coins(
    spot: Wire, request_: OrderRequest, expected: dict[str, str]
) -> None:
    """A market buy asks for coins; nothing says reduce-only."""
    answer = plain(1, clientOrderId=request_.client_order_id, transactTime=NOW, fills=[])
    spot.venue.answers(f"POST {SPOT_ORDER}", answer)
    await spot.send(request_)
    ours = {"quantity": "0.02", "newClientOrderId": request_.client_order_id}
    assert spot.venue.last.params == BTC | ours | expected


async def test_the_answer_to_a_market_order_has_its_fills(spot: Wire) -> None:
    """Under the same ids and times as the list of trades has them."""
    fill = {"price": "50010", "qty": "0.02", "commission": "0.00002", "commissionAsset": "BTC",
            "tradeId": 28457}  # fmt: skip
    answer = plain(1, transactTime=NOW, cummulativeQuoteQty="1000.2", fills=[fill], **FILLED)
    answer.pop("time")
    spot.venue.answers(f"POST {SPOT_ORDER}", answer)
    create = spot.dialect.order_args(order(SPOT), spot.instrument(SPOT), stop=None)
    found = spot.dialect.to_found_order(
        await spot.dialect.send(spot.api, create, RequestPriority.ENTRY)
    )
    spot.venue.answers(SPOT_TRADES, [TRADE])
    told = [spot.fill(each, SPOT) for each in found.raw["trades"]]
    assert told == await spot.fills(SPOT, order_id="1")
    assert (told[0].trade_id, told[0].fee_currency) == ("BTC/USDT 28457", "BTC")
    assert spot.report(found, order(SPOT)).status is OrderStatus.FILLED


@pytest.mark.parametrize("request_", [LIMIT_SPOT, stop(SPOT)])
async def test_spot_orders_are_found_and_cancelled_by_our_id(
    spot: Wire, request_: OrderRequest
) -> None:
    """A stop is an order like any other, before and after it triggers."""
    ours = {"origClientOrderId": request_.client_order_id}
    spot.venue.answers(f"DELETE {SPOT_ORDER}", plain(1, clientOrderId="x", **ours))
    await spot.cancel(request_)
    assert spot.venue.last.params == BTC | ours
    done = plain(1, clientOrderId=request_.client_order_id, cummulativeQuoteQty="1000.2", **FILLED)
    spot.venue.answers(f"GET {SPOT_ORDER}", done)
    report = await spot.lookup(request_)
    assert spot.venue.last.params == BTC | ours
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.02"))
    assert report.average_price == Decimal(50010)


async def test_one_list_holds_all_open_spot_orders(spot: Wire) -> None:
    """Stops are in it."""
    resting = plain(2, clientOrderId=STOP_ID, type="STOP_LOSS", stopPrice="48000", side="SELL")
    spot.venue.answers("GET /api/v3/openOrders", [plain(1), resting])
    assert [each.wire_id for each in await spot.open_orders(SPOT)] == [ENTRY_ID, STOP_ID]
    assert spot.venue.calls() == ["GET /api/v3/openOrders"]


async def test_every_page_of_spot_trades_is_read(spot: Wire) -> None:
    """Oldest first; the next page begins after the last trade of this one."""
    page = [TRADE | {"id": 1_000 + at, "time": NOW + at} for at in range(1_000)]
    spot.venue.answers(SPOT_TRADES, page, [TRADE | {"id": 2_000}])
    fills = await spot.fills(SPOT, since_ms=NOW)
    first, second = (asked.params for asked in spot.venue.asked)
    end_ms = NOW + 86_400_000 - 1
    assert first == BTC | {"limit": "1000", "startTime": str(NOW), "endTime": str(end_ms)}
    assert second == BTC | {"limit": "1000", "fromId": "2000"}
    assert len({fill.trade_id for fill in fills}) == 1_001


async def test_a_spot_balance_has_what_is_locked(spot: Wire) -> None:
    """Locked in orders, and owned all the same."""
    usdt = {"asset": "USDT", "free": "700", "locked": "300"}
    account = {"makerCommission": 10, "updateTime": NOW, "accountType": "SPOT", "balances": [usdt]}
    spot.venue.answers("GET /api/v3/account", account)
    balance = await spot.dialect.balance(
        spot.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert (balance.equity, balance.free) == (Decimal(1000), Decimal(700))
    assert await spot.dialect.spot_balances(spot.api, priority=RequestPriority.POLL) == {
        "USDT": Decimal(1000)
    }
    assert await spot.dialect.is_one_way(spot.api, SPOT) is None


# --- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "refusal"),
    [
        (-1111, "Precision is over the maximum defined for this asset.", RejectionReason.OTHER),
        (-2022, "ReduceOnly Order is rejected.", RejectionReason.OTHER),
        (
            -2027,
            "Exceeded the maximum allowable position at current leverage.",
            RejectionReason.OTHER,
        ),
        (-4164, "Order's notional must be no smaller than 100", RejectionReason.OTHER),
        (-4108, "Symbol is in delivering or delivered or settling.", RejectionReason.OTHER),
        (-4130, "An open stop or take profit order already closes this.", RejectionReason.OTHER),
        (-4411, "Please sign the agreement of this kind of contract.", RejectionReason.OTHER),
        (-4509, "Time in force GTE needs an open position.", RejectionReason.OTHER),
        (-4192, "Trade forbidden due to Cooling-off Period.", RejectionReason.OTHER),
        (-2019, "Margin is insufficient.", RejectionReason.INSUFFICIENT_MARGIN),
        (-2021, "Order would immediately trigger.", RejectionReason.WOULD_TRIGGER),
        (
            -4142,
            "REJECT: take profit or stop order will be triggered",
            RejectionReason.WOULD_TRIGGER,
        ),
        (-2015, "Invalid API-key, IP, or permissions for action.", RejectionReason.ACCESS_DENIED),
    ],
)
async def test_refusals_are_final(
    swap: Wire, code: int, message: str, refusal: RejectionReason
) -> None:
    """Known by their code, whatever address ccxt has been given."""
    swap.venue.answers(f"POST {ALGO}", {"code": code, "msg": message}, status=400)
    with pytest.raises(OrderRejected) as raised:
        await swap.send(stop(SWAP))
    assert raised.value.rejection_reason is refusal


@pytest.mark.parametrize(
    ("code", "message", "status", "kind"),
    [
        (-4116, "ClientOrderId is duplicated.", 400, OrderOutcomeUnknown),
        (-20132, "The client algo id is duplicated", 400, OrderOutcomeUnknown),
        (-2010, "NEW_ORDER_REJECTED", 400, OrderOutcomeUnknown),
        (-1006, "An unexpected response was received.", 400, OrderOutcomeUnknown),
        (-1007, "Timeout waiting for response from backend server.", 408, OrderOutcomeUnknown),
        (-1008, "Server is currently overloaded.", 503, OrderOutcomeUnknown),
        (-9876, "a code of tomorrow", 400, OrderOutcomeUnknown),
        (-1021, "Timestamp for this request is outside of the recvWindow.", 400, ClockSkewed),
        (-1003, "Too many requests; IP banned", 418, AddressRateLimited),
        (-1015, "Too many new orders", 429, AccountRateLimited),
    ],
)
async def test_what_is_no_refusal_is_not_taken_for_one(
    swap: Wire, code: int, message: str, status: int, kind: type[SignalbotError]
) -> None:
    """A duplicate means that it is there; a time-out that nobody knows."""
    swap.venue.answers(f"POST {ORDER}", {"code": code, "msg": message}, status=status)
    with pytest.raises(kind):
        await swap.send(order(SWAP))


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        (
            "Account has insufficient balance for requested action.",
            RejectionReason.INSUFFICIENT_MARGIN,
        ),
        ("Stop price would trigger immediately.", RejectionReason.WOULD_TRIGGER),
        ("Order would trigger immediately.", RejectionReason.WOULD_TRIGGER),
    ],
)
async def test_a_rejected_spot_order_is_known_by_its_text(
    spot: Wire, message: str, refusal: RejectionReason
) -> None:
    """One code stands for every reason there."""
    answer = {"code": -2010, "msg": message}
    spot.venue.answers(f"POST {SPOT_ORDER}", answer, status=400)
    with pytest.raises(OrderRejected) as raised:
        await spot.send(stop(SPOT))
    assert raised.value.rejection_reason is refusal


@pytest.mark.parametrize("message", ["Duplicate order sent.", "a text of tomorrow"])
async def test_a_duplicate_spot_order_is_looked_up(spot: Wire, message: str) -> None:
    """It has the code of refusals, and means that the order is there."""
    answer = {"code": -2010, "msg": message}
    spot.venue.answers(f"POST {SPOT_ORDER}", answer, status=400)
    with pytest.raises(OrderOutcomeUnknown):
        await spot.send(order(SPOT))


async def test_a_cancel_that_comes_too_late_finds_nothing(spot: Wire) -> None:
    """What became of the order is looked up afterwards."""
    answer = {"code": -2011, "msg": "Unknown order sent."}
    spot.venue.answers(f"DELETE {SPOT_ORDER}", answer, status=400)
    with pytest.raises(OrderNotFound):
        await spot.cancel(LIMIT_SPOT)


async def test_a_key_without_the_right_is_told_apart_when_reading(spot: Wire) -> None:
    """Its user must be halted, not retried."""
    answer = {"code": -2014, "msg": "API-key format invalid."}
    spot.venue.answers(f"GET {SPOT_ORDER}", answer, status=401)
    with pytest.raises(AccessDenied):
        await spot.lookup(order(SPOT))
