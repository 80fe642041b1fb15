"""Parses single times: day, time of day, zone, and what is ambiguous about them.

Ambiguities that need other rows (whether 01/02/2024 is in January or February, the zone of a time
without one) are left to ``time_column_parsing``.
"""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Final, NamedTuple

from signalbot.domain.timeframe import DAY_MS

END_MS: Final = 7_258_118_400_000  # the year 2200; later values are no times
_UNIX_DAY: Final = date(1970, 1, 1).toordinal()
_FIRST_MS, _FIRST_US, _FIRST_NS = 10**11, 10**14, 10**17
_EXCEL_UNIX: Final = 25_569  # 1970-01-01 as a spreadsheet day
_EXCEL_DAYS: Final = range(36_526, 73_051)  # 2000 to 2099
_MOST_DIGITS: Final = 20
_ISO_LENGTHS: Final = frozenset((10, 16, 19))
_FIRST_SHORT_YEAR: Final = 2009  # 24/01/02 is more likely a day of 2024
_NOON: Final = 12

_YMD: Final = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_XXY: Final = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?=[T _]|$)")
_DIGITS: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{3})?$")
_CJK: Final = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")
_DAY_MONTH: Final = re.compile(r"(\d{1,2})[-\s/.]*([A-Za-z]{3,9})\.?[-,\s/]*(\d{4}|\d{2})(?!\d)")
_MONTH_DAY: Final = re.compile(
    r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})", re.ASCII
)
_WEEKDAY: Final = re.compile(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_CLOCK: Final = re.compile(
    r"(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,:](\d+))?)?)?\s*(?:-?\s*([AP])\.?M\.?)?",
    re.IGNORECASE,
)
_PLAIN_CLOCK: Final = re.compile(r"(\d{2})(\d{2})(?:(\d{2})(?:\.?(\d+))?)?(?![\d:])")
_ZONE: Final = re.compile(
    r"(?:(UTC|GMT|Z)\s*)?(?:([+-])(\d{1,2})(?::?(\d{2}))?)?\s*(?:UTC|GMT|Z|\[[^\]]+\]|\([^)]*\))?$",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(r"^[T\s,_]+", re.IGNORECASE)
_ABBREVIATION: Final = re.compile(r"([A-Za-z]{2,5})$")
_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip


class TimeUnit(Enum):
    """Unit of numeric times since the Unix epoch, from ``--time-format``."""

    S = "s"
    MS = "ms"
    US = "us"
    NS = "ns"
    EXCEL = "excel"


class AmbiguousDate(NamedTuple):
    """A date with ambiguous order of day and month."""

    first: int
    second: int
    year: int

    def day(self, *, day_first: bool) -> int | None:
        """Return days since the Unix epoch; None if there is no such day."""
        month, day = (self.second, self.first) if day_first else (self.first, self.second)
        return days(self.year, month, day)


class ParsedTime(NamedTuple):
    """A parsed time; times of day and offsets in milliseconds."""

    day: int | AmbiguousDate  #: since the Unix epoch
    time_of_day_ms: int
    offset_ms: int | None = None  #: from UTC; None: no zone
    zone: str | None = None  #: an ambiguous name such as EST

    @property
    def utc_ms(self) -> int:
        """The instant; a time without zone counts as UTC. Requires an unambiguous day."""
        assert isinstance(self.day, int)  # noqa: S101 - resolved by then
        return self.day * DAY_MS + self.time_of_day_ms - (self.offset_ms or 0)


def days(year: int, month: int, day: int) -> int | None:
    """Return days since the Unix epoch; None if there is no such day."""
    try:
        return date(year, month, day).toordinal() - _UNIX_DAY
    except ValueError:
        return None


def number_ms(text: str, unit: TimeUnit | None = None) -> int | None:
    """Convert a number to an instant; without ``unit`` by magnitude, from 1973 on.

    None if it is no number, or not before 2200.
    """
    if text.isdecimal() and len(text) <= _MOST_DIGITS:
        number: Decimal | int = int(text)
    else:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return None
        if not number.is_finite() or number.adjusted() > _MOST_DIGITS:
            return None
    at_ms = int(_to_ms(number, unit or _unit_of(number)))
    return at_ms if 0 <= at_ms < END_MS else None


def _unit_of(number: Decimal | int) -> TimeUnit:
    if number < _FIRST_MS:
        return TimeUnit.S
    if number < _FIRST_US:
        return TimeUnit.MS
    return TimeUnit.US if number < _FIRST_NS else TimeUnit.NS


def _to_ms(number: Decimal | int, unit: TimeUnit) -> Decimal | int:
    match unit:
        case TimeUnit.S:
            return number * 1000
        case TimeUnit.MS:
            return number
        case TimeUnit.US:
            return number // 1000
        case TimeUnit.NS:
            return number // 1_000_000
        case TimeUnit.EXCEL:  # spreadsheet floats of days are accurate to the second
            return round((Decimal(number) - _EXCEL_UNIX) * 86_400) * 1000


def is_excel(text: str) -> bool:
    """Whether a number may be a spreadsheet day between 2000 and 2099."""
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return False
    return number.is_finite() and int(number) in _EXCEL_DAYS


def digits_moment(text: str) -> ParsedTime | None:
    """Parse a date in one number: 20240131, 202401312359, 20240131235959."""
    if compact := _COMPACT.fullmatch(text):
        day = days(*map(int, compact.groups()))
        return None if day is None or _is_out_of_range(day) else ParsedTime(day, 0)
    found = _DIGITS.fullmatch(text)
    if found is None:
        return None
    year, month, number, hour, minute = (int(part) for part in found.groups()[:5])
    day = days(year, month, number)
    clock = _clock_ms(hour, minute, int(found[6] or 0), int(found[7] or 0))
    if day is None or clock is None or _is_out_of_range(day) or day < _first_digits_day():
        return None
    return ParsedTime(day, clock)


def _first_digits_day() -> int:
    return 7305  # 1990: a number of twelve digits would be milliseconds of 1976 otherwise


def _is_out_of_range(day: int) -> bool:
    return not 0 <= day * DAY_MS < END_MS


def iso_moment(text: str) -> ParsedTime | None:
    """Fast path of ``moment_of`` for ``2024-01-31``, ``2024-01-31 23:59`` and with seconds."""
    if len(text) not in _ISO_LENGTHS or text[4:5] != "-" or text[7:8] != "-":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is not None or not 0 <= (day := at.toordinal() - _UNIX_DAY) < END_MS // DAY_MS:
        return None
    return ParsedTime(day, ((at.hour * 60 + at.minute) * 60 + at.second) * 1000)


def moment_of(text: str) -> ParsedTime | None:
    """Parse ISO 8601 and common date formats; None if it is no time."""
    text = _WEEKDAY.sub("", text.strip())
    found = _date_of(text)
    if found is None:
        return None
    day, end = found
    clock = _clock_of(text[end:])
    return None if clock is None else ParsedTime(day, *clock)


def _date_of(text: str) -> tuple[int | AmbiguousDate, int] | None:
    """Return the day, and the end of the date in the text."""
    day: int | AmbiguousDate | None = None
    if found := _YMD.match(text) or _COMPACT.match(text) or _CJK.match(text):
        parts = [int(part) for part in found.groups() if part.isdecimal()]
        day = days(*parts)
    elif found := _XXY.match(text):
        first, second, year = int(found[1]), int(found[3]), _year(found[4])
        if year >= _FIRST_SHORT_YEAR or len(found[4]) > len("24"):
            day = (
                days(year, second, first) if found[2] == "." else AmbiguousDate(first, second, year)
            )
    elif found := _DAY_MONTH.match(text):
        day = _by_name(found[2], int(found[1]), _year(found[3]))
    elif found := _MONTH_DAY.match(text):
        day = _by_name(found[1], int(found[2]), int(found[3]))
    if found is None or day is None:
        return None
    if isinstance(day, int) and _is_out_of_range(day):
        return None
    return day, found.end()


def _year(text: str) -> int:
    return int(text) + 2000 if len(text) < len("2000") else int(text)


def _by_name(month: str, day: int, year: int) -> int | None:
    name = month[:3].lower()
    return days(year, _MONTHS.index(name) + 1, day) if name in _MONTHS else None


def _clock_of(rest: str) -> tuple[int, int | None, str | None] | None:
    """Parse time of day, offset and zone name after a date."""
    rest = _LEAD.sub("", rest)
    if not rest:
        return 0, None, None
    if found := _PLAIN_CLOCK.match(rest):
        clock = _clock_ms(int(found[1]), int(found[2]), int(found[3] or 0), _milliseconds(found[4]))
    elif (found := _CLOCK.match(rest)) and (found[2] or found[5]):
        hour = _hour(int(found[1]), found[5])
        if hour is None:
            return None
        clock = _clock_ms(hour, int(found[2] or 0), int(found[3] or 0), _milliseconds(found[4]))
    elif _ZONE.fullmatch(rest):
        found, clock = None, 0
    else:
        return None
    if clock is None:
        return None
    return _with_zone(clock, rest[found.end() :].strip() if found else rest)


def _with_zone(clock_ms: int, zone: str) -> tuple[int, int | None, str | None] | None:
    if not zone:
        return clock_ms, None, None
    if found := _ZONE.fullmatch(zone):
        minutes = int(found[3] or 0) * 60 + int(found[4] or 0)
        return clock_ms, (-minutes if found[2] == "-" else minutes) * 60_000, None
    if found := _ABBREVIATION.fullmatch(zone):
        return clock_ms, None, found[1].upper()
    return None


def _hour(hour: int, half: str | None) -> int | None:
    """Return the hour of 24; ``half`` is A or P on a 12-hour clock."""
    if half is None:
        return hour
    if not 1 <= hour <= _NOON:
        return None
    return hour % _NOON + (_NOON if half.upper() == "P" else 0)


def _milliseconds(fraction: str | None) -> int:
    return int(fraction[:3].ljust(3, "0")) if fraction else 0


def _clock_ms(hour: int, minute: int, second: int, millisecond: int) -> int | None:
    is_end = hour == 24 and not (minute or second or millisecond)  # noqa: PLR2004 - end of the day
    if not is_end and (hour > 23 or minute > 59 or second > 59):  # noqa: PLR2004 - a day's bounds
        return None
    return ((hour * 60 + minute) * 60 + second) * 1000 + millisecond
