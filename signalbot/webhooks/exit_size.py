"""Computes the part of a position an exit closes, from shares or sizes."""

import re
from collections.abc import Sequence
from decimal import Decimal

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.money import HUNDRED, ONE, ZERO, trimmed
from signalbot.domain.signals import Action
from signalbot.webhooks.aliases import FieldRole
from signalbot.webhooks.fields import AlertField, quoted_value
from signalbot.webhooks.instructions import Instructions, parse_boolean
from signalbot.webhooks.name_tokens import token_set, tokenize
from signalbot.webhooks.number_parsing import number_or_none
from signalbot.webhooks.resolution import ResolvedAlert
from signalbot.webhooks.unknown_fields import is_percent_flag

_FRACTIONS = frozenset({"ratio", "fraction", "portfolio", "portion"})
_SHARE_TOKENS = token_set("percent share ratio fraction portion part")
_OF_EXIT = token_set("exit close reduce quantity size position amount sell volume by to of order")
_STAYS = token_set("remaining left keep leave remain rest stay")
_OF_SOMETHING_ELSE = token_set(
    "balance equity investment margin account usd usdt quote base available risk"
)
_PLACES = 6
_PERCENT = re.compile(r"\d+(\.\d+)?\s*%[apt]?", re.IGNORECASE)  # OctoBot: 50%p of the position


class ExitSizes:
    """Size fields of an alert."""

    def __init__(self, fields: Sequence[tuple[AlertField, FieldRole | None]]) -> None:
        self._fields = fields

    @property
    def contracts(self) -> Decimal | None:
        """Size of the strategy's order, in the unit of its position."""
        for each in self._fields_of(FieldRole.CONTRACTS):
            value = number_or_none(each.value)
            if value is not None and value > 0:
                return value
        return None

    def exit_percent(self, instructions: Instructions, resolved: ResolvedAlert) -> Decimal:
        """Return the part of the position that the exits of an alert close, in percent.

        Raises:
            InvalidSignal: the exit is partial, but its size is not given.
        """
        if not resolved.steps or any(
            isinstance(step, Action) and step.is_entry for step in resolved.steps
        ):
            return HUNDRED
        shares = [share for each in self._given_shares(instructions) if (share := each) is not None]
        if resolved.exit_percent is not None:
            shares.append(resolved.exit_percent)
        if not shares and resolved.partial_exit_error is not None:
            share = self._share_of_position(instructions)
            if share is None:
                raise InvalidSignal(
                    f"{resolved.partial_exit_error}: the part of the position to close is missing"
                )
            return share
        if resolved.partial_exit_error is None and not shares and resolved.before is resolved.after:
            shares += [
                share for share in (self._share_of_position(instructions),) if share is not None
            ]
        return min(max(shares), HUNDRED) if shares else HUNDRED

    def _fields_of(self, *roles: FieldRole) -> list[AlertField]:
        return [each for each, role in self._fields if role in roles]

    def _given_shares(self, instructions: Instructions) -> list[Decimal | None]:
        """Return shares of the position given by name, percent sign or unit."""
        units = self._fields_of(FieldRole.SIZE_UNIT)
        unit = frozenset(
            word for each in units for word in tokenize(each.value.replace("%", " percent "))
        )
        if any(is_percent_flag(each) for each, _ in self._fields):
            unit |= {"percent"}
        found = [
            _share(each, instructions)
            for each, role in self._fields
            if role is FieldRole.EXIT_PERCENT or (role is None and _is_share(each))
        ]
        found += [
            None if stays is None else max(HUNDRED - stays, ZERO) or None
            for each, role in self._fields
            if role in (None, FieldRole.MARKET_SIZE, FieldRole.EXPOSURE) and _is_rest(each)
            for stays in (_parse_percent(each, instructions, is_percent=True),)
        ]
        for each in self._fields_of(FieldRole.SIZE, FieldRole.CONTRACTS, FieldRole.POSITION_SIZE):
            text = each.value.strip()
            is_unit = bool(unit & _SHARE_TOKENS) and not unit & _OF_SOMETHING_ELSE
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
                found.append(_parse_percent(each, instructions, is_percent=not is_fraction))
        return found

    def _share_of_position(self, instructions: Instructions) -> Decimal | None:
        """Compute the closed share from sizes before and after, in the strategy's unit."""
        after = (
            instructions.size_held[0]
            if instructions.size_held
            else abs(instructions.position_size[0])
            if instructions.position_size
            else None
        )
        before = instructions.size_held_before[0] if instructions.size_held_before else None
        if after is None:
            return None
        closed = before - after if before is not None else self.contracts or self._quantity()
        total = before if before is not None else None if closed is None else after + closed
        if closed is None or total is None or not 0 < closed <= total:
            return None
        return trimmed(round(closed * HUNDRED / total, _PLACES))

    def _quantity(self) -> Decimal | None:
        for each in self._fields_of(FieldRole.SIZE):
            value = number_or_none(each.value)
            if value is not None and value > 0:
                return value
        return None


def _is_share(each: AlertField) -> bool:
    """Whether an unknown name denotes a share of the position, such as ``exit_qty_percent``."""
    leaf = set(each.segments[-1])
    is_named = bool(leaf & _SHARE_TOKENS) and leaf <= _SHARE_TOKENS | _OF_EXIT
    return is_named or (
        bool(leaf) and leaf <= _OF_EXIT and _PERCENT.fullmatch(each.value.strip()) is not None
    )


def _is_rest(each: AlertField) -> bool:
    """Whether a field is the share of the position that remains."""
    leaf = set(each.segments[-1])
    is_share = "percent" in leaf or _PERCENT.fullmatch(each.value.strip()) is not None
    return bool(leaf & _STAYS) and is_share


def _share(each: AlertField, instructions: Instructions) -> Decimal | None:
    """Parse a requested share.

    Raises:
        InvalidSignal: it is invalid; the whole position must not be closed instead.
    """
    if is_percent_flag(each):
        return None
    if each.placeholder is not None:
        raise InvalidSignal(
            f"{each.name}: the placeholder {quoted_value(each.placeholder)} was not filled"
        )
    value = number_or_none(each.value.strip().partition("%")[0].strip())
    if not each.is_empty and parse_boolean(each) is not False and (value is None or value < 0):
        raise InvalidSignal(f"{each}: expected a share of the position, such as 50%")
    return _parse_percent(each, instructions, is_percent=True)


def _parse_percent(
    each: AlertField, instructions: Instructions, *, is_percent: bool
) -> Decimal | None:
    """Parse a share as percent; None for zero."""
    text = each.value.strip()
    value = number_or_none(text.partition("%")[0].strip())
    if value is None or value <= 0:
        return None
    instructions.used_fields.add(each.name)
    is_fraction = bool(set(each.segments[-1]) & _FRACTIONS) or not is_percent
    if is_fraction and value <= ONE and "%" not in text:
        value = trimmed(value * HUNDRED)
    return value
