"""Which column of a table with a header holds what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from signalbot.replay.candle_files import names
from signalbot.replay.candle_files.header import Header, read_header
from signalbot.replay.candle_files.markets import Market
from signalbot.replay.candle_files.options import ColumnChoice, Role
from signalbot.replay.candle_files.price_columns import find_prices
from signalbot.replay.candle_files.table import Table
from signalbot.replay.candle_files.time_columns import find_time
from signalbot.replay.candle_files.volume_columns import find_volume

_FLAGS: Final = frozenset(("0", "1", "true", "false", "yes", "no", "0.0", "1.0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Places of the columns that are read."""

    time: int | None  #: None: only ``close_time`` is there
    prices: tuple[int, int, int, int]  #: open, high, low, close
    clock: int | None = None  #: the time of day, where ``time`` holds the day
    close_time: int | None = None
    volume: int | None = None
    tick_volume: int | None = None  #: used where ``volume`` is zero throughout
    symbol: int | None = None
    is_symbol_sure: bool = True
    interval: int | None = None
    closed: int | None = None
    clock_is_hour: bool = False  #: it is the hour alone
    time_name: str = ""  #: as the header has it
    notes: Sequence[str] = ()

    @property
    def least_width(self) -> int:
        """Cells of the shortest row that has all it needs."""
        needed = [*self.prices, self.time, self.clock, self.volume, self.symbol]
        if self.time is None:
            needed.append(self.close_time)
        return max(each for each in needed if each is not None) + 1


def find_columns(
    table: Table, market: Market, choice: ColumnChoice | None, *, is_formatted: bool
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
    close_time = header.first(Role.CLOSE_TIME, names.CLOSE_TIMES, looks=looks)
    if time is None and close_time is None:
        raise header.missing("the open time", Role.TIME, ("open_time", "timestamp", "date"))
    symbol, is_sure = _symbol(header)
    named = [each for each in header.columns if each.at == (close_time if time is None else time)]
    return Columns(
        time=time,
        clock=clock,
        clock_is_hour=clock is not None and header.columns[clock].name == "hour",
        close_time=close_time,
        prices=prices,
        volume=find_volume(header),
        tick_volume=next((each.at for each in header.called(*names.TICK_VOLUMES)), None),
        symbol=symbol,
        is_symbol_sure=is_sure,
        interval=_interval(header),
        closed=_closed(header),
        time_name=" ".join(named[0].levels) if named else "",
        notes=header.notes,
    )


def _symbol(header: Header) -> tuple[int | None, bool]:
    chosen = header.chosen(Role.SYMBOL)
    if chosen is not None:
        return chosen, True
    if header.choice is not None and Role.SYMBOL in header.choice.ignored:
        return None, True
    for each in header.called(*names.SYMBOLS):
        return each.at, True
    for each in header.called(*names.MAYBE_SYMBOLS):
        return each.at, False
    return None, True


def _interval(header: Header) -> int | None:
    chosen = header.chosen(Role.INTERVAL)
    if chosen is not None or (header.choice and Role.INTERVAL in header.choice.ignored):
        return chosen
    return next((each.at for each in header.called(*names.INTERVALS)), None)


def _closed(header: Header) -> int | None:
    chosen = header.chosen(Role.CLOSED)
    if chosen is not None or (header.choice and Role.CLOSED in header.choice.ignored):
        return chosen
    for each in header.called(*names.CLOSED_FLAGS):
        cells = {cell.strip().lower() for cell in header.table.sample(each.at)}
        if cells <= _FLAGS:
            return each.at
    return None
