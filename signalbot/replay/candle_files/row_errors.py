"""Errors of candle files: faults of dropped rows, and rejection of a whole file."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from signalbot.domain.errors import ConfigError

_MAX_EXAMPLES: Final = 3
_MAX_CELL_LENGTH: Final = 120  # characters shown in messages


class RowFault(StrEnum):
    """Reason for dropping a row."""

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
    """Location of a row, for messages."""

    part: str  #: the file, with the archive member
    unit: str  #: "line" of a text, "row" of anything else
    number: int  #: from 1, as in an editor

    def __str__(self) -> str:
        return f"{self.part}: {self.unit} {self.number}"


class UnreadableTable(Exception):
    """A table is ambiguous or invalid; the message has the option that resolves it."""

    def __init__(self, problem: str, *, row: int | None = None) -> None:
        super().__init__(problem)
        self.row = row  #: index of an example row; None: the header or the whole table


class BadRow(NamedTuple):
    line: int  #: from 1, as in an editor
    fault: RowFault


@dataclass(slots=True)
class DroppedRows:
    """Dropped rows: complete counts, and the first few lines of each fault."""

    counts: Counter[RowFault] = field(default_factory=Counter)
    lines: dict[RowFault, list[int]] = field(default_factory=dict)

    def add(self, line: int, fault: RowFault) -> None:
        self.counts[fault] += 1
        lines = self.lines.setdefault(fault, [])
        if len(lines) < _MAX_EXAMPLES:
            lines.append(line)

    @property
    def examples(self) -> list[BadRow]:
        """The first few rows of every fault, by line."""
        return sorted(BadRow(line, fault) for fault, lines in self.lines.items() for line in lines)

    def __str__(self) -> str:
        """Faults with their counts and first lines."""
        return ", ".join(
            f"{count} {fault} (line {self.lines[fault][0]})"
            for fault, count in self.counts.most_common()
        )


def unreadable_error(place: RowLocation | str, problem: str) -> ConfigError:
    """Return the error that rejects a file because of ``problem`` at ``place``."""
    return ConfigError(printable(f"{place}: {problem}"))


def printable(text: str) -> str:
    """Escape control characters of untrusted file content."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def quoted_cell(value: object) -> str:
    """Quote and shorten a cell for a message."""
    text = str(value)
    return repr(text if len(text) <= _MAX_CELL_LENGTH else text[:_MAX_CELL_LENGTH] + "…")
