"""Kraken spot: what really goes out, and what its documented answers mean to us."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.orders import OrderRequest, OrderSide, OrderStatus
from signalbot.exchange.live.adapters.kraken import KrakenSpot
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from tests.exchange.live.loopback_exchange import (
    LoopbackConnection,
    close,
    entry,
    loopback_to,
    spot,
)
from tests.exchange.live.wire_fixtures import ENTRY_ID, NOW, SPOT, STOP_ID, stop

ADD, OPEN, CLOSED = "/0/private/AddOrder", "/0/private/OpenOrders", "/0/private/ClosedOrders"
STOP = stop(SPOT, "59000")


def ok(result: Any) -> dict[str, Any]:
    return {"error": [], "result": result}


def order(**said: Any) -> dict[str, Any]:
    return {
        "refid": None,
        "userref": None,
        "cl_ord_id": ENTRY_ID,
        "status": "closed",
        "opentm": 1586822919.3342,
        "closetm": 1586822919.365,
        "descr": {
            "pair": "XBTUSDT",
            "type": "buy",
            "ordertype": "market",
            "price": "0",
            "price2": "0",
            "leverage": "none",
            "order": "buy 0.02000000 XBTUSDT @ market",
            "close": "",
        },
        "vol": "0.02000000",
        "vol_exec": "0.02000000",
        "cost": "1200.01000",
        "fee": "3.12000",
        "price": "60000.5",
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": "fciq",
    } | said


STOPPED = {
    "cl_ord_id": STOP_ID,
    "descr": {
        "pair": "XBTUSDT",
        "type": "sell",
        "ordertype": "stop-loss",
        "price": "59000.0",
        "price2": "0",
        "leverage": "none",
        "order": "sell 0.02000000 XBTUSDT @ stop loss 59000.0",
        "close": "",
    },
}
RESTING = {"status": "open", "vol_exec": "0.00000000", "cost": "0.00000", "price": "0.00000"}


@pytest.fixture
async def line() -> AsyncIterator[LoopbackConnection]:
    market = spot("XBTUSDT") | {"altname": "XBTUSDT"}
    async with loopback_to(KrakenSpot(), market, secret="c2VjcmV0") as made:
        yield made


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (entry(SPOT), {"type": "buy", "ordertype": "market"}),
        (
            entry(SPOT, side=OrderSide.SELL, price="61000"),
            {"type": "sell", "ordertype": "limit", "price": "61000"},
        ),
        (close(SPOT), {"type": "sell", "ordertype": "market"}),
        (
            STOP,
            {"type": "sell", "ordertype": "stop-loss", "price": "59000", "trigger": "last"},
        ),
    ],
)
async def test_an_order_pays_in_the_quote_currency_and_grows_too_old(
    line: LoopbackConnection, request_: OrderRequest, says: dict[str, str]
) -> None:
    """What was bought is then what is owned, and an order stuck on its way is never taken late."""
    told = {"order": "buy 0.02000000 XBTUSDT @ market"}
    line.answer(ADD, ok({"descr": told, "txid": ["OEKVV2-IH52O-TPL6GZ"]}))
    found = await line.send(request_)
    assert line.says == says | {
        "pair": "XBTUSDT",
        "volume": "0.02",
        "oflags": "fciq",
        "cl_ord_id": request_.client_order_id,
    }
    now_ms = line.api.client.milliseconds()
    left_ms = line.api.client.parse8601(line.params["deadline"]) - now_ms
    assert 0 < left_ms <= line.dialect.request_validity_ms
    assert found.raw["id"] == "OEKVV2-IH52O-TPL6GZ"


@pytest.mark.parametrize(
    ("said", "status", "filled"),
    [
        ({}, OrderStatus.FILLED, "0.02"),
        ({"status": "canceled", "vol_exec": "0.01"}, OrderStatus.CANCELLED, "0.01"),
        ({"status": "canceled", "vol_exec": "0.0", "price": "0.0"}, OrderStatus.CANCELLED, "0"),
        ({"status": "expired", "vol_exec": "0.0", "price": "0.0"}, OrderStatus.CANCELLED, "0"),
    ],
)
async def test_an_ended_order_is_found_among_the_closed(
    line: LoopbackConnection, said: dict[str, str], status: OrderStatus, filled: str
) -> None:
    """By our id, whatever it came to."""
    line.answer(OPEN, ok({"open": {}}))
    line.answer(CLOSED, ok({"closed": {"OETZYO-UL524-QJMXCT": order(**said)}, "count": 1}))
    report = await line.report(entry(SPOT))
    assert report is not None
    assert line.says == {"cl_ord_id": ENTRY_ID}
    assert (report.status, report.filled) == (status, Decimal(filled))
    assert report.exchange_order_id == "OETZYO-UL524-QJMXCT"
    assert report.average_price == (Decimal("60000.5") if report.filled else None)


async def test_a_stop_rests_and_fills_under_one_id(line: LoopbackConnection) -> None:
    """A triggered stop stays the same order there."""
    line.answer(OPEN, ok({"open": {"OA": order(**STOPPED, **RESTING)}}), ok({"open": {}}))
    line.answer(CLOSED, ok({"closed": {"OA": order(**STOPPED, price="58990.0")}, "count": 1}))
    resting, filled = await line.report(STOP), await line.report(STOP)
    assert resting is not None
    assert filled is not None
    assert (resting.status, resting.exchange_order_id) == (OrderStatus.OPEN, "OA")
    assert (filled.status, filled.exchange_order_id) == (OrderStatus.FILLED, "OA")
    assert filled.average_price == Decimal(58990)


async def test_open_orders_of_every_symbol_take_one_request(line: LoopbackConnection) -> None:
    """Stops are among them."""
    both = {"OA": order(**RESTING), "OB": order(**STOPPED, **RESTING)}
    line.answer(OPEN, ok({"open": both}))
    listed = await line.dialect.open_orders(line.api, [SPOT], priority=RequestPriority.POLL)
    assert sorted(str(found.wire_id) for found in listed) == sorted((ENTRY_ID, STOP_ID))
    assert line.paths == [OPEN]


@pytest.mark.parametrize("request_", [entry(SPOT), STOP])
async def test_cancels_name_our_id(line: LoopbackConnection, request_: OrderRequest) -> None:
    """And an order that is gone already is told as that."""
    line.answer("/0/private/CancelOrder", ok({"count": 1}))
    await line.cancel(request_)
    assert line.says == {"cl_ord_id": request_.client_order_id}


async def test_fills_are_named_by_their_order(line: LoopbackConnection) -> None:
    """Trades cannot be asked for by order."""
    trade = {
        "ordertxid": "OA",
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": "XBTUSDT",
        "time": 1586822919.36,
        "type": "buy",
        "ordertype": "market",
        "price": "60000.5",
        "cost": "1200.01",
        "fee": "3.12",
        "vol": "0.02",
        "margin": "0.0",
        "misc": "",
    }
    line.answer("/0/private/QueryOrders", ok({"OA": order(trades=["TT5UC3-GOIRW-6AZZ6R"])}))
    line.answer("/0/private/QueryTrades", ok({"TT5UC3-GOIRW-6AZZ6R": trade}))
    (found,) = await line.fills(SPOT, "OA")
    assert line.all_said == [{"txid": "OA", "trades": "true"}, {"txid": "TT5UC3-GOIRW-6AZZ6R"}]
    assert (found.trade_id, found.quantity) == ("TT5UC3-GOIRW-6AZZ6R", Decimal("0.02"))
    assert (found.price, found.fee, found.fee_currency) == (
        Decimal("60000.5"), Decimal("3.12"), "USDT",
    )  # fmt: skip


async def test_the_wallet_holds_what_orders_lock(line: LoopbackConnection) -> None:
    """Nothing is asked that ccxt would only pass on."""
    wallet = {
        "USDT": {"balance": "1000.5", "hold_trade": "200.5"},
        "BTC": {"balance": "0.75", "hold_trade": "0.25"},
    }
    line.answer("/0/private/BalanceEx", ok(wallet))
    balance = await line.dialect.balance(
        line.api, "USDT", now_ms=NOW, priority=RequestPriority.POLL
    )
    assert line.says == {}
    assert (balance.equity, balance.free) == (Decimal("1000.5"), Decimal(800))
    assert (await line.dialect.spot_balances(line.api, priority=RequestPriority.POLL))[
        "BTC"
    ] == Decimal("0.75")
