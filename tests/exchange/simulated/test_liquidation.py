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
    trader = Trader()
    trader.order(side, 3)
    low, high = (Decimal(price), Decimal(101)) if side is BUY else (Decimal(99), Decimal(price))
    trader.candle(100, high - Decimal("0.1"), low + Decimal("0.1"), 100)
    assert abs(trader.held) == 3
    trader.candle(100, high, low, 100)
    assert trader.held == 0
    fill = trader.fills()[-1]
    assert fill.is_liquidation
    assert (fill.price, fill.quantity) == (Decimal(bankrupt), Decimal(3))
    assert trader.account.wallet == 10_000 - 30
    assert fill.client_order_id.startswith("liquidation-")


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("leverage", [2, 3, 20, 125])
def test_a_gap_costs_the_margin_and_no_more(side: OrderSide, leverage: int) -> None:
    """However far beyond bankruptcy the price jumps, and whatever the fee."""
    trader = Trader(SimulationRules(taker_fee_percent=Decimal(2), slippage_bps=Decimal(0)))
    trader.order(side, 3, leverage=leverage)
    after_entry = trader.account.wallet
    trader.tick("0.1" if side is BUY else 300)
    lost = after_entry - trader.account.wallet
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
    trader = Trader(rules)
    try:
        trader.order(side, 3, leverage=leverage)
        trader.stop(SELL if side is BUY else BUY, 3, trigger)
    except OrderRejected:
        pass
    position, before = trader.position, trader.account.wallet
    trader.tick(price)
    if position is not None and trader.position is None:
        assert before - trader.account.wallet <= margin_of(position)


def test_a_stop_nearer_than_the_liquidation_price_wins() -> None:
    """In one candle through both, the stop comes first; at the same price as well."""
    for trigger in ("92", "90.5"):
        trader = Trader()
        trader.order(BUY, 3)
        stop = trader.stop(SELL, 3, trigger)
        trader.candle(100, 101, 80, 85)
        assert trader.now(stop).average_price == Decimal(trigger)
        assert not any(fill.is_liquidation for fill in trader.fills())


def test_a_stop_beyond_the_liquidation_price_comes_too_late() -> None:
    """The position is gone when its trigger is reached."""
    trader = Trader()
    trader.order(BUY, 3)
    stop = trader.stop(SELL, 3, 85)
    trader.candle(100, 101, 80, 85)
    assert trader.fills()[-1].is_liquidation
    assert trader.now(stop).status is OrderStatus.CANCELLED


def test_a_gap_beyond_the_liquidation_price_is_no_matter_of_the_stop() -> None:
    """The position was liquidated before the first price at which its stop could have traded."""
    trader = Trader()
    trader.order(BUY, 3)
    stop = trader.stop(SELL, 3, 92)
    trader.candle(70, 71, 60, 65)
    assert trader.fills()[-1].is_liquidation
    assert trader.now(stop).status is OrderStatus.CANCELLED
    assert trader.account.wallet == 10_000 - 30


def test_a_gap_between_stop_and_liquidation_is_the_stops() -> None:
    """It gets what is there."""
    trader = Trader()
    trader.order(BUY, 3)
    stop = trader.stop(SELL, 3, 92)
    trader.candle(91, 92, 60, 65)
    assert trader.now(stop).average_price == 91


def test_liquidation_cancels_nothing_else() -> None:
    """Resting orders stay: whoever placed them must take them away."""
    trader = Trader()
    trader.order(BUY, 3)
    target = trader.target(SELL, 3, 120)
    entry = trader.limit(BUY, 1, 50)
    trader.tick(90)
    assert trader.held == 0
    assert trader.now(target).status is OrderStatus.OPEN
    assert trader.now(entry).status is OrderStatus.OPEN


def test_the_liquidation_price_moves_with_the_average_entry() -> None:
    """Buying more below shifts it down; the old level no longer counts."""
    trader = Trader()
    trader.order(BUY, 1)
    trader.tick(92)
    trader.order(BUY, 1)
    trader.tick("90.4")
    assert trader.held == 2
    assert trader.position is not None
    assert liquidation_of(trader.position, trader.market) == Decimal("86.9")


def test_an_entry_limit_can_be_liquidated_by_the_candle_that_filled_it() -> None:
    """Filled at 95, liquidated on the way to 80: once the next begins, as no stop was hit."""
    trader = Trader()
    trader.limit(BUY, 1, 95)
    trader.candle(100, 101, 80, 82)
    assert [fill.is_liquidation for fill in trader.fills()] == [False]
    trader.candle(99, 99, 99, 99)
    assert [fill.is_liquidation for fill in trader.fills()] == [False, True]
    assert trader.account.equity == 10_000 - Decimal("9.5")


def test_an_entry_at_the_high_can_be_liquidated_by_the_close() -> None:
    """The path ends at the close, after both extremes."""
    trader = Trader()
    trader.stop(BUY, 1, 110, reduce_only=False, leverage=50)
    trader.candle(100, 111, 100, 101)
    trader.candle(111, 111, 111, 111)
    assert trader.held == 0
    assert trader.fills()[-1].is_liquidation


def test_an_unlevered_long_is_never_liquidated() -> None:
    """It is paid in full."""
    trader = Trader()
    trader.order(BUY, 1, leverage=1)
    trader.tick("0.1")
    assert trader.held == 1


def test_leverage_without_margin_above_maintenance_is_refused() -> None:
    """200x against a maintenance margin of 0.5 % would be liquidated at its own entry."""
    trader = Trader()
    with pytest.raises(OrderRejected, match="leverage 200 leaves no margin"):
        trader.order(BUY, 1, leverage=200)
    with pytest.raises(OrderRejected, match="leverage 0 is below 1"):
        trader.order(BUY, 1, leverage=0)


def test_spot_coins_are_paid_in_full_and_cannot_be_sold_short() -> None:
    """The venue also serves paper users of spot exchanges."""
    spot = replace(swap("ABC/USDT"), kind=MarketKind.SPOT)
    trader = Trader(NO_COSTS, instrument=spot)
    with pytest.raises(OrderRejected, match="insufficient balance"):
        trader.order(SELL, 1)
    trader.order(BUY, 50, leverage=10)
    assert trader.account.free == 5_000
    trader.tick(1)
    assert trader.held == 50
    with pytest.raises(OrderRejected, match="holds 50"):
        trader.order(SELL, 51)
    assert trader.order(SELL, 50).status is OrderStatus.FILLED
