"""Reads the candles of one market from a file of any supported format."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from signalbot.domain.timeframe import Ms
from signalbot.replay.candle_files.archive_members import check_name, coin_of, pick_members
from signalbot.replay.candle_files.archives import FilePart, open_parts
from signalbot.replay.candle_files.arrow_table import arrow_table, is_arrow
from signalbot.replay.candle_files.candle_series import CandleFile, make_series
from signalbot.replay.candle_files.candle_spacing import interval_ms, several
from signalbot.replay.candle_files.cells import Cells, collect_cells
from signalbot.replay.candle_files.columns import Columns, find_columns
from signalbot.replay.candle_files.headerless_columns import find_positions
from signalbot.replay.candle_files.json_table import is_json, json_table
from signalbot.replay.candle_files.market_matching import MarketFit, MarketName
from signalbot.replay.candle_files.options import (
    COLUMNS,
    DECIMAL,
    TIME_FORMAT,
    TIME_ZONE,
    ColumnRole,
    ReadOptions,
)
from signalbot.replay.candle_files.price_volume_parsing import read_prices_and_volumes
from signalbot.replay.candle_files.row_errors import (
    DroppedRows,
    RowFault,
    RowLocation,
    UnreadableTable,
    quoted_cell,
    unreadable_error,
)
from signalbot.replay.candle_files.row_selection import is_final, rows_of_market
from signalbot.replay.candle_files.table import TextTable, is_count
from signalbot.replay.candle_files.table_rows import TableRows, TimedRow
from signalbot.replay.candle_files.text_decoding import open_text
from signalbot.replay.candle_files.text_table import text_table
from signalbot.replay.candle_files.time_column_parsing import AmbiguousTime, ParsedTimes, read_times
from signalbot.replay.candle_files.time_of_day import AmbiguousTimeOfDay, join_date_and_time

_DECIDED_BY_THE_FILE: Final = ReadOptions()
_SAMPLE_ROWS: Final = 200  # rows that determine the timeframe
_NEARLY_ALL: Final = 0.98
_MINUTE_MS: Final = 60_000


def read_candles(
    path: Path | Sequence[Path], symbol: str, options: ReadOptions = _DECIDED_BY_THE_FILE
) -> CandleFile:
    """Read the candles of ``symbol`` from files, archives or folders into one series.

    Invalid rows are dropped and counted, never repaired; gaps are counted and stay. Rows are sorted
    by time.

    Raises:
        ConfigError: a file is unreadable; a column, the times, the numbers or the market are
        ambiguous;
            or no row is usable.
    """
    market, dropped, notes = MarketName(symbol), DroppedRows(), list[str]()
    paths = [path] if isinstance(path, Path) else list(path)
    pieces: list[TableRows] = []
    for each in paths:
        if each.is_file():
            check_name(str(each), market)
        parts = open_parts(each, partial(pick_members, str(each), market=market, notes=notes))
        while parts:  # each is released after reading, as it may be large
            table = _table(parts.pop(0), market)
            pieces.append(_read_table_rows(table, market, options, dropped, number=len(pieces)))
    notes += dict.fromkeys(note for piece in pieces for note in piece.notes)
    return make_series(paths[0], symbol, pieces, dropped, options, notes)


def _table(part: FilePart, market: MarketName) -> TextTable:
    if is_arrow(part):
        return arrow_table(part)
    text = open_text(part)
    return json_table(text, market) if is_json(text) else text_table(text)


def _read_table_rows(
    table: TextTable, market: MarketName, options: ReadOptions, dropped: DroppedRows, *, number: int
) -> TableRows:
    notes = list(table.notes)
    try:
        _check_declared(table, market, options)
        columns = _columns(table, market, options)
        if columns.symbol is None and not table.declared:
            _check_coin(table, market, options)
    except UnreadableTable as e:
        raise unreadable_error(table.part, str(e)) from None
    cells = collect_cells(table, columns, dropped)
    try:
        cells = _select_rows(table, columns, cells, market, dropped, notes)
    except UnreadableTable as e:
        location = RowLocation(table.part, table.unit, cells.lines[e.row or 0])
        raise unreadable_error(location, str(e)) from None
    times = _times(table, columns, cells, options)
    quantities = read_prices_and_volumes(
        cells, RowLocation(table.part, table.unit, 0), options.decimal
    )
    rows = []
    for line, at_ms, values in zip(cells.lines, times.at_ms, quantities.rows, strict=True):
        if at_ms is None:
            dropped.add(line, RowFault.NOT_A_TIME)
        elif isinstance(values, RowFault):
            dropped.add(line, values)
        else:
            rows.append(TimedRow(at_ms, line, values, number))
    notes += columns.notes
    if columns.volume is None:
        notes.append("no volume column: the volume of every candle is 0")
    if times.is_naive:
        notes.append(f"times without zone are read as UTC; change with {TIME_ZONE}")
    if quantities.uses_ticks:
        notes.append("the volume is a tick count, for lack of another")
    texts = _time_texts(columns, cells)
    _check_rows(table, columns, cells, rows, texts)
    return TableRows(
        part=table.part,
        unit=table.unit,
        rows=rows,
        is_close=columns.time is None,
        length_ms=_length_ms(columns, cells, options),
        is_rounded=times.is_rounded,
        time_name=columns.time_name,
        time_text=texts[0] if texts else "",
        notes=notes,
    )


def _check_declared(table: TextTable, market: MarketName, options: ReadOptions) -> None:
    """Check that a market named next to the rows is the requested one."""
    is_ignored = options.columns is not None and ColumnRole.SYMBOL in options.columns.ignored
    if not table.declared or is_ignored:
        return
    if market.best(table.declared)[0] is MarketFit.OTHER:
        raise UnreadableTable(
            f"it is of market {', '.join(table.declared)}, but --symbol is {market.symbol}; "
            f"{COLUMNS} symbol=- ignores that"
        )


def _check_coin(table: TextTable, market: MarketName, options: ReadOptions) -> None:
    """Check that a file without markets in its content is not named after another coin."""
    coin = coin_of(table.part)
    is_ignored = options.columns is not None and ColumnRole.SYMBOL in options.columns.ignored
    if coin is not None and not market.is_base(coin) and not is_ignored:
        raise UnreadableTable(
            f"the file name says {coin}, but --symbol is {market.symbol}; {COLUMNS} symbol=- "
            "ignores that"
        )


def _columns(table: TextTable, market: MarketName, options: ReadOptions) -> Columns:
    choice = options.columns
    if table.header and is_count(table.header[0]):
        table.header = ()
    if not table.header or (choice is not None and choice.is_complete):
        return find_positions(table, choice)
    return find_columns(table, market, choice, is_formatted=options.time_format is not None)


def _select_rows(
    table: TextTable,
    columns: Columns,
    cells: Cells,
    market: MarketName,
    dropped: DroppedRows,
    notes: list[str],
) -> Cells:
    """Return the final rows of the market."""
    if cells.symbol is not None and columns.symbol is not None:
        name = table.header[0][columns.symbol] if table.header else str(columns.symbol + 1)
        keep = rows_of_market(
            market, cells.symbol, name, is_sure=columns.is_symbol_sure, notes=notes
        )
        cells = _keep_rows(cells, keep, RowFault.OTHER_MARKET, dropped)
    if cells.closed is not None:
        cells = _keep_rows(cells, list(map(is_final, cells.closed)), RowFault.UNFINISHED, dropped)
    if cells.interval is not None and (lengths := several(cells.interval)):
        raise UnreadableTable(
            f"several timeframes ({', '.join(lengths[:5])}): keep the rows of one; "
            f"{COLUMNS} interval=- ignores that column",
            row=next(at for at, each in enumerate(cells.interval) if each.strip() == lengths[1]),
        )
    return cells


def _keep_rows(cells: Cells, keep: Sequence[bool], fault: RowFault, dropped: DroppedRows) -> Cells:
    for line, is_kept in zip(cells.lines, keep, strict=True):
        if not is_kept:
            dropped.add(line, fault)
    return cells.filtered(keep)


def _time_texts(columns: Columns, cells: Cells) -> Sequence[str]:
    texts = cells.close_time if columns.time is None else cells.time
    return texts or []


def _times(table: TextTable, columns: Columns, cells: Cells, options: ReadOptions) -> ParsedTimes:
    texts = _time_texts(columns, cells)
    try:
        if cells.time_of_day is not None:
            texts = join_date_and_time(
                texts, cells.time_of_day, is_hour=columns.is_time_of_day_hour
            )
        return read_times(
            texts,
            column=columns.time_name,
            time_format=options.time_format,
            zone=options.time_zone or table.zone,
        )
    except AmbiguousTime as e:
        location = RowLocation(table.part, table.unit, cells.lines[e.at])
        raise unreadable_error(
            location, f"{columns.time_name or 'time'} is {quoted_cell(e.text)}: {e}"
        ) from None
    except AmbiguousTimeOfDay:
        location = RowLocation(table.part, table.unit, cells.lines[0])
        clock_example = quoted_cell(cells.time_of_day[0] if cells.time_of_day else "")
        raise unreadable_error(
            location,
            f"the time of day {clock_example} may be hours and minutes or minutes and seconds: set "
            f"{TIME_FORMAT} '%Y%m%d %H%M%S' or another",
        ) from None


def _length_ms(columns: Columns, cells: Cells, options: ReadOptions) -> int | None:
    """Return the length of every candle, if an interval column or the close times have it."""
    if cells.interval:
        return interval_ms(next((each for each in cells.interval if each.strip()), ""))
    if cells.time is None or cells.close_time is None or cells.time_of_day is not None:
        return None
    try:
        read = partial(read_times, time_format=options.time_format, zone=options.time_zone)
        opened = read(cells.time[:_SAMPLE_ROWS], column=columns.time_name).at_ms
        closed = read(cells.close_time[:_SAMPLE_ROWS], column="").at_ms
    except AmbiguousTime:
        return None
    lengths = Counter(map(_candle_length, opened, closed))
    length, count = lengths.most_common(1)[0] if lengths else (None, 0)
    return length if count >= _NEARLY_ALL * sum(lengths.values()) else None


def _candle_length(open_ms: Ms | None, close_ms: Ms | None) -> int | None:
    """Return the length from open to close, where the close may be the candle's last moment."""
    if open_ms is None or close_ms is None or close_ms <= open_ms:
        return None
    length = close_ms - open_ms
    return next((length + more for more in (0, 1, 1000) if (length + more) % _MINUTE_MS == 0), None)


def _check_rows(
    table: TextTable,
    columns: Columns,
    cells: Cells,
    rows: Sequence[TimedRow],
    texts: Sequence[str],
) -> None:
    """Raise an error with an example if no row could be parsed."""
    if rows or not cells.lines:
        return
    location = RowLocation(table.part, table.unit, cells.lines[0])
    prices = ", ".join(quoted_cell(column[0]) for column in cells.prices)
    raise unreadable_error(
        location,
        f"no row is a candle, such as {columns.time_name or 'time'} {quoted_cell(texts[0])} with "
        f"prices {prices}: set {TIME_FORMAT}, {COLUMNS} or {DECIMAL}",
    )
