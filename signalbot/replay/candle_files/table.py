"""A table of text cells, independent of its source format."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import chain, islice
from typing import Final

from signalbot.replay.candle_files.number_parsing import is_empty
from signalbot.replay.candle_files.time_column_parsing import looks_like_time

Row = tuple[int, list[str]]
"""Position of a row, from 1, and its cells."""

SAMPLE_ROWS: Final = 1_000
"""Rows examined to assign column roles."""

PRICE_COUNT: Final = 4
_NUMERIC: Final = re.compile(
    r"[-+$€£]?\d[\d.,'\u2019\s\u00a0]*(?:[eE][-+]?\d+)?[KMBT%]?", re.IGNORECASE
)


@dataclass(slots=True)
class TextTable:
    """Rows with an optional header; ``head`` holds the first of ``rows``."""

    part: str  #: source, for messages
    unit: str  #: unit of row positions: "line" or "row"
    header: Sequence[Sequence[str]]  #: none, one or several rows of names
    rows: Iterable[Row]
    head: Sequence[Row] = ()
    declared: Sequence[str] = ()  #: markets named outside the rows
    zone: tzinfo | None = None  #: of its times, if named outside the rows
    notes: list[str] = field(default_factory=list)
    header_line: int = 0  #: line of its last row; 0: none

    def __post_init__(self) -> None:
        rows = iter(self.rows)
        self.head = list(islice(rows, SAMPLE_ROWS))
        self.rows = chain(self.head, rows)

    @property
    def width(self) -> int:
        """Number of columns of the header, or of most rows."""
        if self.header:
            return max(map(len, self.header))
        widths = [len(cells) for _, cells in self.head]
        return max(set(widths), key=widths.count, default=0)

    def sample(self, column: int) -> list[str]:
        """Return a column's cells in the first rows."""
        return [cells[column] for _, cells in self.head if column < len(cells)]


def split_header(rows: Iterator[Row]) -> tuple[list[list[str]], int, Iterator[Row]]:
    """Split leading rows of names from the rest; also return the line of the last one.

    A second and third row of names (levels of pandas columns) has as many cells as the first, and
    no numbers.
    """
    header: list[list[str]] = []
    last = 0
    for line, cells in rows:
        if not _is_header(cells, header):
            return header, last, chain([(line, cells)], rows)
        header.append(cells)
        last = line
    return header, last, iter(())


def _is_header(cells: Sequence[str], header: Sequence[Sequence[str]]) -> bool:
    numbers = sum(is_number(cell) or is_empty(cell) for cell in cells if cell.strip())
    if not header:
        return is_count(cells) or not (numbers >= PRICE_COUNT or any(map(looks_like_time, cells)))
    is_same = len(cells) == len(header[0]) and any(cell.strip() for cell in cells)
    return is_same and not numbers and not any(map(looks_like_time, cells))


def is_number(text: str) -> bool:
    """Whether a cell may be a number in any notation."""
    return bool(_NUMERIC.fullmatch(text.strip()))


def is_count(cells: Sequence[str]) -> bool:
    """Whether these are the names 0, 1, 2 … of unnamed pandas columns."""
    names = list(cells[1:]) if cells and not cells[0].strip() else list(cells)
    return len(names) > PRICE_COUNT and names == [str(at) for at in range(len(names))]
