"""Stops and targets in every spelling: prices, percent, distances, lists of objects, shares.

A level that was asked for is used or refuses the entry, by the field's name and value; it never
vanishes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from signalbot.domain.errors import BadSignal
from signalbot.domain.money import HUNDRED, ONE, ZERO, trimmed
from signalbot.intake.fields import Field
from signalbot.intake.level_fields import (
    Family,
    Level,
    Measure,
    Part,
    is_nothing,
    is_weight,
    kind_of,
    level_of,
    one_by_one,
    part_of,
    share_of,
)
from signalbot.intake.numbers import number
from signalbot.intake.statements import boolean

MOST_TARGETS = 10
_MOST_SHARES = Decimal("100.5")
_SHARE_PLACES = 4


@dataclass(frozen=True, slots=True)
class Target:
    level: Level
    share: Decimal | None = None  #: percent of the position


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """All levels of an alert."""

    stop: Level | None = None
    trailing: Level | None = None  #: a distance: percent or amount
    targets: tuple[Target, ...] = ()  #: in the sender's order


_Share = tuple[Decimal | None, Field]  # percent, or a number whose unit is unknown


@dataclass(slots=True)
class _Group:
    """What is said of one level."""

    levels: list[Level] = field(default_factory=list)
    limits: list[Level] = field(default_factory=list)  #: of orders that a trigger sends
    shares: list[_Share] = field(default_factory=list)
    amounts: list[Field] = field(default_factory=list)  #: a distance, or a share
    wishes: list[Field] = field(default_factory=list)  #: flags such as ``trailing: true``
    is_none: bool = False  #: a level is named, and it is 0 or empty


_Groups = Mapping[tuple[Family, tuple[int, ...]], _Group]


def is_level(each: Field) -> bool:
    """Whether a field's name is about a stop, a target or a trailing distance."""
    return part_of(each) is not None


def read_levels(fields: Iterable[Field]) -> Levels:
    """The levels of an entry.

    Raises:
        BadSignal: one of them cannot be used; its field and value are named.
    """
    parts = [part for each in fields if (part := part_of(each)) is not None]
    parts = [part for part in parts if not _is_off(part, parts)]
    kinds = {family: kind for part in parts if (kind := kind_of(part)) for family in part.families}
    groups: defaultdict[tuple[Family, tuple[int, ...]], _Group] = defaultdict(_Group)
    for part in one_by_one(parts):
        group = groups[part.family, part.place if part.family is Family.TARGET else ()]
        if part.is_aside:
            continue
        if is_nothing(part.field):
            group.is_none = group.is_none or not part.is_share
        else:
            _add(part, group, kinds.get(part.family))
    in_percent = any(part.is_share_in_percent and boolean(part.field) for part in parts)
    stop, trailing = _single(groups, Family.STOP), _single(groups, Family.TRAILING)
    if kinds.get(Family.STOP) == "trailing":
        if stop is None and trailing is None:
            named = next(part for part in parts if part.is_kind)
            raise BadSignal(f"{named.field}: a trailing stop needs its distance in percent")
        stop, trailing = (None, stop) if trailing is None else (stop, trailing)
    if trailing is not None and trailing.measure is Measure.PRICE:
        raise BadSignal(f"{trailing.field}: a trailing stop needs a distance, such as 0.75%")
    return Levels(stop=stop, trailing=trailing, targets=_targets(groups, in_percent))


def _is_off(part: Part, parts: Sequence[Part]) -> bool:
    """Whether its family is switched off, as by ``stop_loss.enabled: false``."""
    return any(
        other.family is part.family and other.is_flag and boolean(other.field) is False
        for other in parts
    )


def _add(part: Part, group: _Group, kind: str | None) -> None:
    """Add a field to its level."""
    _refuse_unusable(part)
    is_wish = part.field.value.lower() in ("true", "yes", "on")
    if part.family is Family.TARGET and part.is_share:
        if not is_wish:
            group.shares.append(share_of(part))
    elif is_wish:  # "stop_loss: true" asks for a stop, and there is always one
        if part.family is Family.TRAILING:
            group.wishes.append(part.field)
    elif part.family is Family.TARGET and part.words == {"amount"}:
        group.amounts.append(part.field)
    else:
        (group.limits if part.is_limit else group.levels).append(level_of(part, kind))


def _refuse_unusable(part: Part) -> None:
    if part.family is Family.TRAILING and part.is_activation:
        raise BadSignal(
            f"{part.field}: a stop trails from the entry on; it cannot wait for a price"
        )
    if part.family is Family.TRAILING and any(
        {"take", "profit"} <= set(segment) for segment in part.field.segments
    ):
        raise BadSignal(f"{part.field}: targets do not trail")
    if part.words & {"break", "even", "follows"}:
        raise BadSignal(f"{part.field}: that is the user's setting protection.break_even_after")


def _single(groups: _Groups, family: Family) -> Level | None:
    """The one level of a family that has only one."""
    mine = [group for (kind, _), group in groups.items() if kind is family]
    found = [level for group in mine for level in group.levels]
    found = found or [level for group in mine for level in group.limits]
    if not found and (wish := next((each for group in mine for each in group.wishes), None)):
        raise BadSignal(f"{wish}: a trailing stop needs its distance, such as 0.75%")
    return _only(found)


def _only(found: Sequence[Level]) -> Level | None:
    for other in found[1:]:
        if (other.measure, other.value) != (found[0].measure, found[0].value):
            raise BadSignal(f"{found[0].field} and {other.field} are two levels: which one counts?")
    return found[0] if found else None


def _targets(groups: _Groups, in_percent: bool) -> tuple[Target, ...]:
    found: list[tuple[Level, _Share | None]] = []
    for (family, _), group in sorted(groups.items()):
        if family is not Family.TARGET:
            continue
        _place_amounts(group, in_percent)
        level = _only(group.levels or group.limits)
        if level is not None:
            found.append((level, group.shares[0] if group.shares else None))
        elif group.shares and not group.is_none:
            raise BadSignal(f"{group.shares[0][1]}: there is a share and no target for it")
    if len(found) > MOST_TARGETS:
        raise BadSignal(f"the alert has {len(found)} targets: at most {MOST_TARGETS} can be used")
    return _with_shares(found)


def _place_amounts(group: _Group, in_percent: bool) -> None:
    """Beside a level an amount is a share, alone it is a distance."""
    for amount in group.amounts:
        if group.levels:
            group.shares.append((number(amount) if in_percent else None, amount))
        else:
            group.levels.append(Level(Measure.AMOUNT, abs(number(amount)), amount))


def _with_shares(found: Sequence[tuple[Level, _Share | None]]) -> tuple[Target, ...]:
    named = [share for _, share in found if share is not None]
    if not named:
        return tuple(Target(level) for level, _ in found)
    if len(named) < len(found):
        raise BadSignal(f"{named[0][1]}: there is a share for some targets and not for all")
    values = _in_percent(named)
    if sum(values, ZERO) > _MOST_SHARES or not all(value > 0 for value in values):
        listed = ", ".join(str(each) for _, each in named)
        raise BadSignal(f"{listed}: the shares of the targets add up to more than the position")
    return tuple(
        Target(level, trimmed(min(value, HUNDRED)))
        for (level, _), value in zip(found, values, strict=True)
    )


def _in_percent(named: Sequence[_Share]) -> list[Decimal]:
    """Shares in percent; what is not typed must be parts or percent of everything, or weights."""
    if all(value is not None for value, _ in named):
        return [value for value, _ in named if value is not None]
    plain = [number(replace(each, value=each.value.strip().removesuffix("%"))) for _, each in named]
    if abs(sum(plain, ZERO) - ONE) <= Decimal("0.005"):
        return [value * HUNDRED for value in plain]
    if abs(sum(plain, ZERO) - HUNDRED) <= Decimal("0.5"):
        return plain
    if all(is_weight(each) for _, each in named) and all(value > 0 for value in plain):
        whole = max(sum(plain, ZERO), ONE)
        return [round(value * HUNDRED / whole, _SHARE_PLACES) for value in plain]
    raise BadSignal(f"{named[0][1]}: a share in percent of the position belongs here, such as 50%")
