"""Collects the cells of the columns that are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from signalbot.replay.candle_files.columns import Columns
from signalbot.replay.candle_files.options import DECIMAL
from signalbot.replay.candle_files.row_errors import (
    DroppedRows,
    RowFault,
    RowLocation,
    quoted_cell,
    unreadable_error,
)
from signalbot.replay.candle_files.table import TextTable

_SOME: Final = 3  # fewer rows are accidents
_FIFTH: Final = 5


@dataclass(slots=True)
class Cells:
    """Texts by column, each as long as ``lines``. None: there is no such column."""

    lines: Sequence[int]
    prices: tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[str]]
    time: Sequence[str] | None = None
    time_of_day: Sequence[str] | None = None
    close_time: Sequence[str] | None = None
    volume: Sequence[str] | None = None
    tick_volume: Sequence[str] | None = None
    symbol: Sequence[str] | None = None
    interval: Sequence[str] | None = None
    closed: Sequence[str] | None = None

    def filtered(self, keep: Sequence[bool]) -> "Cells":
        """Return the rows for which ``keep`` is true."""
        if all(keep):
            return self

        def kept(column: Sequence[str] | None) -> Sequence[str] | None:
            if column is None:
                return None
            return [cell for cell, is_kept in zip(column, keep, strict=True) if is_kept]

        opened, high, low, close = (kept(each) or [] for each in self.prices)
        return Cells(
            lines=[line for line, is_kept in zip(self.lines, keep, strict=True) if is_kept],
            prices=(opened, high, low, close),
            time=kept(self.time),
            time_of_day=kept(self.time_of_day),
            close_time=kept(self.close_time),
            volume=kept(self.volume),
            tick_volume=kept(self.tick_volume),
            symbol=kept(self.symbol),
            interval=kept(self.interval),
            closed=kept(self.closed),
        )


_NAMES: Final = (
    "time", "time_of_day", "close_time", "volume", "tick_volume", "symbol", "interval", "closed",
)  # fmt: skip


def collect_cells(table: TextTable, columns: Columns, dropped: DroppedRows) -> Cells:
    """Return the cells of every complete row.

    Raises:
        ConfigError: many rows have more cells than columns.
    """
    wanted = {name: at for name in _NAMES if (at := getattr(columns, name)) is not None}
    places = [*columns.prices, *wanted.values()]
    pick = itemgetter(*places)
    lines: list[int] = []
    picked = []
    for line, cells in _complete_rows(table, columns, max(places) + 1, dropped):
        lines.append(line)
        picked.append(pick(cells))
    by_column = list(zip(*picked, strict=True)) or [()] * len(places)
    picked.clear()  # as large as the file
    opened, high, low, close = by_column[:4]
    others = dict(zip(wanted, by_column[4:], strict=True))
    return Cells(lines=lines, prices=(opened, high, low, close), **others)


def _complete_rows(
    table: TextTable, columns: Columns, needed: int, dropped: DroppedRows
) -> Iterator[tuple[int, Sequence[str]]]:
    width, least, rows = table.width, columns.least_width, 0
    wide: tuple[int, list[str]] | None = None
    for line, cells in table.rows:
        if len(cells) < needed:
            if len(cells) < least:
                if any(cell.strip() for cell in cells):
                    dropped.add(line, RowFault.TOO_FEW_COLUMNS)
                continue
            cells = [*cells, *[""] * (needed - len(cells))]  # noqa: PLW2901 - padded
        rows += 1
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            dropped.add(line, RowFault.TOO_MANY_COLUMNS)
            wide = wide or (line, cells)
            continue
        if table.header and cells == table.header[0]:
            continue  # concatenated files repeat the header
        yield line, cells
    _check_width(table, width, rows, wide, dropped)


def _check_width(
    table: TextTable,
    width: int,
    rows: int,
    wide: tuple[int, list[str]] | None,
    dropped: DroppedRows,
) -> None:
    many = dropped.counts[RowFault.TOO_MANY_COLUMNS]
    if wide is None or many < _SOME or many * _FIFTH <= rows:
        return
    line, cells = wide
    raise unreadable_error(
        RowLocation(table.part, table.unit, line),
        f"{len(cells)} cells for {width} columns ({quoted_cell(','.join(cells))}), as in {many} "
        "rows: the comma separates both cells and decimals; save the file "
        f"with ';' as separator and set {DECIMAL} ','",
    )
