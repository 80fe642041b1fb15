"""What the times of a column mean: all of them together decide what one alone leaves open."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
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
_SHORTEST_EPOCH: Final = 9  # digits of seconds; fewer are a date or a spreadsheet's day
_DATE_DIGITS: Final = frozenset((8, 12, 14, 17))  # digits of a date in one number
_MONTHS: Final = 12
_UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HEADER_ZONE: Final = re.compile(r"(?:UTC|GMT)[ _]*([+-]?\d{1,2})?", re.IGNORECASE)
_HEADER_NAME: Final = re.compile(r"\(([A-Za-z_]+(?:/[A-Za-z_]+)*)\)")
_FEW: Final = 0.05  # missing candles that a right reading may have, as a share of the rows


class AmbiguousTime(Exception):
    """A time has several meanings; ``at`` is its row, ``problem`` names the option."""

    def __init__(self, at: int, text: str, problem: str) -> None:
        super().__init__(problem)
        self.at = at
        self.text = text
        self.problem = problem


@dataclass(frozen=True, slots=True)
class ParsedTimes:
    """Instants of a column's rows; None where a text is no time."""

    at_ms: list[Ms | None]
    is_naive: bool  #: some had no zone and were read as UTC
    is_rounded: bool  #: some were written like 1.73569E+12, as spreadsheets show numbers


def looks_like_time(text: str) -> bool:
    """Whether a cell can hardly be anything but a time: a date, or a large number."""
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
    """The instants of a column called ``column``.

    Numbers are seconds, milliseconds, micro- or nanoseconds by their size (a name that ends in
    ``_ms`` holds milliseconds), a spreadsheet's days, or dates such as 20240131. A text without
    a zone is in ``zone``, else in the zone that the column's name tells, else UTC.

    Raises:
        Ambiguous: the rows leave open what is day and what is month, or which zone is meant.
    """
    read = _reader(column, time_format)
    moments = [read(text.strip()) for text in texts]
    _resolve_dates(moments, texts)
    zone = zone or header_zone(column)
    naive = [
        at for at, each in enumerate(moments) if isinstance(each, ParsedTime) and _is_naive(each)
    ]
    if naive and zone is None:
        _refuse_unknown_zone(column, texts, moments, naive)
    instants = _instants(moments, zone or UTC)
    return ParsedTimes(
        at_ms=[Ms(each) if each is not None and 0 <= each < END_MS else None for each in instants],
        is_naive=bool(naive) and zone is None,
        is_rounded=any(_NUMBER.fullmatch(text) for text in texts if "e" in text or "E" in text),
    )


def header_zone(column: str) -> tzinfo | None:
    """The zone that a column's name tells: ``Gmt time``, ``Time (EET)``, ``begin_time_GMT8``."""
    if found := _HEADER_ZONE.search(column):
        return timezone(timedelta(hours=int(found[1] or 0)))
    if found := _HEADER_NAME.search(column):
        try:
            return ZoneInfo(found[1])
        except (KeyError, ValueError, OSError):
            return None
    return None


_Read = Callable[[str], ParsedTime | int | None]
"""A text to a moment, or to an instant where a zone is out of the question."""


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
    """Whether a number is too large for anything but an instant."""
    is_short = len(text.partition(".")[0]) < _SHORTEST_EPOCH
    if not is_short:
        return True
    return ("e" in text or "E" in text) and float(text) >= 10 ** (_SHORTEST_EPOCH - 1)


def _excel(text: str) -> ParsedTime | None:
    at_ms = number_ms(text.replace(",", "."), TimeUnit.EXCEL)
    return None if at_ms is None else ParsedTime(*divmod(at_ms, DAY_MS))


def _formatted(text: str, time_format: str) -> ParsedTime | None:
    try:
        moment = datetime.strptime(text, time_format)  # noqa: DTZ007 - the zone is looked at below
    except ValueError:
        return None
    offset = moment.utcoffset()
    since = moment.replace(tzinfo=UTC) - _UNIX
    clock_ms = since.seconds * 1000 + since.microseconds // 1000
    return ParsedTime(
        since.days, clock_ms, None if offset is None else round(offset.total_seconds() * 1000)
    )


def _is_naive(moment: ParsedTime) -> bool:
    return moment.offset_ms is None


def _refuse_unknown_zone(
    column: str,
    texts: Sequence[str],
    moments: Sequence[ParsedTime | int | None],
    naive: Sequence[int],
) -> None:
    """No zone is given where the file says that there is one, and not which."""
    for at in naive:
        moment = moments[at]
        if isinstance(moment, ParsedTime) and moment.zone is not None:
            raise AmbiguousTime(
                at,
                texts[at],
                f"{moment.zone} is the name of more than one zone: "
                f"{TIME_ZONE} Europe/Berlin (or another) decides",
            )
    if "local" in column.lower():
        raise AmbiguousTime(
            naive[0],
            texts[naive[0]],
            f"a local time, and the file does not say where: {TIME_ZONE} Europe/Berlin (or "
            "another) decides",
        )


def _resolve_dates(moments: list[ParsedTime | int | None], texts: Sequence[str]) -> None:
    """Put days for dates such as 01/02/2024, in place."""
    still_open = [
        (at, each.day)
        for at, each in enumerate(moments)
        if isinstance(each, ParsedTime) and isinstance(each.day, AmbiguousDate)
    ]
    if not still_open:
        return
    day_first = _is_day_first(still_open, moments, texts)
    for at, each in still_open:
        moment = moments[at]
        assert isinstance(moment, ParsedTime)  # noqa: S101 - chosen above
        day = each.day(day_first=day_first)
        moments[at] = None if day is None else moment._replace(day=day)


def _is_day_first(
    still_open: Sequence[tuple[int, AmbiguousDate]],
    moments: Sequence[ParsedTime | int | None],
    texts: Sequence[str],
) -> bool:
    if all(each.first == each.second for _, each in still_open):
        return True  # 01/01/2024 is one day either way
    first = next((at for at, each in still_open if each.first > _MONTHS), None)
    second = next((at for at, each in still_open if each.second > _MONTHS), None)
    if first is not None and second is not None:
        raise AmbiguousTime(
            second,
            texts[second],
            f"the day comes second here and first in {texts[first]!r}: {TIME_FORMAT} "
            "'%d/%m/%Y %H:%M' (or another) decides",
        )
    if first is not None or second is not None:
        return first is not None
    by_day, by_month = (_missing(still_open, moments, day_first=each) for each in (True, False))
    rows = len(still_open)
    if by_day <= _FEW * rows and by_month > rows / 2:
        return True
    if by_month <= _FEW * rows and by_day > rows / 2:
        return False
    at = still_open[0][0]
    raise AmbiguousTime(
        at,
        texts[at],
        "day and month can be told apart in no row: "
        f"{TIME_FORMAT} {_format_of(texts[at], '%d', '%m')!r} or "
        f"{_format_of(texts[at], '%m', '%d')!r} decides",
    )


def _missing(
    still_open: Sequence[tuple[int, AmbiguousDate]],
    moments: Sequence[ParsedTime | int | None],
    *,
    day_first: bool,
) -> float:
    """How many candles would be missing between the rows; infinite if there are no candles."""
    instants = set()
    for at, each in still_open:
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
    """The format that reads ``text`` with its date in one of the two orders."""
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
    """Turns local times into instants, in the order of their rows.

    The hour that a clock repeats in autumn is told apart by that order; the one it leaves out in
    spring is no time.
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
        """Offsets before and after a change of the clock that ``local`` may lie in."""
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
