"""Levels of alerts as prices of their market, and numbers that cannot be meant."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.control.level_pricing import check_levels, price_levels, without_implausible_price
from signalbot.domain.errors import InvalidSignal
from signalbot.domain.signals import Action, Signal
from tests.domain.samples import INSTRUMENT, SIGNAL
from tests.webhooks.reading import levels

_ENTRY = replace(SIGNAL, price=None, stop_loss=None, take_profits=())


def _entry(**terms: object) -> Signal:
    numbers = {name: Decimal(str(value)) for name, value in terms.items() if name != "targets"}
    targets = tuple(Decimal(each) for each in terms.get("targets", ()))  # type: ignore[attr-defined]
    return replace(_ENTRY, take_profits=targets, **numbers)  # type: ignore[arg-type]


def test_distances_are_measured_from_the_reference_price() -> None:
    """Down for a long's stop, up for its targets; the reverse for a short."""
    wanted = levels(sl="5%", tp1={"amount": 2000}, tp2="4%", trailing_stop="1%")
    reference = Decimal(60000)
    long = price_levels(wanted, Action.LONG, reference=reference, instrument=INSTRUMENT)
    assert [long.stop_loss, *long.take_profits] == [Decimal(57000), 62000, 62400]
    assert long.trailing_percent == 1
    short = price_levels(wanted, Action.SHORT, reference=reference, instrument=INSTRUMENT)
    assert [short.stop_loss, *short.take_profits] == [Decimal(63000), 58000, 57600]


def test_targets_are_sorted_with_their_shares_and_without_repeats() -> None:
    """Nearest first, whatever the sender's order."""
    wanted = levels(tp1=62000, tp1_qty="30%", tp2=61000, tp2_qty="70%")
    found = price_levels(wanted, Action.LONG, reference=None, instrument=INSTRUMENT)
    assert [*found.take_profits, *found.shares] == [61000, 62000, 70, 30]
    twice = levels(tp1=62000, tp2="62000.0")
    found = price_levels(twice, Action.LONG, reference=None, instrument=INSTRUMENT)
    assert list(found.take_profits) == [62000]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (levels(sl="5%"), "this market has no price yet"),
        (levels(trailing_stop={"amount": 5}), "this market has no price yet"),
        (levels(trailing_stop="60%"), "a stop trails by 0.01 to 50 percent"),
        (levels(tp1=62000, tp1_qty="50%", tp2=62000.0, tp2_qty="50%"), "are the same target"),
    ],
)
def test_a_level_that_is_not_a_price_is_rejected(wanted: object, why: str) -> None:
    """The message names its field."""
    with pytest.raises(InvalidSignal) as refused:
        price_levels(wanted, Action.LONG, reference=None, instrument=INSTRUMENT)  # type: ignore[arg-type]
    assert why in str(refused.value)
    with pytest.raises(InvalidSignal, match="too far from the market"):
        price_levels(levels(tp={"amount": 70000}), Action.SHORT, reference=Decimal(60000),
               instrument=INSTRUMENT)  # fmt: skip


@pytest.mark.parametrize(
    ("signal", "why"),
    [
        (_entry(price="1e-20"), "price"),
        (_entry(price=6300), "far from the market, which is at 63000"),
        (_entry(price=630000), "is a digit missing or doubled"),
        (_entry(stop_loss=600), "stop loss 600"),
        (_entry(targets=["660000"]), "take profit 660000"),
        (_entry(stop_loss=64000), "stop loss 64000 lies on the winning side of 63000"),
        (_entry(targets=["62000"]), "take profit 62000 lies on the losing side of 63000"),
        (_entry(price=63000, targets=["61000"]), "take profit 61000"),
        (_entry(stop_loss="0"), "above 0"),
    ],
)
def test_numbers_far_from_the_market_or_on_the_wrong_side_are_refused(
    signal: Signal, why: str
) -> None:
    """By name and value, also without a price in the signal."""
    with pytest.raises(InvalidSignal) as refused:
        check_levels(signal, Decimal(63000))
    assert why in str(refused.value)


@given(st.decimals(min_value="1e-30", max_value="1e30"))
def test_an_exit_is_never_refused_for_its_price(price: Decimal) -> None:
    """One that cannot be meant is left out; one that can stays."""
    signal = replace(_ENTRY, action=Action.EXIT_LONG, price=price)
    kept = without_implausible_price(signal, Decimal(63000))
    check_levels(kept, Decimal(63000))
    assert kept.price is None or 31500 < kept.price < 126000
