"""A quantity divided over targets: every share is tradable."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from signalbot.decision.levels import split_targets
from signalbot.domain.market import Instrument
from signalbot.domain.positions import TakeProfit
from tests.decision.decision_inputs import ENTRIES, instruments
from tests.domain.samples import INSTRUMENT

HUNDRED = Decimal(100)
LOTS_ONLY = replace(
    INSTRUMENT, lot=Decimal(1), min_quantity=Decimal(0), min_notional=Decimal(0)
)  # fmt: skip


@st.composite
def shares(draw: st.DrawFn) -> list[Decimal]:
    """Up to five shares of at most a hundred percent together."""
    cuts = sorted(draw(st.sets(st.integers(1, 10_000), min_size=1, max_size=5)))
    return [Decimal(b - a) / 100 for a, b in zip([0, *cuts], cuts, strict=False)]


@given(instruments(), shares(), st.integers(0, 10_000), ENTRIES)
def test_every_part_of_a_split_is_tradable_and_together_they_fit(
    instrument: Instrument, parts: list[Decimal], lots: int, price: Decimal
) -> None:
    """A part too small joins the next; only a quantity too small itself leaves as a whole."""
    quantity = instrument.lot * lots
    levels = [(price + number, share) for number, share in enumerate(parts)]
    found = split_targets(levels, quantity=quantity, instrument=instrument)
    assert sum((each.quantity for each in found), Decimal(0)) <= quantity
    for each in found:
        is_tradable = each.quantity >= instrument.smallest_quantity(each.price)
        assert is_tradable or (len(found) == 1 and each.quantity == quantity)
        assert (Fraction(each.quantity) / Fraction(instrument.lot)).denominator == 1
    assert [each.price for each in found] == sorted(each.price for each in found)


@given(shares(), st.integers(0, 10_000))
def test_shares_are_respected_within_one_lot(parts: list[Decimal], lots: int) -> None:
    """Without a minimum every target gets its share; rounding errors do not accumulate."""
    quantity = Decimal(lots)
    levels = [(HUNDRED + number, share) for number, share in enumerate(parts)]
    found = {
        each.price: each.quantity
        for each in split_targets(levels, quantity=quantity, instrument=LOTS_ONLY)
    }
    due, given_so_far = Fraction(0), Fraction(0)
    for price, share in levels:
        part = Fraction(found.get(price, Decimal(0)))
        exact = Fraction(quantity) * Fraction(share) / 100
        due += exact
        given_so_far += part
        assert abs(part - exact) < 1
        assert 0 <= due - given_so_far < 1


def test_what_cannot_be_sold_alone_leaves_with_the_last_target() -> None:
    """A tenth left over would be below the exchange's minimum of five quote units."""
    levels = [(Decimal(110), Decimal(50)), (Decimal(120), Decimal(40))]
    found = split_targets(levels, quantity=Decimal("0.4"), instrument=INSTRUMENT)
    assert found == (
        TakeProfit(Decimal(110), Decimal("0.2")),
        TakeProfit(Decimal(120), Decimal("0.2")),
    )


def test_what_no_target_takes_stays_with_the_stop() -> None:
    """Half is half."""
    found = split_targets(
        [(Decimal(110), Decimal(50))], quantity=Decimal(10), instrument=INSTRUMENT
    )
    assert found == (TakeProfit(Decimal(110), Decimal(5)),)
