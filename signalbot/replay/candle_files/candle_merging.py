"""Merges rows into candles: sorted, validated, without duplicates, of one market."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter
from typing import Final

from signalbot.domain.errors import InvalidCandle
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.replay.candle_files.options import COLUMNS
from signalbot.replay.candle_files.row_errors import (
    DroppedRows,
    RowFault,
    RowLocation,
    unreadable_error,
)
from signalbot.replay.candle_files.table_rows import TimedRow
from signalbot.replay.candle_files.time_alignment import AlignedRows

_MAX_JUMP: Final = 3  # factor to the previous close
_MAX_JUMP_AFTER_GAP: Final = 10
_LONG_GAP_MS: Final = 7 * DAY_MS
_MAX_PRICE_RATIO: Final = Decimal("1.02")  # rows of one time beyond this ratio are of two markets
_SOME: Final = 3  # rows below this are accidents
_SHARE: Final = 20  # one row in 20
_FIFTH: Final = 5


@dataclass(slots=True)
class MergedCandles:
    candles: list[Candle] = field(default_factory=list)
    rows: list[TimedRow] = field(default_factory=list)  #: source row of each candle
    unsorted: int = 0  #: rows that precede an older one


@dataclass(slots=True)
class _Inconsistencies:
    """Inconsistent rows found so far, with the first example."""

    apart: int = 0  #: rows of one time with unrelated prices
    different: int = 0  #: rows of one time that are no updates of each other
    example: tuple[RowLocation, str] | None = None
    outside: int = 0  #: rows whose open or close is outside low and high
    outside_example: TimedRow | None = None


def merge_rows(
    symbol: str, placed: AlignedRows, dropped: DroppedRows, *, is_one_market: bool = False
) -> MergedCandles:
    """Merge rows into candles in increasing order; invalid rows are dropped.

    Of two rows of one time the later state of the same candle is kept, else the first.
    ``is_one_market`` disables the check for price jumps.

    Raises:
        ConfigError: prices do not fit their columns, or belong to several markets.
    """
    inconsistencies = _Inconsistencies()
    rows, unsorted = _oldest_first(placed.rows)
    merged = _merged(symbol, placed, sorted(rows, key=itemgetter(0)), dropped, inconsistencies)
    merged.unsorted = unsorted
    if inconsistencies.outside >= _SOME and inconsistencies.outside * _FIFTH > len(rows):
        assert inconsistencies.outside_example is not None  # noqa: S101 - counted together
        row = inconsistencies.outside_example
        quoted = ", ".join(
            f"{name} {value}"
            for name, value in zip(("open", "high", "low", "close"), row.values, strict=False)
        )
        raise unreadable_error(
            placed.place(row),
            f"{quoted}: open or close is outside low and high, here and in "
            f"{inconsistencies.outside} of {len(rows)} rows: the columns are probably wrong; "
            f"set {COLUMNS}",
        )
    is_apart = inconsistencies.apart >= _SOME and inconsistencies.apart * _SHARE > len(rows)
    if is_apart or (
        inconsistencies.different >= _SOME and inconsistencies.different * _FIFTH > len(rows)
    ):
        assert inconsistencies.example is not None  # noqa: S101 - counted together
        place, prices = inconsistencies.example
        raise unreadable_error(
            place,
            f"{prices}: rows of several markets, and no known column distinguishes them; set "
            f"{COLUMNS} symbol=NAME, or keep only the rows of {symbol}",
        )
    if not is_one_market:
        _check_jumps(symbol, placed, merged)
    return merged


def _oldest_first(rows: Sequence[TimedRow]) -> tuple[Sequence[TimedRow], int]:
    """Reverse the rows if the newest is first; return them and the number out of order."""
    falls = sum(after[0] < before[0] for before, after in pairwise(rows))
    if 2 * falls < len(rows):
        return rows, falls
    rises = sum(after[0] > before[0] for before, after in pairwise(rows))
    return rows[::-1], rises


def _merged(
    symbol: str,
    placed: AlignedRows,
    rows: Sequence[TimedRow],
    dropped: DroppedRows,
    inconsistencies: _Inconsistencies,
) -> MergedCandles:
    merged, timeframe, late_ms = MergedCandles(), placed.timeframe, placed.late_ms
    candles, kept = merged.candles, merged.rows
    for row in rows:
        at_ms, line, (opened, high, low, close, volume), _ = row
        try:
            candle = Candle(
                symbol=symbol,
                timeframe=timeframe,
                open_ms=Ms(at_ms - late_ms),
                open=opened,
                high=high,
                low=low,
                close=close,
                volume=volume,
            )
        except InvalidCandle:
            fault = fault_of(row.values)
            dropped.add(line, fault)
            if fault in (RowFault.HIGH_BELOW_LOW, RowFault.OUTSIDE_RANGE):
                inconsistencies.outside += 1
                inconsistencies.outside_example = inconsistencies.outside_example or row
            continue
        if candles and candles[-1].open_ms == candle.open_ms:
            _compare(candles[-1], candle, placed, (kept[-1], row), inconsistencies)
            if not _is_update_of(candles[-1], candle):
                dropped.add(line, RowFault.DUPLICATE)
                continue
            dropped.add(kept.pop().line, RowFault.DUPLICATE)
            candles.pop()
        candles.append(candle)
        kept.append(row)
    return merged


def _is_update_of(early: Candle, late: Candle) -> bool:
    """Whether ``late`` is a later state of the same candle."""
    return (
        late.open == early.open
        and late.high >= early.high
        and late.low <= early.low
        and late.volume > early.volume
    )


def _compare(
    first: Candle,
    second: Candle,
    placed: AlignedRows,
    rows: tuple[TimedRow, TimedRow],
    inconsistencies: _Inconsistencies,
) -> None:
    """Record inconsistencies of two rows of one time."""
    is_apart = (
        first.low > second.high * _MAX_PRICE_RATIO or second.low > first.high * _MAX_PRICE_RATIO
    )
    inconsistencies.apart += is_apart
    if is_apart or not (
        first == second or _is_update_of(first, second) or _is_update_of(second, first)
    ):
        inconsistencies.different += 1
        location, other = map(placed.place, rows)
        inconsistencies.example = inconsistencies.example or (
            location,
            f"close is {first.close}, but {other.unit} {other.number} of the same time has "
            f"{second.close}",
        )


def _check_jumps(symbol: str, placed: AlignedRows, merged: MergedCandles) -> None:
    """Check that every candle opens near the previous close.

    Raises:
        ConfigError: one does not, as in a file of two markets.
    """
    for at, (before, after) in enumerate(pairwise(merged.candles)):
        limit = (
            _MAX_JUMP if after.open_ms - before.close_ms <= _LONG_GAP_MS else _MAX_JUMP_AFTER_GAP
        )
        if after.open > before.close * limit or before.close > after.open * limit:
            last, place = map(placed.place, merged.rows[at : at + 2])
            raise unreadable_error(
                place,
                f"open is {after.open}, but the previous candle ({last.unit} {last.number}) "
                f"closed at {before.close}: two markets, or adjusted prices; split the file, or "
                f"set {COLUMNS} symbol=NAME if it has several markets",
            )


def fault_of(values: Sequence[Decimal]) -> RowFault:
    """Return the fault of a row that is not a valid candle."""
    if not any(value.is_finite() for value in values[:4]):
        return RowFault.NO_PRICES
    if not all(value.is_finite() for value in values):
        return RowFault.NOT_A_NUMBER
    opened, high, low, close, _ = values
    if min(opened, high, low, close) <= 0:
        return RowFault.NOT_POSITIVE
    if high < low:
        return RowFault.HIGH_BELOW_LOW
    if not (low <= opened <= high and low <= close <= high):
        return RowFault.OUTSIDE_RANGE
    return RowFault.NEGATIVE_VOLUME
