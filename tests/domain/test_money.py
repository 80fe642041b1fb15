"""Decimal text and rounding to a grid, checked against exact fractions."""

import decimal
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from signalbot.domain.money import average, ceil_to, floor_to, round_to, text, trimmed
from tests.domain.samples import decimals

ANY = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**18), 10**18),
    st.integers(-30, 9),
)
VALUES = decimals(least=0, most=10**18, places=10)
STEPS = st.one_of(decimals(most=50, places=0), decimals(most=999, places=10))
ROUNDINGS = (
    decimal.ROUND_CEILING, decimal.ROUND_DOWN, decimal.ROUND_FLOOR, decimal.ROUND_HALF_DOWN,
    decimal.ROUND_HALF_EVEN, decimal.ROUND_HALF_UP, decimal.ROUND_UP, decimal.ROUND_05UP,
)  # fmt: skip


def _in_steps(value: Decimal, step: Decimal) -> Fraction:
    return Fraction(value) / Fraction(step)


@example(Decimal("50300.0"))
@example(Decimal("5E+3"))
@given(ANY)
def test_one_value_has_one_text_once_it_is_trimmed(value: Decimal) -> None:
    """However many zeros it was written with."""
    short = trimmed(value)
    assert short == value
    longer = value.quantize(Decimal(1).scaleb(-40), context=Context(prec=200))
    assert text(short) == text(trimmed(longer))
    assert "." not in text(short) or not text(short).endswith("0")


@example(Decimal("0.00000001"))
@example(Decimal("1E+3"))
@given(ANY)
def test_text_reads_back_as_the_same_number_and_has_no_exponent(value: Decimal) -> None:
    """Plain digits: what other programs and people can read."""
    written = text(value)
    assert Decimal(written) == value
    assert set(written) <= set("-.0123456789")


@given(STEPS, VALUES)
def test_floor_is_the_largest_multiple_not_above(step: Decimal, value: Decimal) -> None:
    """Never more than the value, and less than one step below it."""
    steps, requested = _in_steps(floor_to(step, value), step), _in_steps(value, step)
    assert steps.denominator == 1
    assert steps <= requested < steps + 1


@given(STEPS, VALUES)
def test_ceil_is_the_smallest_multiple_not_below(step: Decimal, value: Decimal) -> None:
    """Never less than the value, and less than one step above it."""
    steps, requested = _in_steps(ceil_to(step, value), step), _in_steps(value, step)
    assert steps.denominator == 1
    assert steps - 1 < requested <= steps


@example(Decimal(2), Decimal(3))
@example(Decimal(2), Decimal(5))
@given(STEPS, VALUES)
def test_nearest_is_at_most_half_a_step_away(step: Decimal, value: Decimal) -> None:
    """And a value in the middle goes to the even multiple."""
    steps, requested = _in_steps(round_to(step, value), step), _in_steps(value, step)
    assert steps.denominator == 1
    assert steps == round(requested)


@given(STEPS, st.integers(0, 10**12))
def test_what_is_on_the_grid_stays_where_it_is(step: Decimal, count: int) -> None:
    """Rounding a multiple of the step changes nothing, whichever way."""
    value = step * count
    assert floor_to(step, value) == ceil_to(step, value) == round_to(step, value) == value


@given(VALUES, decimals(most=10**12, places=10))
def test_an_average_is_exact_to_eighteen_digits(cost: Decimal, quantity: Decimal) -> None:
    """Half a unit of the eighteenth digit is all that may be lost, and no zeros trail."""
    found, exact = average(cost, quantity), Fraction(cost) / Fraction(quantity)
    assert abs(Fraction(found) - exact) <= exact * Fraction(5, 10**18)
    digits = found.as_tuple().digits
    assert len(digits) <= 18
    assert found == 0 or digits[-1] != 0


@given(
    VALUES,
    decimals(most=10**12, places=10),
    st.integers(1, 12),
    st.sampled_from(ROUNDINGS),
)
def test_an_average_does_not_depend_on_the_global_context(
    cost: Decimal, quantity: Decimal, precision: int, rounding: str
) -> None:
    """A library that changes the thread's decimal context cannot change an entry price."""
    expected = average(cost, quantity)
    hostile = Context(prec=precision, rounding=rounding, Emax=9, Emin=-9)
    hostile.traps[decimal.Inexact] = hostile.traps[decimal.Rounded] = True
    with localcontext(hostile):
        found = average(cost, quantity)
    assert found.compare_total(expected) == 0
