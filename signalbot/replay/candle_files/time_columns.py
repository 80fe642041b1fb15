"""Which column holds the time at which a candle opens."""

from collections.abc import Sequence
from typing import Final

from signalbot.replay.candle_files import names
from signalbot.replay.candle_files.clock import is_clock, is_date_only
from signalbot.replay.candle_files.header import Header, Named
from signalbot.replay.candle_files.options import Role

_DATES: Final = (
    "date", "dtyyyymmdd", "day", "tradingday", "trading_day", "trade_date", "datum", "fecha",
    "data",
)  # fmt: skip
_CLOCKS: Final = (
    "time", "hour", "clock", "time_of_day", "zeit", "uhrzeit", "hora", "heure", "ora", "czas",
)  # fmt: skip


def find_time(header: Header, *, looks: bool) -> tuple[int | None, int | None]:
    """The column of times, and that of the times of day if days stand alone."""
    day, time = header.chosen(Role.DATE), header.chosen(Role.TIME)
    if day is not None:
        return day, time
    if time is not None:
        return time, None
    if header.chosen(Role.CLOSE_TIME) is not None:
        return None, None
    wanted = [*header.called(*names.OPEN_TIMES), *header.called(*names.TIMES)]
    found = [each for each in wanted if not looks or header.holds_times(each)]
    return _best(header, [each for each in found if _varies(header, each)] or found)


def _varies(header: Header, column: Named) -> bool:
    """Whether a column may tell rows apart: the bounds of a query, for example, do not.

    A day may stand in all rows, beside a column with the time of day.
    """
    cells = header.table.sample(column.at)
    return len(set(cells)) > 1 or len(cells) < 2 or column.name in _DATES  # noqa: PLR2004


def _best(header: Header, found: Sequence[Named]) -> tuple[int | None, int | None]:
    """The first of these columns; a later one where days stand alone and repeat."""
    fallback: int | None = None
    for each in found:
        cells = header.table.sample(each.at)
        if each.name not in _DATES or not all(map(is_date_only, filter(None, cells))):
            return each.at, None
        clock = _clock(header, each.at)
        if clock is not None:
            return each.at, clock
        if len(set(cells)) == len(cells):
            return each.at, None
        fallback = each.at if fallback is None else fallback
    return fallback, None


def _clock(header: Header, day: int) -> int | None:
    for each in header.called(*_CLOCKS):
        cells = [cell for cell in header.table.sample(each.at) if cell.strip()]
        if each.at != day and cells and all(map(is_clock, cells)):
            return each.at
    return None
