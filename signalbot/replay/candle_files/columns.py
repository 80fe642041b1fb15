"""Which column of a table with a header holds what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from signalbot.replay.candle_files import column_names
from signalbot.replay.candle_files.header import Header, read_header
from signalbot.replay.candle_files.market_matching import MarketName
from signalbot.replay.candle_files.options import ColumnChoice, ColumnRole
from signalbot.replay.candle_files.price_columns import find_prices
from signalbot.replay.candle_files.table import TextTable
from signalbot.replay.candle_files.time_columns import find_time
from signalbot.replay.candle_files.volume_columns import find_volume

_FLAGS: Final = frozenset(("0", "1", "true", "false", "yes", "no", "0.0", "1.0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Places of the columns that are read."""

    time: int | None  #: None: only ``close_time`` is there
    prices: tuple[int, int, int, int]  #: open, high, low, close
    time_of_day: int | None = None  #: the time of day, where ``time`` holds the day
    close_time: int | None = None
    volume: int | None = None
    tick_volume: int | None = None  #: used where ``volume`` is zero throughout
    symbol: int | None = None
    is_symbol_sure: bool = True
    interval: int | None = None
    closed: int | None = None
    is_time_of_day_hour: bool = False  #: it is the hour alone
    time_name: str = ""  #: as the header has it
    notes: Sequence[str] = ()

    @property
    def least_width(self) -> int:
        """Cells of the shortest row that has all it needs."""
        needed = [*self.prices, self.time, self.time_of_day, self.volume, self.symbol]
        if self.time is None:
            needed.append(self.close_time)
        return max(each for each in needed if each is not None) + 1


def find_columns(
    table: TextTable, market: MarketName, choice: ColumnChoice | None, *, is_formatted: bool
) -> Columns:
    """The columns of ``table``, which has a header, for the candles of ``market``.

    ``is_formatted`` tells that the user has said how times are written, so that their looks prove
    nothing.

    Raises:
        Unreadable: one is missing, or may be several.
    """
    header, looks = read_header(table, market, choice), not is_formatted
    prices = find_prices(header)
    time, clock = find_time(header, looks=looks)
    close_time = header.first_column(ColumnRole.CLOSE_TIME, column_names.CLOSE_TIMES, looks=looks)
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
