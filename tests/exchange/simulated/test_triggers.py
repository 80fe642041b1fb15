"""Stops and take profits: when they trigger, at what price, and which of them comes first."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.domain.errors import OrderRejected
from signalbot.domain.orders import OrderSide, OrderStatus, OrderType
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.trader import BUY, NO_COSTS, SELL, Trader

SLIPPING = replace(NO_COSTS, slippage_bps=Decimal(20))


def long_desk(rules: SimulationRules = NO_COSTS) -> Trader:
    desk = Trader(rules)
    desk.order(BUY, 2, leverage=2)
    return desk


def test_a_stop_fills_at_its_trigger_worsened_by_slippage() -> None:
    """20 basis points of 95 are 0.19: sold at 94.8, on the tick below."""
    desk = long_desk(SLIPPING)
    stop = desk.stop(SELL, 2, 95)
    desk.candle(99, 101, 95, 98)
    assert desk.now(stop).average_price == Decimal("94.8")
    assert desk.held == 0


def test_a_stop_that_is_jumped_over_fills_at_the_open() -> None:
    """A stop is not a promise of its price: after a gap it gets what is there."""
    desk = long_desk()
    stop = desk.stop(SELL, 2, 95)
    desk.candle(90, 96, 89, 96)
    assert desk.now(stop).average_price == 90


def test_a_tick_triggers_like_a_range_without_width() -> None:
    """A tick beyond the trigger is a small gap."""
    desk = long_desk()
    stop = desk.stop(SELL, 2, 95)
    desk.tick("95.1")
    assert desk.now(stop).status is OrderStatus.OPEN
    desk.tick("94.7")
    assert desk.now(stop).average_price == Decimal("94.7")


@pytest.mark.parametrize(("opened", "price"), [(99, "104.7"), (107, "106.7")])
def test_a_take_profit_slips_as_the_market_order_it_becomes(opened: int, price: str) -> None:
    """20 basis points below its trigger, or below the open that has jumped over it."""
    desk = long_desk(SLIPPING)
    target = desk.target(SELL, 2, 105)
    desk.candle(opened, 108, 98, 100)
    assert desk.now(target).average_price == Decimal(price)


def test_triggered_orders_pay_the_taker_fee() -> None:
    """They are market orders once triggered."""
    desk = long_desk(replace(NO_COSTS, taker_fee_percent=Decimal("0.05")))
    target = desk.target(SELL, 2, 110)
    desk.tick(110)
    assert desk.now(target).fills[0].fee == Decimal("0.11")


@pytest.mark.parametrize(
    ("side", "type_", "trigger"),
    [
        (SELL, OrderType.STOP, 100),
        (SELL, OrderType.STOP, 101),
        (BUY, OrderType.STOP, 99),
        (SELL, OrderType.TAKE_PROFIT, 99),
        (BUY, OrderType.TAKE_PROFIT, 101),
        (BUY, OrderType.TAKE_PROFIT, 100),
    ],
)
def test_a_trigger_the_price_has_passed_is_refused_as_such(
    side: OrderSide, type_: OrderType, trigger: int
) -> None:
    """The caller must close instead of protect, so the refusal says which kind it is."""
    desk = Trader()
    with pytest.raises(OrderRejected, match="trigger immediately") as refusal:
        desk.order(side, 1, type=type_, trigger=trigger, reduce_only=True)
    assert refusal.value.would_trigger
    assert not desk.account.orders


@pytest.mark.parametrize("entry", [BUY, SELL])
def test_the_stop_wins_when_stop_and_target_lie_in_one_candle(entry: OrderSide) -> None:
    """What the candle hides is decided against the trader; the target then finds no position."""
    desk = Trader()
    desk.order(entry, 2, leverage=2)
    close, sign = (SELL, 1) if entry is BUY else (BUY, -1)
    target = desk.target(close, 2, 100 + 5 * sign)
    stop = desk.stop(close, 2, 100 - 5 * sign)
    desk.candle(100, 110, 90, 103)
    assert desk.now(stop).status is OrderStatus.FILLED
    left = desk.now(target)
    assert (left.status, left.filled) == (OrderStatus.CANCELLED, Decimal(0))
    assert desk.account.wallet == 10_000 - 10


def test_a_target_that_the_open_has_already_passed_comes_before_the_stop() -> None:
    """The first price of the candle is no matter of doubt."""
    desk = long_desk()
    stop = desk.stop(SELL, 2, 95)
    target = desk.target(SELL, 2, 105)
    desk.candle(106, 107, 90, 92)
    assert desk.now(target).average_price == 106
    assert desk.now(stop).status is OrderStatus.CANCELLED


def test_several_targets_in_one_candle_fill_nearest_first() -> None:
    """Submitted in any order; each takes its share."""
    desk = long_desk()
    far, near = desk.target(SELL, 1, 108), desk.target(SELL, 1, 104)
    desk.candle(100, 110, 99, 109)
    assert [fill.client_order_id for fill in desk.fills()[1:]] == [
        near.client_order_id,
        far.client_order_id,
    ]
    assert desk.account.wallet == 10_000 + 4 + 8


def test_a_stop_entry_opens_a_position_when_triggered() -> None:
    """Not every stop protects: without reduce-only it is an entry on a breakout."""
    desk = Trader()
    desk.stop(BUY, 1, 103, reduce_only=False)
    desk.candle(100, 104, 99, 104)
    assert desk.held == 1
    assert desk.position is not None
    assert desk.position.entry_price == 103


def test_at_one_price_the_stop_comes_first() -> None:
    """Before a bid at the same price, whichever was placed first."""
    desk = long_desk()
    bid = desk.limit(BUY, 1, 95)
    stop = desk.stop(SELL, 2, 95)
    desk.tick(95)
    assert [fill.client_order_id for fill in desk.fills()[1:]] == [
        stop.client_order_id,
        bid.client_order_id,
    ]
