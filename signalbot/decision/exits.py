"""How much of a position an exit closes, and how its targets follow."""

from dataclasses import replace
from decimal import Decimal

from signalbot.decision.levels import split
from signalbot.decision.situation import Denial, ExitPlan, Situation
from signalbot.domain.market import Instrument
from signalbot.domain.money import HUNDRED, ZERO, average
from signalbot.domain.positions import CloseReason, Position, PositionStatus, Target
from signalbot.domain.reasons import Reason
from signalbot.domain.settings import BelowMinimum


def plan_exit(s: Situation, position: Position) -> ExitPlan | Denial:
    """Close what the signal asks for, rounded down to the lot.

    What would be left and could not be traded alone leaves as well. A part that is too small to be
    traded is refused, or rounded up to the minimum where the user wants that.
    """
    whole = ExitPlan(position=position, reason=CloseReason.EXIT_SIGNAL)
    if not s.signal.is_partial or position.status is not PositionStatus.OPEN:
        return whole
    least = s.instrument.smallest_quantity(s.price or position.entry_price)
    asked = position.quantity * s.signal.exit_percent / HUNDRED
    quantity = s.instrument.floor_quantity(asked)
    if quantity < least and s.settings.sizing.below_minimum is BelowMinimum.ROUND_UP:
        quantity = least
    if quantity < least:
        facts = {"exit_percent": s.signal.exit_percent, "quantity": quantity, "minimum": least}
        return Denial(Reason.BELOW_MINIMUM, facts)
    is_rest_tradable = position.quantity - quantity >= least
    return replace(whole, quantity=quantity) if is_rest_tradable else whole


def rescaled(
    position: Position, *, before: Decimal, instrument: Instrument
) -> tuple[Target, ...]:  # fmt: skip
    """The position's targets after an exit has taken ``before`` down to its quantity.

    Targets that were hit stay as they were; each of the others keeps its share of what is held.
    """
    hit = position.take_profits[: position.targets_hit]
    ahead = position.take_profits[position.targets_hit :]
    total = max(before, sum((aim.quantity for aim in ahead), ZERO))
    levels = [(aim.price, average(aim.quantity * HUNDRED, total)) for aim in ahead]
    return hit + split(levels, quantity=position.quantity, instrument=instrument)
