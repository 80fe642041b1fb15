"""Instants as people and exchanges write them: ISO 8601, or a number since the Unix epoch."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from signalbot.domain.timeframe import DAY_MS, Ms

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WITHOUT_ZONE: Final = _EPOCH.replace(tzinfo=None)
_END_MS: Final = 7_258_118_400_000  # the year 2200: anything later is not a candle's time
_SHORTEST_NUMBER: Final = 9  # digits; fewer are a date such as 20220131
_FIRST_MS, _FIRST_US, _FIRST_NS = 10**11, 10**14, 10**17


def instant_reader(column: str) -> Callable[[str], Ms]:
    """How the texts of a column of this name are read.

    A name that ends in ``_ms`` holds milliseconds. Any other holds ISO 8601, where a missing zone
    means UTC, or a number whose size tells seconds, milliseconds, micro- and nanoseconds apart
    for any instant from 1973 on. Readers raise ``ValueError`` for what is no instant before 2200.
    """
    return _milliseconds if column.endswith("_ms") else _instant


def _milliseconds(text: str) -> Ms:
    return _checked(int(_number(text)))


def _instant(text: str) -> Ms:
    text = text.strip()
    if len(text) < _SHORTEST_NUMBER or text[4] == "-" or "T" in text:
        return _checked(_since_epoch(datetime.fromisoformat(text)))
    number = _number(text)
    if number < _FIRST_MS:
        return _checked(int(number * 1000))
    if number < _FIRST_US:
        return _checked(int(number))
    return _checked(int(number) // (1_000 if number < _FIRST_NS else 1_000_000))


def _since_epoch(moment: datetime) -> int:
    since = moment - (_EPOCH_WITHOUT_ZONE if moment.tzinfo is None else _EPOCH)
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


def _number(text: str) -> Decimal | int:
    """``ValueError`` for anything that is not a finite number."""
    if text.isdecimal():
        return int(text)
    try:
        number = Decimal(text)
    except InvalidOperation as e:
        raise ValueError(f"{text!r} is not a time") from e
    if not number.is_finite() or number.adjusted() > 20:  # noqa: PLR2004 - beyond any epoch number
        raise ValueError(f"{text!r} is not a time")
    return number


def _checked(at_ms: int) -> Ms:
    if not 0 <= at_ms < _END_MS:
        raise ValueError("not between 1970 and 2200")
    return Ms(at_ms)
