"""An isolated position whose margin is used up is closed by the venue."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import OrderRejected
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import OrderSide, OrderStatus
from signalbot.exchange.simulated.netting import liquidation_of, margin_of
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.trader import BUY, NO_COSTS, SELL, Trader, swap


@pytest.mark.parametrize(("side", "price", "bankrupt"), [(BUY, "90.5", 90), (SELL, "109.4", 110)])
def test_a_touched_liquidation_price_costs_the_whole_margin(
    side: OrderSide, price: str, bankrupt: int
) -> None:
    """10x from 100: 100 x 0.9 / 0.995 = 90.46, and 100 x 1.1 / 1.005 = 109.45, before it.

    The exchange takes the position over where its margin is gone, and keeps the difference.
    """
    desk = Trader()
    desk.order(side, 3)
    low, high = (Decimal(price), Decimal(101)) if side is BUY else (Decimal(99), Decimal(price))
    desk.candle(100, high - Decimal("0.1"), low + Decimal("0.1"), 100)
    assert abs(desk.held) == 3
    desk.candle(100, high, low, 100)
    assert desk.held == 0
    fill = desk.fills()[-1]
    assert fill.is_liquidation
    assert (fill.price, fill.quantity) == (Decimal(bankrupt), Decimal(3))
    assert desk.account.wallet == 10_000 - 30
    assert fill.client_order_id.startswith("liquidation-")


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("leverage", [2, 3, 20, 125])
def test_a_gap_costs_the_margin_and_no_more(side: OrderSide, leverage: int) -> None:
    """However far beyond bankruptcy the price jumps, and whatever the fee."""
    desk = Trader(SimulationRules(taker_fee_percent=Decimal(2), slippage_bps=Decimal(0)))
    desk.order(side, 3, leverage=leverage)
    after_entry = desk.account.wallet
    desk.tick("0.1" if side is BUY else 300)
    lost = after_entry - desk.account.wallet
    assert abs(lost - Decimal(300) / leverage) < Decimal("1e-20")


@given(
    st.sampled_from((BUY, SELL)),
    st.sampled_from((1, 2, 5, 20, 100)),
    st.integers(1, 3_000).map(lambda tenths: Decimal(tenths) / 10),
    st.integers(1, 3_000).map(lambda tenths: Decimal(tenths) / 10),
    st.integers(0, 300),
)
def test_no_close_of_an_isolated_position_costs_more_than_its_margin(
    side: OrderSide, leverage: int, trigger: Decimal, price: Decimal, slippage_bps: int
) -> None:
    """By a stop, a gap, a liquidation, or a stop that slips: law of isolated margin."""
    rules = SimulationRules(taker_fee_percent=Decimal(1), slippage_bps=Decimal(slippage_bps))
    desk = Trader(rules)
    try:
        desk.order(side, 3, leverage=leverage)
        desk.stop(SELL if side is BUY else BUY, 3, trigger)
    except OrderRejected:
        pass
    position, before = desk.position, desk.account.wallet
    desk.tick(price)
    if position is not None and desk.position is None:
        assert before - desk.account.wallet <= margin_of(position)


def test_a_stop_nearer_than_the_liquidation_price_wins() -> None:
    """In one candle through both, the stop comes first; at the same price as well."""
    for trigger in ("92", "90.5"):
        desk = Trader()
        desk.order(BUY, 3)
        stop = desk.stop(SELL, 3, trigger)
        desk.candle(100, 101, 80, 85)
        assert desk.now(stop).average_price == Decimal(trigger)
        assert not any(fill.is_liquidation for fill in desk.fills())


def test_a_stop_beyond_the_liquidation_price_comes_too_late() -> None:
    """The position is gone when its trigger is reached."""
    desk = Trader()
    desk.order(BUY, 3)
    stop = desk.stop(SELL, 3, 85)
    desk.candle(100, 101, 80, 85)
    assert desk.fills()[-1].is_liquidation
    assert desk.now(stop).status is OrderStatus.CANCELLED


def test_a_gap_beyond_the_liquidation_price_is_no_matter_of_the_stop() -> None:
    """The position was liquidated before the first price at which its stop could have traded."""
    desk = Trader()
    desk.order(BUY, 3)
    stop = desk.stop(SELL, 3, 92)
    desk.candle(70, 71, 60, 65)
    assert desk.fills()[-1].is_liquidation
    assert desk.now(stop).status is OrderStatus.CANCELLED
    assert desk.account.wallet == 10_000 - 30


def test_a_gap_between_stop_and_liquidation_is_the_stops() -> None:
    """It gets what is there."""
    desk = Trader()
    desk.order(BUY, 3)
    stop = desk.stop(SELL, 3, 92)
    desk.candle(91, 92, 60, 65)
    assert desk.now(stop).average_price == 91


def test_liquidation_cancels_nothing_else() -> None:
    """Resting orders stay: whoever placed them must take them away."""
    desk = Trader()
    desk.order(BUY, 3)
    target = desk.target(SELL, 3, 120)
    entry = desk.limit(BUY, 1, 50)
    desk.tick(90)
    assert desk.held == 0
    assert desk.now(target).status is OrderStatus.OPEN
    assert desk.now(entry).status is OrderStatus.OPEN


def test_the_liquidation_price_moves_with_the_average_entry() -> None:
    """Buying more below shifts it down; the old level no longer counts."""
    desk = Trader()
    desk.order(BUY, 1)
    desk.tick(92)
    desk.order(BUY, 1)
    desk.tick("90.4")
    assert desk.held == 2
    assert desk.position is not None
    assert liquidation_of(desk.position, desk.market) == Decimal("86.9")


def test_an_entry_limit_can_be_liquidated_by_the_candle_that_filled_it() -> None:
    """Filled at 95, liquidated on the way to 80: once the next begins, as no stop was hit."""
    desk = Trader()
    desk.limit(BUY, 1, 95)
    desk.candle(100, 101, 80, 82)
    assert [fill.is_liquidation for fill in desk.fills()] == [False]
    desk.candle(99, 99, 99, 99)
    assert [fill.is_liquidation for fill in desk.fills()] == [False, True]
    assert desk.account.equity == 10_000 - Decimal("9.5")


def test_an_entry_at_the_high_can_be_liquidated_by_the_close() -> None:
    """The path ends at the close, after both extremes."""
    desk = Trader()
    desk.stop(BUY, 1, 110, reduce_only=False, leverage=50)
    desk.candle(100, 111, 100, 101)
    desk.candle(111, 111, 111, 111)
    assert desk.held == 0
    assert desk.fills()[-1].is_liquidation


def test_an_unlevered_long_is_never_liquidated() -> None:
    """It is paid in full."""
    desk = Trader()
    desk.order(BUY, 1, leverage=1)
    desk.tick("0.1")
    assert desk.held == 1


def test_leverage_without_margin_above_maintenance_is_refused() -> None:
    """200x against a maintenance margin of 0.5 % would be liquidated at its own entry."""
    desk = Trader()
    with pytest.raises(OrderRejected, match="leverage 200 leaves no margin"):
        desk.order(BUY, 1, leverage=200)
    with pytest.raises(OrderRejected, match="leverage 0 is below 1"):
        desk.order(BUY, 1, leverage=0)


def test_spot_coins_are_paid_in_full_and_cannot_be_sold_short() -> None:
    """The venue also serves paper users of spot exchanges."""
    spot = replace(swap("ABC/USDT"), kind=MarketKind.SPOT)
    desk = Trader(NO_COSTS, instrument=spot)
    with pytest.raises(OrderRejected, match="insufficient balance"):
        desk.order(SELL, 1)
    desk.order(BUY, 50, leverage=10)
    assert desk.account.free == 5_000
    desk.tick(1)
    assert desk.held == 50
    with pytest.raises(OrderRejected, match="holds 50"):
        desk.order(SELL, 51)
    assert desk.order(SELL, 50).status is OrderStatus.FILLED
