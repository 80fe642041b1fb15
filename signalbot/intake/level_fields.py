"""Takes a field about a level apart: which level, how it is measured, which of several."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.errors import BadSignal
from signalbot.domain.money import HUNDRED, ONE, trimmed
from signalbot.intake.fields import Field
from signalbot.intake.names import word_set, words
from signalbot.intake.numbers import number
from signalbot.intake.statements import boolean


class Measure(StrEnum):
    PRICE = "price"
    PERCENT = "percent"  #: of the reference price, away from it
    AMOUNT = "amount"  #: in the quote currency, away from the reference price


@dataclass(frozen=True, slots=True)
class Level:
    """One level as it was asked for."""

    measure: Measure
    value: Decimal  #: above zero
    field: Field


class Family(StrEnum):
    STOP = "stop"
    TARGET = "target"
    TRAILING = "trailing"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a level, taken apart."""

    field: Field
    family: Family
    place: tuple[int, ...]  #: which of several
    words: frozenset[str]  #: what is left of the name once the family is known

    @property
    def is_flag(self) -> bool:
        """Whether it does nothing but switch its level on or off."""
        return bool(self.words) and self.words <= _FLAG and boolean(self.field) is not None

    @property
    def is_aside(self) -> bool:
        """Whether it has no part in where its level is."""
        return bool(self.words & _KIND or self.words & _LABEL) or self.is_flag

    @property
    def families(self) -> tuple[Family, ...]:
        """Its family, or both where its name is of both: ``sltp_type``."""
        named = {word for segment in self.field.segments for word in segment}
        both = named & {"stop", "loss"} and named & {"take", "target"}
        return (Family.STOP, Family.TARGET) if both else (self.family,)

    @property
    def is_measure(self) -> bool:
        """Whether it is a flag that makes a level percent: ``sl_is_percent: true``."""
        return (
            self.words <= _FLAG | {"in", PERCENT}
            and PERCENT in self.words
            and (self.field.value.lower() in ("true", "yes", "on"))
        )

    @property
    def is_kind(self) -> bool:
        return bool(self.words & _KIND)

    @property
    def is_share(self) -> bool:
        """Whether it is the share of the position that leaves at a target."""
        return bool(self.words & _SHARE) or {"amount", PERCENT} <= self.words

    @property
    def is_share_in_percent(self) -> bool:
        """Whether it is a flag that makes the amounts of all targets percent."""
        return bool(self.words & (_SHARE | _AMOUNT)) and PERCENT in self.words

    @property
    def is_activation(self) -> bool:
        """Whether it is the price at which a stop begins to trail."""
        return bool(self.words & _ACTIVATION)

    @property
    def is_limit(self) -> bool:
        """Whether it is the limit of an order that its trigger sends."""
        is_order_price = {"order", "price"} <= set(self.field.segments[-1])
        return is_order_price or (self.family is Family.STOP and {"limit", "price"} <= self.words)


PERCENT, AMOUNT = "percent", "amount"
_PRICE = frozenset({"price", "trigger", "at", "value", "level", "limit", "target", "stop", "entry"})
_AMOUNT = frozenset({"amount", "distance", "offset", "delta"})
_FRACTION = frozenset({"deviation", "fraction", "rate"})
_SHARE = word_set(
    "quantity volume size share portfolio close position allocation contracts weight ratio exit"
)
_FLAG = frozenset({"enabled", "enable", "active", "use", "on", "is"})
_KIND = frozenset({"type", "mode", "kind", "unit", "units", "measure"})
_LABEL = word_set(
    "id idx index number name comment label text message reason currency by source working "
    "priority color"
)
_ACTIVATION = frozenset({"trigger", "activation", "activate", "arm", "start", "after"})
_FAMILY_WORDS = frozenset({"t", "stop", "loss", "take", "profit", "target", "trailing", "callback"})
_STRUCTURE = frozenset({"step", "level", "list", "order", "initial", "data", "the", "to", "of"})
_TYPED_PERCENT = frozenset({"percent", "relative"})
_TYPED_AMOUNT = frozenset({"amount", "offset", "distance", "delta", "difference"})
_BASIS_POINTS = frozenset({"bps", "bp", "bip", "bips"})
_UNUSABLE = frozenset(
    {"point", "pip", "tick", "atr", "rr", "r", "usd", "usdt", "usdc", "dollar", "money", "currency",
     "ratio", "multiple", "multiplier", "roi", "roe", "pnl"}
)  # fmt: skip
_MOST_NUMBERS = 20
_MEASURES = _AMOUNT | _FRACTION | _UNUSABLE | _BASIS_POINTS | {PERCENT}
_SWITCHES = frozenset({"use", "enable", "enabled"})
_FARTHEST_PERCENT = Decimal(400)


def part_of(each: Field) -> Part | None:
    """A field taken apart; None: it is about no level."""
    flat = [(word, segment) for segment in each.segments for word in segment]
    plain = [word for word, _ in flat]
    first = next((place for place in range(len(flat)) if _starts(plain, place)), None)
    if first is None:
        return None
    before = [word for word, segment in flat[:first] if segment is flat[first][1]]
    named = [word for word in before if word in _MEASURES | _SWITCHES] + plain[first:]
    place = tuple(int(word) for word in named if word.isdecimal())
    rest = frozenset(word for word in named if not word.isdecimal()) - _FAMILY_WORDS - _STRUCTURE
    return Part(each, _family(each), place, rest)


def _starts(flat: Sequence[str], place: int) -> bool:
    word = flat[place]
    follows = flat[place + 1] if place + 1 < len(flat) else ""
    if word == "take":
        return follows == "profit"
    if word == "t":  # T1, T2: targets
        return follows.isdecimal()
    return word in ("stop", "target", "trailing", "callback")


def _family(each: Field) -> Family:
    """The family of the innermost name that has one: ``tpsl.sl.price`` is of a stop."""
    if any(word in ("trailing", "callback") for segment in each.segments for word in segment):
        return Family.TRAILING
    for segment in reversed(each.segments):
        named = set(segment)
        is_stop, is_target = bool(named & {"stop", "loss"}), {"take", "profit"} <= named
        if is_stop is not is_target:
            return Family.STOP if is_stop else Family.TARGET
        if named & {"target", "t"} and not is_stop:
            return Family.TARGET
    return Family.STOP


def one_by_one(parts: Iterable[Part]) -> Iterator[Part]:
    """A target that holds several numbers, as ``61000 - 62000``, is as many targets."""
    for part in parts:
        several = _SEVERAL.split(part.field.value.strip())
        if part.family is not Family.TARGET or len(several) == 1:
            yield part
            continue
        if len(several) > _MOST_NUMBERS:
            raise BadSignal(f"{part.field.name}: more than {_MOST_NUMBERS} numbers")
        for place, value in enumerate(several):
            yield replace(part, field=replace(part.field, value=value), place=(*part.place, place))


_SEVERAL = re.compile(r"\s*[;|]\s*|,\s+|\s+-\s+|\s+")


def kind_of(part: Part) -> str | None:
    """The kind of a level by its ``type``: ``trailing``, ``percent``, or none that matters.

    Raises:
        BadSignal: it is a measure that cannot be used.
    """
    if part.is_measure:
        return PERCENT
    if not part.is_kind:
        return None
    text = part.field.value
    named = frozenset(words(text.replace("%", " percent ")))
    if "trailing" in named:
        return "trailing"
    if named & _UNUSABLE:
        raise BadSignal(f"{part.field}: prices, percent and amounts can be used")
    if named & _TYPED_PERCENT:
        return PERCENT
    return AMOUNT if named & _TYPED_AMOUNT else None


def level_of(part: Part, kind: str | None) -> Level:
    """The level a field holds.

    Raises:
        BadSignal: it cannot be used.
    """
    each, about = part.field, part.words
    measure = _measure(each, about, is_trailing=part.family is Family.TRAILING)
    text = each.value.strip()
    in_points = bool(about & _BASIS_POINTS) or _is_in_basis_points(part)
    has_sign = text.endswith("%")
    value = number(replace(each, value=text.removesuffix("%").strip()) if has_sign else each)
    if has_sign or (kind == PERCENT and measure is Measure.PRICE and "price" not in about):
        measure = Measure.PERCENT
    if kind == AMOUNT and not has_sign and measure is Measure.PRICE and "price" not in about:
        measure = Measure.AMOUNT
    if measure is not Measure.PRICE:
        value = abs(value)
    if in_points and not has_sign:
        measure, value = Measure.PERCENT, trimmed(abs(value) / HUNDRED)
    if about & _FRACTION and not about & {PERCENT, "rate"} and not has_sign:
        if value >= ONE:
            raise BadSignal(f"{each}: a fraction below 1 belongs here, such as 0.03 for 3 %")
        value = trimmed(value * HUNDRED)
    if value <= 0 or (text.startswith("+") and measure is Measure.PRICE):
        raise BadSignal(f"{each}: a price above 0 belongs here, or a distance such as 5%")
    if measure is Measure.PERCENT and value >= _FARTHEST_PERCENT:
        raise BadSignal(f"{each}: so far from the market is no level")
    return Level(measure, value, each)


def _is_in_basis_points(part: Part) -> bool:
    """Binance's ``trailingDelta``: 150 is 1.5 %."""
    return part.family is Family.TRAILING and "delta" in part.words


def _measure(each: Field, about: frozenset[str], *, is_trailing: bool) -> Measure:
    known = _PRICE | _AMOUNT | _FRACTION | _BASIS_POINTS | {PERCENT, "in"}
    if not about <= known:
        raise BadSignal(f"{each}: this cannot be used as a level: remove it, or send a price or %")
    if PERCENT in about or about & _FRACTION:
        return Measure.PERCENT
    if is_trailing and "price" in about:  # TradersPost: so much behind the best price
        return Measure.AMOUNT
    return Measure.AMOUNT if about & _AMOUNT else Measure.PRICE


def share_of(part: Part) -> tuple[Decimal | None, Field]:
    """Percent of the position; None where the number's unit is unknown.

    Raises:
        BadSignal: it is no share.
    """
    each, about = part.field, part.words
    text = each.value.strip()
    value = number(replace(each, value=text.removesuffix("%").strip()))
    if value < 0:
        raise BadSignal(f"{each}: a share above 0 belongs here")
    if text.endswith("%") or PERCENT in about:
        return value, each
    if about & {"portfolio", "fraction", "share"} and value <= ONE:
        return value * HUNDRED, each
    return (value, each) if about & {"share", "portfolio"} else (None, each)


def is_weight(each: Field) -> bool:
    """Whether a share is its ratio to the others."""
    return bool({"ratio", "weight", "weights"} & set(each.segments[-1]))


def is_nothing(each: Field) -> bool:
    """Whether a level is empty, zero, or switched off: none is asked for."""
    text = each.value.strip().removesuffix("%").strip()
    is_zero = "0" in text and not text.strip("0.+-")
    is_market = text == "-1" and "order" in each.segments[-1]  # OKX: the order's price is any
    return is_market or each.is_empty or is_zero or boolean(each) is False
