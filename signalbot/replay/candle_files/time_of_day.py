"""Recognizes and joins cells of dates and times of day."""

import re
from collections.abc import Sequence
from typing import Final

from signalbot.replay.candle_files.time_column_parsing import looks_like_time
from signalbot.replay.candle_files.time_parsing import is_excel

_TIME_OF_DAY: Final = re.compile(
    r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AP]M)?Z?", re.IGNORECASE
)
_DIGITS: Final = re.compile(r"\d{1,6}")
_DATE: Final = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{8}")
_FULL_HOURS: Final = 23
_HHMM, _HHMMSS = 4, 6


class AmbiguousTimeOfDay(Exception):
    """Times of day as bare digits are ambiguous."""


def is_time(text: str) -> bool:
    """Whether a cell of a time column may be a time, including spreadsheet days."""
    return looks_like_time(text) or is_excel(text.strip())


def is_date_only(text: str) -> bool:
    return bool(_DATE.fullmatch(text.strip()))


def is_time_of_day(text: str) -> bool:
    return bool(_TIME_OF_DAY.fullmatch(text.strip()) or _DIGITS.fullmatch(text.strip()))


def join_date_and_time(days: Sequence[str], clocks: Sequence[str], *, is_hour: bool) -> list[str]:
    """Join dates and times of day to one text each.

    Raises:
        AmbiguousTimeOfDay: digits such as 100 that may be 1:00 or 0:01.
    """
    digits = [each.strip() for each in clocks if _DIGITS.fullmatch(each.strip())]
    if not digits or is_hour:
        ending = ":00" if is_hour and digits else ""
        return [
            f"{day.strip()} {clock.strip()}{ending}"
            for day, clock in zip(days, clocks, strict=True)
        ]
    width = max(map(len, digits))
    if width > _HHMM:
        width = _HHMMSS
    elif width < _HHMM and any(int(each) for each in digits):
        raise AmbiguousTimeOfDay
    elif width < _HHMM:
        width = _HHMM
    return [
        f"{day.strip()} {clock.strip().zfill(width)}"
        for day, clock in zip(days, clocks, strict=True)
    ]
