"""OKX: what really goes out, and what its documented answers mean to us."""

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
from signalbot.domain.orders import Leg, OrderRequest, OrderStatus, OrderType
from signalbot.domain.signals import Side
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.okx_spot import OkxSpot
from signalbot.exchange.live.adapters.okx_swap import OkxSwap
from signalbot.exchange.live.adapters.types import KeyPermissions, SymbolMargin
from signalbot.exchange.live.parsing import parse_holding
from signalbot.exchange.live.transport.error_codes import AccountRateLimited, ClockSkewed
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

API = "/api/v5"
PLACE, PLACE_ALGO = f"POST {API}/trade/order", f"POST {API}/trade/order-algo"
CANCEL, CANCEL_ALGO = f"POST {API}/trade/cancel-order", f"POST {API}/trade/cancel-algos"
ORDER, ALGO = f"GET {API}/trade/order", f"GET {API}/trade/order-algo"
PENDING, ALGOS_PENDING = f"GET {API}/trade/orders-pending", f"GET {API}/trade/orders-algo-pending"
FILLS, FILLS_HISTORY = f"GET {API}/trade/fills", f"GET {API}/trade/fills-history"
POSITIONS, CONFIG = f"GET {API}/account/positions", f"GET {API}/account/config"
LEVERAGE, SET_LEVERAGE = f"GET {API}/account/leverage-info", f"POST {API}/account/set-leverage"
BALANCE = f"GET {API}/account/balance"

BTC, BTC_SPOT = {"instId": "BTC-USDT-SWAP"}, {"instId": "BTC-USDT"}
PLACED = {"ordId": "312269865356374016", "tag": "", "ts": str(NOW), "sCode": "0", "sMsg": ""}
LIMIT_ENTRY = order(SWAP, type_=OrderType.LIMIT, price="49000.5")


def ok(*data: Any) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": list(data)}


def refused(code: str, message: str) -> dict[str, Any]:
    """How one order is refused: the answer itself only says that something was."""
    data = {"clOrdId": "", "ordId": "", "tag": "", "sCode": code, "sMsg": message}
    return {"code": "1", "msg": "All operations failed", "data": [data]}


def plain(order_id: str, **changed: Any) -> dict[str, Any]:
    return {
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "ordId": order_id, "clOrdId": ENTRY_ID,
        "tag": "", "px": "", "sz": "2", "ordType": "market", "side": "buy", "posSide": "net",
        "tdMode": "isolated", "accFillSz": "0", "fillPx": "", "avgPx": "", "state": "live",
        "lever": "5", "feeCcy": "USDT", "fee": "0", "algoId": "", "algoClOrdId": "",
        "attachAlgoOrds": [], "reduceOnly": "false", "cTime": str(NOW), "uTime": str(NOW),
    } | changed  # fmt: skip


def algo(algo_id: str, **changed: Any) -> dict[str, Any]:
    return {
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "algoId": algo_id, "algoClOrdId": STOP_ID,
        "clOrdId": "", "ordId": "", "ordIdList": [], "ordType": "conditional", "sz": "2",
        "side": "sell", "posSide": "net", "tdMode": "isolated", "state": "live",
        "slTriggerPx": "48000", "slTriggerPxType": "last", "slOrdPx": "-1", "tpTriggerPx": "",
        "actualSz": "", "actualPx": "", "triggerTime": "", "failCode": "", "reduceOnly": "true",
        "cTime": str(NOW), "uTime": str(NOW),
    } | changed  # fmt: skip


FILLED = {"state": "filled", "accFillSz": "2", "avgPx": "50010"}


@pytest.fixture
async def swap() -> AsyncIterator[Wire]:
    """An account that trades with isolated margin."""
    async with _wire(OkxSwap()) as each:
        each.venue.answers(POSITIONS, ok())
        each.margin_mode = MarginMode.ISOLATED
        yield each


@pytest.fixture
async def spot() -> AsyncIterator[Wire]:
    async with _wire(OkxSpot()) as each:
        each.venue.answers(CONFIG, ok({"acctLv": "1", "posMode": "net_mode"}))
        yield each


def _wire(dialect: ExchangeAdapter) -> Any:
    contract = market(
        "BTC-USDT-SWAP", SWAP, step="0.01", least="0.01", contract_size="0.01"
    )  # fmt: skip
    return wire(
        dialect,
        urls=lambda url: {"rest": url},
        markets=[contract, market("BTC-USDT", SPOT, step="0.00001", least="0.00001")],
    )


# --- sending ------------------------------------------------------------------------------

SELL = {"side": "sell", "sz": "2", "tdMode": "isolated", "reduceOnly": True}
SENT: list[tuple[OrderRequest, dict[str, Any]]] = [
    (
        order(SWAP),
        {"side": "buy", "sz": "2", "tdMode": "isolated", "ordType": "market", "clOrdId": ENTRY_ID},
    ),
    (
        LIMIT_ENTRY,
        {"side": "buy", "sz": "2", "tdMode": "isolated", "ordType": "limit", "px": "49000.5",
         "clOrdId": ENTRY_ID},
    ),
    (order(SWAP, Leg.EXIT), SELL | {"ordType": "market", "clOrdId": EXIT_ID}),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "expected"), SENT)
async def test_plain_orders_count_contracts_and_say_their_margin_mode(
    swap: Wire, request_: OrderRequest, expected: dict[str, Any]
) -> None:
    """0.02 BTC are two contracts of 0.01; no broker's tag is added."""
    swap.venue.answers(PLACE, ok(PLACED | {"clOrdId": request_.client_order_id}))
    report = await swap.send(request_)
    assert swap.venue.calls() == [PLACE]
    assert swap.venue.last.params == BTC | expected
    assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, PLACED["ordId"])


SENT_ALGOS = [
    (stop(SWAP), {"slTriggerPx": "48000", "slOrdPx": "-1"}, STOP_ID),
    (target(SWAP), {"tpTriggerPx": "55000", "tpOrdPx": "-1"}, TARGET_ID),
]


@pytest.mark.parametrize(("request_", "trigger", "ours"), SENT_ALGOS)
async def test_stops_and_targets_carry_the_id_they_are_found_by(
    swap: Wire, request_: OrderRequest, trigger: dict[str, str], ours: str
) -> None:
    """``algoClOrdId`` it is; ccxt alone would send only ``clOrdId``."""
    swap.venue.answers(PLACE_ALGO, ok({"algoId": "9", "algoClOrdId": ours, "sCode": "0"}))
    report = await swap.send(request_)
    watched = {"slTriggerPxType": "last", "tpTriggerPxType": "last"}
    ids = {"clOrdId": ours, "algoClOrdId": ours}
    assert swap.venue.calls() == [PLACE_ALGO]
    assert swap.venue.last.params == BTC | SELL | trigger | watched | ids | {
        "ordType": "conditional"
    }
    assert report.exchange_order_id == "9"


async def test_an_entry_carries_its_stop_under_an_id_of_ours(swap: Wire) -> None:
    """At market, on the last price, to be found as an algo order when the entry has filled."""
    swap.venue.answers(PLACE, ok(PLACED | {"clOrdId": ENTRY_ID}))
    await swap.send(order(SWAP), stop=stop(SWAP))
    attached = {
        "attachAlgoClOrdId": STOP_ID, "slTriggerPx": "48000", "slTriggerPxType": "last",
        "slOrdPx": "-1",
    }  # fmt: skip
    assert swap.venue.last.params == BTC | SENT[0][1] | {"attachAlgoOrds": [attached]}


SENT_SPOT = [
    (order(SPOT), {"side": "buy", "ordType": "market", "tgtCcy": "base_ccy"}),
    (
        order(SPOT, type_=OrderType.LIMIT, price="49000"),
        {"side": "buy", "ordType": "limit", "px": "49000", "tgtCcy": "base_ccy"},
    ),
    (order(SPOT, Leg.EXIT), {"side": "sell", "ordType": "market", "tgtCcy": "base_ccy"}),
    (
        stop(SPOT),
        {"side": "sell", "ordType": "conditional", "slTriggerPx": "48000", "slOrdPx": "-1",
         "slTriggerPxType": "last", "tpTriggerPxType": "last", "algoClOrdId": STOP_ID},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "expected"), SENT_SPOT)
async def test_spot_orders_count_coins_and_pay_in_cash(
    spot: Wire, request_: OrderRequest, expected: dict[str, Any]
) -> None:
    """Also a stop, which ccxt would send as a margin order."""
    answer = ok(PLACED | {"clOrdId": request_.client_order_id})
    spot.venue.answers(PLACE, answer)
    spot.venue.answers(PLACE_ALGO, answer)
    await spot.send(request_)
    common = {"sz": "0.02", "tdMode": "cash", "clOrdId": request_.client_order_id}
    assert spot.venue.last.params == BTC_SPOT | common | expected


async def test_a_unified_margin_account_buys_coins_too(spot: Wire) -> None:
    """There "cash" is refused, and a market buy would count the quote currency; asked once."""
    spot.venue.answers(CONFIG, ok({"acctLv": "3"}))
    spot.venue.answers(PLACE, ok(PLACED | {"clOrdId": ENTRY_ID}))
    await spot.send(order(SPOT))
    await spot.send(order(SPOT))
    assert spot.venue.calls() == [CONFIG, PLACE, PLACE]
    said = spot.venue.last.params
    assert (said["tdMode"], said["tgtCcy"], said["sz"]) == ("cross", "base_ccy", "0.02")


# --- cancelling ---------------------------------------------------------------------------


async def test_orders_are_cancelled_by_the_exchanges_id_or_ours(swap: Wire) -> None:
    """Plain ones at one endpoint, conditional ones at another, in a list."""
    swap.venue.answers(CANCEL, ok(PLACED))
    swap.venue.answers(CANCEL_ALGO, ok({"algoId": "9", "sCode": "0", "sMsg": ""}))
    await swap.cancel(LIMIT_ENTRY, exchange_order_id="x")
    assert swap.venue.last.params == BTC | {"ordId": "x"}
    await swap.cancel(stop(SWAP), exchange_order_id="x")
    assert swap.venue.last.params == {"list": [BTC | {"algoId": "x"}]}
    await swap.cancel(target(SWAP))
    assert swap.venue.last.params == {"list": [BTC | {"algoClOrdId": TARGET_ID}]}


# --- looking ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "status", "filled"),
    [
        ({}, OrderStatus.OPEN, "0"),
        ({"state": "partially_filled", "accFillSz": "1", "avgPx": "50010"},
         OrderStatus.PARTIALLY_FILLED, "0.01"),
        (FILLED, OrderStatus.FILLED, "0.02"),
        ({"state": "canceled"}, OrderStatus.CANCELLED, "0"),
    ],
)  # fmt: skip
async def test_a_plain_order_is_found_in_base_units(
    swap: Wire, said: dict[str, str], status: OrderStatus, filled: str
) -> None:
    """Contracts become coins."""
    swap.venue.answers(ORDER, ok(plain("1", **said)))
    report = await swap.lookup(order(SWAP))
    assert swap.venue.last.params == BTC | {"clOrdId": ENTRY_ID}
    assert report is not None
    assert (report.status, report.filled) == (status, Decimal(filled))


@pytest.mark.parametrize(
    ("said", "status"),
    [({}, OrderStatus.OPEN), ({"state": "canceled"}, OrderStatus.CANCELLED),
     ({"state": "order_failed", "failCode": "51008"}, OrderStatus.CANCELLED)],
)  # fmt: skip
async def test_a_stop_is_found_among_algo_orders(
    swap: Wire, said: dict[str, str], status: OrderStatus
) -> None:
    """Attached or separate, it has the same id there."""
    swap.venue.answers(ALGO, ok(algo("9", **said)))
    report = await swap.lookup(stop(SWAP))
    assert swap.venue.last.params == BTC | {"algoClOrdId": STOP_ID}
    assert report is not None
    assert (report.exchange_order_id, report.status, report.filled) == ("9", status, Decimal(0))


async def test_a_triggered_stop_tells_what_the_order_it_became_has_filled(swap: Wire) -> None:
    """Under that order's id, by which its trades are asked for."""
    swap.venue.answers(ALGO, ok(algo("9", state="effective", ordIdList=["77"], ordId="77")))
    became = plain("77", clOrdId="", algoId="9", algoClOrdId=STOP_ID, side="sell", **FILLED)
    swap.venue.answers(ORDER, ok(became))
    report = await swap.lookup(stop(SWAP))
    assert swap.venue.last.params == BTC | {"ordId": "77"}
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.02"))
    assert (report.exchange_order_id, report.average_price) == ("77", Decimal(50010))


async def test_a_stop_that_became_several_orders_tells_of_all(swap: Wire) -> None:
    """Large ones are placed in parts; prices are averaged by quantity."""
    swap.venue.answers(ALGO, ok(algo("9", state="effective", ordIdList=["77", "78"])))
    parts = [
        plain(each, clOrdId="", algoId="9", state="filled", accFillSz=size, avgPx=price)
        for each, size, price in (("77", "1.5", "50000"), ("78", "0.5", "48000"))
    ]
    swap.venue.answers(ORDER, *map(ok, parts))
    report = await swap.lookup(stop(SWAP))
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.02"))
    assert report.average_price == Decimal(49500)


NOT_THERE = {"code": "51603", "msg": "Order does not exist", "data": []}


async def test_a_triggered_stop_is_not_filled_before_its_order_says_so(swap: Wire) -> None:
    """ccxt takes "effective" for filled; nobody knows yet."""
    swap.venue.answers(ALGO, ok(algo("9", state="effective", ordIdList=["77"])))
    swap.venue.answers(ORDER, NOT_THERE)
    with pytest.raises(OrderOutcomeUnknown, match="triggered"):
        await swap.lookup(stop(SWAP))


async def test_an_order_nobody_knows_is_not_there(swap: Wire) -> None:
    """Neither plain nor conditional, nor waiting with an entry."""
    swap.venue.answers(ORDER, NOT_THERE)
    swap.venue.answers(ALGO, NOT_THERE)
    swap.venue.answers(PENDING, ok(plain("1")))
    assert await swap.lookup(order(SWAP)) is None
    assert await swap.lookup(target(SWAP)) is None
    assert await swap.lookup(stop(SWAP)) is None


async def test_a_stop_that_waits_with_its_entry_is_not_declared_absent(swap: Wire) -> None:
    """It becomes an order when the entry has filled; until then it must not be placed again."""
    swap.venue.answers(ALGO, NOT_THERE)
    waiting = [{"attachAlgoClOrdId": STOP_ID, "attachAlgoId": "5", "slTriggerPx": "48000"}]
    swap.venue.answers(PENDING, ok(plain("1", ordType="limit", attachAlgoOrds=waiting)))
    with pytest.raises(OrderOutcomeUnknown, match="entry"):
        await swap.lookup(stop(SWAP))


async def test_every_kind_of_resting_order_is_listed(swap: Wire) -> None:
    """Conditional orders are in lists of their own, each of which holds every symbol."""
    swap.venue.answers(PENDING, ok(plain("1"), plain("2", instId="ETH-USDT-SWAP")))
    swap.venue.answers(ALGOS_PENDING, ok(algo("9")), ok(), ok())
    found = await swap.open_orders(SWAP)
    assert [asked.params for asked in swap.venue.asked] == [
        {"instType": "SWAP", "limit": "100"} | more
        for more in (
            {},
            {"ordType": "conditional,oco"},
            {"ordType": "trigger"},
            {"ordType": "move_order_stop"},
        )
    ]
    assert [(each.wire_id, each.raw["id"]) for each in found] == [(ENTRY_ID, "1"), (STOP_ID, "9")]


async def test_every_page_of_open_orders_is_read(swap: Wire) -> None:
    """A full page is not the whole list; the next begins after the oldest of it."""
    page = [plain(str(1_000 + at), cTime=str(NOW + at)) for at in range(100)]
    swap.venue.answers(PENDING, ok(*page), ok(plain("7")))
    swap.venue.answers(ALGOS_PENDING, ok())
    assert len(await swap.open_orders(SWAP)) == 101
    assert swap.venue.asked[1].params["after"] == "1000"


def fill(bill: str, **changed: Any) -> dict[str, Any]:
    return {
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "tradeId": "123", "ordId": "1",
        "clOrdId": ENTRY_ID, "billId": bill, "tag": "", "fillPx": "50010", "fillSz": "2",
        "side": "buy", "posSide": "net", "execType": "T", "feeCcy": "USDT", "fee": "-0.5",
        "subType": "1", "ts": str(NOW), "fillTime": str(NOW),
    } | changed  # fmt: skip


async def test_trades_are_known_by_their_bill(swap: Wire) -> None:
    """A trade id is the market's own: two markets use the same ones."""
    swap.venue.answers(FILLS, ok(fill("b-1")))
    (found,) = await swap.fills(SWAP, order_id="1")
    assert swap.venue.last.params.items() >= (BTC | {"instType": "SWAP", "ordId": "1"}).items()
    assert (found.trade_id, found.quantity) == ("b-1", Decimal("0.02"))
    assert (found.fee, found.fee_currency, found.is_liquidation) == (Decimal("0.5"), "USDT", False)


async def test_trades_of_an_old_order_are_in_the_history(swap: Wire) -> None:
    """What is recent is told at once, and not for long."""
    swap.venue.answers(FILLS, ok())
    swap.venue.answers(FILLS_HISTORY, ok(fill("b-1")))
    assert len(await swap.fills(SWAP, order_id="1", since_ms=NOW)) == 1


async def test_every_page_of_trades_is_read(swap: Wire) -> None:
    """Newest first, a hundred at a time."""
    page = [fill(f"b-{at}") for at in range(100)]
    swap.venue.answers(FILLS, ok())
    swap.venue.answers(FILLS_HISTORY, ok(*page), ok(fill("b-last", subType="104")))
    fills = await swap.fills(SWAP, since_ms=NOW)
    asked = {"instType": "SWAP", "begin": str(NOW), "after": "b-99"}
    assert swap.venue.last.params.items() >= (BTC | asked).items()
    assert len(fills) == 101
    assert [each.trade_id for each in fills if each.is_liquidation] == ["b-last"]


# --- the account --------------------------------------------------------------------------


def position(**changed: str) -> dict[str, Any]:
    return {
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "mgnMode": "isolated", "posId": "3",
        "posSide": "net", "pos": "-50", "avgPx": "50010", "lever": "5", "upl": "1",
        "markPx": "50000", "notionalUsd": "25000", "margin": "5000", "mmr": "100", "imr": "",
        "liqPx": "60000", "cTime": str(NOW), "uTime": str(NOW),
    } | changed  # fmt: skip


async def test_holdings_are_contracts_turned_into_coins(swap: Wire) -> None:
    """All perpetuals at once; a negative position is a short one."""
    swap.venue.answers(POSITIONS, ok(position()))
    (raw,) = await swap.dialect.holdings(swap.api, [SWAP], priority=RequestPriority.POLL)
    assert swap.venue.last.params == {"instType": "SWAP"}
    held = parse_holding(raw, instrument=swap.instrument(SWAP))
    assert held is not None
    assert (held.side, held.quantity, held.entry_price) == (
        Side.SHORT, Decimal("0.5"), Decimal(50010),
    )  # fmt: skip


@pytest.mark.parametrize(("said", "expected"), [("net_mode", True), ("long_short_mode", False)])
async def test_the_position_mode_is_the_accounts(swap: Wire, said: str, *, expected: bool) -> None:
    """It is in the account's configuration."""
    swap.venue.answers(CONFIG, ok({"acctLv": "2", "posMode": said, "uid": "1"}))
    assert await swap.dialect.is_one_way(swap.api, SWAP) is expected


async def test_leverage_is_asked_for_in_the_mode_that_is_used(swap: Wire) -> None:
    """And set in that mode, unless it is so already."""
    shown = {"instId": "BTC-USDT-SWAP", "mgnMode": "isolated", "posSide": "net", "lever": "5"}
    swap.venue.answers(LEVERAGE, ok(shown))
    swap.venue.answers(SET_LEVERAGE, ok(shown))
    wanted = MarginMode.ISOLATED
    margin = await swap.dialect.symbol_margin(swap.api, SWAP, wanted=wanted)
    assert margin == SymbolMargin(leverage=5, mode=wanted)
    assert swap.venue.last.params == BTC | {"mgnMode": "isolated"}
    await swap.dialect.set_leverage(swap.api, SWAP, 5, MarginMode.ISOLATED)
    assert SET_LEVERAGE not in swap.venue.calls()
    await swap.dialect.set_leverage(swap.api, SWAP, 7, MarginMode.ISOLATED)
    assert swap.venue.last.params == BTC | {"lever": 7, "mgnMode": "isolated", "posSide": "net"}


async def test_a_position_keeps_its_margin_mode(swap: Wire) -> None:
    """Otherwise the orders that close it would be refused; what differs shows in ``margin``."""
    swap.venue.answers(POSITIONS, ok(position(mgnMode="cross")))
    swap.venue.answers(LEVERAGE, ok({"mgnMode": "cross", "posSide": "net", "lever": "3"}))
    margin = await swap.dialect.symbol_margin(swap.api, SWAP, wanted=MarginMode.ISOLATED)
    assert margin == SymbolMargin(leverage=3, mode=MarginMode.CROSS)


def details(**changed: str) -> dict[str, Any]:
    usdt = {"ccy": "USDT", "eq": "990", "cashBal": "1000", "availEq": "700", "availBal": "650",
            "frozenBal": "290", "upl": "-10"}  # fmt: skip
    return ok({"uTime": str(NOW), "totalEq": "990", "details": [usdt | changed]})


async def test_free_is_margin_for_perpetuals_and_cash_for_spot(swap: Wire, spot: Wire) -> None:
    """Equity has what is not realised in it."""
    for each, free in ((swap, 700), (spot, 650)):
        each.venue.answers(BALANCE, details())
        balance = await each.dialect.balance(
            each.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
        )
        assert (balance.equity, balance.free) == (Decimal(990), Decimal(free))


# --- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "refusal"),
    [
        ("51000", "Parameter posSide error", RejectionReason.OTHER),
        (
            "51020",
            "Order amount should be greater than the min available amount.",
            RejectionReason.OTHER,
        ),
        (
            "51169",
            "You don't have any positions in this direction to close.",
            RejectionReason.OTHER,
        ),
        (
            "51008",
            "Order failed. Insufficient USDT margin in account",
            RejectionReason.INSUFFICIENT_MARGIN,
        ),
        (
            "51280",
            "SL trigger price must be less than the last price",
            RejectionReason.WOULD_TRIGGER,
        ),
        (
            "51278",
            "SL trigger price cannot be lower than the last price",
            RejectionReason.WOULD_TRIGGER,
        ),
        ("51010", "Request unsupported under current account mode", RejectionReason.ACCESS_DENIED),
    ],
)
async def test_refusals_are_final(
    swap: Wire, code: str, message: str, refusal: RejectionReason
) -> None:
    """The code of the order counts, not the one of the answer."""
    swap.venue.answers(PLACE_ALGO, refused(code, message))
    with pytest.raises(OrderRejected) as raised:
        await swap.send(stop(SWAP))
    assert raised.value.rejection_reason is refusal


@pytest.mark.parametrize("code", ["0", "2"])
async def test_a_refusal_in_an_answer_that_seems_fine_is_one(swap: Wire, code: str) -> None:
    """ccxt returns it as an order."""
    data = {"clOrdId": ENTRY_ID, "ordId": "", "sCode": "51008", "sMsg": "Insufficient margin"}
    swap.venue.answers(PLACE, {"code": code, "msg": "", "data": [data]})
    with pytest.raises(OrderRejected) as raised:
        await swap.send(order(SWAP))
    assert raised.value.rejection_reason is RejectionReason.INSUFFICIENT_MARGIN


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (refused("51016", "Client order ID already exists."), 200, OrderOutcomeUnknown),
        (refused("51065", "algoClOrdId already exists."), 200, OrderOutcomeUnknown),
        (refused("50013", "Systems are busy."), 200, OrderOutcomeUnknown),
        (refused("99999", "a code of tomorrow"), 200, OrderOutcomeUnknown),
        ({"code": "50004", "msg": "API endpoint request timeout."}, 400, OrderOutcomeUnknown),
        ({"code": "50102", "msg": "Timestamp request expired."}, 401, ClockSkewed),
        ({"code": "50011", "msg": "Too Many Requests"}, 429, AccountRateLimited),
        ({"code": "50061", "msg": "Order rate limit reached."}, 200, AccountRateLimited),
    ],
)
async def test_what_is_no_refusal_is_not_taken_for_one(
    swap: Wire, body: dict[str, Any], status: int, kind: type[SignalbotError]
) -> None:
    """A duplicate means that it is there; a time-out that nobody knows."""
    swap.venue.answers(PLACE, body, status=status)
    with pytest.raises(kind):
        await swap.send(order(SWAP))


async def test_a_key_without_the_right_is_told_apart_when_reading(swap: Wire) -> None:
    """Its user must be halted, not retried."""
    swap.venue.answers(ORDER, {"code": "50111", "msg": "Invalid OK-ACCESS-KEY"}, status=401)
    with pytest.raises(AccessDenied):
        await swap.lookup(order(SWAP))


@pytest.mark.parametrize(
    ("told", "rights"),
    [
        (
            {"perm": "read_only,trade", "ip": ""},
            KeyPermissions(may_trade=True, may_withdraw=False, is_ip_bound=False),
        ),
        (
            {"perm": "read_only,withdraw", "ip": "10.0.0.1"},
            KeyPermissions(may_trade=False, may_withdraw=True, is_ip_bound=True),
        ),
        ({}, KeyPermissions()),
    ],
)
async def test_what_a_key_may_do_is_told(
    swap: Wire, told: dict[str, str], rights: KeyPermissions
) -> None:
    """Trade, withdraw, from where; what is not told is not taken for safe."""
    swap.venue.answers(CONFIG, {"code": "0", "data": [told]})
    assert await swap.dialect.key_permissions(swap.api) == rights
