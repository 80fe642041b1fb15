"""An isolated position whose margin is used up is closed by the venue."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.domain.errors import OrderRejected
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import OrderSide, OrderStatus
from signalbot.exchange.simulated.netting import liquidation_price
from signalbot.exchange.simulated.rules import SimulationRules
from tests.exchange.simulated.desk import BUY, NO_COSTS, SELL, Desk, swap


@pytest.mark.parametrize(("side", "price"), [(BUY, "90.5"), (SELL, "109.4")])
def test_a_touched_liquidation_price_closes_the_whole_position(side: OrderSide, price: str) -> None:
    """10x from 100: 100 x 0.9 / 0.995 = 90.46, and 100 x 1.1 / 1.005 = 109.45, before it."""
    desk = Desk()
    desk.order(side, 3)
    low, high = (Decimal(price), Decimal(101)) if side is BUY else (Decimal(99), Decimal(price))
    desk.candle(100, high - Decimal("0.1"), low + Decimal("0.1"), 100)
    assert abs(desk.held) == 3
    desk.candle(100, high, low, 100)
    assert desk.held == 0
    fill = desk.fills()[-1]
    assert fill.is_liquidation
    assert (fill.price, fill.quantity) == (Decimal(price), Decimal(3))
    assert fill.client_order_id.startswith("liquidation-")


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("leverage", [1, 3, 20, 125])
def test_no_more_than_the_margin_is_lost(side: OrderSide, leverage: int) -> None:
    """However far the price gaps and whatever the fee."""
    desk = Desk(SimulationRules(taker_fee_percent=Decimal(2), slippage_bps=Decimal(0)))
    desk.order(side, 3, leverage=leverage)
    after_entry = desk.account.wallet
    desk.tick("0.1" if side is BUY else 300)
    assert after_entry - desk.account.wallet <= Decimal(300) / leverage


def test_a_stop_nearer_than_the_liquidation_price_wins() -> None:
    """In one candle through both, the stop comes first; at the same price as well."""
    for trigger in ("92", "90.5"):
        desk = Desk()
        desk.order(BUY, 3)
        stop = desk.stop(SELL, 3, trigger)
        desk.candle(100, 101, 80, 85)
        assert desk.now(stop).average_price == Decimal(trigger)
        assert not any(fill.is_liquidation for fill in desk.fills())


def test_a_stop_beyond_the_liquidation_price_comes_too_late() -> None:
    """The position is gone when its trigger is reached."""
    desk = Desk()
    desk.order(BUY, 3)
    stop = desk.stop(SELL, 3, 85)
    desk.candle(100, 101, 80, 85)
    assert desk.fills()[-1].is_liquidation
    assert desk.now(stop).status is OrderStatus.CANCELLED


def test_a_stop_gapped_beyond_the_liquidation_price_loses_no_more_than_it() -> None:
    """Margin is isolated: the account does not pay for the gap."""
    desk = Desk()
    desk.order(BUY, 3)
    stop = desk.stop(SELL, 3, 92)
    desk.candle(70, 71, 60, 65)
    assert desk.now(stop).average_price == Decimal("90.5")


def test_liquidation_cancels_nothing_else() -> None:
    """Resting orders stay: whoever placed them must take them away."""
    desk = Desk()
    desk.order(BUY, 3)
    target = desk.target(SELL, 3, 120)
    entry = desk.limit(BUY, 1, 50)
    desk.tick(90)
    assert desk.held == 0
    assert desk.now(target).status is OrderStatus.OPEN
    assert desk.now(entry).status is OrderStatus.OPEN


def test_the_liquidation_price_moves_with_the_average_entry() -> None:
    """Buying more below shifts it down; the old level no longer counts."""
    desk = Desk()
    desk.order(BUY, 1)
    desk.tick(92)
    desk.order(BUY, 1)
    desk.tick("90.4")
    assert desk.held == 2
    assert desk.position is not None
    assert liquidation_price(desk.position, desk.market) == Decimal("86.9")


def test_an_entry_limit_can_be_liquidated_in_the_candle_that_filled_it() -> None:
    """One candle, one path: filled at 95, liquidated on the way to 80."""
    desk = Desk()
    desk.limit(BUY, 1, 95)
    desk.candle(100, 101, 80, 82)
    assert [fill.is_liquidation for fill in desk.fills()] == [False, True]
    assert desk.account.equity > 10_000 - Decimal("9.5")


def test_an_entry_at_the_high_can_be_liquidated_by_the_close() -> None:
    """The path ends at the close, after both extremes."""
    desk = Desk()
    desk.stop(BUY, 1, 110, reduce_only=False, leverage=50)
    desk.candle(100, 111, 100, 101)
    assert desk.held == 0
    assert desk.fills()[-1].is_liquidation


def test_an_unlevered_long_is_never_liquidated() -> None:
    """It is paid in full."""
    desk = Desk()
    desk.order(BUY, 1, leverage=1)
    desk.tick("0.1")
    assert desk.held == 1


def test_leverage_without_margin_above_maintenance_is_refused() -> None:
    """200x against a maintenance margin of 0.5 % would be liquidated at its own entry."""
    desk = Desk()
    with pytest.raises(OrderRejected, match="leverage 200 leaves no margin"):
        desk.order(BUY, 1, leverage=200)
    with pytest.raises(OrderRejected, match="leverage 0 is below 1"):
        desk.order(BUY, 1, leverage=0)


def test_spot_coins_are_paid_in_full_and_cannot_be_sold_short() -> None:
    """The venue also serves paper users of spot exchanges."""
    spot = replace(swap("ABC/USDT"), kind=MarketKind.SPOT)
    desk = Desk(NO_COSTS, instrument=spot)
    with pytest.raises(OrderRejected, match="insufficient balance"):
        desk.order(SELL, 1)
    desk.order(BUY, 50, leverage=10)
    assert desk.account.free == 5_000
    desk.tick(1)
    assert desk.held == 50
    with pytest.raises(OrderRejected, match="holds 50"):
        desk.order(SELL, 51)
    assert desk.order(SELL, 50).status is OrderStatus.FILLED
