"""Limit orders never trade at a worse price than theirs, and wait for as long as it takes."""

from decimal import Decimal

import pytest

from signalbot.domain.errors import OrderRejected
from signalbot.domain.orders import OrderSide, OrderStatus
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.trader import BUY, SELL, Trader


@pytest.mark.parametrize(("side", "price"), [(BUY, 105), (BUY, 100), (SELL, 95), (SELL, 100)])
def test_a_marketable_limit_order_takes_the_last_price(side: OrderSide, price: int) -> None:
    """It pays the taker's fee, and gets the market's price rather than its own."""
    trader = Trader(SimulationRules())
    report = trader.limit(side, 1, price)
    assert report.status is OrderStatus.FILLED
    assert report.average_price == 100
    assert report.fills[0].fee == Decimal("0.05")


@pytest.mark.parametrize(
    ("side", "price", "touched"), [(BUY, 95, (99, 101, 95, 98)), (SELL, 105, (101, 105, 99, 100))]
)
def test_a_resting_limit_order_fills_at_its_price_when_the_range_reaches_it(
    side: OrderSide, price: int, touched: tuple[int, int, int, int]
) -> None:
    """As a maker: its own price, the smaller fee."""
    trader = Trader(SimulationRules())
    report = trader.limit(side, 1, price)
    assert report.status is OrderStatus.OPEN
    trader.candle(100, 102, 98, 100)
    assert trader.now(report).status is OrderStatus.OPEN
    trader.candle(*touched)
    filled = trader.now(report)
    assert (filled.status, filled.average_price) == (OrderStatus.FILLED, Decimal(price))
    assert filled.fills[0].fee == Decimal(price) * Decimal("0.0002")


@pytest.mark.parametrize(("side", "price", "opened"), [(BUY, 95, 93), (SELL, 105, 107)])
def test_a_gap_beyond_the_limit_fills_at_the_better_open(
    side: OrderSide, price: int, opened: int
) -> None:
    """The first price after the gap was there to be had."""
    trader = Trader()
    report = trader.limit(side, 1, price)
    trader.candle(opened, 108, 92, 100)
    assert trader.now(report).average_price == opened


def test_a_limit_order_whose_margin_is_gone_is_cancelled_when_touched() -> None:
    """The money was spent elsewhere meanwhile: the venue says so and opens nothing."""
    trader = Trader(deposit=100)
    resting = trader.limit(BUY, 5, 95)
    trader.order(BUY, 8)
    trader.stop(SELL, 8, 97)
    trader.tick(94)
    assert trader.now(resting).status is OrderStatus.FILLED  # the stop freed the margin
    poor = Trader(deposit=100)
    resting = poor.limit(BUY, 8, 99)
    poor.order(BUY, 8)
    poor.tick(99)
    ended = poor.now(resting)
    assert ended.status is OrderStatus.CANCELLED
    assert ended.error is not None
    assert "insufficient margin" in ended.error
    assert poor.held == 8


@pytest.mark.parametrize(
    ("side", "stop", "path"), [(BUY, 93, (100, 101, 92, 99)), (SELL, 107, (100, 108, 99, 101))]
)
def test_the_candle_that_fills_an_entry_can_hit_its_stop(
    side: OrderSide, stop: int, path: tuple[int, int, int, int]
) -> None:
    """The stop is sent when the candle is over: as what came first is hidden, it is hit."""
    trader = Trader()
    entry = trader.limit(side, 1, 95 if side is BUY else 105)
    trader.candle(*path)
    assert trader.now(entry).status is OrderStatus.FILLED
    guard = trader.stop(SELL if side is BUY else BUY, 1, stop)
    assert (guard.status, guard.average_price) == (OrderStatus.FILLED, Decimal(stop))
    assert trader.held == 0


def test_a_stop_that_its_entrys_candle_has_not_reached_rests() -> None:
    """And is hit by a later one as any other."""
    trader = Trader()
    trader.limit(BUY, 1, 95)
    trader.candle(100, 101, 94, 99)
    guard = trader.stop(SELL, 1, 93)
    assert guard.status is OrderStatus.OPEN
    trader.candle(99, 99, 93, 98)
    assert trader.now(guard).average_price == 93


@pytest.mark.parametrize(
    ("side", "stop", "path", "filled"),
    [(BUY, 93, (90, 97, 89, 96), 90), (SELL, 107, (110, 111, 103, 104), 110)],
)
def test_a_stop_that_the_open_has_passed_with_its_entry_fills_there(
    side: OrderSide, stop: int, path: tuple[int, int, int, int], filled: int
) -> None:
    """The price was never at the trigger while the position was held: nothing is earned by it."""
    trader = Trader()
    trader.limit(side, 1, 95 if side is BUY else 105)
    trader.candle(*path)
    guard = trader.stop(SELL if side is BUY else BUY, 1, stop)
    assert (guard.status, guard.average_price) == (OrderStatus.FILLED, Decimal(filled))
    assert trader.account.wallet == 10_000


@pytest.mark.parametrize("has_stop", [True, False])
def test_the_entrys_candle_liquidates_only_what_no_stop_has_saved(*, has_stop: bool) -> None:
    """The stop lay nearer than the liquidation, and is sent when the candle is over."""
    trader = Trader(deposit=1_000)
    trader.limit(SELL, 1, 105)
    trader.candle(100, 150, 99, 104)
    if has_stop:
        assert trader.stop(BUY, 1, 107).average_price == 107
    trader.candle(104, 104, 104, 104)
    assert trader.held == 0
    assert trader.account.wallet == (Decimal(998) if has_stop else Decimal("989.5"))


def test_what_is_entered_after_a_stop_is_not_liquidated_for_it() -> None:
    """A new position has a liquidation price of its own."""
    trader = Trader()
    trader.limit(SELL, 1, 105)
    trader.candle(100, 150, 99, 104)
    trader.stop(BUY, 1, 107)
    trader.order(SELL, 1)
    trader.candle(104, 105, 103, 104)
    assert trader.held == -1


def test_only_the_first_stop_is_measured_against_the_entrys_candle() -> None:
    """One that follows the price was not there; beyond the last price it is refused as ever."""
    trader = Trader()
    trader.limit(SELL, 1, 105)
    trader.candle(100, 106, 90, 104)
    assert trader.stop(BUY, 1, 110).status is OrderStatus.OPEN
    with pytest.raises(OrderRejected, match="trigger immediately"):
        trader.stop(BUY, 1, 93)
    assert trader.held == -1


def test_the_entrys_candle_counts_until_the_next_price() -> None:
    """What is sent later is measured against the price that is then."""
    trader = Trader()
    trader.limit(BUY, 1, 95)
    trader.candle(100, 101, 92, 99)
    trader.tick(99)
    assert trader.stop(SELL, 1, 93).status is OrderStatus.OPEN


def test_a_target_is_not_reached_in_the_candle_that_fills_its_entry() -> None:
    """The high may have come before the fill: in doubt against the trader."""
    trader = Trader()
    trader.limit(BUY, 1, 95)
    trader.candle(100, 120, 94, 99)
    assert trader.target(SELL, 1, 110).status is OrderStatus.OPEN
