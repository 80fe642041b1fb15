"""Why rows are left out of a candle file, and why a whole file is refused."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from signalbot.domain.errors import ConfigError

_MAX_EXAMPLES: Final = 3
_MAX_CELL_LENGTH: Final = 120  # characters of a cell or row that a message shows


class RowFault(StrEnum):
    """Why a row is not a candle that can be replayed."""

    TOO_FEW_COLUMNS = "too few columns"
    TOO_MANY_COLUMNS = "too many columns"
    NOT_A_TIME = "not a time"
    NOT_A_NUMBER = "not a number"
    NO_PRICES = "without prices"
    NOT_POSITIVE = "price not above zero"
    HIGH_BELOW_LOW = "high below low"
    OUTSIDE_RANGE = "open or close outside low and high"
    NEGATIVE_VOLUME = "negative volume"
    OFF_GRID = "off the grid"
    DUPLICATE = "duplicate"
    OTHER_MARKET = "of another market"
    UNFINISHED = "not closed yet"


class RowLocation(NamedTuple):
    """A row, as messages name it."""

    part: str  #: the file, with the member of an archive
    unit: str  #: "line" of a text, "row" of anything else
    number: int  #: from 1, as an editor counts

    def __str__(self) -> str:
        return f"{self.part}: {self.unit} {self.number}"


class UnreadableTable(Exception):
    """A table cannot be read for certain: what stands there, and the option that decides."""

    def __init__(self, problem: str, *, row: int | None = None) -> None:
        super().__init__(problem)
        self.row = row  #: index of the row that shows it; None: the header, or the whole table


class BadRow(NamedTuple):
    line: int  #: as an editor counts: the first line is 1
    fault: RowFault


@dataclass(slots=True)
class DroppedRows:
    """Rows left out so far: complete counts, and the first few places of each fault."""

    counts: Counter[RowFault] = field(default_factory=Counter)
    lines: dict[RowFault, list[int]] = field(default_factory=dict)

    def add(self, line: int, fault: RowFault) -> None:
        self.counts[fault] += 1
        lines = self.lines.setdefault(fault, [])
        if len(lines) < _MAX_EXAMPLES:
            lines.append(line)

    @property
    def examples(self) -> list[BadRow]:
        """The first few of every fault, by line."""
        return sorted(BadRow(line, fault) for fault, lines in self.lines.items() for line in lines)

    def __str__(self) -> str:
        """Faults with their counts and, where it is known, the first line that has them."""
        return ", ".join(
            f"{count} {fault} (line {self.lines[fault][0]})"
            for fault, count in self.counts.most_common()
        )


def unreadable_error(place: RowLocation | str, problem: str) -> ConfigError:
    """The error that refuses a file for what stands at ``place``."""
    return ConfigError(printable(f"{place}: {problem}"))


def printable(text: str) -> str:
    """A text of a stranger's file as it may be shown: without what a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def quoted_cell(value: object) -> str:
    """A cell as a message shows it: quoted, and not longer than a line."""
    text = str(value)
    return repr(text if len(text) <= _MAX_CELL_LENGTH else text[:_MAX_CELL_LENGTH] + "…")
