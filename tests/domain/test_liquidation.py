"""One formula for every side, bracket and size: at its price the maintenance margin is all left."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from signalbot.domain.liquidation import bankruptcy_price, liquidation_price
from signalbot.domain.market import BracketUnit, Instrument, MarginBracket, MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.signals import Side
from tests.domain.samples import INSTRUMENT, decimals

SIDES = st.sampled_from(Side)
ENTRIES = decimals(least=1_000, most=10**7, places=2)
QUANTITIES = decimals(least=1, most=10**6, places=3)


@st.composite
def progressive(draw: st.DrawFn) -> Instrument:
    """Brackets with deductions that make the requirement continuous, as at Binance."""
    steps = draw(st.lists(st.integers(1, 10**6), max_size=4))
    floors = [0, *accumulate(steps)]
    rates = sorted(draw(st.lists(st.integers(4, 400), min_size=len(floors), max_size=len(floors))))
    deductions = [ZERO]
    for (low, high), floor in zip(pairwise(rates), floors[1:], strict=True):
        deductions.append(deductions[-1] + Decimal(floor) * Decimal(high - low) / 1000)
    return replace(
        INSTRUMENT,
        brackets=tuple(
            MarginBracket(least=Decimal(floor), rate=Decimal(rate) / 1000, deduction=deduction)
            for floor, rate, deduction in zip(floors, rates, deductions, strict=True)
        ),
    )


def _required(instrument: Instrument, notional: Fraction) -> Fraction:
    """Maintenance margin by the bracket that ``notional`` falls into."""
    bracket = [each for each in instrument.brackets if each.least <= notional][-1]
    return notional * Fraction(bracket.rate) - Fraction(bracket.deduction)


@given(SIDES, ENTRIES, QUANTITIES, st.integers(1, 125), progressive())
def test_at_liquidation_the_margin_is_down_to_the_maintenance_margin(
    side: Side, entry: Decimal, quantity: Decimal, leverage: int, instrument: Instrument
) -> None:
    """Whatever bracket the position has come to by then."""
    margin = entry * quantity / leverage
    price = liquidation_price(
        instrument, side=side, entry=entry, quantity=quantity, margin=margin, leverage=leverage
    )
    if price is None:
        assert side is Side.LONG
        return
    if (entry - price) * side.sign <= 0:  # it would be liquidated as soon as it is entered
        assert margin <= _required(instrument, Fraction(quantity) * Fraction(entry))
        return
    left = Fraction(margin) + side.sign * Fraction(quantity) * (Fraction(price) - Fraction(entry))
    required = _required(instrument, Fraction(quantity) * Fraction(price))
    assert abs(left - required) <= Fraction(1, 10**9) * max(
        Fraction(1), Fraction(entry) * Fraction(quantity)
    )


@given(SIDES, ENTRIES, QUANTITIES, st.integers(1, 125), progressive(), decimals(most=50, places=4))
def test_an_allowance_brings_it_nearer_and_bankruptcy_lies_beyond(
    side: Side,
    entry: Decimal,
    quantity: Decimal,
    leverage: int,
    instrument: Instrument,
    allowance: Decimal,
) -> None:
    """In the order in which the price meets them: allowance, liquidation, bankruptcy."""
    margin = entry * quantity / leverage

    def liquidation(allowance: Decimal) -> Decimal | None:
        return liquidation_price(
            instrument,
            side=side,
            entry=entry,
            quantity=quantity,
            margin=margin,
            leverage=leverage,
            allowance=allowance,
        )

    near, price = liquidation(allowance), liquidation(ZERO)
    assume(near is not None and price is not None)
    assert near is not None
    assert price is not None
    last = bankruptcy_price(side=side, entry=entry, quantity=quantity, margin=margin)
    tiny = entry * Decimal("1e-20")
    assert (near - price) * side.sign >= -tiny
    assert (price - last) * side.sign >= -tiny


@pytest.mark.parametrize("side", Side)
def test_it_is_the_formula_of_binance(side: Side) -> None:
    """(WB + cum - s q E) / (q (MMR - s)) for 30 BTC at 50,000 with 10x, in the third bracket."""
    brackets = (
        MarginBracket(least=ZERO, rate=Decimal("0.004")),
        MarginBracket(least=Decimal(50_000), rate=Decimal("0.005"), deduction=Decimal(50)),
        MarginBracket(least=Decimal(250_000), rate=Decimal("0.01"), deduction=Decimal(1_300)),
        MarginBracket(least=Decimal(10**7), rate=Decimal("0.025"), deduction=Decimal(151_300)),
    )
    found = liquidation_price(
        replace(INSTRUMENT, brackets=brackets),
        side=side,
        entry=Decimal(50_000),
        quantity=Decimal(30),
        margin=Decimal(150_000),
        leverage=10,
    )
    s = side.sign
    by_hand = (150_000 + 1_300 - s * 30 * Fraction(50_000)) / (30 * (Fraction(1, 100) - s))
    assert found is not None
    assert abs(Fraction(found) - by_hand) < Fraction(1, 10**9)


def test_without_deductions_a_short_is_liquidated_on_the_step_into_the_next_bracket() -> None:
    """Where its whole notional needs more from one price on."""
    brackets = (
        MarginBracket(least=ZERO, rate=Decimal("0.01")),
        MarginBracket(least=Decimal(1_050), rate=Decimal("0.09")),
    )
    found = liquidation_price(
        replace(INSTRUMENT, brackets=brackets),
        side=Side.SHORT,
        entry=Decimal(100),
        quantity=Decimal(10),
        margin=Decimal(100),
        leverage=10,
    )
    assert found == 105


@pytest.mark.parametrize(("quantity", "expected"), [("10", "91"), ("11", "95")])
def test_a_bracket_may_be_given_in_quantity(quantity: str, expected: str) -> None:
    """Then it is that of the position, whatever its price."""
    brackets = (
        MarginBracket(least=ZERO, rate=Decimal("0.010989010989010989010989011")),
        MarginBracket(least=Decimal(11), rate=Decimal("0.052631578947368421052631579")),
    )
    instrument = replace(INSTRUMENT, brackets=brackets, bracket_unit=BracketUnit.QUANTITY)
    held = Decimal(quantity)
    found = liquidation_price(
        instrument,
        side=Side.LONG,
        entry=Decimal(100),
        quantity=held,
        margin=held * 10,
        leverage=10,
    )
    assert found is not None
    assert round(found, 8) == Decimal(expected)


@pytest.mark.parametrize(("leverage", "rate"), [(1, "0.1"), (5, "0.1"), (7, "0.05"), (99, "0.05")])
def test_a_bracket_may_hold_for_one_leverage(leverage: int, rate: str) -> None:
    """For the position's own, else the next one above."""
    brackets = (
        MarginBracket(least=ZERO, rate=Decimal("0.1"), leverage=5),
        MarginBracket(least=ZERO, rate=Decimal("0.05"), leverage=20),
    )
    found = liquidation_price(
        replace(INSTRUMENT, brackets=brackets),
        side=Side.SHORT,
        entry=Decimal(100),
        quantity=Decimal(1),
        margin=Decimal(50),
        leverage=leverage,
    )
    assert found is not None
    assert abs(found - 150 / (1 + Decimal(rate))) < Decimal("1e-20")


def test_a_spot_holding_is_never_liquidated() -> None:
    """It is paid in full."""
    spot = replace(INSTRUMENT, kind=MarketKind.SPOT)
    found = liquidation_price(
        spot, side=Side.LONG, entry=Decimal(100), quantity=Decimal(1), margin=Decimal(1), leverage=1
    )
    assert found is None
