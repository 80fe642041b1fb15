"""Parses level fields: family, measure and index."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.money import HUNDRED, ONE, trimmed
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.instructions import parse_boolean
from signalbot.webhooks.name_tokens import token_set, tokenize
from signalbot.webhooks.number_parsing import parse_number


class LevelMeasure(StrEnum):
    PRICE = "price"
    PERCENT = "percent"  #: distance, in percent of the reference price
    AMOUNT = "amount"  #: distance, in quote currency


@dataclass(frozen=True, slots=True)
class AlertLevel:
    """One level of an alert."""

    measure: LevelMeasure
    value: Decimal  #: above zero
    field: AlertField


class LevelFamily(StrEnum):
    STOP = "stop"
    TARGET = "target"
    TRAILING = "trailing"


@dataclass(frozen=True, slots=True)
class LevelField:
    """A parsed level field."""

    field: AlertField
    family: LevelFamily
    indexes: tuple[int, ...]  #: index among several levels
    tokens: frozenset[str]  #: remaining words of the name

    @property
    def is_flag(self) -> bool:
        """Whether it only switches its level on or off."""
        return bool(self.tokens) and self.tokens <= _FLAG and parse_boolean(self.field) is not None

    @property
    def is_irrelevant(self) -> bool:
        """Whether it does not affect the level's price."""
        return bool(self.tokens & _KIND or self.tokens & _LABEL) or self.is_flag

    @property
    def families(self) -> tuple[LevelFamily, ...]:
        """Its families: both for a name of both, such as ``sltp_type``."""
        named = {word for segment in self.field.segments for word in segment}
        both = named & {"stop", "loss"} and named & {"take", "target"}
        return (LevelFamily.STOP, LevelFamily.TARGET) if both else (self.family,)

    @property
    def is_measure(self) -> bool:
        """Whether it is a flag for percent: ``sl_is_percent: true``."""
        return (
            self.tokens <= _FLAG | {"in", PERCENT}
            and PERCENT in self.tokens
            and (self.field.value.lower() in ("true", "yes", "on"))
        )

    @property
    def is_kind(self) -> bool:
        return bool(self.tokens & _KIND)

    @property
    def is_share(self) -> bool:
        """Whether it is the share of the position to close at a target."""
        return bool(self.tokens & _SHARE) or {"amount", PERCENT} <= self.tokens

    @property
    def is_share_in_percent(self) -> bool:
        """Whether it is a flag that makes all target amounts percent."""
        return bool(self.tokens & (_SHARE | _AMOUNT)) and PERCENT in self.tokens

    @property
    def is_activation(self) -> bool:
        """Whether it is the activation price of a trailing stop."""
        return bool(self.tokens & _ACTIVATION)

    @property
    def is_limit(self) -> bool:
        """Whether it is the limit price of a triggered order."""
        is_order_price = {"order", "price"} <= set(self.field.segments[-1])
        return is_order_price or (
            self.family is LevelFamily.STOP and {"limit", "price"} <= self.tokens
        )


PERCENT, AMOUNT = "percent", "amount"
_PRICE = frozenset({"price", "trigger", "at", "value", "level", "limit", "target", "stop", "entry"})
_AMOUNT = frozenset({"amount", "distance", "offset", "delta"})
_FRACTION = frozenset({"deviation", "fraction", "rate"})
_SHARE = token_set(
    "quantity volume size share portfolio close position allocation contracts weight ratio exit"
)
_FLAG = frozenset({"enabled", "enable", "active", "use", "on", "is"})
_KIND = frozenset({"type", "mode", "kind", "unit", "units", "measure"})
_LABEL = token_set(
    "id idx index number name comment label text message reason currency by source working "
    "priority color"
)
_ACTIVATION = frozenset({"trigger", "activation", "activate", "arm", "start", "after"})
_FAMILY_TOKENS = frozenset(
    {"t", "stop", "loss", "take", "profit", "target", "trailing", "callback"}
)
_STRUCTURE = frozenset({"step", "level", "list", "order", "initial", "data", "the", "to", "of"})
_TYPED_PERCENT = frozenset({"percent", "relative"})
_TYPED_AMOUNT = frozenset({"amount", "offset", "distance", "delta", "difference"})
_BASIS_POINTS = frozenset({"bps", "bp", "bip", "bips"})
_UNUSABLE = frozenset(
    {"point", "pip", "tick", "atr", "rr", "r", "usd", "usdt", "usdc", "dollar", "money", "currency",
     "ratio", "multiple", "multiplier", "roi", "roe", "pnl"}
)  # fmt: skip
_MAX_NUMBERS = 20
_MEASURES = _AMOUNT | _FRACTION | _UNUSABLE | _BASIS_POINTS | {PERCENT}
_SWITCHES = frozenset({"use", "enable", "enabled"})
_MAX_PERCENT = Decimal(400)


def parse_level_field(each: AlertField) -> LevelField | None:
    """Parse a field; None if it is no level."""
    flat = [(word, segment) for segment in each.segments for word in segment]
    plain = [word for word, _ in flat]
    first = next((index for index in range(len(flat)) if _starts_level(plain, index)), None)
    if first is None:
        return None
    before = [word for word, segment in flat[:first] if segment is flat[first][1]]
    named = [word for word in before if word in _MEASURES | _SWITCHES] + plain[first:]
    indexes = tuple(int(word) for word in named if word.isdecimal())
    rest = frozenset(word for word in named if not word.isdecimal()) - _FAMILY_TOKENS - _STRUCTURE
    return LevelField(each, _family(each), indexes, rest)


def _starts_level(flat: Sequence[str], index: int) -> bool:
    word = flat[index]
    follows = flat[index + 1] if index + 1 < len(flat) else ""
    if word == "take":
        return follows == "profit"
    if word == "t":  # T1, T2: targets
        return follows.isdecimal()
    return word in ("stop", "target", "trailing", "callback")


def _family(each: AlertField) -> LevelFamily:
    """Return the family of the innermost name that has one: ``tpsl.sl.price`` is a stop."""
    if any(word in ("trailing", "callback") for segment in each.segments for word in segment):
        return LevelFamily.TRAILING
    for segment in reversed(each.segments):
        named = set(segment)
        is_stop, is_target = bool(named & {"stop", "loss"}), {"take", "profit"} <= named
        if is_stop is not is_target:
            return LevelFamily.STOP if is_stop else LevelFamily.TARGET
        if named & {"target", "t"} and not is_stop:
            return LevelFamily.TARGET
    return LevelFamily.STOP


def split_targets(parts: Iterable[LevelField]) -> Iterator[LevelField]:
    """Split targets with several numbers, such as ``61000 - 62000``."""
    for part in parts:
        several = _SEVERAL.split(part.field.value.strip())
        if part.family is not LevelFamily.TARGET or len(several) == 1:
            yield part
            continue
        if len(several) > _MAX_NUMBERS:
            raise InvalidSignal(f"{part.field.name}: more than {_MAX_NUMBERS} numbers")
        for index, value in enumerate(several):
            yield replace(
                part, field=replace(part.field, value=value), indexes=(*part.indexes, index)
            )


_SEVERAL = re.compile(r"\s*[;|]\s*|,\s+|\s+-\s+|\s+")


def level_kind_of(part: LevelField) -> str | None:
    """Return the kind of a level from its ``type``: ``trailing``, ``percent``, or None.

    Raises:
        InvalidSignal: the measure is not supported.
    """
    if part.is_measure:
        return PERCENT
    if not part.is_kind:
        return None
    text = part.field.value
    named = frozenset(tokenize(text.replace("%", " percent ")))
    if "trailing" in named:
        return "trailing"
    if named & _UNUSABLE:
        raise InvalidSignal(f"{part.field}: only prices, percent and amounts are supported")
    if named & _TYPED_PERCENT:
        return PERCENT
    return AMOUNT if named & _TYPED_AMOUNT else None


def parse_level(part: LevelField, kind: str | None) -> AlertLevel:
    """Parse the level of a field.

    Raises:
        InvalidSignal: it is invalid.
    """
    each, about = part.field, part.tokens
    measure = _measure(each, about, is_trailing=part.family is LevelFamily.TRAILING)
    text = each.value.strip()
    in_points = bool(about & _BASIS_POINTS) or _is_in_basis_points(part)
    has_sign = text.endswith("%")
    value = parse_number(replace(each, value=text.removesuffix("%").strip()) if has_sign else each)
    if has_sign or (kind == PERCENT and measure is LevelMeasure.PRICE and "price" not in about):
        measure = LevelMeasure.PERCENT
    if kind == AMOUNT and not has_sign and measure is LevelMeasure.PRICE and "price" not in about:
        measure = LevelMeasure.AMOUNT
    if measure is not LevelMeasure.PRICE:
        value = abs(value)
    if in_points and not has_sign:
        measure, value = LevelMeasure.PERCENT, trimmed(abs(value) / HUNDRED)
    if about & _FRACTION and not about & {PERCENT, "rate"} and not has_sign:
        if value >= ONE:
            raise InvalidSignal(f"{each}: expected a fraction below 1, such as 0.03 for 3 %")
        value = trimmed(value * HUNDRED)
    if value <= 0 or (text.startswith("+") and measure is LevelMeasure.PRICE):
        raise InvalidSignal(f"{each}: expected a price above 0, or a distance such as 5%")
    if measure is LevelMeasure.PERCENT and value >= _MAX_PERCENT:
        raise InvalidSignal(f"{each}: too far from the market")
    return AlertLevel(measure, value, each)


def _is_in_basis_points(part: LevelField) -> bool:
    """Whether the value is in basis points, as Binance's ``trailingDelta``: 150 is 1.5 %."""
    return part.family is LevelFamily.TRAILING and "delta" in part.tokens


def _measure(each: AlertField, about: frozenset[str], *, is_trailing: bool) -> LevelMeasure:
    supported = _PRICE | _AMOUNT | _FRACTION | _BASIS_POINTS | {PERCENT, "in"}
    if not about <= supported:
        raise InvalidSignal(f"{each}: unsupported level; remove it, or send a price or %")
    if PERCENT in about or about & _FRACTION:
        return LevelMeasure.PERCENT
    if is_trailing and "price" in about:  # TradersPost: distance behind the best price
        return LevelMeasure.AMOUNT
    return LevelMeasure.AMOUNT if about & _AMOUNT else LevelMeasure.PRICE


def parse_share(part: LevelField) -> tuple[Decimal | None, AlertField]:
    """Parse a share in percent of the position; None if its unit is unknown.

    Raises:
        InvalidSignal: it is no share.
    """
    each, about = part.field, part.tokens
    text = each.value.strip()
    value = parse_number(replace(each, value=text.removesuffix("%").strip()))
    if value < 0:
        raise InvalidSignal(f"{each}: expected a share above 0")
    if text.endswith("%") or PERCENT in about:
        return value, each
    if about & {"portfolio", "fraction", "share"} and value <= ONE:
        return value * HUNDRED, each
    return (value, each) if about & {"share", "portfolio"} else (None, each)


def is_weight(each: AlertField) -> bool:
    """Whether a share is a weight relative to the others."""
    return bool({"ratio", "weight", "weights"} & set(each.segments[-1]))


def is_unset(each: AlertField) -> bool:
    """Whether a level is empty, zero, or switched off."""
    text = each.value.strip().removesuffix("%").strip()
    is_zero = "0" in text and not text.strip("0.+-")
    is_market = text == "-1" and "order" in each.segments[-1]  # OKX: a market order
    return is_market or each.is_empty or is_zero or parse_boolean(each) is False
