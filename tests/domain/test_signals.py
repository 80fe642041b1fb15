"""Signals: valid values, expiry, and slippage of executions."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.executions import ExecutionStatus, slippage_bps
from signalbot.domain.money import ONE
from signalbot.domain.signals import Action, Side, SignalStatus, Strength
from signalbot.domain.timeframe import Ms
from tests.domain.samples import NOW, SIGNAL, decimals

PRICES = decimals(most=10**9, places=4)


@pytest.mark.parametrize(
    ("action", "is_entry", "side"),
    [
        (Action.LONG, True, Side.LONG),
        (Action.SHORT, True, Side.SHORT),
        (Action.EXIT_LONG, False, Side.LONG),
        (Action.EXIT_SHORT, False, Side.SHORT),
    ],
)
def test_an_action_opens_or_closes_a_side(action: Action, is_entry: bool, side: Side) -> None:
    """The side of an exit is the side of the position that is left."""
    assert (action.is_entry, action.side) == (is_entry, side)


def test_a_side_is_worth_the_opposite_of_the_other() -> None:
    """What the one earns the other loses."""
    assert (Side.LONG.sign, Side.SHORT.sign) == (1, -1)
    assert Side.LONG.opposite is Side.SHORT
    assert Side.SHORT.opposite is Side.LONG


def test_strengths_are_ranked_from_weak_to_very_strong() -> None:
    """The order of the strengths is the order of the ranks."""
    strengths = [Strength.WEAK, Strength.MODERATE, Strength.STRONG, Strength.VERY_STRONG]
    assert [each.rank for each in strengths] == [0, 1, 2, 3]
    assert len(Strength) == len(strengths)


@pytest.mark.parametrize("confidence", [0, 0.0, 0.5, 1, 1.0])
def test_confidence_lies_between_zero_and_one(confidence: float) -> None:
    """Both ends included."""
    assert replace(SIGNAL, confidence=confidence).confidence == confidence


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan"), float("inf")])
def test_any_other_confidence_is_refused(confidence: float) -> None:
    """Not even NaN, which compares with nothing, gets through."""
    with pytest.raises(ValueError, match="confidence"):
        replace(SIGNAL, confidence=confidence)


@pytest.mark.parametrize("ttl_ms", [0, -1])
def test_a_signal_must_live_for_a_while(ttl_ms: int) -> None:
    """One that expires as it is made could never be executed."""
    with pytest.raises(ValueError, match="expire"):
        replace(SIGNAL, expires_at_ms=Ms(SIGNAL.created_at_ms + ttl_ms))


@pytest.mark.parametrize("price", ["0", "-0.1"])
def test_a_price_that_is_not_above_zero_is_refused(price: str) -> None:
    """Drift and size are measured against it; none at all is allowed."""
    with pytest.raises(ValueError, match="above zero"):
        replace(SIGNAL, price=Decimal(price))
    assert replace(SIGNAL, price=None).price is None


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_price_that_is_no_number_is_refused(value: str) -> None:
    """Whether it is the price, the stop or a target."""
    number = Decimal(value)
    for changes in ({"price": number}, {"stop_loss": number}, {"take_profits": (ONE, number)}):
        with pytest.raises(ValueError, match="finite"):
            replace(SIGNAL, **changes)


def test_a_signal_is_open_until_the_instant_it_expires() -> None:
    """Exclusive: at that instant it can no longer be executed, whatever its status."""
    assert SIGNAL.is_open(NOW)
    assert SIGNAL.is_open(Ms(SIGNAL.expires_at_ms - 1))
    assert not SIGNAL.is_open(SIGNAL.expires_at_ms)


@pytest.mark.parametrize("status", [SignalStatus.EXPIRED, SignalStatus.CANCELLED])
def test_a_signal_that_is_over_is_not_open(status: SignalStatus) -> None:
    """However young it is."""
    assert not replace(SIGNAL, status=status).is_open(NOW)


def test_a_signal_speaks_of_its_candles_close_or_of_when_it_came_in() -> None:
    """An alert from outside has no candle."""
    late = replace(SIGNAL, created_at_ms=Ms(NOW + 700))
    assert late.event_ms == NOW
    assert replace(late, candle_close_ms=None).event_ms == NOW + 700


def test_executed_partial_and_failed_are_settled() -> None:
    """Pending and unknown are in doubt."""
    settled = {status for status in ExecutionStatus if status.is_settled}
    assert settled == {ExecutionStatus.EXECUTED, ExecutionStatus.PARTIAL, ExecutionStatus.FAILED}


@given(st.sampled_from(Action), PRICES, PRICES)
def test_slippage_is_positive_exactly_when_the_price_got_worse(
    action: Action, requested: Decimal, got: Decimal
) -> None:
    """Buys get worse upwards, sells downwards; the number is exact to a hundredth.

    Prices that cannot be of one market have none.
    """
    buys = action in (Action.LONG, Action.EXIT_SHORT)
    worse = Fraction(got) - Fraction(requested) if buys else Fraction(requested) - Fraction(got)
    exact = worse / Fraction(requested) * 10_000
    found = slippage_bps(action=action, requested=requested, filled=got)
    if found is None:
        assert abs(exact) > 1_000_000
        return
    assert abs(Fraction(found) - exact) <= Fraction(1, 200)
    assert found.as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("action", "got", "bps"),
    [
        (Action.LONG, "101", "100.00"),
        (Action.LONG, "99", "-100.00"),
        (Action.SHORT, "99", "100.00"),
        (Action.EXIT_LONG, "99", "100.00"),
        (Action.EXIT_SHORT, "101", "100.00"),
        (Action.LONG, "100", "0.00"),
    ],
)
def test_a_hundred_basis_points_are_one_percent(action: Action, got: str, bps: str) -> None:
    """Each action with its own direction."""
    assert slippage_bps(action=action, requested=Decimal(100), filled=Decimal(got)) == Decimal(bps)


@given(
    st.sampled_from(Action),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
)
def test_slippage_never_fails_a_booking(action: Action, requested: Decimal, got: Decimal) -> None:
    """Whatever two numbers came from outside, there is a figure or none."""
    slippage_bps(action=action, requested=requested, filled=got)
    slippage_bps(action=action, requested=Decimal("1e-999999"), filled=got)
    slippage_bps(action=action, requested=requested, filled=Decimal("9e999999"))


@pytest.mark.parametrize(
    "change",
    [
        {"exit_percent": Decimal(0)},
        {"exit_percent": Decimal(101)},
        {"take_profit_shares": (Decimal(50),)},
    ],
)
def test_a_signal_refuses_shares_that_cannot_be(change: dict[str, object]) -> None:
    """An exit closes more than nothing and at most everything; each target has one share."""
    with pytest.raises(ValueError, match=r"exit_percent|share"):
        replace(SIGNAL, **change)  # type: ignore[arg-type]
