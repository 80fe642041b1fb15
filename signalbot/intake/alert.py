"""An alert as its source means it: which market, what to do, at which levels, and its identity."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.alignment import Stance
from signalbot.domain.errors import BadSignal
from signalbot.domain.money import HUNDRED
from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Ms
from signalbot.intake.age import check_age
from signalbot.intake.aliases import Role, role_of
from signalbot.intake.codes import with_codes_read
from signalbot.intake.collect import collect
from signalbot.intake.deciding import deciding, units
from signalbot.intake.direction import Direction, Step, resolve
from signalbot.intake.fields import Field, Fields, decode, read_fields, shown
from signalbot.intake.level_fields import is_nothing
from signalbot.intake.levels import Levels, is_level, read_levels
from signalbot.intake.market import market_in
from signalbot.intake.numbers import number
from signalbot.intake.parts import Sizes
from signalbot.intake.statements import Instructions, boolean
from signalbot.intake.texts import is_filled_order, read_text
from signalbot.intake.verbs import Kind

_LONGEST_REASON = 500
_LONGEST_KEY = 200
_SHORTEST_ID = 8
_NO_LEVELS = Levels()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """How a source's alerts are to be understood."""

    symbols: tuple[str, ...]  #: the only markets it may speak of
    actions: frozenset[Action]  #: the only actions it may ask for
    direction: Direction = Direction.BOTH
    strength: Strength = Strength.MODERATE  #: where the alert has none
    confidence: float = 1.0
    max_age_ms: int = 60_000  #: of an entry that has a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What one alert asks for. It holds nothing secret."""

    symbol: str
    steps: tuple[Step, ...]  #: in this order; none for an alert that asks for nothing
    refused: str | None  #: why its entry is left out, although its exit is carried out
    key: str | None  #: of the delivery: the same key is the same alert, whenever it comes
    digest: str  #: of all fields but secrets
    is_named: bool  #: it has an id of its own or a time: equal words are the same delivery
    position: Stance | None  #: where its strategy stands now, if given
    previous_position: Stance | None
    price: Decimal | None
    levels: Levels  #: of an entry
    exit_percent: Decimal  #: the part of the position that its exits close
    strength: Strength
    confidence: float
    reason: str
    sent_at_ms: Ms | None  #: by the sender's clock
    ignored: tuple[str, ...]  #: names of fields that did not count
    is_test: bool  #: it asks for nothing to be done


def secret_of(body: bytes) -> str | None:
    """The secret that a body carries, to be compared and forgotten.

    Raises:
        BadSignal: the body cannot be read.
    """
    fields = _read(body)
    return next((each.value for each in fields if role_of(each) is Role.SECRET), None)


def understand(body: bytes, meaning: Meaning, *, now_ms: Ms) -> Alert:
    """What a body asks for.

    Raises:
        BadSignal: it cannot be understood, is too old, or asks for what this source may not.
    """
    fields = tuple(each for each in _read(body) if role_of(each) is not Role.SECRET)
    return _Reading(fields, meaning, now_ms).alert()


def _read(body: bytes) -> Fields:
    text = decode(body)
    if is_filled_order(text):  # the name of its strategy may look like that of a field
        return read_text(text)
    return with_codes_read(read_fields(text) or read_text(text))


class _Reading:
    """One alert while it is being understood: which of its fields have counted so far."""

    def __init__(self, fields: Fields, meaning: Meaning, now_ms: Ms) -> None:
        self._meaning = meaning
        self._now_ms = now_ms
        self._roles = [(each, role_of(each)) for each in fields]
        self._fields = fields
        self._levels = tuple(each for each, role in self._roles if _is_about_level(each, role))
        plain = tuple(each for each in fields if each not in self._levels)
        self._roles = [(each, role) for each, role in self._roles if each not in self._levels]
        self._instructions: Instructions = collect(plain)
        self._sizes = Sizes(self._roles)
        self._plain = plain

    def alert(self) -> Alert:
        instructions = self._instructions
        resolved = resolve(instructions, self._meaning.direction, self._sizes.contracts)
        symbol = market_in(self._roles, instructions, self._meaning.symbols)
        if resolved.steps and resolved.after is not Stance.FLAT:
            self._refuse_waiting_order()
        steps, refused = resolved.steps, None
        is_entry = any(isinstance(step, Action) and step.is_entry for step in steps)
        exit_percent = self._sizes.exit_percent(instructions, resolved)
        terms = _EntryTerms()
        if is_entry:
            try:
                terms = self._entry_terms(steps)
            except BadSignal as e:
                steps, refused = _exits_of(steps, e), str(e)
                is_entry = False
        else:
            self._check_allowed(steps)
        sent_at_ms = self._sent_at(is_entry=is_entry, is_exit=bool(steps) and not is_entry)
        return Alert(
            symbol=symbol,
            steps=steps,
            refused=refused,
            key=self._key(),
            digest=_digest(self._fields),
            is_named=any(map(_is_one_of_a_kind, self._of(Role.ID)))
            or any(not each.is_empty for each in self._of(Role.SENT_AT, Role.BAR_TIME)),
            position=resolved.after,
            previous_position=resolved.before,
            price=terms.price if is_entry else self._price(is_entry=False),
            levels=terms.levels,
            exit_percent=HUNDRED if is_entry else exit_percent,
            strength=terms.strength if is_entry else self._strength(is_entry=False),
            confidence=terms.confidence if is_entry else self._confidence(is_entry=False),
            reason=self._reason(),
            sent_at_ms=sent_at_ms,
            ignored=tuple(
                dict.fromkeys(
                    each.name for each in self._fields if each.name not in instructions.understood
                )
            ),
            is_test=instructions.is_test,
        )

    def _entry_terms(self, steps: Sequence[Step]) -> "_EntryTerms":
        """Everything that counts for entries alone.

        Raises:
            BadSignal: the entry cannot be made as it was asked for.
        """
        self._check_allowed(steps)
        self._check_entry()
        self._sent_at(is_entry=True, is_exit=False)
        levels = read_levels(self._levels)
        self._instructions.understood.update(each.name for each in self._levels)
        return _EntryTerms(
            levels=levels,
            price=self._price(is_entry=True),
            strength=self._strength(is_entry=True),
            confidence=self._confidence(is_entry=True),
        )

    def _refuse_waiting_order(self) -> None:
        """A stop order at a price closes nothing now, unless a word asks for that."""
        waits = self._instructions.waits
        words = [
            each
            for each in self._instructions.of(Kind.EXIT, Kind.REDUCE)
            if not boolean(each.field)
        ]
        if waits is None or words:
            return
        triggers = [*self._levels, *(each for each, _ in self._roles if _is_trigger(each))]
        if any(not is_nothing(each) for each in triggers):
            raise BadSignal(f"{waits}: an order that waits for a price opens and closes nothing")

    def _check_allowed(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Action) and step not in self._meaning.actions:
                raise BadSignal(
                    f"this source may not ask for {step.value}: see actions in its webhook settings"
                )

    def _sent_at(self, *, is_entry: bool, is_exit: bool) -> Ms | None:
        return check_age(
            self._of(Role.SENT_AT),
            self._of(Role.MAX_AGE),
            is_entry=is_entry,
            is_exit=is_exit,
            max_age_ms=self._meaning.max_age_ms,
            now_ms=self._now_ms,
            understood=self._instructions.understood,
        )

    def _of(self, *roles: Role) -> list[Field]:
        return [each for each, role in self._roles if role in roles]

    def _check_entry(self) -> None:
        """Nothing that could decide an entry is passed over."""
        if self._instructions.waits is not None:
            raise BadSignal(
                f"{self._instructions.waits}: an order that waits for a price is no entry"
            )
        for each in self._instructions.doubts:
            raise BadSignal(f"{each}: this is not understood, and it looks as if it mattered")
        for each in self._instructions.blanks:
            raise BadSignal(f"{each}: where the strategy stands is not given")
        if not all(map(is_nothing, self._levels)):
            for each in units(self._plain):
                raise BadSignal(f"{each}: which levels are meant? write percent as 2%")
        for each in deciding(self._plain):
            raise BadSignal(f"{each}: this is not understood, and it looks as if it mattered")
        for each in self._of(Role.ID, Role.KEY, Role.BAR_TIME):
            if each.placeholder is not None:
                raise BadSignal(
                    f"{each.name}: the placeholder {shown(each.placeholder)} was not filled"
                )

    def _price(self, *, is_entry: bool) -> Decimal | None:
        """What the sender saw; an exit is never refused for it."""
        for each in sorted(self._of(Role.PRICE), key=_rank):
            if each.is_empty or boolean(each) is False or each.value in ("0", "0.0"):
                continue
            try:
                value = number(_first_number(each))
            except BadSignal:
                if is_entry:
                    raise
                continue
            if value == 0:
                continue
            if value < 0:
                if is_entry:
                    raise BadSignal(f"{each}: a price above 0 belongs here")
                continue
            self._instructions.understood.add(each.name)
            return value
        return None

    def _strength(self, *, is_entry: bool) -> Strength:
        for each in self._of(Role.STRENGTH):
            if each.is_empty:
                continue
            try:
                found = Strength(each.value.upper().replace(" ", "_"))
            except ValueError as e:
                if is_entry:
                    raise BadSignal(
                        f"{each}: the strength is WEAK, MODERATE, STRONG or VERY_STRONG"
                    ) from e
                continue
            self._instructions.understood.add(each.name)
            return found
        return self._meaning.strength

    def _confidence(self, *, is_entry: bool) -> float:
        """Between 0 and 1; a number above 1 is taken for percent."""
        for each in self._of(Role.CONFIDENCE):
            if each.is_empty:
                continue
            try:
                value = _share_of_one(each)
            except BadSignal:
                if is_entry:
                    raise
                continue
            self._instructions.understood.add(each.name)
            return value
        return self._meaning.confidence

    def _reason(self) -> str:
        for each in sorted(self._of(Role.REASON), key=_rank):
            if not each.is_empty and each.placeholder is None:
                self._instructions.understood.add(each.name)
                return each.value[:_LONGEST_REASON]
        return ""

    def _key(self) -> str | None:
        for each in self._of(Role.KEY):
            if not each.is_empty and each.placeholder is None:
                self._instructions.understood.add(each.name)
                return each.value[:_LONGEST_KEY]
        for each in self._of(Role.ID, Role.BAR_TIME):
            self._instructions.understood.add(each.name)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _EntryTerms:
    """What counts for an entry alone."""

    levels: Levels = _NO_LEVELS
    price: Decimal | None = None
    strength: Strength = Strength.MODERATE
    confidence: float = 1.0


def _exits_of(steps: Sequence[Step], refusal: BadSignal) -> tuple[Step, ...]:
    """The exits of an alert whose entry is refused: they are never lost with it.

    Raises:
        BadSignal: it has none.
    """
    exits = tuple(step for step in steps if isinstance(step, Action) and not step.is_entry)
    if not exits:
        raise refusal
    return exits


_RANKED = (
    "signal price", "price", "order price", "strategy order price", "trigger price", "entry",
    "entry price", "limit price", "close",
    "reason", "comment", "order comment", "message",
)  # fmt: skip


def _is_one_of_a_kind(each: Field) -> bool:
    """Whether an id was made for one alert; orders of strategies are called ``Long``, again."""
    return len(each.value) >= _SHORTEST_ID and any(map(str.isdecimal, each.value))


def _is_trigger(each: Field) -> bool:
    return {"trigger", "activation"} & set(each.segments[-1]) != set()


def _is_about_level(each: Field, role: Role | None) -> bool:
    if role is Role.HARMLESS or (role is not None and " ".join(each.segments[-1]) in _LIKE_LEVELS):
        return False
    return is_level(each)


_LIKE_LEVELS = frozenset(
    {"target position", "target size", "target position size", "target quantity",
     "close on trigger", "trigger price", "target exposure", "target weight",
     "target allocation", "target contracts", "target notional", "target value"}
)  # fmt: skip


def _rank(each: Field) -> int:
    name = " ".join(each.segments[-1])
    return _RANKED.index(name) if name in _RANKED else len(_RANKED)


def _first_number(each: Field) -> Field:
    """Of an entry zone, such as ``60000 - 60500``, the first price."""
    first = each.value.strip().split(" - ")[0].split()
    return Field(each.path, first[0]) if first else each


def _share_of_one(each: Field) -> float:
    text = each.value.strip()
    value = number(Field(each.path, text.removesuffix("%").strip()))
    value = value / HUNDRED if value > 1 or text.endswith("%") else value
    if not 0 <= value <= 1:
        raise BadSignal(f"{each}: the confidence must be between 0 and 1")
    return float(value)


def _digest(fields: Iterable[Field]) -> str:
    instructions = "\x1e".join(sorted(f"{each.name.lower()}\x1f{each.value}" for each in fields))
    return hashlib.sha256(instructions.encode()).hexdigest()
