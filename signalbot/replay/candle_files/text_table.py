"""Reads delimited text: finds separator, leading comments and header."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from signalbot.replay.candle_files.column_names import name_prices
from signalbot.replay.candle_files.row_errors import RowLocation, quoted_cell, unreadable_error
from signalbot.replay.candle_files.table import PRICE_COUNT, Row, TextTable, split_header
from signalbot.replay.candle_files.text_decoding import DecodedText

_SEPARATORS: Final = ("\t", ";", "|", ",")
"""In order of preference; the comma is last, as it may be the decimal separator."""

_SAMPLE_LINES: Final = 60  # lines examined for the separator
_COMMENTS: Final = ("#", "//")
_MIN_COLUMNS: Final = PRICE_COUNT + 1


def text_table(text: DecodedText) -> TextTable:
    """Parse a delimited text.

    Raises:
        ConfigError: it is not valid CSV.
    """
    part = text.part
    separator, width = _separator(text.head()[:_SAMPLE_LINES])
    rows = _rows(text, separator, width)
    header, header_line, rows = split_header(rows)
    if header:
        header[0][0] = header[0][0].lstrip("#").strip()
    table = TextTable(part.name, "line", header, rows, header_line=header_line)
    _name_index(table)
    return table


def _separator(lines: Sequence[str]) -> tuple[str, int]:
    """Return the separator, and the number of cells of most lines."""
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) > len("sep="):
        separator = lines[0][len("sep=")]
        return separator, _width(lines[1:], separator)[1]
    found = [(*_width(lines, separator), separator) for separator in _SEPARATORS]
    wide = [each for each in found if each[1] >= _MIN_COLUMNS]
    if not wide:
        found = [(*_width(lines, " "), " ")]
        wide = [each for each in found if each[0] > len(lines) / 2 and each[1] >= _MIN_COLUMNS]
    if not wide:
        found = [(*_width(lines, separator), separator) for separator in _SEPARATORS]
        _, width, separator = max(found, key=lambda each: each[1])
        return separator, width
    _, width, separator = max(wide, key=lambda each: each[0])
    return separator, width


def _width(lines: Sequence[str], separator: str) -> tuple[int, int]:
    """Return how many lines have the most frequent number of cells, and that number."""
    try:
        rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=separator == " "))
    except csv.Error:
        return 0, 0
    widths = Counter(len(cells) for cells in rows if len(cells) >= _MIN_COLUMNS)
    if not widths:
        return 0, max(map(len, rows), default=0)
    width, count = widths.most_common(1)[0]
    return count, width


def _rows(text: DecodedText, separator: str, width: int) -> Iterator[Row]:
    """Yield rows with cells, skipping text before the table."""
    reader = csv.reader(text.lines(), delimiter=separator, skipinitialspace=separator == " ")
    has_begun = False
    try:
        for cells in reader:
            if not has_begun:
                if not _is_table_start(cells, width):
                    continue
                has_begun = True
            if cells and not cells[0].startswith(_COMMENTS[1]):
                yield reader.line_num, cells
    except csv.Error as e:
        location = RowLocation(text.part.name, "line", reader.line_num)
        raise unreadable_error(location, f"not CSV: {e}") from e


def _is_table_start(cells: Sequence[str], width: int) -> bool:
    """Whether the table starts with this row: titles and comments are narrower."""
    if width < _MIN_COLUMNS:
        return bool(cells) and not cells[0].lower().startswith("sep=")
    is_comment = bool(cells) and cells[0].startswith(_COMMENTS) and not name_prices(cells)
    return len(cells) >= min(_MIN_COLUMNS, width - 1) and not is_comment


def _name_index(table: TextTable) -> None:
    """Insert the name of an unnamed index column, as R and other programs write."""
    if len(table.header) != 1:
        return
    width = len(table.header[0])
    cells = [cells for _, cells in table.head]
    if cells and all(len(each) == width + 1 and each[-1].strip() for each in cells):
        table.header = [["", *table.header[0]]]
        line, row = table.head[0]
        table.notes.append(
            f"{table.unit} {line} has {len(row)} cells for {width} names: the first, "
            f"{quoted_cell(row[0])}, is taken for a row's name"
        )
