"""Resolves the instructions of an alert to actions; contradictions are rejected.

A close never opens: one closing word, flag or position is sufficient, whatever else the alert has.
Other orders mean what the source's ``direction`` setting defines.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.orders import OrderSide
from signalbot.domain.position_tracking import ReportedPosition
from signalbot.domain.signals import Action, Side
from signalbot.settings.webhook import Direction
from signalbot.webhooks.actions import opened_side
from signalbot.webhooks.instructions import Instructions
from signalbot.webhooks.sorted_statements import SortedStatements


class CancelRequest(StrEnum):
    """Withdraws the open entries of the market; not a signal."""

    OPEN_SIGNALS = "cancel"


AlertStep = Action | CancelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedAlert:
    """Actions of an alert, in order."""

    steps: tuple[AlertStep, ...]  #: empty if there is nothing to do
    before: ReportedPosition | None = None  #: position before
    after: ReportedPosition | None = None  #: position after
    partial_exit_error: str | None = None  #: the exit is partial; error if its size is not given
    exit_percent: Decimal | None = None  #: part of the position to close, if the words have it


def resolve_alert(
    instructions: Instructions, direction: Direction, contracts: Decimal | None
) -> ResolvedAlert:
    """Resolve all instructions; ``contracts`` is the size of the strategy's order, if given.

    Raises:
        InvalidSignal: there is no action, or actions contradict each other.
    """
    case = SortedStatements(instructions, contracts)
    for statements, steps in ((case.cancels, (CancelRequest.OPEN_SIGNALS,)), (case.no_ops, ())):
        if statements:
            case.reject_combination(
                statements, case.enters, case.exits, case.reverses, case.closes_only
            )
            return ResolvedAlert(steps=steps, before=case.before, after=case.after)
    if case.before is not None and case.after is not None:
        return _resolve_position_change(case, case.before, case.after)
    return _resolve_actions(case, direction)


def _resolve_actions(case: SortedStatements, direction: Direction) -> ResolvedAlert:
    """Resolve an alert without both positions, before and after."""
    if case.after is ReportedPosition.FLAT:
        return _resolve_flat(case)
    if case.exits_and_closes:
        return _resolve_exit(case)
    if case.reverses:
        return _resolve_reversal(case)
    return _resolve_order(case, direction)


def _resolve_position_change(
    case: SortedStatements, before: ReportedPosition, after: ReportedPosition
) -> ResolvedAlert:
    """Resolve known positions before and after: their difference is the action."""
    if before is after:
        return _resolve_unchanged(case, after)
    if case.order is not None:
        rises = _direction_sign(after) > _direction_sign(before)
        if rises is not (case.order is OrderSide.BUY):
            raise case.contradiction_error(case.orders[0])
    exits, entries = _exit_of(before), _entry_of(after)
    if case.exits_and_closes and not exits:
        raise case.contradiction_error(case.exits_and_closes[0])
    if case.enters and not entries:
        raise case.contradiction_error(case.enters[0])
    steps = exits if case.exits_and_closes else (*exits, *entries)
    if case.side is not None and case.side not in {step.side for step in steps}:
        raise case.contradiction_error(case.with_side[0])
    return ResolvedAlert(steps=steps, before=before, after=after)


def _resolve_unchanged(case: SortedStatements, position: ReportedPosition) -> ResolvedAlert:
    """Resolve an unchanged position: increases are ignored, decreases are partial exits."""
    side = _SIDES.get(position)
    is_less = case.order is not None and side is not None and opened_side(case.order) is not side
    if side is None or not (is_less or case.exits_and_closes):
        return ResolvedAlert(steps=(), before=position, after=position)
    if case.order is not None and not is_less:
        raise case.contradiction_error(case.orders[0], case.exits_and_closes[0])
    first = (case.orders or case.exits_and_closes)[0]
    return ResolvedAlert(
        steps=_exit_of(position),
        before=position,
        after=position,
        partial_exit_error=str(case.contradiction_error(first)),
        exit_percent=case.exit_percent,
    )


def _resolve_flat(case: SortedStatements) -> ResolvedAlert:
    """Resolve a flat position: everything is closed."""
    for other in (case.enters, case.reverses):
        if other:
            raise case.contradiction_error(other[0])
    return ResolvedAlert(steps=_exits(case.side), before=case.before, after=ReportedPosition.FLAT)


def _resolve_exit(case: SortedStatements) -> ResolvedAlert:
    case.reject_combination(case.exits_and_closes, case.enters, case.reverses)
    side, order = case.side, case.order
    if case.after is not None:  # long or short: a partial exit
        held = _SIDES[case.after]
        if side is not None and side is not held:
            raise case.contradiction_error(case.with_side[0])
        side = held
    if not case.exits and order is None and side is None:
        raise InvalidSignal(_NO_ACTION)
    if order is not None:
        closes = opened_side(order).opposite
        if side is not None and side is not closes:
            raise case.contradiction_error(
                case.orders[0], *(case.with_side or case.closes_only)[:1]
            )
        side = closes
    reduction = case.reduction
    return ResolvedAlert(
        steps=_exits(side),
        before=case.before,
        after=case.after,
        partial_exit_error=None if reduction is None else str(reduction.field),
        exit_percent=case.exit_percent,
    )


def _resolve_reversal(case: SortedStatements) -> ResolvedAlert:
    named = [each.action.side for each in case.reverses if each.action.side is not None]
    named += [] if case.side is None else [case.side]
    named += [] if case.order is None else [opened_side(case.order)]
    named += [] if case.after is None else [_SIDES[case.after]]
    if case.before is not None and case.before is not ReportedPosition.FLAT:
        named.append(_SIDES[case.before].opposite)
    if not named:
        raise InvalidSignal(
            f"{case.reverses[0].field}: a reversal needs a side: add side or market_position"
        )
    if len(set(named)) > 1:
        raise case.contradiction_error(case.reverses[0], *case.with_side[:1], *case.orders[:1])
    (to,) = set(named)
    return ResolvedAlert(
        steps=(_exit(to.opposite), _entry(to)), before=case.before, after=_POSITIONS[to]
    )


def _resolve_order(case: SortedStatements, direction: Direction) -> ResolvedAlert:
    """Resolve an entry, or an order against a named position."""
    if case.enters:
        return _resolve_entry(case)
    if case.order is None and case.side is None:
        raise InvalidSignal(_NO_ACTION)
    if case.after is not None:
        return _resolve_towards(case, _SIDES[case.after])
    if case.order is None:
        assert case.side is not None  # noqa: S101 - checked above
        return ResolvedAlert(steps=(_entry(case.side),), before=case.before)
    opens = opened_side(case.order)
    if case.side is not None:
        step = _entry(opens) if case.side is opens else _exit(case.side)
        return ResolvedAlert(steps=(step,), before=case.before)
    if case.before is not None and case.before is not ReportedPosition.FLAT:
        held = _SIDES[case.before]  # the position after is unknown: only an exit is certain
        return ResolvedAlert(steps=() if held is opens else (_exit(held),), before=case.before)
    is_closing = (direction is Direction.LONG and opens is Side.SHORT) or (
        direction is Direction.SHORT and opens is Side.LONG
    )
    step = _exit(opens.opposite) if is_closing else _entry(opens)
    return ResolvedAlert(steps=(step,), before=case.before)


def _resolve_towards(case: SortedStatements, held: Side) -> ResolvedAlert:
    """Resolve a long or short position after; an opposite order is a partial exit."""
    if case.side is not None and case.side is not held:
        raise case.contradiction_error(case.with_side[0])
    if case.order is None or opened_side(case.order) is held:
        return ResolvedAlert(steps=(_entry(held),), before=case.before, after=case.after)
    return ResolvedAlert(
        steps=(_exit(held),),
        before=case.before,
        after=case.after,
        partial_exit_error=str(case.contradiction_error(case.orders[0])),
    )


def _resolve_entry(case: SortedStatements) -> ResolvedAlert:
    side = case.side or (None if case.order is None else opened_side(case.order))
    if side is None and case.after is not None:
        side = _SIDES[case.after]
    if side is None:
        raise InvalidSignal(f"{case.enters[0].field}: an entry needs a side, long or short")
    if case.order is not None and opened_side(case.order) is not side:
        raise case.contradiction_error(case.enters[0], case.orders[0])
    if case.after is not None and _SIDES[case.after] is not side:
        raise case.contradiction_error(case.enters[0])
    return ResolvedAlert(steps=(_entry(side),), before=case.before, after=case.after)


_NO_ACTION = "the alert has no action"
_SIDES = {ReportedPosition.LONG: Side.LONG, ReportedPosition.SHORT: Side.SHORT}
_POSITIONS = {side: position for position, side in _SIDES.items()}


def _direction_sign(position: ReportedPosition) -> int:
    return 0 if position is ReportedPosition.FLAT else _SIDES[position].sign


def _entry(side: Side) -> Action:
    return Action.LONG if side is Side.LONG else Action.SHORT


def _exit(side: Side) -> Action:
    return Action.EXIT_LONG if side is Side.LONG else Action.EXIT_SHORT


def _exits(side: Side | None) -> tuple[Action, ...]:
    return (_exit(side),) if side is not None else (Action.EXIT_LONG, Action.EXIT_SHORT)


def _exit_of(position: ReportedPosition) -> tuple[Action, ...]:
    return () if position is ReportedPosition.FLAT else (_exit(_SIDES[position]),)


def _entry_of(position: ReportedPosition) -> tuple[Action, ...]:
    return () if position is ReportedPosition.FLAT else (_entry(_SIDES[position]),)
