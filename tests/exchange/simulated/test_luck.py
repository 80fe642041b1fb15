"""Refusals and partial fills on demand: drawn per order, the same on every run."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.domain.errors import OrderRejected
from signalbot.domain.orders import OrderReport, OrderStatus
from tests.exchange.simulated.trader import BUY, NO_COSTS, SELL, Trader

REFUSING = replace(NO_COSTS, reject_probability=0.3)
PARTIAL = replace(NO_COSTS, partial_fill_probability=1.0)


def refused(seed: int, count: int = 200) -> set[str]:
    trader = Trader(replace(REFUSING, seed=seed))
    cids = set()
    for number in range(count):
        try:
            trader.order(BUY, 1, cid=f"order-{number}")
        except OrderRejected:
            cids.add(f"order-{number}")
    return cids


def test_refusals_depend_on_the_seed_and_the_order_alone() -> None:
    """Not on what came before: the same seed refuses the same orders, in any company."""
    assert refused(1) == refused(1)
    assert refused(1, 50) == {cid for cid in refused(1) if int(cid[6:]) < 50}
    assert refused(1) != refused(2)
    assert 30 <= len(refused(1)) <= 90


def test_reduce_only_orders_are_never_unlucky() -> None:
    """A simulation must not keep anybody in a position."""
    trader = Trader(replace(PARTIAL, reject_probability=0.0))
    trader.order(BUY, 10)
    held = trader.held
    assert trader.order(SELL, 10, reduce_only=True).filled == held
    trader = Trader(replace(NO_COSTS, reject_probability=1.0))
    assert trader.order(SELL, 1, reduce_only=True).status is OrderStatus.CANCELLED
    with pytest.raises(OrderRejected):
        trader.order(BUY, 1)


def test_a_partly_filled_market_order_loses_its_rest() -> None:
    """20 to 80 % on the lot; the status is CANCELLED, and what filled is held."""
    for number in range(50):
        trader = Trader(PARTIAL)
        report = trader.order(BUY, 10, cid=f"order-{number}")
        assert report.status is OrderStatus.CANCELLED
        assert 2 - Decimal("0.01") <= report.filled <= 8
        assert report.filled % trader.market.lot == 0
        assert trader.held == report.filled


def test_a_partly_filled_limit_order_fills_its_rest_on_a_later_touch() -> None:
    """Not twice within one candle."""
    trader = Trader(PARTIAL)
    order = trader.limit(BUY, 10, 95)
    trader.candle(100, 101, 94, 96)
    partly = trader.now(order)
    assert partly.status is OrderStatus.PARTIALLY_FILLED
    assert 0 < partly.filled < 10
    trader.candle(96, 101, 96, 96)
    assert trader.now(order) == partly
    trader.candle(96, 101, 95, 96)
    ended = trader.now(order)
    assert (ended.status, ended.filled, len(ended.fills)) == (OrderStatus.FILLED, Decimal(10), 2)


def test_a_partly_filled_marketable_limit_order_rests_at_its_price() -> None:
    """What took at once stays; the rest waits."""
    trader = Trader(PARTIAL)
    order = trader.limit(BUY, 10, 101)
    assert order.status is OrderStatus.PARTIALLY_FILLED
    trader.tick(100)
    ended = trader.now(order)
    assert ended.status is OrderStatus.FILLED
    assert ended.filled == 10


def test_one_lot_cannot_be_split() -> None:
    """The smallest order fills whole or not at all."""
    trader = Trader(PARTIAL, price=1000)
    trader.market = replace(trader.market, min_quantity=Decimal("0.01"))
    order: OrderReport = trader.order(BUY, "0.02")
    assert order.filled == Decimal("0.01")
    lone = Trader(PARTIAL, price=1000, instrument=trader.market)
    assert lone.order(BUY, "0.01").status is OrderStatus.FILLED
