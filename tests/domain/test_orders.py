"""Orders: which states follow which, and what late, repeated and wild reports can do."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from signalbot.domain.errors import IllegalTransition
from signalbot.domain.orders import (
    Order,
    OrderReport,
    OrderSide,
    OrderStatus,
    entry_side,
    exit_side,
)
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from tests.domain.samples import NOW, ORDER, fill, report

S = OrderStatus
FOLLOWS: dict[OrderStatus, set[OrderStatus]] = {
    S.INTENDED: {S.OPEN, S.PARTIALLY_FILLED, S.UNKNOWN, S.FILLED, S.CANCELLED, S.REJECTED},
    S.UNKNOWN: {S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELLED, S.REJECTED},
    S.OPEN: {S.PARTIALLY_FILLED, S.FILLED, S.CANCELLED, S.REJECTED},
    S.PARTIALLY_FILLED: {S.FILLED, S.CANCELLED},
    S.CANCELLED: {S.FILLED},
    S.FILLED: set(),
    S.REJECTED: set(),
}
"""The life of an order, written down a second time."""


@pytest.mark.parametrize("before", OrderStatus)
@pytest.mark.parametrize("after", OrderStatus)
def test_only_legal_transitions_are_allowed(before: OrderStatus, after: OrderStatus) -> None:
    """And repeating a state is always legal."""
    assert before.can_become(after) == (after is before or after in FOLLOWS[before])


def test_final_and_live_states_are_distinguished() -> None:
    """What may still change is neither: intended, or unknown."""
    assert {each for each in S if each.is_final} == {S.FILLED, S.CANCELLED, S.REJECTED}
    assert {each for each in S if each.is_live} == {S.OPEN, S.PARTIALLY_FILLED}


def test_buying_opens_longs_and_closes_shorts() -> None:
    """Selling does the reverse; the sign is the direction of the quantity."""
    assert (entry_side(Side.LONG), exit_side(Side.LONG)) == (OrderSide.BUY, OrderSide.SELL)
    assert (entry_side(Side.SHORT), exit_side(Side.SHORT)) == (OrderSide.SELL, OrderSide.BUY)
    assert (OrderSide.BUY.sign, OrderSide.SELL.sign) == (1, -1)


def test_an_illegal_transition_names_the_order_and_both_states() -> None:
    """The order stays as it was."""
    filled = ORDER.apply(report(S.FILLED, 10))
    with pytest.raises(
        IllegalTransition, match=f"{ORDER.client_order_id}: filled cannot become rejected"
    ):
        filled.apply(report(S.REJECTED, 10))
    assert filled.status is S.FILLED


def test_a_report_is_applied_completely() -> None:
    """State, exchange id, quantity, price, fees of all fills, time and error."""
    after = ORDER.apply(
        replace(
            report(S.PARTIALLY_FILLED, 4, at_ms=NOW + 5),
            error="slow",
            fills=(
                fill(OrderSide.BUY, 3, 100, fee="0.3", trade_id="1"),
                fill(OrderSide.BUY, 1, 100, fee="0.1", trade_id="2"),
            ),
        )
    )
    assert after == Order(
        request=ORDER.request,
        status=S.PARTIALLY_FILLED,
        exchange_order_id="77",
        filled=Decimal(4),
        average_price=Decimal(100),
        fee=Decimal("0.4"),
        fee_currency="USDT",
        updated_at_ms=Ms(NOW + 5),
        error="slow",
    )


def test_what_a_later_report_leaves_out_is_not_forgotten() -> None:
    """An exchange need not repeat its id, the price, the fees or the reason."""
    before = ORDER.apply(
        replace(
            report(S.PARTIALLY_FILLED, 4),
            fills=(fill(OrderSide.BUY, 4, 100, fee="0.4"),),
            error="slow",
        )
    )
    bare = replace(report(S.CANCELLED, 4), exchange_order_id=None, average_price=None)
    after = before.apply(bare)
    assert after == replace(before, status=S.CANCELLED)


def test_a_fill_during_the_cancel_still_counts() -> None:
    """The one way out of a final state, and a cancelled order may turn out to have filled more."""
    cancelled = ORDER.apply(report(S.CANCELLED))
    assert cancelled.apply(report(S.FILLED, 10)).status is S.FILLED
    assert cancelled.apply(report(S.CANCELLED, 3)).filled == 3


FILLED_SO_FAR = st.integers(0, 10)
ANY_REPORT = st.builds(
    lambda status, filled, at: report(status, filled, at_ms=NOW + at),
    st.sampled_from(OrderStatus),
    FILLED_SO_FAR,
    st.integers(0, 9),
)


class WildReports(RuleBasedStateMachine):
    """Whatever an exchange reports, an order only moves forward."""

    def __init__(self) -> None:
        super().__init__()
        self.order = ORDER
        self.most_filled = Decimal(0)

    @rule(report=ANY_REPORT)
    def report(self, report: OrderReport) -> None:
        """Any state, any quantity, any time."""
        before = self.order
        try:
            after = before.apply(report)
        except IllegalTransition:
            assert report.status not in {before.status} | FOLLOWS[before.status]
            return
        assert after.status is before.status or after.status in FOLLOWS[before.status]
        assert after.apply(report) == after
        assert after.updated_at_ms >= before.updated_at_ms
        if before.status.is_final and report.status.is_live:
            assert after is before
        if report.filled < before.filled:
            assert after is before
        self.order = after

    @rule()
    def repeat_report(self) -> None:
        """The current state, reported again."""
        before = report(self.order.status, self.order.filled, at_ms=self.order.updated_at_ms)
        after = self.order.apply(before)
        assert (after.status, after.filled) == (self.order.status, self.order.filled)

    @invariant()
    def never_falls_back(self) -> None:
        """Filled quantity never decreases, and the request never changes."""
        assert self.order.filled >= self.most_filled
        assert self.order.request == ORDER.request
        self.most_filled = self.order.filled


TestWildReports = WildReports.TestCase
TestWildReports.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)


@st.composite
def lives(draw: st.DrawFn) -> list[OrderReport]:
    """The snapshots a truthful exchange takes of one order, oldest first."""
    quantities = sorted(draw(st.sets(st.integers(1, 9), max_size=3)))
    last = quantities[-1] if quantities else 0
    ends = (S.FILLED, S.CANCELLED) if last else (S.FILLED, S.CANCELLED, S.REJECTED)
    end = draw(st.sampled_from(ends))
    steps = [
        (S.OPEN, 0),
        (S.OPEN, 0),
        *((S.PARTIALLY_FILLED, quantity) for quantity in quantities),
        (end, 10 if end is S.FILLED else last),
    ]
    return [report(status, filled, at_ms=NOW + age) for age, (status, filled) in enumerate(steps)]


@given(lives(), st.data())
def test_reports_may_come_late_repeated_and_in_any_order(
    life: list[OrderReport], data: st.DataObject
) -> None:
    """After the final report the order has its state, and keeps it."""
    final = data.draw(st.lists(st.sampled_from(life), max_size=8))
    position = data.draw(st.integers(0, len(final)))
    order = ORDER
    newest = 0
    for each in (*final[:position], life[-1], *final[position:]):
        before, order = order, order.apply(each)
        if each.updated_at_ms < newest:
            assert order == before
        newest = max(newest, each.updated_at_ms)
    assert order == ORDER.apply(life[-1])
