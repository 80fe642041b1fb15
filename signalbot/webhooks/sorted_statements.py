"""Sorts the statements of an alert by kind, and derives its positions."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.orders import OrderSide
from signalbot.domain.position_tracking import ReportedPosition
from signalbot.webhooks.actions import ActionKind
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.instructions import Instructions, Statement

_NEGLIGIBLE = Decimal("0.005")  # of a size; smaller rests are rounding errors


class SortedStatements:
    """The statements of one alert by kind; contradictions within a kind are rejected."""

    def __init__(self, instructions: Instructions, contracts: Decimal | None) -> None:
        of = instructions.of
        self.orders, self.sides = of(ActionKind.ORDER), of(ActionKind.SIDE)
        self.enters, self.reverses = of(ActionKind.ENTER), of(ActionKind.REVERSE)
        self.exits = of(ActionKind.EXIT, ActionKind.REDUCE)
        self.closes_only = of(ActionKind.CLOSES_ONLY)
        if self.orders and not self.enters:
            self.closes_only = self.closes_only + instructions.label_statements
        self.cancels, self.no_ops = of(ActionKind.CANCEL), of(ActionKind.NOTHING)
        self.order = _common_value(self.orders, lambda each: each.action.order)
        self.with_side = [e for e in (*self.sides, *self.enters, *self.exits) if e.action.side]
        self.side = _common_value(self.with_side, lambda each: each.action.side)
        afters, befores = of(ActionKind.AFTER), of(ActionKind.BEFORE)
        self.after = _common_value(afters, lambda each: each.action.position)
        self.before = _common_value(befores, lambda each: each.action.position)
        self.after_field = afters[0].field if afters else None
        self.before_field = befores[0].field if befores else None
        self._add_sizes(instructions, contracts)

    @property
    def exits_and_closes(self) -> list[Statement]:
        return [*self.exits, *self.closes_only]

    @property
    def exit_percent(self) -> Decimal | None:
        """Share to close in words such as ``close half``."""
        percents = [each.action.percent for each in self.exits if each.action.percent is not None]
        return min(percents) if percents else None

    @property
    def reduction(self) -> Statement | None:
        """A statement that closes only a part."""
        return next((each for each in self.exits if each.action.kind is ActionKind.REDUCE), None)

    def contradiction_error(self, *named: Statement) -> InvalidSignal:
        """Return the error that names these statements and the position fields."""
        fields = [*(each.field for each in named), self.after_field, self.before_field]
        return _contradiction(*(each for each in fields if each is not None))

    def reject_combination(
        self, instructions: Sequence[Statement], *others: Sequence[Statement]
    ) -> None:
        for other in others:
            if other:
                raise _contradiction(instructions[0].field, other[0].field)

    def _add_sizes(self, instructions: Instructions, contracts: Decimal | None) -> None:
        """Derive the position after from sizes, and with the order's size the one before."""
        if instructions.size_held is not None and instructions.size_held[0] == 0:
            self._set_position(ReportedPosition.FLAT, instructions.size_held[1])
        if (
            instructions.size_held_before is not None
            and instructions.size_held_before[0] == 0
            and self.before is None
        ):
            self.before, self.before_field = ReportedPosition.FLAT, instructions.size_held_before[1]
        if instructions.position_size is None:
            return
        size, field = instructions.position_size
        if size == 0:
            self._set_position(ReportedPosition.FLAT, field)
        elif size < 0:
            self._set_position(ReportedPosition.SHORT, field)
        elif (
            self.after is None and self.order is not None and not self.enters and not self.with_side
        ):
            self._set_position(ReportedPosition.LONG, field)  # sizes are signed: above zero is long
        if contracts and self.order is not None and self.before is None and self.after is not None:
            signed = -size if self.after is ReportedPosition.SHORT and size > 0 else size
            self.before, self.before_field = _position_before(signed, contracts, self.order), field

    def _set_position(self, position: ReportedPosition, field: AlertField) -> None:
        if self.after is not None and self.after is not position:
            raise _contradiction(*(each for each in (self.after_field, field) if each))
        self.after, self.after_field = position, self.after_field or field


def _position_before(size: Decimal, contracts: Decimal, order: OrderSide) -> ReportedPosition:
    before = size - order.sign * contracts
    if abs(before) <= _NEGLIGIBLE * max(abs(size), contracts):
        return ReportedPosition.FLAT
    return ReportedPosition.LONG if before > 0 else ReportedPosition.SHORT


_T = TypeVar("_T")


def _common_value(
    statements: Sequence[Statement], of: Callable[[Statement], _T | None]
) -> _T | None:
    """Return the common value of all statements."""
    for each in statements[1:]:
        if of(each) != of(statements[0]):
            raise _contradiction(statements[0].field, each.field)
    return of(statements[0]) if statements else None


def _contradiction(*fields: AlertField) -> InvalidSignal:
    named = " and ".join(dict.fromkeys(str(each) for each in fields))
    return InvalidSignal(f"{named} contradict each other")
