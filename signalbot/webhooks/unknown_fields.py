"""Finds unknown fields that could affect an entry, which is then rejected."""

from collections.abc import Iterator

from signalbot.webhooks.field_roles import role_of
from signalbot.webhooks.fields import AlertField, AlertFields
from signalbot.webhooks.instructions import parse_boolean
from signalbot.webhooks.name_tokens import token_set, tokenize
from signalbot.webhooks.number_parsing import is_time, number_or_none


def is_percent_flag(each: AlertField) -> bool:
    """Whether a field is ``is_percent: true`` or similar."""
    return "percent" in each.segments[-1] and each.value.strip().lower() in ("true", "yes")


def percent_declarations(fields: AlertFields) -> Iterator[AlertField]:
    """Yield unknown fields that declare other fields as percent."""
    for each in fields:
        text = each.value.strip().lower()
        is_value = tokenize(text.replace("%", "percent")) == ("percent",)
        if (is_value and role_of(each) is None) or is_percent_flag(each):
            yield each


def decisive_fields(fields: AlertFields) -> Iterator[AlertField]:
    """Yield unknown, non-empty fields with names that suggest an effect on the entry."""
    for each in fields:
        if role_of(each) is None and parse_boolean(each) is not False:
            around = {word for segment in each.segments for word in segment}
            decides = around & _DECISIVE_TOKENS or (
                each.segments[-1][-1:] == ("at",) and is_time(each)
            )
            if decides and number_or_none(each.value) != 0:
                yield each


_DECISIVE_TOKENS = token_set(
    "stop loss take profit target trailing close exit reduce flat side direction position action "
    "symbol ticker pair instrument break even cancel hedge time timestamp entry enter bare limit "
    "expire expires expiry expiration deadline until goal objective invalidation"
)  # fmt: skip
