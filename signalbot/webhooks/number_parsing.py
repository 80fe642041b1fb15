"""Parses numbers, durations and instants of alerts."""

import re
from datetime import date, datetime
from decimal import Decimal, DecimalException

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.timeframe import Ms, from_datetime
from signalbot.webhooks.fields import AlertField, quoted_value

_MAX_EXPONENT = 20
_MAX_NUMBER = 60
_DIGITS = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_UNITS = ((10**11, 1000), (10**14, 1))  # seconds and milliseconds; above: µs, then ns
_DURATION = re.compile(
    r"(\d+(?:\.\d+)?)\s*(ms|s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?)?", re.IGNORECASE
)
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_444_800_000  # 2000, 2100
_DURATION_MS = {"": 1000, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def number_or_none(text: str) -> Decimal | None:
    """Parse a plain number; None if it is none."""
    text = text.strip()
    if len(text) > _MAX_NUMBER or not _DIGITS.fullmatch(text):
        return None
    try:
        value = Decimal(text)
    except DecimalException:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= _MAX_EXPONENT else None


def parse_number(field: AlertField) -> Decimal:
    """Parse the number of a field.

    Raises:
        InvalidSignal: it is no number or out of range; the message has field and value.
    """
    if field.placeholder is not None:
        raise InvalidSignal(
            f"{field.name}: the placeholder {quoted_value(field.placeholder)} was not filled"
        )
    value = number_or_none(field.value)
    if value is None:
        raise InvalidSignal(f"{field}: expected a number without separators, such as 62300.5")
    return value


def duration_ms(field: AlertField) -> int:
    """Parse a duration: ``300`` and ``60s`` are seconds, ``5m`` and ``500ms`` work too.

    Raises:
        InvalidSignal: it is no duration.
    """
    found = _DURATION.fullmatch(field.value.strip())
    if found is None:
        raise InvalidSignal(f"{field}: expected seconds, or a duration such as 60s or 5m")
    unit = (found[2] or "").lower()
    key = unit if unit == "ms" else unit[:1]
    return int(Decimal(found[1]) * _DURATION_MS[key])


def parse_instant(field: AlertField) -> Ms | None:
    """Parse an instant in s, ms, µs or ns since 1970, or ISO 8601; None for a date without time.

    Raises:
        InvalidSignal: it is none of these.
    """
    text = field.value.strip()
    if field.placeholder is not None:
        raise InvalidSignal(
            f"{field.name}: the placeholder {quoted_value(field.placeholder)} was not filled"
        )
    value = number_or_none(text)
    if value is not None:
        return _instant_of_number(field, value)
    try:
        date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return None
    try:
        moment = datetime.fromisoformat(_shorten_fraction(text))
    except (ValueError, OverflowError) as e:
        raise InvalidSignal(
            f"{field}: expected a time in ISO 8601, or seconds or milliseconds since 1970"
        ) from e
    return from_datetime(moment)


def is_time(field: AlertField) -> bool:
    """Whether a field holds an instant between 2000 and 2100."""
    try:
        moment = parse_instant(field)
    except InvalidSignal:
        return False
    return moment is not None and _EARLIEST_MS < moment < _LATEST_MS


def _instant_of_number(field: AlertField, value: Decimal) -> Ms:
    if value <= 0:
        raise InvalidSignal(f"{field}: expected a time in seconds or milliseconds since 1970")
    for limit, factor in _UNITS:
        if value < limit:
            return Ms(int(value * factor))
    return Ms(int(value / 1000 if value < 10**17 else value / 10**6))


def _shorten_fraction(text: str) -> str:
    """Cut fractions to six digits, which Python supports, and replace `` UTC`` by an offset."""
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    return re.sub(r"\s*(UTC|GMT)$", "+00:00", text)
