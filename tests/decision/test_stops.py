"""Stops: on the safe side of the price, on the tick, and nearer than liquidation."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.decision.decide import ClearedEntry, plan
from signalbot.decision.decision_input import DecisionInput, EntryPlan, Skip
from signalbot.decision.levels import round_stop, stop_loss_price
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.liquidation import liquidation_price
from signalbot.domain.market import Fees, Instrument, MarginBracket
from signalbot.domain.money import ZERO
from signalbot.domain.settings import Protection, Sizing, SizingMode, StopSource
from signalbot.domain.signals import Side
from signalbot.domain.users import MarginMode, Mode
from tests.decision.decision_inputs import (
    TERMS,
    USER,
    decision_input,
    decision_inputs,
    instruments,
    with_settings,
)
from tests.domain.samples import INSTRUMENT, SIGNAL, decimals

SIDES = st.sampled_from(Side)
PRICES = decimals(most=10**7, places=4)
HUNDRED = Decimal(100)


def _stop(s: DecisionInput, side: Side = Side.LONG) -> Decimal | Skip | None:
    return stop_loss_price(s, side=side, entry=HUNDRED)


@given(instruments(), SIDES, PRICES)
def test_a_stop_is_on_the_tick_and_rounded_towards_the_entry(
    instrument: Instrument, side: Side, requested: Decimal
) -> None:
    """Never farther away than requested, and less than a tick nearer."""
    stop = round_stop(instrument, side=side, price=requested)
    assert (Fraction(stop) / Fraction(instrument.tick)).denominator == 1
    assert 0 <= (stop - requested) * side.sign < instrument.tick


@settings(max_examples=50)
@given(decision_inputs())
def test_a_planned_stop_lies_between_liquidation_and_entry(s: DecisionInput) -> None:
    """It can be reached, and before the exchange takes the position away."""
    planned = plan(s, ClearedEntry())
    if isinstance(planned, EntryPlan) and planned.stop_loss is not None:
        side, stop = planned.side, planned.stop_loss
        limit = liquidation_price(
            s.instrument,
            side=side,
            entry=planned.price,
            quantity=planned.quantity,
            margin=planned.price * planned.quantity / planned.leverage,
            leverage=planned.leverage,
        )
        assert stop > 0
        assert (planned.price - stop) * side.sign > 0
        assert limit is None or (stop - limit) * side.sign > 0
        assert (Fraction(stop) / Fraction(s.instrument.tick)).denominator == 1


@pytest.mark.parametrize(
    ("source", "from_signal", "expected"),
    [
        (StopSource.SIGNAL, "95", Decimal(95)),
        (StopSource.SIGNAL, None, DecisionCode.NO_STOP_LOSS),
        (StopSource.PERCENT, "95", Decimal(97)),
        (StopSource.PERCENT, None, Decimal(97)),
        (StopSource.SIGNAL_OR_PERCENT, "95", Decimal(95)),
        (StopSource.SIGNAL_OR_PERCENT, None, Decimal(97)),
        (StopSource.NONE, "95", None),
    ],
)
def test_a_stop_comes_from_the_configured_source(
    source: StopSource, from_signal: str | None, expected: Decimal | DecisionCode | None
) -> None:
    """From the signal, from the user's percentage, from one or else the other, or from nowhere."""
    signal = replace(SIGNAL, stop_loss=None if from_signal is None else Decimal(from_signal))
    rules = Protection(stop_source=source, stop_percent=Decimal(3))
    found = _stop(decision_input(signal=signal, protection=rules))
    if isinstance(expected, DecisionCode):
        assert found == Skip(expected, {"source": source})
    else:
        assert found == expected


@pytest.mark.parametrize(("side", "stop"), [(Side.LONG, "97"), (Side.SHORT, "103")])
def test_the_users_own_stop_is_on_the_losing_side(side: Side, stop: str) -> None:
    """Below a long, above a short."""
    rules = Protection(stop_source=StopSource.PERCENT, stop_percent=Decimal(3))
    assert _stop(decision_input(protection=rules), side) == Decimal(stop)


@pytest.mark.parametrize(
    ("side", "requested", "stop"),
    [
        (Side.LONG, "100", "100.0"),
        (Side.LONG, "101", "101.0"),
        (Side.LONG, "99.91", "100.0"),  # rounds up to the entry itself
        (Side.LONG, "0", "0.0"),
        (Side.SHORT, "100", "100.0"),
        (Side.SHORT, "99", "99.0"),
        (Side.SHORT, "100.09", "100.0"),
    ],
)
def test_a_stop_that_would_trigger_at_once_is_refused(
    side: Side, requested: str, stop: str
) -> None:
    """The price has passed it already, or it is none."""
    signal = replace(SIGNAL, stop_loss=Decimal(requested))
    assert _stop(decision_input(signal=signal), side) == Skip(
        DecisionCode.STOP_ON_WRONG_SIDE, {"side": side, "price": HUNDRED, "stop": Decimal(stop)}
    )


@pytest.mark.parametrize(
    ("side", "reachable", "too_far", "liquidation"),
    [
        (Side.LONG, "90.6", "90.5", "90.49773756"),
        (Side.SHORT, "109.2", "109.3", "109.39830930"),
    ],
)
def test_a_stop_beyond_liquidation_is_refused(
    side: Side, reachable: str, too_far: str, liquidation: str
) -> None:
    """Ten times leverage, half a percent of maintenance margin, and a little for funding.

    The price of liquidation is 90 / 0.9945 and 110 / 1.0055, and a whole tick is kept from it.
    """
    terms = replace(TERMS, leverage=10)
    near = replace(SIGNAL, stop_loss=Decimal(reachable))
    far = replace(SIGNAL, stop_loss=Decimal(too_far))
    assert _stop(decision_input(signal=near, terms=terms), side) == Decimal(reachable)
    assert _stop(decision_input(signal=far, terms=terms), side) == Skip(
        DecisionCode.STOP_BEYOND_LIQUIDATION,
        {"stop": Decimal(too_far), "liquidation": Decimal(liquidation), "leverage": 10},
    )


@pytest.mark.parametrize("mode", Mode)
def test_cross_margin_uses_the_full_account(mode: Mode) -> None:
    """Of a live user; simulated margin is always isolated."""
    s = decision_input(
        signal=replace(SIGNAL, stop_loss=Decimal("90.5")),
        terms=replace(TERMS, leverage=10, margin_mode=MarginMode.CROSS),
        user=replace(USER, mode=mode),
    )
    found = _stop(s)
    if mode is Mode.LIVE:
        assert found == Decimal("90.5")
    else:
        assert isinstance(found, Skip)
        assert found.reason is DecisionCode.STOP_BEYOND_LIQUIDATION


def test_fees_and_slippage_bring_the_liquidation_nearer() -> None:
    """A worse entry at 100.2 and a fee of closing of 1 % turn a stop at 91 down."""
    terms = replace(TERMS, leverage=10)
    s = decision_input(signal=replace(SIGNAL, stop_loss=Decimal(91)), terms=terms)
    assert _stop(s) == Decimal(91)
    dear = replace(s, fees=Fees(maker=ZERO, taker=Decimal("0.01")), slippage_bps=Decimal(20))
    found = _stop(dear)
    assert isinstance(found, Skip)
    assert found.reason is DecisionCode.STOP_BEYOND_LIQUIDATION


def test_a_position_in_a_higher_bracket_is_liquidated_earlier() -> None:
    """A stop that guards a small position does not guard a large one."""
    brackets = (
        MarginBracket(least=ZERO, rate=Decimal("0.005")),
        MarginBracket(least=Decimal(50_000), rate=Decimal("0.05"), deduction=Decimal(2_250)),
    )
    s = decision_input(
        signal=replace(SIGNAL, stop_loss=Decimal(92)),
        terms=replace(TERMS, leverage=10),
        sizing=Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(40_000)),
        instrument=replace(INSTRUMENT, brackets=brackets),
    )
    assert isinstance(plan(s, ClearedEntry()), EntryPlan)
    larger = Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(99_000))
    found = plan(with_settings(s, sizing=larger), ClearedEntry())
    assert isinstance(found, Skip)
    assert found.reason is DecisionCode.STOP_BEYOND_LIQUIDATION
