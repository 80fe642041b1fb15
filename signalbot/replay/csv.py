"""Reads candles from a CSV file: whatever it calls its columns and however it writes its times."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from signalbot.domain.errors import BadCandle, ConfigError
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.replay.coverage import Coverage
from signalbot.replay.instants import instant_reader

_TIME_COLUMNS: Final = ("open_ms", "open_time", "timestamp", "datetime", "date", "time")
_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "the open time": _TIME_COLUMNS,
    "the open": ("open",),
    "the high": ("high",),
    "the low": ("low",),
    "the close": ("close",),
    "the volume": ("volume", "vol"),
}
_SEPARATORS: Final = (",", ";", "\t")
_EXAMPLES: Final = 5
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME = range(5)


class Fault(StrEnum):
    """Why a row is not a candle that can be replayed."""

    TOO_FEW_COLUMNS = "too few columns"
    NOT_A_TIME = "not a time"
    NOT_A_NUMBER = "not a number"
    NOT_POSITIVE = "price not above zero"
    HIGH_BELOW_LOW = "high below low"
    OUTSIDE_RANGE = "open or close outside low and high"
    NEGATIVE_VOLUME = "negative volume"
    OFF_GRID = "off the grid"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out of order"


class BadRow(NamedTuple):
    line: int  #: as an editor counts: the header is line 1
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFile:
    """The usable candles of a file, and an account of the rest.

    Candles are valid, on the grid of ``timeframe`` and strictly increasing; there is at least one.
    """

    path: Path
    symbol: str
    timeframe: Timeframe  #: the commonest spacing of the rows
    candles: Sequence[Candle]
    dropped: Mapping[str, int]  #: rows left out, by fault
    examples: Sequence[BadRow]  #: the first few of them
    gaps: int  #: places where at least one candle is missing
    missing: int  #: candles missing in all gaps together

    @property
    def coverage(self) -> Coverage:
        return Coverage(
            symbol=self.symbol,
            timeframe=self.timeframe,
            start_ms=self.candles[0].open_ms,
            end_ms=self.candles[-1].close_ms,
            candles=len(self.candles),
            dropped=self.dropped,
            gaps=self.gaps,
            missing=self.missing,
        )


_Row = tuple[int, Ms, tuple[Decimal, ...]]
"""Line, open time; open, high, low, close and volume. A plain tuple: there are many."""


class _Columns(NamedTuple):
    time: int
    instant: Callable[[str], Ms]
    values: Callable[[list[str]], tuple[str, ...]]
    width: int  # of the shortest row that has them all


class _Lines(Protocol):
    """What ``csv.reader`` gives."""

    line_num: int  # physical lines read so far

    def __iter__(self) -> Iterator[list[str]]: ...


@dataclass(slots=True)
class _Dropped:
    counts: Counter[str] = field(default_factory=Counter)
    examples: list[BadRow] = field(default_factory=list)

    def add(self, line: int, fault: Fault) -> None:
        self.counts[fault] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(BadRow(line, fault))


def read_candles(path: Path, symbol: str) -> CandleFile:
    """Read a file of OHLCV rows, oldest or newest first, with a header line.

    Columns are found by name, case and order aside. A row that cannot be true is left out and
    counted, never repaired; a gap is counted and stays one.

    Raises:
        ConfigError: the file cannot be read, lacks a column, has no spacing that is a timeframe,
            or not a single usable row.
    """
    dropped = _Dropped()
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            separator = max(_SEPARATORS, key=header.count)
            columns = _find_columns(path, next(csv.reader([header], delimiter=separator), []))
            rows = list(_rows(csv.reader(lines, delimiter=separator), columns, dropped))
    except OSError as e:
        raise ConfigError(f"{path}: the candles cannot be read: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not a text file in UTF-8; expected CSV") from e
    except csv.Error as e:
        raise ConfigError(f"{path}: not CSV: {e}") from e
    return _candle_file(path, symbol, rows, dropped)


def _candle_file(path: Path, symbol: str, rows: list[_Row], dropped: _Dropped) -> CandleFile:
    steps = [after - before for (_, before, _), (_, after, _) in pairwise(rows)]
    if sum(step < 0 for step in steps) > len(steps) / 2:  # the newest row comes first
        rows.reverse()
        steps = [-step for step in reversed(steps)]
    timeframe = _timeframe(path, steps, dropped)
    candles = list(_candles(rows, symbol, timeframe, dropped))
    if not candles:
        raise ConfigError(f"{path}: no row is a usable candle: {_account(dropped)}")
    holes = [
        (after.open_ms - before.close_ms) // timeframe.ms
        for before, after in pairwise(candles)
        if after.open_ms != before.close_ms
    ]
    return CandleFile(
        path=path,
        symbol=symbol,
        timeframe=timeframe,
        candles=candles,
        dropped=dict(dropped.counts.most_common()),
        examples=tuple(dropped.examples),
        gaps=len(holes),
        missing=sum(holes),
    )


def _find_columns(path: Path, header: Sequence[str]) -> _Columns:
    names = [name.strip().lower().replace(" ", "_") for name in header]
    found = []
    for meaning, known in _NAMES.items():
        name = next((each for each in known if each in names), None)
        if name is None:
            raise ConfigError(
                f"{path}: no column for {meaning}: the header line needs {' or '.join(known)}; "
                f"it reads: {', '.join(names)[:200] or '(empty)'}"
            )
        found.append(names.index(name))
    time, *values = found
    return _Columns(time, instant_reader(names[time]), itemgetter(*values), max(found) + 1)


def _rows(lines: _Lines, columns: _Columns, dropped: _Dropped) -> Iterator[_Row]:
    """Rows whose cells are a time and numbers."""
    time, instant, values_of, width = columns
    for cells in lines:
        if len(cells) < width:
            if cells:
                dropped.add(lines.line_num + 1, Fault.TOO_FEW_COLUMNS)
            continue
        try:
            yield lines.line_num + 1, instant(cells[time]), tuple(map(Decimal, values_of(cells)))
        except ValueError:
            dropped.add(lines.line_num + 1, Fault.NOT_A_TIME)
        except InvalidOperation:
            dropped.add(lines.line_num + 1, Fault.NOT_A_NUMBER)


def _timeframe(path: Path, steps: Sequence[int], dropped: _Dropped) -> Timeframe:
    spacings = Counter(step for step in steps if step > 0)
    if not spacings:
        faults = f"; left out: {_account(dropped)}" if dropped.counts else ""
        raise ConfigError(f"{path}: fewer than two candles with different times{faults}")
    most = max(spacings.values())
    spacing = min(step for step, count in spacings.items() if count == most)
    for timeframe in Timeframe:
        if timeframe.ms == spacing:
            return timeframe
    raise ConfigError(
        f"{path}: most rows are {spacing / 1000:g} s apart; candles must be one of "
        f"{', '.join(Timeframe)}"
    )


def _candles(
    rows: Sequence[_Row], symbol: str, timeframe: Timeframe, dropped: _Dropped
) -> Iterator[Candle]:
    last_ms = -1
    for line, open_ms, values in rows:
        if open_ms <= last_ms:
            dropped.add(line, Fault.DUPLICATE if open_ms == last_ms else Fault.OUT_OF_ORDER)
            continue
        try:
            candle = Candle(
                symbol=symbol,
                timeframe=timeframe,
                open_ms=open_ms,
                open=values[_OPEN],
                high=values[_HIGH],
                low=values[_LOW],
                close=values[_CLOSE],
                volume=values[_VOLUME],
            )
        except BadCandle:
            dropped.add(line, _fault(values))
        else:
            last_ms = open_ms
            yield candle


def _fault(values: Sequence[Decimal]) -> Fault:
    """What is wrong with the values of a row that is no candle; nothing: its time."""
    if not all(value.is_finite() for value in values):
        return Fault.NOT_A_NUMBER
    opened, high, low, close, volume = values
    if min(opened, high, low, close) <= 0:
        return Fault.NOT_POSITIVE
    if high < low:
        return Fault.HIGH_BELOW_LOW
    if not (low <= opened <= high and low <= close <= high):
        return Fault.OUTSIDE_RANGE
    return Fault.NEGATIVE_VOLUME if volume < 0 else Fault.OFF_GRID


def _account(dropped: _Dropped) -> str:
    """Faults with their counts and, where it is known, the first line that has them."""
    first = {fault: line for line, fault in reversed(dropped.examples)}
    return ", ".join(
        f"{count} {fault}" + (f" (line {first[fault]})" if fault in first else "")  # type: ignore[index]
        for fault, count in dropped.counts.most_common()
    )
