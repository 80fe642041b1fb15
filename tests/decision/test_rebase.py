"""Levels in percent are a distance from what was paid, not from the price of a moment before."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signalbot.decision.rebase import MIN_SHIFT, rebased
from signalbot.domain.positions import Position, StopKind, TakeProfit
from signalbot.domain.settings import Protection, StopSource, TargetSource
from signalbot.domain.signals import Side, Signal
from tests.domain.samples import INSTRUMENT, SIGNAL, held

ONE = Decimal(1)
DECIDED = Decimal(50_000)
FOLLOWING = Protection(stop_source=StopSource.PERCENT, targets_from=TargetSource.OWN)
sides = st.sampled_from(Side)
slips = st.decimals("-0.05", "0.05", places=4)
percents = st.decimals("0.2", "20", places=1)


def _planned(side: Side, stop: Decimal, target: Decimal) -> Position:
    """A position with percent levels measured from ``DECIDED``."""
    return replace(
        held(side=side),
        stop_loss=INSTRUMENT.round_price(DECIDED * (ONE - side.sign * stop / 100)),
        take_profits=(
            TakeProfit(
                INSTRUMENT.round_price(DECIDED * (ONE + side.sign * target / 100)), Decimal("0.01")
            ),
        ),
    )


def _rebased(
    position: Position,
    filled: Decimal,
    *,
    signal: Signal = SIGNAL,
    rules: Protection = FOLLOWING,
) -> Position:
    return rebased(
        position,
        decided=DECIDED,
        filled=filled,
        signal=signal,
        rules=rules,
        instrument=INSTRUMENT,
    )


@given(sides, slips, percents, percents)
def test_the_distance_in_percent_stays(
    side: Side, slip: Decimal, stop: Decimal, target: Decimal
) -> None:
    """To within the tick, whichever way the price went between decision and fill."""
    filled = DECIDED * (ONE + slip)
    planned = _planned(side, stop, target)
    moved = _rebased(planned, filled)
    if abs(slip) <= MIN_SHIFT:
        assert moved == planned
        return
    assert moved.stop_loss is not None
    expected = filled * (ONE - side.sign * stop / 100)
    assert abs(moved.stop_loss - expected) <= 2 * INSTRUMENT.tick
    (aim,) = moved.take_profits
    assert abs(aim.price - filled * (ONE + side.sign * target / 100)) <= 2 * INSTRUMENT.tick
    assert aim.quantity == planned.take_profits[0].quantity


@given(sides, slips)
def test_prices_that_the_signal_names_stay(side: Side, slip: Decimal) -> None:
    """A support level is where it is, whatever an entry has cost."""
    planned = _planned(side, Decimal(10), Decimal(10))
    named = replace(SIGNAL, stop_loss=planned.stop_loss, take_profits=(DECIDED,))
    rules = Protection(
        stop_source=StopSource.SIGNAL_OR_PERCENT, targets_from=TargetSource.SIGNAL_OR_OWN
    )
    assert _rebased(planned, DECIDED * (ONE + slip), signal=named, rules=rules) == planned


@given(sides, slips)
def test_a_position_that_has_gone_on_stays_as_it_is(side: Side, slip: Decimal) -> None:
    """Its stop has moved, a target was hit, or a part has left."""
    planned = _planned(side, Decimal(2), Decimal(2))
    for later in (
        replace(planned, stop_kind=StopKind.TRAILING),
        replace(planned, targets_hit=1),
        replace(planned, exit_quantity=Decimal("0.01")),
    ):
        assert _rebased(later, DECIDED * (ONE + slip)) == later
