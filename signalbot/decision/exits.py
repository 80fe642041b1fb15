"""Quantity of an exit, and the remaining take profits after a partial exit."""

from dataclasses import replace
from decimal import Decimal

from signalbot.decision.decision_input import DecisionInput, ExitPlan, Skip
from signalbot.decision.levels import split_targets
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.market import Instrument
from signalbot.domain.money import HUNDRED, ZERO, average
from signalbot.domain.positions import CloseReason, Position, PositionStatus, TakeProfit
from signalbot.domain.settings import BelowMinimum


def plan_exit(s: DecisionInput, position: Position) -> ExitPlan | Skip:
    """Plan an exit by the signal's percentage, rounded down to the lot.

    A remainder below the tradable minimum is closed too. A part below the minimum is skipped, or
    rounded up to it if ``sizing.below_minimum`` is ``round_up``.
    """
    full_exit = ExitPlan(position=position, reason=CloseReason.EXIT_SIGNAL)
    if not s.signal.is_partial or position.status is not PositionStatus.OPEN:
        return full_exit
    least = s.instrument.smallest_quantity(s.price or position.entry_price)
    quantity = partial_quantity(
        position.quantity,
        s.signal.exit_percent,
        instrument=s.instrument,
        least=least,
        below_minimum=s.settings.sizing.below_minimum,
    )
    if quantity < least:
        facts = {"exit_percent": s.signal.exit_percent, "quantity": quantity, "minimum": least}
        return Skip(DecisionCode.BELOW_MINIMUM, facts)
    return full_exit if quantity == position.quantity else replace(full_exit, quantity=quantity)


def partial_quantity(
    held: Decimal,
    percent: Decimal,
    *,
    instrument: Instrument,
    least: Decimal,
    below_minimum: BelowMinimum,
) -> Decimal:
    """``percent`` of ``held``, rounded down to the lot; all of it if the rest is below ``least``.

    A quantity below ``least`` is returned as it is, or rounded up if ``below_minimum`` requires it.
    """
    quantity = instrument.floor_quantity(held * percent / HUNDRED)
    if quantity < least and below_minimum is BelowMinimum.ROUND_UP:
        quantity = least
    is_rest_tradable = held - quantity >= least
    return quantity if is_rest_tradable or quantity < least else held


def rescaled_targets(
    position: Position, *, before: Decimal, instrument: Instrument
) -> tuple[TakeProfit, ...]:  # fmt: skip
    """The position's targets after an exit reduced it from ``before`` to its quantity.

    Targets already hit stay unchanged; each of the others keeps its share of the held quantity.
    """
    hit = position.take_profits[: position.targets_hit]
    ahead = position.take_profits[position.targets_hit :]
    total = max(before, sum((aim.quantity for aim in ahead), ZERO))
    levels = [(aim.price, average(aim.quantity * HUNDRED, total)) for aim in ahead]
    return hit + split_targets(levels, quantity=position.quantity, instrument=instrument)
