"""A stop that moves in place: asked for once, believed when it is shown where it should be."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.errors import (
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    SignalbotError,
)
from signalbot.domain.orders import Order, OrderReport, OrderStatus
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.bybit_spot import BybitSpot
from signalbot.exchange.live.adapters.bybit_swap import BybitSwap
from signalbot.exchange.live.adapters.okx_spot import OkxSpot
from signalbot.exchange.live.adapters.okx_swap import OkxSwap
from tests.exchange.live import test_bybit_requests as bybit
from tests.exchange.live import test_okx_requests as okx
from tests.exchange.live.accounts import account_at
from tests.exchange.live.loopback_exchange import LoopbackConnection, loopback_to, spot, swap
from tests.exchange.live.wire_fixtures import SPOT, STOP_ID, SWAP, stop

REALTIME, AMEND = "/v5/order/realtime", "/v5/order/amend"
TRADING_STOP = "/v5/position/trading-stop"
ALGO, AMEND_ALGOS = "/api/v5/trade/order-algo", "/api/v5/trade/amend-algos"
MOVED = {"triggerPrice": "49500", "qty": "0.01"}
OWN = {**bybit.ATTACHED, "orderLinkId": STOP_ID, "stopOrderType": "Stop", "qty": "0.02"}


def at_bybit() -> Any:
    return loopback_to(BybitSwap(), swap("BTCUSDT", lot="0.001"))


def at_okx() -> Any:
    return loopback_to(OkxSwap(), swap("BTC-USDT-SWAP", size="0.01", lot="0.01"))


async def _move(line: LoopbackConnection, *, symbol: str = SWAP) -> OrderReport:
    """A stop of 0.02 at 48000 is to guard 0.01 at 49500."""
    resting = Order(request=stop(symbol), status=OrderStatus.OPEN, exchange_order_id="9")
    request = replace(resting.request, trigger_price=Decimal(49_500), quantity=Decimal("0.01"))
    return await account_at(line, symbol=symbol).amend(resting, request)


async def test_a_stop_of_its_own_is_amended_by_its_id() -> None:
    """Price and size in one request; then it is looked at."""
    async with at_bybit() as line:
        line.answer(
            REALTIME, bybit.rows(bybit.shown("9", **OWN)), bybit.rows(bybit.shown("9", **OWN)),
            bybit.rows(bybit.shown("9", **(OWN | MOVED))),
        )  # fmt: skip
        line.answer(AMEND, bybit.ok({"orderId": "9", "orderLinkId": STOP_ID}))
        report = await _move(line)
        assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, "9")
        (asked,) = (said for path, said in zip(line.paths, line.all_said, strict=True)
                    if path == AMEND)  # fmt: skip
        assert asked == bybit.BTC | MOVED | {"orderLinkId": STOP_ID}


async def test_a_stop_that_came_with_its_entry_moves_with_the_position() -> None:
    """It has no id to be amended by; its size is the position's."""
    async with at_bybit() as line:
        before, after = dict(bybit.ATTACHED), bybit.ATTACHED | {"triggerPrice": "49500.00"}
        line.answer(
            REALTIME, bybit.rows(bybit.shown("sl-1", **before)),
            bybit.rows(bybit.shown("sl-1", **after)),
        )  # fmt: skip
        line.answer(TRADING_STOP, bybit.ok({}))
        report = await _move(line)
        assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, "sl-1")
        assert line.paths == [REALTIME, TRADING_STOP, REALTIME]
        assert line.all_said[1] == {
            **bybit.BTC, "stopLoss": "49500", "slTriggerBy": "LastPrice",
            "slOrderType": "Market", "tpslMode": "Full", "positionIdx": 0,
        }  # fmt: skip


async def test_a_stop_that_is_there_already_counts_as_moved() -> None:
    """Its answer was lost and the move is asked for again: not modified is no refusal."""
    async with at_bybit() as line:
        line.answer(REALTIME, bybit.rows(bybit.shown("sl-1", **bybit.ATTACHED)))
        line.answer(TRADING_STOP, bybit.failed(34040, "not modified"))
        resting = Order(request=stop(SWAP), status=OrderStatus.OPEN)
        report = await account_at(line).amend(resting, resting.request)
        assert report.status is OrderStatus.OPEN


async def test_spot_stops_are_amended_where_they_live() -> None:
    """No moment in which the coins are free and unguarded."""
    async with loopback_to(BybitSpot(), spot("BTCUSDT")) as line:
        line.answer(REALTIME, bybit.rows(bybit.shown("9", **(OWN | MOVED))))
        line.answer(AMEND, bybit.ok({"orderId": "9", "orderLinkId": STOP_ID}))
        await _move(line, symbol=SPOT)
        assert line.all_said[0] == bybit.BTC_SPOT | MOVED | {"orderLinkId": STOP_ID}


@pytest.mark.parametrize(
    ("dialect", "market", "size"),
    [
        (OkxSwap(), swap("BTC-USDT-SWAP", size="0.01", lot="0.01"), "1"),
        (OkxSpot(), spot("BTC-USDT"), "0.01"),
    ],
)
async def test_an_algo_order_is_amended_by_our_id(
    dialect: ExchangeAdapter, market: dict[str, Any], size: str
) -> None:
    """At market, on the last price, in the unit the market counts in."""
    async with loopback_to(dialect, market) as line:
        place = {"instId": market["id"]}
        shown = okx.algo("9", slTriggerPx="49500", sz=size, **place)
        line.answer(ALGO, okx.ok(shown))
        line.answer(AMEND_ALGOS, okx.ok({"algoClOrdId": STOP_ID, "algoId": "9", "sCode": "0"}))
        report = await _move(line, symbol=market["symbol"])
        assert (report.status, report.exchange_order_id) == (OrderStatus.OPEN, "9")
        assert line.all_said[0] == {
            **place, "algoClOrdId": STOP_ID, "newSlTriggerPx": "49500",
            "newSlTriggerPxType": "last", "newSlOrdPx": "-1", "newSz": size,
        }  # fmt: skip


async def test_a_move_that_is_not_shown_is_not_believed() -> None:
    """The exchange has said yes and shows the old price: it may be either."""
    async with at_okx() as line:
        line.answer(ALGO, okx.ok(okx.algo("9")))
        line.answer(AMEND_ALGOS, okx.ok({"algoClOrdId": STOP_ID, "algoId": "9", "sCode": "0"}))
        with pytest.raises(OrderOutcomeUnknown, match="not shown"):
            await _move(line)


@pytest.mark.parametrize(
    ("code", "kind", "refusal"),
    [
        ("51278", OrderRejected, RejectionReason.WOULD_TRIGGER),
        ("51503", OrderRejected, RejectionReason.OTHER),
        ("50004", OrderOutcomeUnknown, None),
    ],
)
async def test_a_move_that_is_refused_leaves_the_stop_as_it_was(
    code: str, kind: type[SignalbotError], refusal: RejectionReason | None
) -> None:
    """The price has passed it, there is no such order; or nobody knows."""
    async with at_okx() as line:
        line.answer(AMEND_ALGOS, okx.refused(code, "no"))
        with pytest.raises(kind) as raised:
            await _move(line)
        assert getattr(raised.value, "rejection_reason", None) is refusal
        assert line.paths == [AMEND_ALGOS]


async def test_a_stop_that_fired_meanwhile_is_told_as_it_ended() -> None:
    """Its fills are what counts."""
    async with at_okx() as line:
        line.answer(AMEND_ALGOS, okx.ok({"algoClOrdId": STOP_ID, "algoId": "9", "sCode": "0"}))
        line.answer(ALGO, okx.ok(okx.algo("9", state="effective", ordIdList=["77"])))
        became = okx.plain("77", clOrdId="x", side="sell", sz="1", **okx.FILLED)
        line.answer("/api/v5/trade/order", okx.ok(became | {"accFillSz": "1"}))
        report = await _move(line)
        assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.01"))
