"""What holds at the venue whatever traders and prices do."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest

from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.orders import Fill, OrderReport, OrderStatus
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.netting import margin_of, unrealized_of
from tests.exchange.simulated.random_steps import RULES, STEPS, Step, a_cancel, an_order, play
from tests.exchange.simulated.trader import SYMBOL, Trader

CENTS = Fraction(1, 10**9)


@dataclass
class Tally:
    """The same account kept by hand from its fills, in exact fractions."""

    held: Fraction = Fraction(0)
    entry: Fraction = Fraction(0)
    wallet: Fraction = Fraction(10_000)

    def add(self, fill: Fill) -> None:
        quantity, price = Fraction(fill.quantity) * fill.side.sign, Fraction(fill.price)
        self.wallet -= Fraction(fill.fee)
        if self.held * quantity >= 0:
            self.entry = (self.held * self.entry + quantity * price) / (self.held + quantity)
        else:
            closed = max(-abs(quantity), -abs(self.held)) * (1 if quantity > 0 else -1)
            self.wallet += closed * (price - self.entry)
            if abs(quantity) > abs(self.held):
                self.entry = price
        self.held += quantity


@settings(deadline=None)
@given(STEPS)
def test_money_is_conserved(steps: list[Step]) -> None:
    """The wallet changes by realized profits minus fees, and by nothing else."""
    trader, _ = play(steps)
    tally = Tally()
    for fill in trader.fills():
        tally.add(fill)
    assert abs(tally.wallet - Fraction(trader.account.wallet)) < CENTS
    assert tally.held == Fraction(trader.held)


@settings(deadline=None)
@given(STEPS)
def test_equity_is_the_wallet_plus_what_is_open(steps: list[Step]) -> None:
    """And free money is the wallet less margin and open loss; neither loses more than it has."""
    trader, _ = play(steps)
    account, position = trader.account, trader.position
    last = trader.venue.last_price(SYMBOL)
    assert last is not None
    unrealized = unrealized_of(position, last) if position else Decimal(0)
    margin = margin_of(position) if position else Decimal(0)
    assert account.equity == account.wallet + unrealized
    assert account.free == account.wallet - margin + min(Decimal(0), unrealized)
    assert account.equity > 0


@settings(deadline=None)
@given(STEPS)
def test_reduce_only_orders_never_open_or_turn_a_position(steps: list[Step]) -> None:
    """Fill by fill: the position shrinks and keeps its sign."""
    trader, _ = play(steps)
    reducing = {cid for cid, order in trader.account.orders.items() if order.request.reduce_only}
    held = Decimal(0)
    for fill in trader.fills():
        after = held + fill.quantity * fill.side.sign
        if fill.client_order_id in reducing:
            assert abs(after) < abs(held)
            assert after * held >= 0
        held = after


@settings(deadline=None)
@given(STEPS)
def test_no_order_fills_more_than_its_quantity(steps: list[Step]) -> None:
    """Reports add up, trade ids are unique, and only live orders rest."""
    trader, _ = play(steps)
    for order in trader.account.orders.values():
        report = order.report()
        assert report.filled == sum(fill.quantity for fill in report.fills)
        assert report.filled <= order.request.quantity
        if report.status is OrderStatus.FILLED and not order.request.reduce_only:
            assert report.filled == order.request.quantity
        if order.is_limit:
            assert all(
                (order.request.price or 0) * order.request.side.sign
                >= fill.price * order.request.side.sign
                for fill in report.fills
            )
    ids = [fill.trade_id for fill in trader.fills()]
    assert ids == [f"t{number}" for number in range(1, len(ids) + 1)]
    resting = trader.account.positions[SYMBOL].resting if trader.account.positions else {}
    live = [order for order in trader.account.orders.values() if order.status.is_live]
    assert list(resting) == live


@settings(deadline=None)
@given(STEPS)
def test_a_market_waits_for_nothing_that_is_gone(steps: list[Step]) -> None:
    """One level per resting order, and one for the liquidation of the position."""
    trader, _ = play(steps)
    stake = trader.account.positions.get(SYMBOL)
    if stake is not None:
        expected = len(stake.resting) + (stake.liquidation is not None)
        assert len(stake.market.levels) == expected


@settings(deadline=None)
@given(STEPS)
def test_no_status_moves_backwards(steps: list[Step]) -> None:
    """Every change of an order is one that the domain allows."""
    trader = Trader(RULES)
    reports: list[OrderReport] = []
    known: dict[str, OrderStatus] = {}
    for step in steps:
        step(trader, reports)
        for cid, order in trader.account.orders.items():
            assert known.get(cid, order.status).can_become(order.status)
            known[cid] = order.status


@settings(deadline=None)
@given(STEPS)
def test_two_runs_are_identical(steps: list[Step]) -> None:
    """Down to ids, prices and times."""
    assert play(steps)[0].fills() == play(steps)[0].fills()


@settings(deadline=None)
@given(STEPS, st.lists(st.one_of(an_order(), a_cancel()), max_size=40))
def test_users_do_not_see_each_other(steps: list[Step], others: list[Step]) -> None:
    """A second trader in the same market changes no fill of the first."""
    alone, _ = play(steps)
    shared = Trader(RULES)
    neighbour = shared.neighbour(UserId("bob"))
    reports: list[OrderReport] = []
    theirs: list[OrderReport] = []
    for step, other in zip_longest(steps, others, fillvalue=nothing):
        step(shared, reports)
        other(neighbour, theirs)
    assert shared.fills() == alone.fills()


def nothing(_: Trader, __: list[OrderReport]) -> None:
    """The other trader is not done yet."""
