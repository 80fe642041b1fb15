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
    trader = Trader(rules)
    trader.order(BUY, 2, leverage=2)
    return trader


def test_a_stop_fills_at_its_trigger_worsened_by_slippage() -> None:
    """20 basis points of 95 are 0.19: sold at 94.8, on the tick below."""
    trader = long_desk(SLIPPING)
    stop = trader.stop(SELL, 2, 95)
    trader.candle(99, 101, 95, 98)
    assert trader.now(stop).average_price == Decimal("94.8")
    assert trader.held == 0


def test_a_stop_that_is_jumped_over_fills_at_the_open() -> None:
    """A stop is not a promise of its price: after a gap it gets what is there."""
    trader = long_desk()
    stop = trader.stop(SELL, 2, 95)
    trader.candle(90, 96, 89, 96)
    assert trader.now(stop).average_price == 90


def test_a_tick_triggers_like_a_range_without_width() -> None:
    """A tick beyond the trigger is a small gap."""
    trader = long_desk()
    stop = trader.stop(SELL, 2, 95)
    trader.tick("95.1")
    assert trader.now(stop).status is OrderStatus.OPEN
    trader.tick("94.7")
    assert trader.now(stop).average_price == Decimal("94.7")


@pytest.mark.parametrize(("opened", "price"), [(99, "104.7"), (107, "106.7")])
def test_a_take_profit_slips_as_the_market_order_it_becomes(opened: int, price: str) -> None:
    """20 basis points below its trigger, or below the open that has jumped over it."""
    trader = long_desk(SLIPPING)
    target = trader.target(SELL, 2, 105)
    trader.candle(opened, 108, 98, 100)
    assert trader.now(target).average_price == Decimal(price)


def test_triggered_orders_pay_the_taker_fee() -> None:
    """They are market orders once triggered."""
    trader = long_desk(replace(NO_COSTS, taker_fee_percent=Decimal("0.05")))
    target = trader.target(SELL, 2, 110)
    trader.tick(110)
    assert trader.now(target).fills[0].fee == Decimal("0.11")


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
    trader = Trader()
    with pytest.raises(OrderRejected, match="trigger immediately") as refusal:
        trader.order(side, 1, type=type_, trigger=trigger, reduce_only=True)
    assert refusal.value.would_trigger
    assert not trader.account.orders


@pytest.mark.parametrize("entry", [BUY, SELL])
def test_the_stop_wins_when_stop_and_target_lie_in_one_candle(entry: OrderSide) -> None:
    """What the candle hides is decided against the trader; the target then finds no position."""
    trader = Trader()
    trader.order(entry, 2, leverage=2)
    close, sign = (SELL, 1) if entry is BUY else (BUY, -1)
    target = trader.target(close, 2, 100 + 5 * sign)
    stop = trader.stop(close, 2, 100 - 5 * sign)
    trader.candle(100, 110, 90, 103)
    assert trader.now(stop).status is OrderStatus.FILLED
    left = trader.now(target)
    assert (left.status, left.filled) == (OrderStatus.CANCELLED, Decimal(0))
    assert trader.account.wallet == 10_000 - 10


def test_a_target_that_the_open_has_already_passed_comes_before_the_stop() -> None:
    """The first price of the candle is no matter of doubt."""
    trader = long_desk()
    stop = trader.stop(SELL, 2, 95)
    target = trader.target(SELL, 2, 105)
    trader.candle(106, 107, 90, 92)
    assert trader.now(target).average_price == 106
    assert trader.now(stop).status is OrderStatus.CANCELLED


def test_several_targets_in_one_candle_fill_nearest_first() -> None:
    """Submitted in any order; each takes its share."""
    trader = long_desk()
    far, near = trader.target(SELL, 1, 108), trader.target(SELL, 1, 104)
    trader.candle(100, 110, 99, 109)
    assert [fill.client_order_id for fill in trader.fills()[1:]] == [
        near.client_order_id,
        far.client_order_id,
    ]
    assert trader.account.wallet == 10_000 + 4 + 8


def test_a_stop_entry_opens_a_position_when_triggered() -> None:
    """Not every stop protects: without reduce-only it is an entry on a breakout."""
    trader = Trader()
    trader.stop(BUY, 1, 103, reduce_only=False)
    trader.candle(100, 104, 99, 104)
    assert trader.held == 1
    assert trader.position is not None
    assert trader.position.entry_price == 103


def test_at_one_price_the_stop_comes_first() -> None:
    """Before a bid at the same price, whichever was placed first."""
    trader = long_desk()
    bid = trader.limit(BUY, 1, 95)
    stop = trader.stop(SELL, 2, 95)
    trader.tick(95)
    assert [fill.client_order_id for fill in trader.fills()[1:]] == [
        stop.client_order_id,
        bid.client_order_id,
    ]
