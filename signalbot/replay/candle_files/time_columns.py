"""Finds the column of open times."""

from collections.abc import Sequence
from typing import Final

from signalbot.replay.candle_files import column_names
from signalbot.replay.candle_files.header import Header, NamedColumn
from signalbot.replay.candle_files.options import ColumnRole
from signalbot.replay.candle_files.time_of_day import is_date_only, is_time_of_day

_DATES: Final = (
    "date", "dtyyyymmdd", "day", "tradingday", "trading_day", "trade_date", "datum", "fecha",
    "data",
)  # fmt: skip
_CLOCKS: Final = (
    "time", "hour", "clock", "time_of_day", "zeit", "uhrzeit", "hora", "heure", "ora", "czas",
)  # fmt: skip


def find_time(header: Header, *, check_values: bool) -> tuple[int | None, int | None]:
    """Return the column of times, and of times of day if the first holds only dates."""
    day, time = header.chosen_column(ColumnRole.DATE), header.chosen_column(ColumnRole.TIME)
    if day is not None:
        return day, time
    if time is not None:
        return time, None
    if header.chosen_column(ColumnRole.CLOSE_TIME) is not None:
        return None, None
    wanted = [
        *header.columns_named(*column_names.OPEN_TIMES),
        *header.columns_named(*column_names.TIMES),
    ]
    found = [each for each in wanted if not check_values or header.has_times(each)]
    return _best(header, [each for each in found if _varies(header, each)] or found)


def _varies(header: Header, column: NamedColumn) -> bool:
    """Whether a column distinguishes rows, unlike for example the bounds of a query.

    A date may be constant, next to a column of times of day.
    """
    cells = header.table.sample(column.index)
    return len(set(cells)) > 1 or len(cells) < 2 or column.name in _DATES  # noqa: PLR2004


def _best(header: Header, found: Sequence[NamedColumn]) -> tuple[int | None, int | None]:
    """Return the first column; a later one if dates stand alone and repeat."""
    fallback: int | None = None
    for each in found:
        cells = header.table.sample(each.index)
        if each.name not in _DATES or not all(map(is_date_only, filter(None, cells))):
            return each.index, None
        clock = _clock(header, each.index)
        if clock is not None:
            return each.index, clock
        if len(set(cells)) == len(cells):
            return each.index, None
        fallback = each.index if fallback is None else fallback
    return fallback, None


def _clock(header: Header, day: int) -> int | None:
    for each in header.columns_named(*_CLOCKS):
        cells = [cell for cell in header.table.sample(each.index) if cell.strip()]
        if each.index != day and cells and all(map(is_time_of_day, cells)):
            return each.index
    return None
