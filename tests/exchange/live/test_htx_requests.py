"""HTX: what really goes out, and what its documented answers mean to us."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import (
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    SignalbotError,
)
from signalbot.domain.orders import ClientOrderId, OrderRequest, OrderSide, OrderStatus
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.htx import HtxSwap
from signalbot.exchange.live.adapters.htx_spot import HtxSpot
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.parsing import parse_holding
from signalbot.exchange.live.transport.error_codes import AccountRateLimited, ClockSkewed
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.tasks import SystemClock
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
    EXIT_ID,
    NOW,
    SPOT,
    STOP_ID,
    SWAP,
    TARGET_ID,
    stop,
    target,
)

ORDER, ALGO = "/v5/trade/order", "/v5/algo/order"
HISTORY, PAST_ALGOS = "/v5/trade/order/history", "/v5/algo/order/history"
ENTRY_INT, STOP_INT, TARGET_INT, EXIT_INT = (
    int(each[:13], 16) or 1 for each in (ENTRY_ID, STOP_ID, TARGET_ID, EXIT_ID)
)
STOP = stop(SWAP, "59000")
TARGET = target(SWAP, "63000")
NAMED = {"contract_code": "BTC-USDT"}
OPEN, OPEN_ALGOS = "/v5/trade/order/opens", "/v5/algo/order/opens"
WHERE = {"contract_code": "BTC-USDT", "margin_mode": "cross"}


def ok(content: Any) -> dict[str, Any]:
    return {"code": 200, "message": "Success", "data": content, "ts": 1780966573200}


def order(**said: Any) -> dict[str, Any]:
    """A row as documented: its number is not the order's id."""
    return {
        "id": "1513834754654384129",
        "side": "buy",
        "type": "market",
        "price": "0",
        "volume": "20",
        "state": "filled",
        "contract_code": "BTC-USDT",
        "position_side": "both",
        "order_id": "1513834754585190400",
        "client_order_id": str(ENTRY_INT),
        "margin_mode": "cross",
        "lever_rate": 5,
        "reduce_only": False,
        "time_in_force": "gtc",
        "trade_avg_price": "60000.5",
        "trade_volume": "20",
        "trade_turnover": "1200.01",
        "fee_currency": "USDT",
        "fee": "-0.72",
        "created_time": "1780966529876",
        "updated_time": "1780966572409",
    } | said


def lately(request: OrderRequest) -> OrderRequest:
    """The same, as if it had just been sent."""
    return replace(request, intended_at_ms=SystemClock().now_ms())


def algo(**said: Any) -> dict[str, Any]:
    return {
        "id": "162320614",
        "volume": "20",
        "type": "sl",
        "state": "active",
        "side": "sell",
        "algo_id": "1513832307038027776",
        "algo_client_order_id": str(STOP_INT),
        "contract_code": "BTC-USDT",
        "position_side": "both",
        "margin_mode": "cross",
        "created_time": "1780967347642",
        "updated_time": "1780967347848",
        "sl_trigger_price": "59000",
        "sl_order_price": "0",
        "sl_type": "market",
        "sl_trigger_price_type": "last",
    } | said


@pytest.fixture
async def line() -> AsyncIterator[LoopbackConnection]:
    async with loopback_to(HtxSwap(), swap("BTC-USDT", size="0.001", lot="1")) as made:
        yield made


@pytest.fixture
async def coins() -> AsyncIterator[LoopbackConnection]:
    async with loopback_to(HtxSpot(), spot("btcusdt")) as made:
        accounts = [{"id": 7, "type": "spot", "subtype": "", "state": "working"}]
        made.answer("/v1/account/accounts", {"status": "ok", "data": accounts})
        yield made


@given(st.text("0123456789abcdef", min_size=32, max_size=32))
def test_an_id_is_an_integer_that_survives_a_float(digits: str) -> None:
    """ccxt sends it through one, and the exchange wants it above zero."""
    wire_id = HtxSwap().wire_id(ClientOrderId(digits))
    assert str(int(float(wire_id))) == wire_id
    assert int(wire_id) >= 1


@pytest.mark.parametrize(
    ("wire_id", "ours"),
    [(str(ENTRY_INT), True), ("1512501029504577536", False), (ENTRY_ID, False), (None, False)],
)
def test_ids_the_exchange_makes_itself_are_not_ours(wire_id: str | None, ours: bool) -> None:
    """Theirs are longer than 52 bits."""
    assert HtxSwap().is_own_order_id(wire_id) is ours


BUY = {"side": "buy", "type": "market", "client_order_id": ENTRY_INT}
SELL = {"side": "sell", "type": "limit", "price": "61000", "client_order_id": ENTRY_INT}
EXIT = {"side": "sell", "type": "market", "reduce_only": 1, "client_order_id": EXIT_INT}


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (entry(SWAP), BUY),
        (entry(SWAP, side=OrderSide.SELL, price="61000"), SELL),
        (close(SWAP), EXIT),
    ],
)
async def test_orders_count_contracts(
    line: LoopbackConnection, request_: OrderRequest, says: dict[str, Any]
) -> None:
    """0.02 BTC are twenty contracts; the id is an integer."""
    line.answer(ORDER, ok({"order_id": "15125", "client_order_id": str(says["client_order_id"])}))
    found = await line.send(request_)
    more = {"volume": "20", "time_in_force": "gtc", "channel_code": "AA03022abc"}
    assert line.says == WHERE | more | says
    assert (found.raw["id"], found.wire_id) == ("15125", str(says["client_order_id"]))


@pytest.mark.parametrize(
    ("request_", "kind", "wire_id"), [(STOP, "sl", STOP_INT), (TARGET, "tp", TARGET_INT)]
)
async def test_algo_orders_watch_the_last_price(
    line: LoopbackConnection, request_: OrderRequest, kind: str, wire_id: int
) -> None:
    """And sell at market when it is reached; ``position_side`` "both" where positions net.

    Without it: 1067, as two live clients have measured.
    https://www.htx.com/en-us/opend (USDT-M v5, Place Algo Order)
    """
    line.answer(ALGO, ok([{"algo_id": "1512", "algo_client_order_id": str(wire_id)}]))
    found = await line.send(request_)
    assert line.says == WHERE | {
        "volume": "20",
        "side": "sell",
        "time_in_force": "gtc",
        "channel_code": "AA03022abc",
        "position_side": "both",
        "reduce_only": 1,
        "type": kind,
        "algo_client_order_id": wire_id,
        f"{kind}_trigger_price": str(request_.trigger_price),
        f"{kind}_type": "market",
        f"{kind}_trigger_price_type": "last",
    }
    assert (found.raw["id"], found.wire_id) == ("1512", str(wire_id))


@pytest.mark.parametrize(
    ("code", "kind", "refusal"),
    [
        (1040, OrderRejected, RejectionReason.OTHER),
        (2100, OrderRejected, RejectionReason.OTHER),
        (1047, OrderRejected, RejectionReason.INSUFFICIENT_MARGIN),
        (1407, OrderRejected, RejectionReason.WOULD_TRIGGER),
        (1220, OrderRejected, RejectionReason.ACCESS_DENIED),
        (
            6023,
            OrderRejected,
            RejectionReason.ACCESS_DENIED,
        ),  # "does not support this interface": not v5
        (
            1465,
            OrderRejected,
            RejectionReason.OTHER,
        ),  # "unfilled orders for closing ... not exceed"
        (
            1468,
            OrderRejected,
            RejectionReason.OTHER,
        ),  # "take-profit and stop-loss orders ... not exceed"
        (10921, OrderRejected, RejectionReason.OTHER),  # "equity would be less than zero"
        (
            50002,
            OrderRejected,
            RejectionReason.ACCESS_DENIED,
        ),  # "not available ... in your country"
        (1032, AccountRateLimited, None),
        (1003, OrderOutcomeUnknown, None),  # "Abnormal redis operation."
        (1046, OrderOutcomeUnknown, None),  # "Abnormal service. Please try again later."
        (1076, OrderOutcomeUnknown, None),  # "No orders, please try again later."
        (1050, OrderOutcomeUnknown, None),
        (1000, OrderOutcomeUnknown, None),
        (1004, OrderOutcomeUnknown, None),
    ],
)
async def test_refusals_are_read_although_ccxt_overlooks_them(
    line: LoopbackConnection, code: int, kind: type[SignalbotError], refusal: RejectionReason | None
) -> None:
    """They come with status 200; a code nobody listed is no refusal."""
    line.answer(ALGO, {"code": code, "message": "told", "data": None, "ts": 1})
    with pytest.raises(kind) as caught:
        await line.send(STOP)
    assert getattr(caught.value, "rejection_reason", None) is refusal


async def test_a_refusal_of_the_only_algo_order_counts(line: LoopbackConnection) -> None:
    """The whole answer may be a success all the same."""
    line.answer(ALGO, ok([{"code": 1407, "message": "The stop-loss price shall not be ..."}]))
    with pytest.raises(OrderRejected) as caught:
        await line.send(STOP)
    assert caught.value.would_trigger


async def test_cancels_name_our_id(line: LoopbackConnection) -> None:
    """Plain orders and algo orders are cancelled at different places."""
    line.answer("/v5/trade/cancel_order", ok({"order_id": "1", "client_order_id": "2"}))
    line.answer("/v5/algo/cancel_orders", ok([{"algo_id": "1", "code": 200}]))
    await line.cancel(entry(SWAP))
    assert line.says == {"contract_code": "BTC-USDT", "client_order_id": str(ENTRY_INT)}
    await line.cancel(STOP)
    assert line.says == [{"contract_code": "BTC-USDT", "algo_client_order_id": str(STOP_INT)}]


@pytest.mark.parametrize(
    ("said", "status", "filled"),
    [
        ({}, OrderStatus.FILLED, "0.02"),
        ({"state": "new", "trade_volume": "0"}, OrderStatus.OPEN, "0"),
        ({"state": "partially_filled", "trade_volume": "5"}, OrderStatus.PARTIALLY_FILLED, "0.005"),
        ({"state": "partially_canceled", "trade_volume": "5"}, OrderStatus.CANCELLED, "0.005"),
        ({"state": "canceled", "trade_volume": "0"}, OrderStatus.CANCELLED, "0"),
    ],
)
async def test_an_order_is_found_by_our_id(
    line: LoopbackConnection, said: dict[str, str], status: OrderStatus, filled: str
) -> None:
    """Its id is the order's, not its row's, or no fill would ever belong to it."""
    line.answer(ORDER, ok(order(**said)))
    report = await line.report(entry(SWAP))
    assert report is not None
    assert line.says == NAMED | {"client_order_id": str(ENTRY_INT)}
    assert report.exchange_order_id == "1513834754585190400"
    assert (report.status, report.filled) == (status, Decimal(filled))


async def test_a_forgotten_order_is_found_in_the_history(line: LoopbackConnection) -> None:
    """Among others that are not ours."""
    line.answer(ORDER, {"code": 1017, "message": "Order doesn't exist.", "data": None})
    line.answer(OPEN, ok([]))
    line.answer(HISTORY, ok([order(client_order_id="9"), order()]))
    report = await line.report(lately(entry(SWAP)))
    assert report is not None
    assert (report.status, report.average_price) == (OrderStatus.FILLED, Decimal("60000.5"))


async def test_a_code_of_two_meanings_is_read_by_its_text(line: LoopbackConnection) -> None:
    """1003 is "Abnormal redis operation" in the error table, "invalid signature" to a wrong key.

    https://www.htx.com/en-us/opend (USDT-M, error code table); recorded in ccxt's ``handle_errors``
    """
    line.answer(ORDER, {"code": 1003, "message": "invalid signature", "data": None})
    with pytest.raises(OrderRejected) as caught:
        await line.send(entry(SWAP))
    assert caught.value.rejection_reason is RejectionReason.ACCESS_DENIED
    line.answer(ORDER, {"code": 1003, "message": "Abnormal redis operation.", "data": None})
    with pytest.raises(OrderOutcomeUnknown):
        await line.send(entry(SWAP))


async def test_a_wrong_time_is_no_wrong_key(
    line: LoopbackConnection, coins: LoopbackConnection
) -> None:
    """Both have one code: the clock is measured again, and the user goes on trading.

    https://www.htx.com/en-us/opend (error code table: 12001 "Invalid submission time"); 403 with
    "Incorrect Access key" and "api-signature-not-valid" as ccxt's ``handle_errors`` has recorded.
    """
    line.answer(
        ORDER, {"status": "error", "err_code": 403, "err_msg": "Abnormal timestamp [时间戳错误]"}
    )
    with pytest.raises(ClockSkewed):
        await line.send(entry(SWAP))
    line.answer(
        ORDER,
        {"status": "error", "err_code": 403, "err_msg": "Incorrect Access key [Access key错误]"},
    )
    with pytest.raises(OrderRejected) as caught:
        await line.send(entry(SWAP))
    assert caught.value.rejection_reason is RejectionReason.ACCESS_DENIED
    text = "Signature not valid: Invalid submission time [提交时间错误]"
    told = {"status": "error", "err-code": "api-signature-not-valid", "err-msg": text}
    coins.answer(PLACE, told | {"data": None})
    with pytest.raises(ClockSkewed):
        await coins.send(entry(SPOT, side=OrderSide.SELL))


async def test_an_order_from_before_all_that_is_told_is_not_known_to_be_absent(
    line: LoopbackConnection,
) -> None:
    """Get Order History: orders of 90 days; client ids do not live that long."""
    line.answer(ORDER, {"code": 1017, "message": "Order doesn't exist.", "data": None})
    for path in (OPEN, HISTORY):
        line.answer(path, ok([]))
    with pytest.raises(OrderOutcomeUnknown):
        await line.report(entry(SWAP))


async def test_a_resting_stop_is_found(line: LoopbackConnection) -> None:
    """By our id and its type."""
    line.answer(ALGO, ok([algo()]))
    report = await line.report(STOP)
    assert report is not None
    assert line.says == NAMED | {"type": "sl", "algo_client_order_id": str(STOP_INT)}
    assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, "1513832307038027776")


async def test_a_triggered_stop_is_followed_to_the_order_it_became(
    line: LoopbackConnection,
) -> None:
    """Its fills are what counts, and they are that order's."""
    line.answer(ALGO, ok([]))
    line.answer(OPEN_ALGOS, ok([]))
    done = {"actual_volume": "20", "actual_price": "58995", "relation_order_id": "777"}
    line.answer(PAST_ALGOS, ok([algo(state="effective", **done)]))
    became = {"order_id": "777", "client_order_id": "777", "trade_avg_price": "58990"}
    line.answer(ORDER, ok(order(side="sell", **became)))
    report = await line.report(lately(STOP))
    assert report is not None
    assert (report.status, report.exchange_order_id) == (OrderStatus.FILLED, "777")
    assert (report.filled, report.average_price) == (Decimal("0.02"), Decimal(58990))
    assert line.says == NAMED | {"order_id": "777"}


@pytest.mark.parametrize(
    ("state", "status"),
    [("canceled", OrderStatus.CANCELLED), ("failed", OrderStatus.CANCELLED)],
)
async def test_an_ended_stop_is_told(
    line: LoopbackConnection, state: str, status: OrderStatus
) -> None:
    """ccxt does not know how algo orders end."""
    line.answer(ALGO, ok([algo(state=state)]))
    report = await line.report(STOP)
    assert report is not None
    assert report.status is status


async def test_open_orders_come_from_every_list(line: LoopbackConnection) -> None:
    """One for each type of algo order."""
    line.answer("/v5/trade/order/opens", ok([order(state="new", trade_volume="0")]))
    line.answer(
        "/v5/algo/order/opens",
        ok([algo()]),
        ok([algo(type="tp", algo_client_order_id="9")]),
        ok([]),
    )
    listed = await line.dialect.open_orders(line.api, [SWAP], priority=RequestPriority.POLL)
    assert [found.wire_id for found in listed] == [str(ENTRY_INT), str(STOP_INT), "9"]
    assert [said.get("type") for said in line.all_said] == [None, "sl", "tp", "tpsl", "trigger"]


async def test_fees_are_paid_not_earned(line: LoopbackConnection) -> None:
    """They are positive there; ccxt takes them for rebates."""
    fill = {
        "id": "1513834754679549965",
        "contract_code": "BTC-USDT",
        "order_id": "1513834754585190400",
        "trade_id": "152022944",
        "side": "sell",
        "position_side": "both",
        "order_type": "3",
        "role": "TAKER",
        "trade_price": "62688.2",
        "trade_volume": "2",
        "trade_turnover": "125.3764",
        "created_time": "1780967931197",
        "fee_currency": "USDT",
        "trade_fee": "0.07522584",
    }
    line.answer("/v5/trade/order/details", ok([fill]))
    (found,) = await line.fills(SWAP, "1513834754585190400")
    says = dict(line.says)
    start_ms, end_ms = int(says.pop("start_time")), int(says.pop("end_time"))
    assert 0 < end_ms - start_ms <= 2 * 86_400_000, "windows of 48 hours"
    assert says == {
        "contract_code": "BTC-USDT", "order_id": "1513834754585190400", "limit": "100",
    }  # fmt: skip
    assert (found.quantity, found.price) == (Decimal("0.002"), Decimal("62688.2"))
    assert (found.fee, found.fee_currency) == (Decimal("0.07522584"), "USDT")
    assert found.is_liquidation


async def test_balance_and_position_are_read(line: LoopbackConnection) -> None:
    """Equity with unrealized profit; contracts as coins."""
    details = [{"currency": "USDT", "equity": "174.2", "available_margin": "150.1"}]
    position = {
        "contract_code": "BTC-USDT",
        "position_side": "both",
        "direction": "sell",
        "margin_mode": "cross",
        "open_avg_price": "63204.5",
        "volume": "3",
        "lever_rate": 5,
    }
    line.answer("/v5/account/balance", ok({"equity": "174.2", "details": details}))
    line.answer("/v5/trade/position/opens", ok([position]))
    balance = await line.dialect.balance(
        line.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert (balance.equity, balance.free) == (Decimal("174.2"), Decimal("150.1"))
    (raw,) = await line.dialect.holdings(line.api, [SWAP], priority=RequestPriority.POLL)
    holding = parse_holding(raw, instrument=line.instrument(SWAP))
    assert holding is not None
    assert (holding.side.value, holding.quantity) == ("SHORT", Decimal("0.003"))
    assert holding.entry_price == Decimal("63204.5")


async def test_leverage_is_set_and_read(line: LoopbackConnection) -> None:
    """Each margin mode has its own; where nothing is held it is the one that is wanted.

    https://www.htx.com/en-us/opend (USDT-M v5, Set Leverage: ``margin_mode`` cross or isolated)
    """
    line.answer("/v5/trade/position/opens", ok([]))
    row = {"contract_code": "BTC-USDT", "margin_mode": "cross", "lever_rate": 5}
    line.answer("/v5/position/lever", ok([row | {"contract_code": "ETH-USDT"}, row]))
    line.answer("/v5/position/mode", ok({"position_mode": "dual_side"}))
    await line.dialect.set_leverage(line.api, SWAP, 5, MarginMode.CROSS)
    assert line.says == WHERE | {"lever_rate": 5}
    assert await line.dialect.symbol_margin(
        line.api, SWAP, wanted=MarginMode.CROSS
    ) == SymbolMargin(leverage=5, mode=MarginMode.CROSS)
    assert line.says == WHERE
    assert await line.dialect.symbol_margin(line.api, SWAP) == SymbolMargin(
        leverage=None, mode=None
    )
    assert await line.dialect.is_one_way(line.api, SWAP) is False


PLACE = "/v1/order/orders/place"


async def test_a_spot_buy_at_market_is_bounded_and_counted_in_coins(
    coins: LoopbackConnection,
) -> None:
    """The exchange would take a cost: a limit one percent above the ask buys the exact quantity."""
    tick = {"bid": [59990, 1], "ask": [60000, 1], "close": 59995}
    coins.answer("/market/detail/merged", {"status": "ok", "ts": 1, "tick": tick})
    coins.answer(PLACE, {"status": "ok", "data": "438398393065481"})
    found = await coins.send(entry(SPOT))
    assert coins.says == {
        "account-id": "7",
        "symbol": "btcusdt",
        "type": "buy-ioc",
        "price": "60600",
        "amount": "0.02",
        "client-order-id": ENTRY_ID,
    }
    assert found.raw["id"] == "438398393065481"


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (entry(SPOT, side=OrderSide.SELL), {"type": "sell-market"}),
        (entry(SPOT, price="59000"), {"type": "buy-limit", "price": "59000"}),
    ],
)
async def test_other_spot_orders_go_out_as_they_are(
    coins: LoopbackConnection, request_: OrderRequest, says: dict[str, str]
) -> None:
    """The account's number is asked for before, once."""
    coins.answer(PLACE, {"status": "ok", "data": "1"})
    await coins.send(request_)
    await coins.send(request_)
    assert coins.says == says | {
        "account-id": "7", "symbol": "btcusdt", "amount": "0.02", "client-order-id": ENTRY_ID,
    }  # fmt: skip
    assert coins.paths == ["/v1/account/accounts", PLACE, PLACE]


async def test_a_spot_order_is_found_cancelled_and_paid(coins: LoopbackConnection) -> None:
    """By our id; fees of a purchase are coins."""
    row = {
        "id": 438398393065481,
        "symbol": "btcusdt",
        "account-id": 7,
        "client-order-id": ENTRY_ID,
        "amount": "0.02",
        "price": "60600",
        "created-at": 1640549994642,
        "type": "buy-ioc",
        "field-amount": "0.02",
        "field-cash-amount": "1200.02",
        "field-fees": "0.00004",
        "state": "filled",
    }
    fill = {
        "symbol": "btcusdt",
        "fee-currency": "btc",
        "price": "60001",
        "created-at": 1629443051839,
        "role": "taker",
        "order-id": 438398393065481,
        "trade-id": 1085,
        "filled-amount": "0.02",
        "filled-fees": "0.00004",
        "filled-points": "0",
        "id": 313288753120940,
        "type": "buy-ioc",
    }
    path = "/v1/order/orders/getClientOrder"
    none = {"status": "error", "err-code": "base-record-invalid", "err-msg": "record invalid"}
    coins.answer(path, {"status": "ok", "data": row}, none)
    matches = "/v1/order/orders/438398393065481/matchresults"
    coins.answer(matches, {"status": "ok", "data": [fill]})
    coins.answer("/v1/order/orders/submitCancelClientOrder", {"status": "ok", "data": 0})
    report = await coins.report(entry(SPOT))
    assert report is not None
    assert (report.status, report.average_price) == (OrderStatus.FILLED, Decimal(60001))
    assert await coins.report(entry(SPOT)) is None
    (found,) = await coins.fills(SPOT, "438398393065481")
    assert (found.quantity, found.fee, found.fee_currency) == (
        Decimal("0.02"), Decimal("0.00004"), "BTC",
    )  # fmt: skip
    await coins.cancel(entry(SPOT))
    assert coins.says == {"client-order-id": ENTRY_ID}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("order-value-min-error", OrderRejected),
        ("account-frozen-balance-insufficient-error", OrderRejected),
        ("invalid-client-order-id", OrderOutcomeUnknown),
        ("gateway-internal-error", OrderOutcomeUnknown),
        ("rate-too-many-requests", AccountRateLimited),
    ],
)
async def test_spot_refusals_mean_what_the_code_says(
    coins: LoopbackConnection, code: str, kind: type[SignalbotError]
) -> None:
    """Words instead of numbers."""
    coins.answer(PLACE, {"status": "error", "err-code": code, "err-msg": "told", "data": None})
    with pytest.raises(kind):
        await coins.send(entry(SPOT, side=OrderSide.SELL))
