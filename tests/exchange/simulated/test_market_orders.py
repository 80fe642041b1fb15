"""Market orders trade at once, at a price a taker would get."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.domain.errors import OrderRejected
from signalbot.domain.orders import OrderStatus
from signalbot.domain.signals import Side
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.trader import BUY, NO_COSTS, SELL, Trader


def test_a_market_order_fills_at_the_last_price() -> None:
    """Without slippage the price is the market's; the report carries the fill."""
    trader = Trader(price="101.5")
    report = trader.order(BUY, 2)
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal(2))
    assert report.average_price == Decimal("101.5")
    assert [fill.price for fill in report.fills] == [Decimal("101.5")]


@pytest.mark.parametrize(("side", "price"), [(BUY, "100.1"), (SELL, "99.9")])
def test_slippage_is_against_the_taker_and_ends_on_the_tick(side: object, price: str) -> None:
    """One basis point of 100 is 0.01, less than a tick of 0.1: it costs a whole tick."""
    trader = Trader(replace(NO_COSTS, slippage_bps=Decimal(1)))
    report = trader.order(BUY if side is BUY else SELL, 1)
    assert report.average_price == Decimal(price)


def test_the_taker_fee_is_taken_from_the_wallet_in_quote_units() -> None:
    """0.05 % of 2 x 100."""
    trader = Trader(SimulationRules(slippage_bps=Decimal(0)))
    report = trader.order(BUY, 2)
    assert report.fills[0].fee == Decimal("0.1")
    assert report.fills[0].fee_currency == "USDT"
    assert trader.account.wallet == Decimal("9999.9")


def test_buying_more_averages_the_entry_and_keeps_the_leverage() -> None:
    """One net position per market, at the average price of what is held."""
    trader = Trader()
    trader.order(BUY, 1, leverage=5)
    trader.tick(110)
    trader.order(BUY, 3, leverage=20)
    assert trader.position is not None
    assert trader.position.entry_price == Decimal("107.5")
    assert (trader.position.quantity, trader.position.leverage) == (Decimal(4), 5)


def test_an_opposite_order_closes_first_and_opens_with_the_rest() -> None:
    """One-way mode: selling 3 against a long of 2 leaves a short of 1, entered at the new price."""
    trader = Trader()
    trader.order(BUY, 2)
    trader.tick(110)
    trader.order(SELL, 3, leverage=4)
    assert trader.position is not None
    assert (trader.position.side, trader.position.quantity) == (Side.SHORT, Decimal(1))
    assert (trader.position.entry_price, trader.position.leverage) == (Decimal(110), 4)
    assert trader.account.wallet == 10_020


def test_an_order_in_a_market_without_a_price_is_refused() -> None:
    """Nobody trades at an unknown price."""
    trader = Trader()
    with pytest.raises(OrderRejected, match="no price yet"):
        trader.order(BUY, 1, symbol="XYZ/USDT:USDT")


def test_ids_are_counted_per_account() -> None:
    """Two runs give the same ids, and users do not shift each other's."""
    trader = Trader()
    reports = [trader.order(BUY, 1), trader.order(SELL, 1)]
    assert [report.exchange_order_id for report in reports] == ["1", "2"]
    assert [fill.trade_id for report in reports for fill in report.fills] == ["t1", "t2"]
