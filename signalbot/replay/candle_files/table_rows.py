"""Parsed rows that are not candles yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from signalbot.domain.timeframe import Ms
from signalbot.replay.candle_files.row_errors import RowLocation

Values = tuple[Decimal, Decimal, Decimal, Decimal, Decimal]
"""Open, high, low, close, volume."""


class TimedRow(NamedTuple):
    """A parsed row: time, position and numbers."""

    at_ms: Ms
    line: int
    values: Values
    piece: int  #: index of its table


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The rows of one table."""

    part: str
    unit: str
    rows: Sequence[TimedRow]
    is_close: bool = False  #: times are those of the close
    length_ms: int | None = None  #: of every candle, if known
    is_rounded: bool = False  #: times were written like 1.73569E+12
    time_name: str = ""
    time_text: str = ""  #: of the first row
    notes: Sequence[str] = ()

    def place(self, line: int) -> RowLocation:
        return RowLocation(self.part, self.unit, line)
