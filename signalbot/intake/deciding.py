"""Fields that could decide something and are not understood: an entry is not made past them."""

from collections.abc import Iterator

from signalbot.intake.aliases import role_of
from signalbot.intake.fields import Field, Fields
from signalbot.intake.names import word_set, words
from signalbot.intake.numbers import is_time, number_or_none
from signalbot.intake.statements import boolean


def is_percent_flag(each: Field) -> bool:
    """Whether it is ``is_percent: true`` or the like."""
    return "percent" in each.segments[-1] and each.value.strip().lower() in ("true", "yes")


def units(fields: Fields) -> Iterator[Field]:
    """Fields of unknown names that say of other fields that they are percent."""
    for each in fields:
        text = each.value.strip().lower()
        is_value = words(text.replace("%", "percent")) == ("percent",)
        if (is_value and role_of(each) is None) or is_percent_flag(each):
            yield each


def deciding(fields: Fields) -> Iterator[Field]:
    """Fields of unknown names that look as if they decided something, and are not empty."""
    for each in fields:
        if role_of(each) is None and boolean(each) is not False:
            around = {word for segment in each.segments for word in segment}
            decides = around & _DECIDING or (each.segments[-1][-1:] == ("at",) and is_time(each))
            if decides and number_or_none(each.value) != 0:
                yield each


_DECIDING = word_set(
    "stop loss take profit target trailing close exit reduce flat side direction position action "
    "symbol ticker pair instrument break even cancel hedge time timestamp entry enter bare limit "
    "expire expires expiry expiration deadline until goal objective invalidation"
)  # fmt: skip
