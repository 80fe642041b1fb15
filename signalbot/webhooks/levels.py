"""Parses stops and targets in all notations: prices, percent, distances, lists, shares.

A requested level is used, or its field and value reject the entry; levels are never dropped.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.money import HUNDRED, ONE, ZERO, trimmed
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.instructions import parse_boolean
from signalbot.webhooks.level_fields import (
    AlertLevel,
    LevelFamily,
    LevelField,
    LevelMeasure,
    is_unset,
    is_weight,
    level_kind_of,
    parse_level,
    parse_level_field,
    parse_share,
    split_targets,
)
from signalbot.webhooks.number_parsing import parse_number

MAX_TARGETS = 10
_MAX_TOTAL_SHARE = Decimal("100.5")
_SHARE_PLACES = 4


@dataclass(frozen=True, slots=True)
class AlertTarget:
    level: AlertLevel
    share: Decimal | None = None  #: percent of the position


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLevels:
    """All levels of an alert."""

    stop: AlertLevel | None = None
    trailing: AlertLevel | None = None  #: a distance: percent or amount
    targets: tuple[AlertTarget, ...] = ()  #: in the sender's order


_Share = tuple[Decimal | None, AlertField]  # percent, or a number whose unit is unknown


@dataclass(slots=True)
class _LevelGroup:
    """Fields of one level."""

    levels: list[AlertLevel] = field(default_factory=list)
    limits: list[AlertLevel] = field(default_factory=list)  #: limit prices of triggered orders
    shares: list[_Share] = field(default_factory=list)
    amounts: list[AlertField] = field(default_factory=list)  #: distances or shares
    requests: list[AlertField] = field(default_factory=list)  #: flags such as ``trailing: true``
    is_off: bool = False  #: the level is zero or empty


_Groups = Mapping[tuple[LevelFamily, tuple[int, ...]], _LevelGroup]


def is_level(each: AlertField) -> bool:
    """Whether a field is about a stop, a target or a trailing distance."""
    return parse_level_field(each) is not None


def read_levels(fields: Iterable[AlertField]) -> AlertLevels:
    """Parse the levels of an entry.

    Raises:
        InvalidSignal: a level is invalid; the message has field and value.
    """
    parts = [part for each in fields if (part := parse_level_field(each)) is not None]
    parts = [part for part in parts if not _is_off(part, parts)]
    kinds = {
        family: kind for part in parts if (kind := level_kind_of(part)) for family in part.families
    }
    groups: defaultdict[tuple[LevelFamily, tuple[int, ...]], _LevelGroup] = defaultdict(_LevelGroup)
    for part in split_targets(parts):
        group = groups[part.family, part.indexes if part.family is LevelFamily.TARGET else ()]
        if part.is_irrelevant:
            continue
        if is_unset(part.field):
            group.is_off = group.is_off or not part.is_share
        else:
            _add(part, group, kinds.get(part.family))
    in_percent = any(part.is_share_in_percent and parse_boolean(part.field) for part in parts)
    stop, trailing = (
        _single_level(groups, LevelFamily.STOP),
        _single_level(groups, LevelFamily.TRAILING),
    )
    if kinds.get(LevelFamily.STOP) == "trailing":
        if stop is None and trailing is None:
            named = next(part for part in parts if part.is_kind)
            raise InvalidSignal(f"{named.field}: a trailing stop needs its distance in percent")
        stop, trailing = (None, stop) if trailing is None else (stop, trailing)
    if trailing is not None and trailing.measure is LevelMeasure.PRICE:
        raise InvalidSignal(f"{trailing.field}: a trailing stop needs a distance, such as 0.75%")
    return AlertLevels(stop=stop, trailing=trailing, targets=_targets(groups, in_percent))


def _is_off(part: LevelField, parts: Sequence[LevelField]) -> bool:
    """Whether its family is switched off, as by ``stop_loss.enabled: false``."""
    return any(
        other.family is part.family and other.is_flag and parse_boolean(other.field) is False
        for other in parts
    )


def _add(part: LevelField, group: _LevelGroup, kind: str | None) -> None:
    """Add a field to its level."""
    _reject_unsupported(part)
    is_request = part.field.value.lower() in ("true", "yes", "on")
    if part.family is LevelFamily.TARGET and part.is_share:
        if not is_request:
            group.shares.append(parse_share(part))
    elif is_request:  # "stop_loss: true" requests a stop, which every entry has
        if part.family is LevelFamily.TRAILING:
            group.requests.append(part.field)
    elif part.family is LevelFamily.TARGET and part.tokens == {"amount"}:
        group.amounts.append(part.field)
    else:
        (group.limits if part.is_limit else group.levels).append(parse_level(part, kind))


def _reject_unsupported(part: LevelField) -> None:
    if part.family is LevelFamily.TRAILING and part.is_activation:
        raise InvalidSignal(f"{part.field}: activation prices of trailing stops are not supported")
    if part.family is LevelFamily.TRAILING and any(
        {"take", "profit"} <= set(segment) for segment in part.field.segments
    ):
        raise InvalidSignal(f"{part.field}: trailing targets are not supported")
    if part.tokens & {"break", "even", "follows"}:
        raise InvalidSignal(f"{part.field}: use the user's setting protection.break_even_after")


def _single_level(groups: _Groups, family: LevelFamily) -> AlertLevel | None:
    """Return the level of a family with a single level."""
    mine = [group for (kind, _), group in groups.items() if kind is family]
    found = [level for group in mine for level in group.levels]
    found = found or [level for group in mine for level in group.limits]
    if not found and (request := next((each for group in mine for each in group.requests), None)):
        raise InvalidSignal(f"{request}: a trailing stop needs its distance, such as 0.75%")
    return _single_value(found)


def _single_value(found: Sequence[AlertLevel]) -> AlertLevel | None:
    for other in found[1:]:
        if (other.measure, other.value) != (found[0].measure, found[0].value):
            raise InvalidSignal(f"{found[0].field} and {other.field} are different levels")
    return found[0] if found else None


def _targets(groups: _Groups, in_percent: bool) -> tuple[AlertTarget, ...]:
    found: list[tuple[AlertLevel, _Share | None]] = []
    for (family, _), group in sorted(groups.items()):
        if family is not LevelFamily.TARGET:
            continue
        _assign_amounts(group, in_percent)
        level = _single_value(group.levels or group.limits)
        if level is not None:
            found.append((level, group.shares[0] if group.shares else None))
        elif group.shares and not group.is_off:
            raise InvalidSignal(f"{group.shares[0][1]}: share without a target")
    if len(found) > MAX_TARGETS:
        raise InvalidSignal(f"the alert has {len(found)} targets, more than {MAX_TARGETS}")
    return _with_shares(found)


def _assign_amounts(group: _LevelGroup, in_percent: bool) -> None:
    """Use amounts as shares next to a level, else as distances."""
    for amount in group.amounts:
        if group.levels:
            group.shares.append((parse_number(amount) if in_percent else None, amount))
        else:
            group.levels.append(AlertLevel(LevelMeasure.AMOUNT, abs(parse_number(amount)), amount))


def _with_shares(found: Sequence[tuple[AlertLevel, _Share | None]]) -> tuple[AlertTarget, ...]:
    named = [share for _, share in found if share is not None]
    if not named:
        return tuple(AlertTarget(level) for level, _ in found)
    if len(named) < len(found):
        raise InvalidSignal(f"{named[0][1]}: only some targets have shares")
    values = _in_percent(named)
    if sum(values, ZERO) > _MAX_TOTAL_SHARE or not all(value > 0 for value in values):
        listed = ", ".join(str(each) for _, each in named)
        raise InvalidSignal(f"{listed}: shares of targets exceed the position")
    return tuple(
        AlertTarget(level, trimmed(min(value, HUNDRED)))
        for (level, _), value in zip(found, values, strict=True)
    )


def _in_percent(named: Sequence[_Share]) -> list[Decimal]:
    """Convert shares to percent; unitless ones must add up to 1 or 100, or be weights."""
    if all(value is not None for value, _ in named):
        return [value for value, _ in named if value is not None]
    plain = [
        parse_number(replace(each, value=each.value.strip().removesuffix("%"))) for _, each in named
    ]
    if abs(sum(plain, ZERO) - ONE) <= Decimal("0.005"):
        return [value * HUNDRED for value in plain]
    if abs(sum(plain, ZERO) - HUNDRED) <= Decimal("0.5"):
        return plain
    if all(is_weight(each) for _, each in named) and all(value > 0 for value in plain):
        total = max(sum(plain, ZERO), ONE)
        return [round(value * HUNDRED / total, _SHARE_PLACES) for value in plain]
    raise InvalidSignal(f"{named[0][1]}: expected a share in percent of the position, such as 50%")
