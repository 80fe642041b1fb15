"""Targets: ahead of the price, nearest first, from where the user wants them."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings

from signalbot.decision.decide import ClearedEntry, plan
from signalbot.decision.decision_input import DecisionInput, EntryPlan
from signalbot.decision.levels import take_profit_targets
from signalbot.domain.positions import TakeProfit
from signalbot.domain.settings import Protection, StopSource, TakeProfitRule, TargetSource
from signalbot.domain.signals import Action, Side
from tests.decision.decision_inputs import decision_input, decision_inputs
from tests.domain.samples import INSTRUMENT, SIGNAL

HUNDRED = Decimal(100)
LOTS_ONLY = replace(
    INSTRUMENT, lot=Decimal(1), min_quantity=Decimal(0), min_notional=Decimal(0)
)  # fmt: skip


OWN = tuple(TakeProfitRule(percent=Decimal(each), share=Decimal(50)) for each in (2, 4))


@pytest.mark.parametrize(
    ("source", "from_signal", "prices"),
    [
        (TargetSource.SIGNAL, ("110", "120"), ("110", "120")),
        (TargetSource.SIGNAL, (), ()),
        (TargetSource.OWN, ("110", "120"), ("102", "104")),
        (TargetSource.SIGNAL_OR_OWN, ("110", "120", "130"), ("110", "120", "130")),
        (TargetSource.SIGNAL_OR_OWN, (), ("102", "104")),
        (TargetSource.NONE, ("110", "120"), ()),
    ],
)
def test_targets_come_from_the_configured_source(
    source: TargetSource, from_signal: tuple[str, ...], prices: tuple[str, ...]
) -> None:
    """From the signal, from the user, from one or else the other, or from nowhere."""
    signal = replace(SIGNAL, take_profits=tuple(map(Decimal, from_signal)))
    rules = Protection(targets_from=source, targets=OWN)
    s = decision_input(signal=signal, protection=rules)
    found = take_profit_targets(s, side=Side.LONG, entry=HUNDRED, quantity=Decimal(9))
    assert [each.price for each in found] == [Decimal(each) for each in prices]
    assert sum(each.quantity for each in found) == (9 if prices else 0)


def test_a_signals_targets_take_the_users_shares_if_there_are_as_many() -> None:
    """Else they share equally."""
    rules = Protection(
        targets=(
            TakeProfitRule(percent=Decimal(2), share=Decimal(70)),
            TakeProfitRule(percent=Decimal(4), share=Decimal(20)),
        )
    )
    two = decision_input(protection=rules)
    found = take_profit_targets(two, side=Side.LONG, entry=HUNDRED, quantity=Decimal(10))
    assert found == (TakeProfit(Decimal(110), Decimal(7)), TakeProfit(Decimal(120), Decimal(2)))
    one = decision_input(protection=rules, signal=replace(SIGNAL, take_profits=(Decimal(110),)))
    found = take_profit_targets(one, side=Side.LONG, entry=HUNDRED, quantity=Decimal(10))
    assert found == (TakeProfit(Decimal(110), Decimal(10)),)


@pytest.mark.parametrize("count", range(1, 10))
def test_equal_shares_leave_nothing_behind(count: int) -> None:
    """A third three times is a whole: one lot for each of as many targets as there are lots."""
    prices = tuple(Decimal(101 + number) for number in range(count))
    s = decision_input(
        signal=replace(SIGNAL, take_profits=prices),
        instrument=LOTS_ONLY,
        protection=Protection(targets_from=TargetSource.SIGNAL),
    )
    found = take_profit_targets(s, side=Side.LONG, entry=HUNDRED, quantity=Decimal(count))
    assert found == tuple(TakeProfit(price, Decimal(1)) for price in prices)


@pytest.mark.parametrize(
    ("side", "ahead"), [(Side.LONG, ["100.1", "130"]), (Side.SHORT, ["99.9", "70"])]
)
def test_only_targets_ahead_of_the_price_are_kept(side: Side, ahead: list[str]) -> None:
    """What the price has passed, or what rounds to it, would fill at once."""
    requested = ("70", "99.9", "99.96", "100", "100.04", "100.1", "130")
    s = decision_input(signal=replace(SIGNAL, take_profits=tuple(map(Decimal, requested))))
    found = take_profit_targets(s, side=side, entry=HUNDRED, quantity=Decimal(7))
    assert sorted(each.price for each in found) == sorted(map(Decimal, ahead))


@pytest.mark.parametrize("percent", ["99.99", "100", "250"])
def test_a_short_cannot_aim_at_zero_or_below(percent: str) -> None:
    """No price is that low: such a target is left out, and the others stay."""
    rules = Protection(
        targets_from=TargetSource.OWN,
        targets=(
            TakeProfitRule(percent=Decimal(10), share=Decimal(50)),
            TakeProfitRule(percent=Decimal(percent), share=Decimal(50)),
        ),
    )
    s = decision_input(protection=rules, instrument=replace(INSTRUMENT, tick=Decimal(1)))
    found = take_profit_targets(s, side=Side.SHORT, entry=HUNDRED, quantity=Decimal(2))
    assert found == (TakeProfit(Decimal(90), Decimal(1)),)


@settings(max_examples=50)
@given(decision_inputs())
def test_planned_targets_are_ahead_of_the_entry_and_within_the_quantity(s: DecisionInput) -> None:
    """On the tick, on the lot, nearest first, and never more than is held."""
    planned = plan(s, ClearedEntry())
    if isinstance(planned, EntryPlan):
        distances = [(aim.price - planned.price) * planned.side.sign for aim in planned.targets]
        assert all(distance > 0 for distance in distances)
        assert distances == sorted(distances)
        assert sum(aim.quantity for aim in planned.targets) <= planned.quantity
        for aim in planned.targets:
            assert (Fraction(aim.price) / Fraction(s.instrument.tick)).denominator == 1
            assert (Fraction(aim.quantity) / Fraction(s.instrument.lot)).denominator == 1


@pytest.mark.parametrize("side", Side)
def test_targets_are_put_in_order(side: Side) -> None:
    """Nearest first, whatever order they were written in; each keeps its share."""
    rules = Protection(
        targets_from=TargetSource.OWN,
        targets=(
            TakeProfitRule(percent=Decimal(6), share=Decimal(20)),
            TakeProfitRule(percent=Decimal(2), share=Decimal(50)),
            TakeProfitRule(percent=Decimal(4), share=Decimal(30)),
        ),
    )
    found = take_profit_targets(
        decision_input(protection=rules), side=side, entry=HUNDRED, quantity=Decimal(10)
    )
    assert [abs(each.price - HUNDRED) for each in found] == [2, 4, 6]
    assert [each.quantity for each in found] == [5, 3, 2]


def test_a_long_and_a_short_of_the_same_signal_look_the_same_in_a_mirror() -> None:
    """Nothing about levels favours a side."""
    rules = Protection(stop_source=StopSource.PERCENT, targets_from=TargetSource.OWN, targets=OWN)
    plans = [
        plan(decision_input(action=action, protection=rules), ClearedEntry())
        for action in (Action.LONG, Action.SHORT)
    ]
    seen = []
    for planned in plans:
        assert isinstance(planned, EntryPlan)
        assert planned.stop_loss is not None
        sign = planned.side.sign
        seen.append(
            (
                (planned.stop_loss - planned.price) * sign,
                [(aim.price - planned.price) * sign for aim in planned.targets],
                [aim.quantity for aim in planned.targets],
            )
        )
    assert seen[0] == seen[1]
