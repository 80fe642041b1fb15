"""How much of a position an exit closes: a given share, or a size against the size before."""

import re
from collections.abc import Sequence
from decimal import Decimal

from signalbot.domain.errors import BadSignal
from signalbot.domain.money import HUNDRED, ONE, ZERO, trimmed
from signalbot.domain.signals import Action
from signalbot.intake.aliases import Role
from signalbot.intake.deciding import is_percent_flag
from signalbot.intake.direction import Resolved
from signalbot.intake.fields import Field, shown
from signalbot.intake.names import word_set, words
from signalbot.intake.numbers import number_or_none
from signalbot.intake.statements import Instructions, boolean

_FRACTIONS = frozenset({"ratio", "fraction", "portfolio", "portion"})
_SHARE_WORDS = word_set("percent share ratio fraction portion part")
_OF_EXIT = word_set("exit close reduce quantity size position amount sell volume by to of order")
_STAYS = word_set("remaining left keep leave remain rest stay")
_OF_SOMETHING_ELSE = word_set(
    "balance equity investment margin account usd usdt quote base available risk"
)
_PLACES = 6
_PERCENT = re.compile(r"\d+(\.\d+)?\s*%[apt]?", re.IGNORECASE)  # OctoBot: 50%p of the position


class Sizes:
    """The fields of an alert that are about how much."""

    def __init__(self, fields: Sequence[tuple[Field, Role | None]]) -> None:
        self._fields = fields

    @property
    def contracts(self) -> Decimal | None:
        """The size of the strategy's order, in the unit of its position."""
        for each in self._of(Role.CONTRACTS):
            value = number_or_none(each.value)
            if value is not None and value > 0:
                return value
        return None

    def exit_percent(self, instructions: Instructions, resolved: Resolved) -> Decimal:
        """The part of the position that the exits of an alert close, in percent.

        Raises:
            BadSignal: only a part leaves, and how much is not given.
        """
        if not resolved.steps or any(
            isinstance(step, Action) and step.is_entry for step in resolved.steps
        ):
            return HUNDRED
        shares = [share for each in self._told(instructions) if (share := each) is not None]
        if resolved.part is not None:
            shares.append(resolved.part)
        if not shares and resolved.part_of is not None:
            share = self._against_position(instructions)
            if share is None:
                raise BadSignal(f"{resolved.part_of}: how much of the position leaves is not given")
            return share
        if resolved.part_of is None and not shares and resolved.before is resolved.after:
            shares += [
                share for share in (self._against_position(instructions),) if share is not None
            ]
        return min(max(shares), HUNDRED) if shares else HUNDRED

    def _of(self, *roles: Role) -> list[Field]:
        return [each for each, role in self._fields if role in roles]

    def _told(self, instructions: Instructions) -> list[Decimal | None]:
        """Shares of the position by name, by a percent sign, or by their unit."""
        units = self._of(Role.SIZE_UNIT)
        unit = frozenset(
            word for each in units for word in words(each.value.replace("%", " percent "))
        )
        if any(is_percent_flag(each) for each, _ in self._fields):
            unit |= {"percent"}
        found = [
            _share(each, instructions)
            for each, role in self._fields
            if role is Role.EXIT_PERCENT or (role is None and _is_share(each))
        ]
        found += [
            None if stays is None else max(HUNDRED - stays, ZERO) or None
            for each, role in self._fields
            if role in (None, Role.MARKET_SIZE, Role.EXPOSURE) and _is_rest(each)
            for stays in (_percent(each, instructions, is_percent=True),)
        ]
        for each in self._of(Role.SIZE, Role.CONTRACTS, Role.POSITION_SIZE):
            text = each.value.strip()
            is_unit = bool(unit & _SHARE_WORDS) and not unit & _OF_SOMETHING_ELSE
            is_named = (
                "percent" in each.segments[-1] and not set(each.segments[-1]) & _OF_SOMETHING_ELSE
            )
            if _PERCENT.fullmatch(text) or (
                number_or_none(text) is not None and (is_unit or is_named)
            ):
                is_fraction = is_unit and (
                    "percent" not in unit
                    or any(each.value.strip().lower() == "percents" for each in units)
                )
                found.append(_percent(each, instructions, is_percent=not is_fraction))
        return found

    def _against_position(self, instructions: Instructions) -> Decimal | None:
        """What left, against what had been held: both in the strategy's own unit."""
        after = (
            instructions.held[0]
            if instructions.held
            else abs(instructions.position_size[0])
            if instructions.position_size
            else None
        )
        before = instructions.held_before[0] if instructions.held_before else None
        if after is None:
            return None
        left = before - after if before is not None else self.contracts or self._quantity()
        whole = before if before is not None else None if left is None else after + left
        if left is None or whole is None or not 0 < left <= whole:
            return None
        return trimmed(round(left * HUNDRED / whole, _PLACES))

    def _quantity(self) -> Decimal | None:
        for each in self._of(Role.SIZE):
            value = number_or_none(each.value)
            if value is not None and value > 0:
                return value
        return None


def _is_share(each: Field) -> bool:
    """Whether an unknown name is of a share of the position, as ``exit_qty_percent``."""
    leaf = set(each.segments[-1])
    is_named = bool(leaf & _SHARE_WORDS) and leaf <= _SHARE_WORDS | _OF_EXIT
    return is_named or (
        bool(leaf) and leaf <= _OF_EXIT and _PERCENT.fullmatch(each.value.strip()) is not None
    )


def _is_rest(each: Field) -> bool:
    """Whether it is the share of the position that stays."""
    leaf = set(each.segments[-1])
    is_share = "percent" in leaf or _PERCENT.fullmatch(each.value.strip()) is not None
    return bool(leaf & _STAYS) and is_share


def _share(each: Field, instructions: Instructions) -> Decimal | None:
    """A share that was asked for.

    Raises:
        BadSignal: it is there, and it is none: the whole position is not closed instead.
    """
    if is_percent_flag(each):
        return None
    if each.placeholder is not None:
        raise BadSignal(f"{each.name}: the placeholder {shown(each.placeholder)} was not filled")
    value = number_or_none(each.value.strip().partition("%")[0].strip())
    if not each.is_empty and boolean(each) is not False and (value is None or value < 0):
        raise BadSignal(f"{each}: a share of the position belongs here, such as 50%")
    return _percent(each, instructions, is_percent=True)


def _percent(each: Field, instructions: Instructions, *, is_percent: bool) -> Decimal | None:
    """A share as percent; at most everything, None for nothing."""
    text = each.value.strip()
    value = number_or_none(text.partition("%")[0].strip())
    if value is None or value <= 0:
        return None
    instructions.understood.add(each.name)
    is_fraction = bool(set(each.segments[-1]) & _FRACTIONS) or not is_percent
    if is_fraction and value <= ONE and "%" not in text:
        value = trimmed(value * HUNDRED)
    return value
