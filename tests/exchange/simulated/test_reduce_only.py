"""Reduce-only orders can make a position smaller, and nothing else."""

from decimal import Decimal

from signalbot.domain.orders import OrderStatus
from tests.exchange.simulated.trader import BUY, SELL, Trader


def test_a_reduce_only_order_is_capped_to_the_position() -> None:
    """Asked to sell 5 of a long of 2 it sells 2, and is done."""
    trader = Trader()
    trader.order(BUY, 2)
    report = trader.order(SELL, 5, reduce_only=True)
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal(2))
    assert trader.held == 0


def test_a_stop_of_the_wrong_size_is_capped_when_it_triggers() -> None:
    """A target took half of the position meanwhile."""
    trader = Trader()
    trader.order(BUY, 2)
    stop = trader.stop(SELL, 2, 95)
    trader.target(SELL, 1, 105)
    trader.tick(105)
    trader.tick(95)
    assert (trader.now(stop).status, trader.now(stop).filled) == (OrderStatus.FILLED, Decimal(1))
    assert trader.held == 0


def test_without_a_position_a_reduce_only_order_is_cancelled() -> None:
    """Market orders at once, with the reason; nothing is opened."""
    trader = Trader()
    report = trader.order(SELL, 1, reduce_only=True)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, Decimal(0))
    assert report.error is not None
    assert "no position" in report.error
    assert trader.held == 0


def test_a_reduce_only_order_on_the_positions_own_side_is_cancelled() -> None:
    """Buying into a long would make it larger."""
    trader = Trader()
    trader.order(BUY, 1)
    assert trader.order(BUY, 1, reduce_only=True).status is OrderStatus.CANCELLED
    assert trader.held == 1


def test_resting_reduce_only_orders_outlive_the_position() -> None:
    """As at a real venue: whoever leaves them there will see them meet the next position."""
    trader = Trader()
    trader.order(BUY, 1)
    stop = trader.stop(SELL, 1, 95)
    trader.order(SELL, 1, reduce_only=True)
    assert trader.now(stop).status is OrderStatus.OPEN
    trader.order(BUY, 3)
    trader.tick(94)
    assert trader.now(stop).status is OrderStatus.FILLED
    assert trader.held == 2


def test_reduce_only_orders_may_be_smaller_than_the_minimum() -> None:
    """Dust can always be closed."""
    trader = Trader()
    trader.order(BUY, 1)
    assert trader.order(SELL, "0.01", reduce_only=True).status is OrderStatus.FILLED
