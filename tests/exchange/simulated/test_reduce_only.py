"""Reduce-only orders can make a position smaller, and nothing else."""

from decimal import Decimal

from signalbot.domain.orders import OrderStatus
from tests.exchange.simulated.trader import BUY, SELL, Trader


def test_a_reduce_only_order_is_capped_to_the_position() -> None:
    """Asked to sell 5 of a long of 2 it sells 2, and is done."""
    desk = Trader()
    desk.order(BUY, 2)
    report = desk.order(SELL, 5, reduce_only=True)
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal(2))
    assert desk.held == 0


def test_a_stop_of_the_wrong_size_is_capped_when_it_triggers() -> None:
    """A target took half of the position meanwhile."""
    desk = Trader()
    desk.order(BUY, 2)
    stop = desk.stop(SELL, 2, 95)
    desk.target(SELL, 1, 105)
    desk.tick(105)
    desk.tick(95)
    assert (desk.now(stop).status, desk.now(stop).filled) == (OrderStatus.FILLED, Decimal(1))
    assert desk.held == 0


def test_without_a_position_a_reduce_only_order_is_cancelled() -> None:
    """Market orders at once, with the reason; nothing is opened."""
    desk = Trader()
    report = desk.order(SELL, 1, reduce_only=True)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, Decimal(0))
    assert report.error is not None
    assert "no position" in report.error
    assert desk.held == 0


def test_a_reduce_only_order_on_the_positions_own_side_is_cancelled() -> None:
    """Buying into a long would make it larger."""
    desk = Trader()
    desk.order(BUY, 1)
    assert desk.order(BUY, 1, reduce_only=True).status is OrderStatus.CANCELLED
    assert desk.held == 1


def test_resting_reduce_only_orders_outlive_the_position() -> None:
    """As at a real venue: whoever leaves them there will see them meet the next position."""
    desk = Trader()
    desk.order(BUY, 1)
    stop = desk.stop(SELL, 1, 95)
    desk.order(SELL, 1, reduce_only=True)
    assert desk.now(stop).status is OrderStatus.OPEN
    desk.order(BUY, 3)
    desk.tick(94)
    assert desk.now(stop).status is OrderStatus.FILLED
    assert desk.held == 2


def test_reduce_only_orders_may_be_smaller_than_the_minimum() -> None:
    """Dust can always be closed."""
    desk = Trader()
    desk.order(BUY, 1)
    assert desk.order(SELL, "0.01", reduce_only=True).status is OrderStatus.FILLED
