"""What an account can afford, what it is worth, and why orders are refused."""

from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected
from signalbot.domain.orders import OrderStatus, OrderType
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.trader import BUY, SELL, Trader


def test_margin_is_the_entry_notional_over_the_leverage() -> None:
    """Free money shrinks by it; equity does not."""
    trader = Trader()
    trader.order(BUY, 10, leverage=5)
    assert trader.account.free == 10_000 - 200
    assert trader.account.equity == 10_000


def test_open_losses_reduce_free_money_and_open_profits_do_not_raise_it() -> None:
    """Equity moves with both."""
    trader = Trader()
    trader.order(BUY, 10, leverage=5)
    trader.tick(104)
    assert (trader.account.equity, trader.account.free) == (Decimal(10_040), Decimal(9_800))
    trader.tick(97)
    assert (trader.account.equity, trader.account.free) == (Decimal(9_970), Decimal(9_770))


def test_an_entry_beyond_the_free_money_is_refused_with_both_numbers() -> None:
    """Margin and fee together must fit."""
    trader = Trader(SimulationRules(slippage_bps=Decimal(0)), deposit=100)
    with pytest.raises(OrderRejected, match=r"insufficient margin: need 100\.50, free 100\.00"):
        trader.order(BUY, 10)
    assert trader.order(BUY, "9.9").status is OrderStatus.FILLED


def test_the_venue_counts_margin_over_all_markets_of_an_account() -> None:
    """Isolated is how losses are limited, not where the money comes from."""
    trader = Trader(deposit=100)
    trader.venue.on_price("XYZ/USDT:USDT", Decimal(50), trader.now_ms)
    trader.order(BUY, 6)
    with pytest.raises(OrderRejected, match=r"need 45\.00, free 40\.00"):
        trader.order(BUY, 9, symbol="XYZ/USDT:USDT")


def test_a_turn_needs_margin_only_for_what_it_opens() -> None:
    """Closing releases margin first, also when every cent is in use."""
    trader = Trader(deposit=100)
    trader.order(BUY, 10)
    assert trader.account.free == 0
    assert trader.order(SELL, 20).status is OrderStatus.FILLED
    assert trader.held == -10
    with pytest.raises(OrderRejected, match="insufficient margin"):
        trader.order(BUY, 21)


def test_a_turn_counts_the_loss_it_realizes_once() -> None:
    """100 less 20 lost carry a short of 8.3 at 96 and 10x."""
    trader = Trader(deposit=100)
    trader.order(BUY, 5)
    trader.tick(96)
    with pytest.raises(OrderRejected, match=r"need 80\.64, free 80\.00"):
        trader.order(SELL, "13.4")
    assert trader.order(SELL, "13.3").status is OrderStatus.FILLED


def test_closing_is_always_affordable() -> None:
    """An exit must never fail for lack of money."""
    trader = Trader(SimulationRules(slippage_bps=Decimal(0)), deposit=100)
    trader.order(BUY, "9.9")
    trader.tick(91)
    assert trader.account.free < 0
    assert trader.order(SELL, "9.9").status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"quantity": "1.005"}, "not on the lot of 0.01"),
        ({"quantity": "0.01"}, "below the minimum of 0.02"),
        ({"quantity": "0.04"}, "notional 4.00 is below the minimum of 5"),
        ({"quantity": 0}, "not above zero"),
        ({"quantity": 1, "type": OrderType.LIMIT, "price": "99.95"}, "price 99.95 is not on the"),
        ({"quantity": 1, "type": OrderType.LIMIT}, "needs a price above zero"),
        ({"quantity": 1, "type": OrderType.STOP}, "needs a trigger_price above zero"),
        ({"quantity": 1, "type": OrderType.STOP, "trigger": "101.55"}, "trigger_price 101.55 is"),
    ],
)
def test_entries_keep_to_the_grid_and_the_minimums(terms: dict[str, Any], reason: str) -> None:
    """The reason names the limit."""
    trader = Trader()
    with pytest.raises(OrderRejected, match=reason):
        trader.order(BUY, **terms)
    assert not trader.account.orders


def test_a_repeated_client_order_id_never_makes_a_second_order() -> None:
    """The earlier attempt stands, whatever became of it: the caller must look."""
    trader = Trader()
    trader.order(BUY, 1, cid="same")
    for _ in range(2):
        with pytest.raises(OrderOutcomeUnknown, match="duplicate client order id same: look it up"):
            trader.order(BUY, 1, cid="same")
    assert trader.held == 1


def test_a_refused_order_leaves_no_trace() -> None:
    """Nothing is live under its id, so it may be used again."""
    trader = Trader(deposit=100)
    with pytest.raises(OrderRejected):
        trader.order(BUY, 100, cid="again")
    assert trader.order(BUY, 1, cid="again").exchange_order_id == "1"


def test_an_order_for_somebody_else_is_a_bug() -> None:
    """A mix-up of accounts must be loud."""
    trader = Trader()
    stranger = trader.venue.account(trader.account.user_id, deposit=Decimal(1))
    assert stranger is trader.account
    other = Trader().request(BUY, 1)
    trader.venue.exchange = "elsewhere"
    with pytest.raises(ValueError, match="not for alice at elsewhere"):
        trader.submit(other)
