"""Parses a column of times; all rows together resolve ambiguities of single ones."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe, from_datetime
from signalbot.replay.candle_files.options import NUMBER_UNITS, TIME_FORMAT, TIME_ZONE
from signalbot.replay.candle_files.time_parsing import (
    END_MS,
    AmbiguousDate,
    ParsedTime,
    TimeUnit,
    digits_moment,
    is_excel,
    iso_moment,
    moment_of,
    number_ms,
)

_NUMBER: Final = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_SHORTEST_EPOCH: Final = 9  # digits of seconds; fewer are a date or a spreadsheet day
_DATE_DIGITS: Final = frozenset((8, 12, 14, 17))  # digits of a date in one number
_MONTHS: Final = 12
_HEADER_ZONE: Final = re.compile(r"(?:UTC|GMT)[ _]*([+-]?\d{1,2})?", re.IGNORECASE)
_HEADER_NAME: Final = re.compile(r"\(([A-Za-z_]+(?:/[A-Za-z_]+)*)\)")
_FEW: Final = 0.05  # maximum fraction of missing candles in a correct interpretation


class AmbiguousTime(Exception):
    """A time has several meanings; ``at`` is its row, ``problem`` has the option to set."""

    def __init__(self, at: int, text: str, problem: str) -> None:
        super().__init__(problem)
        self.at = at
        self.text = text
        self.problem = problem


@dataclass(frozen=True, slots=True)
class ParsedTimes:
    """Instants by row; None where a text is no time."""

    at_ms: list[Ms | None]
    is_naive: bool  #: some had no zone and are read as UTC
    is_rounded: bool  #: some were written like 1.73569E+12, as spreadsheets write numbers


def looks_like_time(text: str) -> bool:
    """Whether a cell is almost certainly a time: a date, or a large number."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        if digits_moment(text) is not None:
            return True
        return _is_epoch(text) and number_ms(text) is not None
    return moment_of(text) is not None


def read_times(
    texts: Sequence[str],
    *,
    column: str = "",
    time_format: str | None = None,
    zone: tzinfo | None = None,
) -> ParsedTimes:
    """Parse the times of a column named ``column``.

    Numbers are seconds, milliseconds, microseconds or nanoseconds by magnitude (milliseconds if the
    name ends in ``_ms``), spreadsheet days, or dates such as 20240131. A text without zone is in
    ``zone``, else in the zone of the column's name, else UTC.

    Raises:
        AmbiguousTime: the order of day and month or the zone is ambiguous.
    """
    read = _reader(column, time_format)
    moments = [read(text.strip()) for text in texts]
    _resolve_dates(moments, texts)
    zone = zone or header_zone(column)
    naive = [
        at for at, each in enumerate(moments) if isinstance(each, ParsedTime) and _is_naive(each)
    ]
    if naive and zone is None:
        _reject_unknown_zone(column, texts, moments, naive)
    instants = _instants(moments, zone or UTC)
    return ParsedTimes(
        at_ms=[Ms(each) if each is not None and 0 <= each < END_MS else None for each in instants],
        is_naive=bool(naive) and zone is None,
        is_rounded=any(_NUMBER.fullmatch(text) for text in texts if "e" in text or "E" in text),
    )


def header_zone(column: str) -> tzinfo | None:
    """Return the zone in a column's name: ``Gmt time``, ``Time (EET)``, ``begin_time_GMT8``."""
    if found := _HEADER_ZONE.search(column):
        return timezone(timedelta(hours=int(found[1] or 0)))
    if found := _HEADER_NAME.search(column):
        try:
            return ZoneInfo(found[1])
        except (KeyError, ValueError, OSError):
            return None
    return None


_Read = Callable[[str], ParsedTime | int | None]
"""Parses a text to a time, or to an instant if no zone can apply."""


def _reader(column: str, time_format: str | None) -> _Read:
    if time_format in NUMBER_UNITS:
        unit = TimeUnit(time_format)
        return _excel if unit is TimeUnit.EXCEL else lambda text: number_ms(text, unit)
    if time_format is not None:
        return lambda text: _formatted(text, time_format)
    if column.lower().endswith("_ms"):
        return lambda text: number_ms(text, TimeUnit.MS)
    return _guess_time


def _guess_time(text: str) -> ParsedTime | int | None:
    if text.isdecimal() or _NUMBER.fullmatch(text):
        if len(text) in _DATE_DIGITS and (moment := digits_moment(text)) is not None:
            return moment
        if _is_epoch(text):
            return number_ms(text)
        return _excel(text) if is_excel(text) else None
    if "," in text and is_excel(text):
        return _excel(text)
    return iso_moment(text) or moment_of(text)


def _is_epoch(text: str) -> bool:
    """Whether a number is too large for anything but an epoch time."""
    is_short = len(text.partition(".")[0]) < _SHORTEST_EPOCH
    if not is_short:
        return True
    return ("e" in text or "E" in text) and float(text) >= 10 ** (_SHORTEST_EPOCH - 1)


def _excel(text: str) -> ParsedTime | None:
    at_ms = number_ms(text.replace(",", "."), TimeUnit.EXCEL)
    return None if at_ms is None else ParsedTime(*divmod(at_ms, DAY_MS))


def _formatted(text: str, time_format: str) -> ParsedTime | None:
    try:
        moment = datetime.strptime(text, time_format)  # noqa: DTZ007 - the zone is handled below
    except ValueError:
        return None
    offset = moment.utcoffset()
    truncated = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    day, clock_ms = divmod(from_datetime(truncated), DAY_MS)
    return ParsedTime(
        day, clock_ms, None if offset is None else round(offset.total_seconds() * 1000)
    )


def _is_naive(moment: ParsedTime) -> bool:
    return moment.offset_ms is None


def _reject_unknown_zone(
    column: str,
    texts: Sequence[str],
    moments: Sequence[ParsedTime | int | None],
    naive: Sequence[int],
) -> None:
    """Raise an error if the file has local times of an unknown zone."""
    for at in naive:
        moment = moments[at]
        if isinstance(moment, ParsedTime) and moment.zone is not None:
            raise AmbiguousTime(
                at,
                texts[at],
                f"{moment.zone} is the name of several zones: "
                f"set {TIME_ZONE} Europe/Berlin or another",
            )
    if "local" in column.lower():
        raise AmbiguousTime(
            naive[0],
            texts[naive[0]],
            f"local time of an unknown zone: set {TIME_ZONE} Europe/Berlin or another",
        )


def _resolve_dates(moments: list[ParsedTime | int | None], texts: Sequence[str]) -> None:
    """Replace dates such as 01/02/2024 by days, in place."""
    ambiguous = [
        (at, each.day)
        for at, each in enumerate(moments)
        if isinstance(each, ParsedTime) and isinstance(each.day, AmbiguousDate)
    ]
    if not ambiguous:
        return
    day_first = _is_day_first(ambiguous, moments, texts)
    for at, each in ambiguous:
        moment = moments[at]
        assert isinstance(moment, ParsedTime)  # noqa: S101 - chosen above
        day = each.day(day_first=day_first)
        moments[at] = None if day is None else moment._replace(day=day)


def _is_day_first(
    ambiguous: Sequence[tuple[int, AmbiguousDate]],
    moments: Sequence[ParsedTime | int | None],
    texts: Sequence[str],
) -> bool:
    if all(each.first == each.second for _, each in ambiguous):
        return True  # 01/01/2024 is one day either way
    first = next((at for at, each in ambiguous if each.first > _MONTHS), None)
    second = next((at for at, each in ambiguous if each.second > _MONTHS), None)
    if first is not None and second is not None:
        raise AmbiguousTime(
            second,
            texts[second],
            f"the day is second here and first in {texts[first]!r}: set {TIME_FORMAT} "
            "'%d/%m/%Y %H:%M' or another",
        )
    if first is not None or second is not None:
        return first is not None
    by_day, by_month = (_missing(ambiguous, moments, day_first=each) for each in (True, False))
    rows = len(ambiguous)
    if by_day <= _FEW * rows and by_month > rows / 2:
        return True
    if by_month <= _FEW * rows and by_day > rows / 2:
        return False
    at = ambiguous[0][0]
    raise AmbiguousTime(
        at,
        texts[at],
        "the order of day and month is ambiguous in all rows: "
        f"set {TIME_FORMAT} {_format_of(texts[at], '%d', '%m')!r} or "
        f"{_format_of(texts[at], '%m', '%d')!r}",
    )


def _missing(
    ambiguous: Sequence[tuple[int, AmbiguousDate]],
    moments: Sequence[ParsedTime | int | None],
    *,
    day_first: bool,
) -> float:
    """Return the number of missing candles between the rows; infinite if they are irregular."""
    instants = set()
    for at, each in ambiguous:
        day, moment = each.day(day_first=day_first), moments[at]
        if day is None or not isinstance(moment, ParsedTime):
            return float("inf")
        instants.add(day * DAY_MS + moment.time_of_day_ms)
    steps = [after - before for before, after in pairwise(sorted(instants))]
    if not steps:
        return float("inf")
    least = min(steps)
    if least not in {each.ms for each in Timeframe} or any(step % least for step in steps):
        return float("inf")
    return sum(step // least - 1 for step in steps)


def _format_of(text: str, first: str, second: str) -> str:
    """Return the format of ``text`` with its date in the given order."""
    sign = next(sign for sign in "/-" if sign in text)
    date, _, clock = text.partition(" ")
    year = "%Y" if len(date.rpartition(sign)[2]) == len("2024") else "%y"
    colons = clock.count(":")
    half = " %p" if clock.lower().endswith("m") else ""
    hour = "%I" if half else "%H"
    return f"{first}{sign}{second}{sign}{year}" + (
        f" {hour}" + ":%M" * (colons > 0) + ":%S" * (colons > 1) + half if clock else ""
    )


def _instants(moments: Sequence[ParsedTime | int | None], zone: tzinfo) -> list[int | None]:
    if zone is UTC:
        return [each.utc_ms if isinstance(each, ParsedTime) else each for each in moments]
    placed = _ZoneConverter(zone, is_descending=_is_descending(moments))
    return [
        each if each is None or isinstance(each, int) else placed.instant(each) for each in moments
    ]


def _is_descending(moments: Sequence[ParsedTime | int | None]) -> bool:
    local = [each.utc_ms for each in moments if isinstance(each, ParsedTime)]
    return bool(local) and local[0] > local[-1]


class _ZoneConverter:
    """Converts local times to instants, in row order.

    Row order resolves the hour that is repeated in autumn; the hour skipped in spring is no time.
    """

    def __init__(self, zone: tzinfo, *, is_descending: bool) -> None:
        self._zone = zone
        self._is_descending = is_descending
        self._last: int | None = None
        self._offsets: dict[int, tuple[int, int]] = {}

    def instant(self, moment: ParsedTime) -> int | None:
        local = moment.utc_ms
        if moment.offset_ms is not None:
            return local
        early, late = self._offsets_at(local)
        if early < late:
            return None
        self._last = local - early if early == late else self._repeated(local, early, late)
        return self._last

    def _repeated(self, local: int, early: int, late: int) -> int:
        first, second = local - early, local - late
        if self._is_descending:
            return first if self._last is not None and second >= self._last else second
        return second if self._last is not None and first <= self._last else first

    def _offsets_at(self, local: int) -> tuple[int, int]:
        """Return the offsets before and after a clock change at ``local``."""
        quarter = local // 900_000
        found = self._offsets.get(quarter)
        if found is None:
            moment = datetime(1970, 1, 1, tzinfo=self._zone) + timedelta(milliseconds=local)
            found = self._offset(moment), self._offset(moment.replace(fold=1))
            self._offsets[quarter] = found
        return found

    def _offset(self, moment: datetime) -> int:
        offset = moment.utcoffset()
        assert offset is not None  # noqa: S101 - every zone has one
        return round(offset.total_seconds() * 1000)
