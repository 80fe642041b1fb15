"""Aligns the times of a file to the open times of candles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
from signalbot.replay.candle_files.candle_spacing import (
    CandleGrid,
    IrregularSpacing,
    find_grid,
    zone_of,
)
from signalbot.replay.candle_files.options import TIME_FORMAT, TIME_ZONE, ReadOptions
from signalbot.replay.candle_files.row_errors import (
    DroppedRows,
    RowFault,
    RowLocation,
    unreadable_error,
)
from signalbot.replay.candle_files.table_rows import TableRows, TimedRow

_DAYS_OF_A_ZONE: Final = Timeframe.H6
"""Candles of this length and longer may start with the days of another zone than UTC."""


@dataclass(frozen=True, slots=True)
class AlignedRows:
    """Rows on the grid, in file order."""

    timeframe: Timeframe
    rows: Sequence[TimedRow]
    late_ms: int  #: delay of a row's time after the open of its candle
    pieces: Sequence[TableRows]
    notes: Sequence[str]

    def place(self, row: TimedRow) -> RowLocation:
        return self.pieces[row.piece].place(row.line)


def align_rows(
    path: Path, pieces: Sequence[TableRows], options: ReadOptions, dropped: DroppedRows
) -> AlignedRows:
    """Align the rows of all pieces to their candles; rows off the grid are dropped.

    Raises:
        ConfigError: they are not evenly spaced or not aligned to UTC.
    """
    if len({piece.is_close for piece in pieces}) > 1:
        raise unreadable_error(
            str(path), "some files in it have open times, others close times only"
        )
    stamps = [row.at_ms for piece in pieces for row in piece.rows]
    lengths = {piece.length_ms for piece in pieces}
    length_ms = lengths.pop() if len(lengths) == 1 else None
    grid, zone = _grid(path, pieces, stamps, length_ms, options, dropped)
    is_close = pieces[0].is_close
    # A close time is one length after the open; 23:59:59.999 is inside the candle.
    is_next = is_close and grid.phase_ms == 0
    return AlignedRows(
        timeframe=grid.timeframe,
        rows=_on_grid(pieces, grid, zone, dropped),
        late_ms=grid.timeframe.ms if is_next else grid.phase_ms,
        pieces=pieces,
        notes=_alignment_notes(pieces[0], grid, zone, is_close=is_close),
    )


def _grid(
    path: Path,
    pieces: Sequence[TableRows],
    stamps: Sequence[int],
    length_ms: int | None,
    options: ReadOptions,
    dropped: DroppedRows,
) -> tuple[CandleGrid, tzinfo | None]:
    """Return the grid, and the zone of its days if that is not UTC."""
    is_rounded = any(piece.is_rounded for piece in pieces)
    if is_rounded and len(set(stamps)) < len(stamps):
        _reject_rounded(pieces)
    try:
        grid = find_grid(stamps, length_ms)
    except IrregularSpacing as e:
        grid = None
        problem = str(e)
    if grid is not None and (grid.phase_ms == 0 or grid.is_before_the_close):
        if is_rounded and grid.outliers:
            _reject_rounded(pieces)
        return grid, None
    local = _local_grid(stamps, length_ms, options.time_zone)
    if local is not None:
        return local, options.time_zone
    if is_rounded:
        _reject_rounded(pieces)
    if grid is None:
        faults = f"; dropped: {dropped}" if dropped.counts else ""
        raise unreadable_error(str(path), problem + faults)
    raise _off_grid_error(pieces, grid)


def _local_grid(
    stamps: Sequence[int], length_ms: int | None, zone: tzinfo | None
) -> CandleGrid | None:
    """Return the grid in local time of ``zone``, if the candles start with its days."""
    if zone is None:
        return None
    try:
        grid = find_grid([_local(at, zone) for at in stamps], length_ms)
    except IrregularSpacing:
        return None
    is_aligned = grid.phase_ms == 0 or grid.is_before_the_close
    return grid if is_aligned and grid.timeframe.ms >= _DAYS_OF_A_ZONE.ms else None


def _local(at_ms: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(at_ms / 1000, zone).utcoffset()
    return at_ms + (round(offset.total_seconds() * 1000) if offset else 0)


def _off_grid_error(pieces: Sequence[TableRows], grid: CandleGrid) -> Exception:
    piece = next(each for each in pieces if each.rows)
    location = piece.place(piece.rows[0].line)
    length = grid.timeframe
    hours, minutes = divmod(grid.phase_ms // 60_000, 60)
    problem = f"{length} candles begin {hours:02}:{minutes:02} after UTC boundaries"
    fix = "use candles of UTC boundaries, or shorter ones"
    zone = zone_of(piece.rows[0].at_ms % DAY_MS if length is Timeframe.D1 else grid.phase_ms)
    if length.ms >= _DAYS_OF_A_ZONE.ms and zone is not None:
        fix += (
            f" (of OKX: bar=1Dutc, 12Hutc, 6Hutc); or set {TIME_ZONE} {zone} to use the days and "
            "clock of that zone"
        )
    else:
        fix += f"; if the times are wrong, set {TIME_FORMAT} or {TIME_ZONE}"
    return unreadable_error(location, f"{_time_of(piece)}: {problem}: {fix}")


def _time_of(piece: TableRows) -> str:
    return f"{piece.time_name or 'time'} is {piece.time_text!r}"


def _reject_rounded(pieces: Sequence[TableRows]) -> None:
    piece = next(each for each in pieces if each.is_rounded)
    raise unreadable_error(
        piece.place(piece.rows[0].line),
        f"{_time_of(piece)}: a spreadsheet has rounded the times; export the file again without "
        f"opening it there, or with the column as text ({TIME_FORMAT} cannot restore them)",
    )


def _on_grid(
    pieces: Sequence[TableRows], grid: CandleGrid, zone: tzinfo | None, dropped: DroppedRows
) -> list[TimedRow]:
    length, found = grid.timeframe.ms, []
    for piece in pieces:
        for each in piece.rows:
            row = each if zone is None else each._replace(at_ms=Ms(_local(each.at_ms, zone)))
            if row.at_ms % length == grid.phase_ms:
                found.append(row)
            else:
                dropped.add(row.line, RowFault.OFF_GRID)
    return found


def _alignment_notes(
    piece: TableRows, grid: CandleGrid, zone: tzinfo | None, *, is_close: bool
) -> "list[str]":
    notes = []
    if is_close or grid.is_before_the_close:
        name = piece.time_name or "time"
        notes.append(f"{name} is the close time: the candle opened one {grid.timeframe} earlier")
    if zone is not None:
        notes.append(f"days and times of this replay are those of {zone}")
    return notes
