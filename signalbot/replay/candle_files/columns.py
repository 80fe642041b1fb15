"""Assigns roles to the columns of a table with a header."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from signalbot.replay.candle_files import column_names
from signalbot.replay.candle_files.column_roles import find_prices, find_time, find_volume
from signalbot.replay.candle_files.header import Header, read_header
from signalbot.replay.candle_files.market_matching import MarketName
from signalbot.replay.candle_files.options import ColumnChoice, ColumnRole
from signalbot.replay.candle_files.table import TextTable

_FLAGS: Final = frozenset(("0", "1", "true", "false", "yes", "no", "0.0", "1.0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Indices of the columns that are read."""

    time: int | None  #: None: there is only ``close_time``
    prices: tuple[int, int, int, int]  #: open, high, low, close
    time_of_day: int | None = None  #: time of day, if ``time`` holds the date
    close_time: int | None = None
    volume: int | None = None
    tick_volume: int | None = None  #: used if ``volume`` is always zero
    symbol: int | None = None
    is_symbol_sure: bool = True
    interval: int | None = None
    closed: int | None = None
    is_time_of_day_hour: bool = False  #: ``time_of_day`` holds the hour only
    time_name: str = ""  #: name in the header
    notes: Sequence[str] = ()

    @property
    def least_width(self) -> int:
        """Number of cells of the shortest complete row."""
        needed = [*self.prices, self.time, self.time_of_day, self.volume, self.symbol]
        if self.time is None:
            needed.append(self.close_time)
        return max(each for each in needed if each is not None) + 1


def find_columns(
    table: TextTable, market: MarketName, choice: ColumnChoice | None, *, is_formatted: bool
) -> Columns:
    """Find the columns of ``table``, which has a header, for the candles of ``market``.

    ``is_formatted``: the user has set the time format, so that a column's content proves nothing.

    Raises:
        UnreadableTable: a column is missing or ambiguous.
    """
    header, check_values = read_header(table, market, choice), not is_formatted
    prices = find_prices(header)
    time, clock = find_time(header, check_values=check_values)
    close_time = header.first_column(
        ColumnRole.CLOSE_TIME, column_names.CLOSE_TIMES, check_values=check_values
    )
    if time is None and close_time is None:
        raise header.missing_column_error(
            "the open time", ColumnRole.TIME, ("open_time", "timestamp", "date")
        )
    symbol, is_sure = _symbol(header)
    named = [
        each for each in header.columns if each.index == (close_time if time is None else time)
    ]
    return Columns(
        time=time,
        time_of_day=clock,
        is_time_of_day_hour=clock is not None and header.columns[clock].name == "hour",
        close_time=close_time,
        prices=prices,
        volume=find_volume(header),
        tick_volume=next(
            (each.index for each in header.columns_named(*column_names.TICK_VOLUMES)), None
        ),
        symbol=symbol,
        is_symbol_sure=is_sure,
        interval=_interval(header),
        closed=_closed(header),
        time_name=" ".join(named[0].levels) if named else "",
        notes=header.notes,
    )


def _symbol(header: Header) -> tuple[int | None, bool]:
    chosen = header.chosen_column(ColumnRole.SYMBOL)
    if chosen is not None:
        return chosen, True
    if header.choice is not None and ColumnRole.SYMBOL in header.choice.ignored:
        return None, True
    for each in header.columns_named(*column_names.SYMBOLS):
        return each.index, True
    for each in header.columns_named(*column_names.MAYBE_SYMBOLS):
        return each.index, False
    return None, True


def _interval(header: Header) -> int | None:
    chosen = header.chosen_column(ColumnRole.INTERVAL)
    if chosen is not None or (header.choice and ColumnRole.INTERVAL in header.choice.ignored):
        return chosen
    return next((each.index for each in header.columns_named(*column_names.INTERVALS)), None)


def _closed(header: Header) -> int | None:
    chosen = header.chosen_column(ColumnRole.CLOSED)
    if chosen is not None or (header.choice and ColumnRole.CLOSED in header.choice.ignored):
        return chosen
    for each in header.columns_named(*column_names.CLOSED_FLAGS):
        cells = {cell.strip().lower() for cell in header.table.sample(each.index)}
        if cells <= _FLAGS:
            return each.index
    return None
