"""Decides what an alert asks for from all its instructions; contradictions are refused.

What closes never opens: one word, flag or position that closes is enough, whatever else the alert
holds. An order without any of these means what its source's ``direction`` setting means.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from signalbot.domain.alignment import Stance
from signalbot.domain.errors import BadSignal
from signalbot.domain.orders import OrderSide
from signalbot.domain.signals import Action, Side
from signalbot.intake.fields import Field
from signalbot.intake.statements import Instructions, Statement
from signalbot.intake.verbs import Kind, side_of


class Direction(StrEnum):
    """What ``buy`` and ``sell`` of a source mean.

    BOTH: they open long and short. LONG: buy opens, sell closes. SHORT: sell opens, buy closes.
    """

    BOTH = "both"
    LONG = "long"
    SHORT = "short"


class Cancel(StrEnum):
    """Not a signal: the open entries of this market are withdrawn."""

    OPEN_SIGNALS = "cancel"


Step = Action | Cancel


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What is to be done, in this order."""

    steps: tuple[Step, ...]  #: none for an alert that asks for nothing
    before: Stance | None = None  #: where the strategy stood
    after: Stance | None = None  #: and where it stands now
    part_of: str | None = None  #: only a part leaves: how much must be given; else this refuses
    part: Decimal | None = None  #: percent of the position that leaves, if the words give it


_NEGLIGIBLE = Decimal("0.005")  # of a size: what rounding leaves of a position is none


def resolve(
    instructions: Instructions, direction: Direction, contracts: Decimal | None
) -> Resolved:
    """What all instructions come to; ``contracts`` is the size of the strategy's order, if given.

    Raises:
        BadSignal: nothing is asked for, or two things that exclude each other; both are named.
    """
    case = _Case(instructions, contracts)
    for words, steps in ((case.cancels, (Cancel.OPEN_SIGNALS,)), (case.nothings, ())):
        if words:
            case.refuse_with(words, case.enters, case.exits, case.reverses, case.closes_only)
            return Resolved(steps=steps, before=case.before, after=case.after)
    if case.before is not None and case.after is not None:
        return _moved(case, case.before, case.after)
    return _asked(case, direction)


def _asked(case: "_Case", direction: Direction) -> Resolved:
    """What is asked for by an alert without both the position before and after."""
    if case.after is Stance.FLAT:
        return _flat(case)
    if case.leaves:
        return _leave(case)
    if case.reverses:
        return _reverse(case)
    return _order(case, direction)


class _Case:
    """The statements of one alert, sorted; contradictions within one sort are refused."""

    def __init__(self, instructions: Instructions, contracts: Decimal | None) -> None:
        of = instructions.of
        self.orders, self.sides = of(Kind.ORDER), of(Kind.SIDE)
        self.enters, self.reverses = of(Kind.ENTER), of(Kind.REVERSE)
        self.exits = of(Kind.EXIT, Kind.REDUCE)
        self.closes_only = of(Kind.CLOSES_ONLY)
        if self.orders and not self.enters:
            self.closes_only = self.closes_only + instructions.hints
        self.cancels, self.nothings = of(Kind.CANCEL), of(Kind.NOTHING)
        self.order = _agreed(self.orders, lambda each: each.meaning.order)
        self.sided = [e for e in (*self.sides, *self.enters, *self.exits) if e.meaning.side]
        self.side = _agreed(self.sided, lambda each: each.meaning.side)
        afters, befores = of(Kind.AFTER), of(Kind.BEFORE)
        self.after = _agreed(afters, lambda each: each.meaning.stance)
        self.before = _agreed(befores, lambda each: each.meaning.stance)
        self.after_field = afters[0].field if afters else None
        self.before_field = befores[0].field if befores else None
        self._add_sizes(instructions, contracts)

    @property
    def leaves(self) -> list[Statement]:
        return [*self.exits, *self.closes_only]

    @property
    def part(self) -> Decimal | None:
        """The part that a word such as ``close half`` names."""
        percents = [each.meaning.percent for each in self.exits if each.meaning.percent is not None]
        return min(percents) if percents else None

    @property
    def reduction(self) -> Statement | None:
        """A word that asks for a part only."""
        return next((each for each in self.exits if each.meaning.kind is Kind.REDUCE), None)

    def conflict(self, *named: Statement) -> BadSignal:
        """The refusal that names these statements and the fields of the position."""
        fields = [*(each.field for each in named), self.after_field, self.before_field]
        return _contradiction(*(each for each in fields if each is not None))

    def refuse_with(self, instructions: Sequence[Statement], *others: Sequence[Statement]) -> None:
        for other in others:
            if other:
                raise _contradiction(instructions[0].field, other[0].field)

    def _add_sizes(self, instructions: Instructions, contracts: Decimal | None) -> None:
        """The position that sizes imply, and with the size of the order the one before."""
        if instructions.held is not None and instructions.held[0] == 0:
            self._stand(Stance.FLAT, instructions.held[1])
        if (
            instructions.held_before is not None
            and instructions.held_before[0] == 0
            and self.before is None
        ):
            self.before, self.before_field = Stance.FLAT, instructions.held_before[1]
        if instructions.position_size is None:
            return
        size, field = instructions.position_size
        if size == 0:
            self._stand(Stance.FLAT, field)
        elif size < 0:
            self._stand(Stance.SHORT, field)
        elif self.after is None and self.order is not None and not self.enters and not self.sided:
            self._stand(Stance.LONG, field)  # strategies sign it: above none is long
        if contracts and self.order is not None and self.before is None and self.after is not None:
            signed = -size if self.after is Stance.SHORT and size > 0 else size
            self.before, self.before_field = _before(signed, contracts, self.order), field

    def _stand(self, stance: Stance, field: Field) -> None:
        if self.after is not None and self.after is not stance:
            raise _contradiction(*(each for each in (self.after_field, field) if each))
        self.after, self.after_field = stance, self.after_field or field


def _before(size: Decimal, contracts: Decimal, order: OrderSide) -> Stance:
    before = size - order.sign * contracts
    if abs(before) <= _NEGLIGIBLE * max(abs(size), contracts):
        return Stance.FLAT
    return Stance.LONG if before > 0 else Stance.SHORT


def _moved(case: _Case, before: Stance, after: Stance) -> Resolved:
    """The positions before and after are known: the difference is what was done."""
    if before is after:
        return _same(case, after)
    if case.order is not None:
        rises = _height(after) > _height(before)
        if rises is not (case.order is OrderSide.BUY):
            raise case.conflict(case.orders[0])
    exits, entries = _exit_of(before), _entry_of(after)
    if case.leaves and not exits:
        raise case.conflict(case.leaves[0])
    if case.enters and not entries:
        raise case.conflict(case.enters[0])
    steps = exits if case.leaves else (*exits, *entries)
    if case.side is not None and case.side not in {step.side for step in steps}:
        raise case.conflict(case.sided[0])
    return Resolved(steps=steps, before=before, after=after)


def _same(case: _Case, stance: Stance) -> Resolved:
    """More of the same asks for nothing: positions are not added to. Less of it is a part."""
    side = _SIDES.get(stance)
    is_less = case.order is not None and side is not None and side_of(case.order) is not side
    if side is None or not (is_less or case.leaves):
        return Resolved(steps=(), before=stance, after=stance)
    if case.order is not None and not is_less:
        raise case.conflict(case.orders[0], case.leaves[0])
    first = (case.orders or case.leaves)[0]
    return Resolved(
        steps=_exit_of(stance),
        before=stance,
        after=stance,
        part_of=str(case.conflict(first)),
        part=case.part,
    )


def _flat(case: _Case) -> Resolved:
    """Nothing is to be held: whatever is, is closed."""
    for other in (case.enters, case.reverses):
        if other:
            raise case.conflict(other[0])
    return Resolved(steps=_exits(case.side), before=case.before, after=Stance.FLAT)


def _leave(case: _Case) -> Resolved:
    case.refuse_with(case.leaves, case.enters, case.reverses)
    side, order = case.side, case.order
    if case.after is not None:  # long or short: the position that is left in part
        held = _SIDES[case.after]
        if side is not None and side is not held:
            raise case.conflict(case.sided[0])
        side = held
    if not case.exits and order is None and side is None:
        raise BadSignal(_NO_ACTION)
    if order is not None:
        closes = side_of(order).opposite
        if side is not None and side is not closes:
            raise case.conflict(case.orders[0], *(case.sided or case.closes_only)[:1])
        side = closes
    reduction = case.reduction
    return Resolved(
        steps=_exits(side),
        before=case.before,
        after=case.after,
        part_of=None if reduction is None else str(reduction.field),
        part=case.part,
    )


def _reverse(case: _Case) -> Resolved:
    named = [each.meaning.side for each in case.reverses if each.meaning.side is not None]
    named += [] if case.side is None else [case.side]
    named += [] if case.order is None else [side_of(case.order)]
    named += [] if case.after is None else [_SIDES[case.after]]
    if case.before is not None and case.before is not Stance.FLAT:
        named.append(_SIDES[case.before].opposite)
    if not named:
        raise BadSignal(
            f"{case.reverses[0].field}: it needs the side to turn to: add side or market_position"
        )
    if len(set(named)) > 1:
        raise case.conflict(case.reverses[0], *case.sided[:1], *case.orders[:1])
    (to,) = set(named)
    return Resolved(steps=(_exit(to.opposite), _entry(to)), before=case.before, after=_STANCES[to])


def _order(case: _Case, direction: Direction) -> Resolved:
    """Neither flat nor a word that closes: an entry, or an order against a named position."""
    if case.enters:
        return _enter(case)
    if case.order is None and case.side is None:
        raise BadSignal(_NO_ACTION)
    if case.after is not None:
        return _towards(case, _SIDES[case.after])
    if case.order is None:
        assert case.side is not None  # noqa: S101 - looked at above
        return Resolved(steps=(_entry(case.side),), before=case.before)
    opens = side_of(case.order)
    if case.side is not None:
        step = _entry(opens) if case.side is opens else _exit(case.side)
        return Resolved(steps=(step,), before=case.before)
    if case.before is not None and case.before is not Stance.FLAT:
        held = _SIDES[case.before]  # the position now is unknown: only leaving is certain
        return Resolved(steps=() if held is opens else (_exit(held),), before=case.before)
    is_closing = (direction is Direction.LONG and opens is Side.SHORT) or (
        direction is Direction.SHORT and opens is Side.LONG
    )
    step = _exit(opens.opposite) if is_closing else _entry(opens)
    return Resolved(steps=(step,), before=case.before)


def _towards(case: _Case, held: Side) -> Resolved:
    """The strategy is long or short now; an order against that was a part of its position."""
    if case.side is not None and case.side is not held:
        raise case.conflict(case.sided[0])
    if case.order is None or side_of(case.order) is held:
        return Resolved(steps=(_entry(held),), before=case.before, after=case.after)
    return Resolved(
        steps=(_exit(held),),
        before=case.before,
        after=case.after,
        part_of=str(case.conflict(case.orders[0])),
    )


def _enter(case: _Case) -> Resolved:
    side = case.side or (None if case.order is None else side_of(case.order))
    if side is None and case.after is not None:
        side = _SIDES[case.after]
    if side is None:
        raise BadSignal(f"{case.enters[0].field}: an entry needs its side: long or short")
    if case.order is not None and side_of(case.order) is not side:
        raise case.conflict(case.enters[0], case.orders[0])
    if case.after is not None and _SIDES[case.after] is not side:
        raise case.conflict(case.enters[0])
    return Resolved(steps=(_entry(side),), before=case.before, after=case.after)


_T = TypeVar("_T")


def _agreed(statements: Sequence[Statement], of: Callable[[Statement], _T | None]) -> _T | None:
    """What all of them agree on."""
    for each in statements[1:]:
        if of(each) != of(statements[0]):
            raise _contradiction(statements[0].field, each.field)
    return of(statements[0]) if statements else None


def _contradiction(*fields: Field) -> BadSignal:
    named = " and ".join(dict.fromkeys(str(each) for each in fields))
    return BadSignal(f"{named} contradict each other: which one counts?")


_NO_ACTION = "the alert does not say what to do: it needs an action"
_SIDES = {Stance.LONG: Side.LONG, Stance.SHORT: Side.SHORT}
_STANCES = {side: stance for stance, side in _SIDES.items()}


def _height(stance: Stance) -> int:
    return 0 if stance is Stance.FLAT else _SIDES[stance].sign


def _entry(side: Side) -> Action:
    return Action.LONG if side is Side.LONG else Action.SHORT


def _exit(side: Side) -> Action:
    return Action.EXIT_LONG if side is Side.LONG else Action.EXIT_SHORT


def _exits(side: Side | None) -> tuple[Action, ...]:
    return (_exit(side),) if side is not None else (Action.EXIT_LONG, Action.EXIT_SHORT)


def _exit_of(stance: Stance) -> tuple[Action, ...]:
    return () if stance is Stance.FLAT else (_exit(_SIDES[stance]),)


def _entry_of(stance: Stance) -> tuple[Action, ...]:
    return () if stance is Stance.FLAT else (_entry(_SIDES[stance]),)
