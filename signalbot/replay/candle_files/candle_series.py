"""Builds one series of candles from the rows of all tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from signalbot.domain.errors import ConfigError
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.replay.candle_files.candle_merging import merge_rows
from signalbot.replay.candle_files.options import ReadOptions
from signalbot.replay.candle_files.row_errors import BadRow, DroppedRows, RowFault, printable
from signalbot.replay.candle_files.table_rows import TableRows
from signalbot.replay.candle_files.time_alignment import align_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Coverage of a replay: its candles, and the faults of their source."""

    symbol: str
    timeframe: Timeframe  #: of the candles that were read
    start_ms: Ms  #: open of the first candle
    end_ms: Ms  #: close of the last, exclusive
    candles: int
    dropped: Mapping[str, int]  #: unusable rows, by what is wrong with them
    gaps: int  #: places where at least one candle is missing
    missing: int  #: candles missing in all gaps together
    notes: Sequence[str] = ()  #: what was decided about the source, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFile:
    """The usable candles of a file, and statistics of the rest.

    Candles are valid, on the grid of ``timeframe`` and strictly increasing; there is at least one.
    """

    path: Path
    symbol: str
    timeframe: Timeframe
    candles: Sequence[Candle]
    dropped: Mapping[str, int]  #: rows left out, by fault
    examples: Sequence[BadRow]  #: the first few of them
    gaps: int  #: places where at least one candle is missing
    missing: int  #: candles missing in all gaps together
    notes: Sequence[str] = ()  #: decisions about the file, as sentences
    unit: str = "line"  #: unit of ``examples``: "line" or "row"

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
            notes=self.notes,
        )


def make_series(
    path: Path,
    symbol: str,
    pieces: Sequence[TableRows],
    dropped: DroppedRows,
    options: ReadOptions,
    notes: Sequence[str] = (),
) -> CandleFile:
    """Build one sorted series without duplicates from all ``pieces``.

    Raises:
        ConfigError: the rows are not evenly spaced candles of one market, or none is usable.
    """
    placed = align_rows(path, pieces, options, dropped)
    notes = [*notes, *placed.notes]
    merged = merge_rows(symbol, placed, dropped, is_one_market=options.is_one_market)
    if merged.unsorted:
        notes.append("rows were not in order of time and were sorted")
    candles = merged.candles
    if options.now_ms is not None and candles and candles[-1].close_ms > options.now_ms:
        dropped.add(merged.rows[-1].line, RowFault.UNFINISHED)
        candles = candles[:-1]
    if not candles:
        raise ConfigError(f"{path}: no row is a usable candle: {dropped}")
    gaps = [
        (after.open_ms - before.close_ms) // placed.timeframe.ms
        for before, after in pairwise(candles)
        if after.open_ms != before.close_ms
    ]
    return CandleFile(
        path=path,
        symbol=symbol,
        timeframe=placed.timeframe,
        candles=candles,
        dropped={fault.value: count for fault, count in dropped.counts.most_common()},
        examples=tuple(dropped.examples),
        gaps=len(gaps),
        missing=sum(gaps),
        notes=list(map(printable, notes)),
        unit=pieces[0].unit if pieces else "line",
    )
