"""Parses alerts: market, actions, levels and identity."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.money import HUNDRED
from signalbot.domain.position_tracking import ReportedPosition
from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Ms
from signalbot.webhooks.actions import ActionKind
from signalbot.webhooks.alert import Alert, AlertRules
from signalbot.webhooks.alert_age import check_age
from signalbot.webhooks.aliases import FieldRole
from signalbot.webhooks.command_formats import expand_codes
from signalbot.webhooks.exit_size import ExitSizes
from signalbot.webhooks.field_roles import role_of
from signalbot.webhooks.fields import (
    AlertField,
    AlertFields,
    decode_body,
    quoted_value,
    read_fields,
)
from signalbot.webhooks.instruction_reader import collect_instructions
from signalbot.webhooks.instructions import Instructions, parse_boolean
from signalbot.webhooks.level_fields import is_unset
from signalbot.webhooks.levels import AlertLevels, is_level, read_levels
from signalbot.webhooks.market_resolution import resolve_market
from signalbot.webhooks.number_parsing import parse_number
from signalbot.webhooks.resolution import AlertStep, resolve_alert
from signalbot.webhooks.text_alerts import is_filled_order, parse_text
from signalbot.webhooks.unknown_fields import decisive_fields, percent_declarations

_MAX_REASON = 500
_MAX_KEY = 200
_MIN_ID = 8
_NO_LEVELS = AlertLevels()


def secret_of(body: bytes) -> str | None:
    """Return the secret in a body, for comparison only.

    Raises:
        InvalidSignal: the body cannot be parsed.
    """
    fields = _read_fields(body)
    return next((each.value for each in fields if role_of(each) is FieldRole.SECRET), None)


def parse_alert(body: bytes, rules: AlertRules, *, now_ms: Ms) -> Alert:
    """Parse a body.

    Raises:
        InvalidSignal: it is invalid, too old, or not allowed for this source.
    """
    fields = tuple(each for each in _read_fields(body) if role_of(each) is not FieldRole.SECRET)
    return _AlertParser(fields, rules, now_ms).alert()


def _read_fields(body: bytes) -> AlertFields:
    text = decode_body(body)
    if is_filled_order(text):  # its strategy name may look like a field
        return parse_text(text)
    return expand_codes(read_fields(text) or parse_text(text))


class _AlertParser:
    """Parser state of one alert: its fields, and which were used."""

    def __init__(self, fields: AlertFields, rules: AlertRules, now_ms: Ms) -> None:
        self._rules = rules
        self._now_ms = now_ms
        self._roles = [(each, role_of(each)) for each in fields]
        self._fields = fields
        self._levels = tuple(each for each, role in self._roles if _is_about_level(each, role))
        plain = tuple(each for each in fields if each not in self._levels)
        self._roles = [(each, role) for each, role in self._roles if each not in self._levels]
        self._instructions: Instructions = collect_instructions(plain)
        self._sizes = ExitSizes(self._roles)
        self._plain = plain

    def alert(self) -> Alert:
        instructions = self._instructions
        resolved = resolve_alert(instructions, self._rules.direction, self._sizes.contracts)
        symbol = resolve_market(self._roles, instructions, self._rules.symbols)
        if resolved.steps and resolved.after is not ReportedPosition.FLAT:
            self._reject_conditional_order()
        steps, entry_rejection = resolved.steps, None
        is_entry = any(isinstance(step, Action) and step.is_entry for step in steps)
        exit_percent = self._sizes.exit_percent(instructions, resolved)
        details = _EntryDetails()
        if is_entry:
            try:
                details = self._entry_details(steps)
            except InvalidSignal as e:
                steps, entry_rejection = _exits_of(steps, e), str(e)
                is_entry = False
        else:
            self._check_allowed(steps)
        sent_at_ms = self._sent_at(is_entry=is_entry, is_exit=bool(steps) and not is_entry)
        return Alert(
            symbol=symbol,
            steps=steps,
            entry_rejection=entry_rejection,
            key=self._key(),
            digest=_digest(self._fields),
            has_unique_id=any(map(_is_unique_id, self._fields_of(FieldRole.ID)))
            or any(
                not each.is_empty for each in self._fields_of(FieldRole.SENT_AT, FieldRole.BAR_TIME)
            ),
            position=resolved.after,
            previous_position=resolved.before,
            price=details.price if is_entry else self._price(is_entry=False),
            levels=details.levels,
            exit_percent=HUNDRED if is_entry else exit_percent,
            strength=details.strength if is_entry else self._strength(is_entry=False),
            confidence=details.confidence if is_entry else self._confidence(is_entry=False),
            reason=self._reason(),
            sent_at_ms=sent_at_ms,
            ignored=tuple(
                dict.fromkeys(
                    each.name for each in self._fields if each.name not in instructions.used_fields
                )
            ),
            is_test=instructions.is_test,
        )

    def _entry_details(self, steps: Sequence[AlertStep]) -> "_EntryDetails":
        """Parse everything that only entries use.

        Raises:
            InvalidSignal: the entry is invalid.
        """
        self._check_allowed(steps)
        self._check_entry()
        self._sent_at(is_entry=True, is_exit=False)
        levels = read_levels(self._levels)
        self._instructions.used_fields.update(each.name for each in self._levels)
        return _EntryDetails(
            levels=levels,
            price=self._price(is_entry=True),
            strength=self._strength(is_entry=True),
            confidence=self._confidence(is_entry=True),
        )

    def _reject_conditional_order(self) -> None:
        """Reject a conditional order, which closes nothing now, unless another word closes."""
        conditional = self._instructions.conditional_order
        actions = [
            each
            for each in self._instructions.of(ActionKind.EXIT, ActionKind.REDUCE)
            if not parse_boolean(each.field)
        ]
        if conditional is None or actions:
            return
        triggers = [*self._levels, *(each for each, _ in self._roles if _is_trigger(each))]
        if any(not is_unset(each) for each in triggers):
            raise InvalidSignal(f"{conditional}: conditional orders are not supported")

    def _check_allowed(self, steps: Sequence[AlertStep]) -> None:
        for step in steps:
            if isinstance(step, Action) and step not in self._rules.actions:
                raise InvalidSignal(
                    f"{step.value} is not allowed for this source: see actions in its settings"
                )

    def _sent_at(self, *, is_entry: bool, is_exit: bool) -> Ms | None:
        return check_age(
            self._fields_of(FieldRole.SENT_AT),
            self._fields_of(FieldRole.MAX_AGE),
            is_entry=is_entry,
            is_exit=is_exit,
            max_age_ms=self._rules.max_age_ms,
            now_ms=self._now_ms,
            used_fields=self._instructions.used_fields,
        )

    def _fields_of(self, *roles: FieldRole) -> list[AlertField]:
        return [each for each, role in self._roles if role in roles]

    def _check_entry(self) -> None:
        """Reject an entry with unresolved fields."""
        if self._instructions.conditional_order is not None:
            raise InvalidSignal(
                f"{self._instructions.conditional_order}: conditional entries are not supported"
            )
        for each in self._instructions.unresolved:
            raise InvalidSignal(f"{each}: unknown field that may affect the entry")
        for each in self._instructions.empty_positions:
            raise InvalidSignal(f"{each}: the position has no value")
        if not all(map(is_unset, self._levels)):
            for each in percent_declarations(self._plain):
                raise InvalidSignal(f"{each}: unclear which levels are percent; write 2%")
        for each in decisive_fields(self._plain):
            raise InvalidSignal(f"{each}: unknown field that may affect the entry")
        for each in self._fields_of(FieldRole.ID, FieldRole.KEY, FieldRole.BAR_TIME):
            if each.placeholder is not None:
                raise InvalidSignal(
                    f"{each.name}: the placeholder {quoted_value(each.placeholder)} was not filled"
                )

    def _price(self, *, is_entry: bool) -> Decimal | None:
        """Return the sender's price; invalid prices never reject an exit."""
        for each in sorted(self._fields_of(FieldRole.PRICE), key=_price_rank):
            if each.is_empty or parse_boolean(each) is False or each.value in ("0", "0.0"):
                continue
            try:
                value = parse_number(_first_number(each))
            except InvalidSignal:
                if is_entry:
                    raise
                continue
            if value == 0:
                continue
            if value < 0:
                if is_entry:
                    raise InvalidSignal(f"{each}: expected a price above 0")
                continue
            self._instructions.used_fields.add(each.name)
            return value
        return None

    def _strength(self, *, is_entry: bool) -> Strength:
        for each in self._fields_of(FieldRole.STRENGTH):
            if each.is_empty:
                continue
            try:
                found = Strength(each.value.upper().replace(" ", "_"))
            except ValueError as e:
                if is_entry:
                    raise InvalidSignal(
                        f"{each}: expected WEAK, MODERATE, STRONG or VERY_STRONG"
                    ) from e
                continue
            self._instructions.used_fields.add(each.name)
            return found
        return self._rules.strength

    def _confidence(self, *, is_entry: bool) -> float:
        """Return the confidence between 0 and 1; numbers above 1 are percent."""
        for each in self._fields_of(FieldRole.CONFIDENCE):
            if each.is_empty:
                continue
            try:
                value = _share_of_one(each)
            except InvalidSignal:
                if is_entry:
                    raise
                continue
            self._instructions.used_fields.add(each.name)
            return value
        return self._rules.confidence

    def _reason(self) -> str:
        for each in sorted(self._fields_of(FieldRole.REASON), key=_price_rank):
            if not each.is_empty and each.placeholder is None:
                self._instructions.used_fields.add(each.name)
                return each.value[:_MAX_REASON]
        return ""

    def _key(self) -> str | None:
        for each in self._fields_of(FieldRole.KEY):
            if not each.is_empty and each.placeholder is None:
                self._instructions.used_fields.add(each.name)
                return each.value[:_MAX_KEY]
        for each in self._fields_of(FieldRole.ID, FieldRole.BAR_TIME):
            self._instructions.used_fields.add(each.name)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _EntryDetails:
    """Values that only entries use."""

    levels: AlertLevels = _NO_LEVELS
    price: Decimal | None = None
    strength: Strength = Strength.MODERATE
    confidence: float = 1.0


def _exits_of(steps: Sequence[AlertStep], error: InvalidSignal) -> tuple[AlertStep, ...]:
    """Return the exits of an alert with an invalid entry, so that they are not lost.

    Raises:
        InvalidSignal: it has none.
    """
    exits = tuple(step for step in steps if isinstance(step, Action) and not step.is_entry)
    if not exits:
        raise error
    return exits


_PRICE_RANKING = (
    "signal price", "price", "order price", "strategy order price", "trigger price", "entry",
    "entry price", "limit price", "close",
    "reason", "comment", "order comment", "message",
)  # fmt: skip


def _is_unique_id(each: AlertField) -> bool:
    """Whether an id is unique to one alert, unlike order names such as ``Long``."""
    return len(each.value) >= _MIN_ID and any(map(str.isdecimal, each.value))


def _is_trigger(each: AlertField) -> bool:
    return {"trigger", "activation"} & set(each.segments[-1]) != set()


def _is_about_level(each: AlertField, role: FieldRole | None) -> bool:
    if role is FieldRole.HARMLESS or (
        role is not None and " ".join(each.segments[-1]) in _NOT_LEVELS
    ):
        return False
    return is_level(each)


_NOT_LEVELS = frozenset(
    {"target position", "target size", "target position size", "target quantity",
     "close on trigger", "trigger price", "target exposure", "target weight",
     "target allocation", "target contracts", "target notional", "target value"}
)  # fmt: skip


def _price_rank(each: AlertField) -> int:
    name = " ".join(each.segments[-1])
    return _PRICE_RANKING.index(name) if name in _PRICE_RANKING else len(_PRICE_RANKING)


def _first_number(each: AlertField) -> AlertField:
    """Return the first price of an entry zone such as ``60000 - 60500``."""
    first = each.value.strip().split(" - ")[0].split()
    return AlertField(each.path, first[0]) if first else each


def _share_of_one(each: AlertField) -> float:
    text = each.value.strip()
    value = parse_number(AlertField(each.path, text.removesuffix("%").strip()))
    value = value / HUNDRED if value > 1 or text.endswith("%") else value
    if not 0 <= value <= 1:
        raise InvalidSignal(f"{each}: the confidence must be between 0 and 1")
    return float(value)


def _digest(fields: Iterable[AlertField]) -> str:
    instructions = "\x1e".join(sorted(f"{each.name.lower()}\x1f{each.value}" for each in fields))
    return hashlib.sha256(instructions.encode()).hexdigest()
