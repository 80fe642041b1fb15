"""Selects old rows in batches, which are moved to archives one at a time.

A batch is first appended to its archive, then deleted here in one transaction with the confirmed
size of the archive: readers find every row in exactly one of the two.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

from signalbot.domain.timeframe import Ms
from signalbot.ledger.archive.files import ArchivedRow, month_of
from signalbot.ledger.sql import queries

_SQL = queries("archive")
_ROWS_PER_BATCH = 1000
_SIGNALS_PER_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveBatch:
    """Rows of one month, with the function that deletes them."""

    month: str
    rows: tuple[ArchivedRow, ...]
    delete: Callable[[sqlite3.Connection], None]


BatchSource = Callable[[sqlite3.Connection], list[ArchiveBatch]]
"""Returns the next batches of one kind; empty when there are no more."""


def old_runs(cutoff_ms: Ms) -> BatchSource:
    """Runs on candles that closed before ``cutoff_ms``."""

    def take(connection: sqlite3.Connection) -> list[ArchiveBatch]:
        values = {"cutoff_ms": cutoff_ms, "limit": _ROWS_PER_BATCH}
        rows = [dict(row) for row in connection.execute(_SQL["old_runs"], values)]
        return [
            ArchiveBatch(
                month=month,
                rows=tuple(ArchivedRow("strategy_runs", row) for row in group),
                delete=_deleter("delete_run", group),
            )
            for month, group in _by_month(rows, "candle_close_ms")
        ]

    return take


def old_events(cutoff_ms: Ms) -> BatchSource:
    """Events of the journal from before ``cutoff_ms``."""

    def take(connection: sqlite3.Connection) -> list[ArchiveBatch]:
        rows = []
        for row in connection.execute(_SQL["old_events"], {"limit": _ROWS_PER_BATCH}):
            if row["at_ms"] >= cutoff_ms:
                break
            rows.append(dict(row))
        return [
            ArchiveBatch(
                month=month,
                rows=tuple(ArchivedRow("events", row) for row in group),
                delete=_deleter("delete_event", [(row["event_id"],) for row in group]),
            )
            for month, group in _by_month(rows, "at_ms")
        ]

    return take


def old_signals(cutoff_ms: Ms) -> BatchSource:
    """Signals from before ``cutoff_ms`` with all their decisions.

    A signal with executions, orders or positions stays, without its decisions. Archive runs first:
    a signal stays as long as its run.
    """
    after_ms, after_id = Ms(0), ""

    def take(connection: sqlite3.Connection) -> list[ArchiveBatch]:
        nonlocal after_ms, after_id
        values = {
            "cutoff_ms": cutoff_ms, "after_ms": after_ms, "after_id": after_id,
            "limit": _SIGNALS_PER_BATCH,
        }  # fmt: skip
        batches = []
        for row in connection.execute(_SQL["old_signals"], values):
            batches.append(_signal_batch(connection, dict(row)))
            after_ms, after_id = row["created_at_ms"], row["signal_id"]
            if sum(len(each.rows) for each in batches) >= _ROWS_PER_BATCH:
                break
        return [_merged(list(group)) for _, group in groupby(batches, lambda each: each.month)]

    return take


def confirm_batch(
    connection: sqlite3.Connection, batch: ArchiveBatch, *, size: int, now_ms: Ms
) -> None:
    """Delete an archived batch, and confirm the archive's ``size`` in bytes."""
    batch.delete(connection)
    values = {
        "month": batch.month, "bytes": size, "rows": len(batch.rows), "now_ms": now_ms
    }  # fmt: skip
    connection.execute(_SQL["confirm"], values)


@dataclass(frozen=True, slots=True)
class ArchiveInfo:
    """The ledger's record of one month's archive."""

    month: str
    size: int  #: confirmed bytes; the file may be longer
    rows: int


def archives(connection: sqlite3.Connection) -> list[ArchiveInfo]:
    """All archives, the oldest first."""
    return [
        ArchiveInfo(row["month"], row["bytes"], row["rows"])
        for row in connection.execute(_SQL["archives"])
    ]


def confirmed_bytes(connection: sqlite3.Connection, month: str) -> int:
    """The confirmed bytes of a month's archive."""
    row = connection.execute(_SQL["confirmed"], (month,)).fetchone()
    return 0 if row is None else int(row[0])


def _signal_batch(connection: sqlite3.Connection, row: dict[str, Any]) -> ArchiveBatch:
    signal_id, month = str(row["signal_id"]), month_of(row["created_at_ms"])
    is_needed = row.pop("is_needed")
    del row["is_decided"]
    decisions = [dict(each) for each in connection.execute(_SQL["decisions_of"], (signal_id,))]

    def delete(writer: sqlite3.Connection) -> None:
        writer.execute(_SQL["delete_decisions"], (signal_id,))
        if not is_needed:
            writer.execute(_SQL["delete_signal"], (signal_id,))
        writer.execute(_SQL["remember_signal"], (signal_id, month))

    rows = chain(
        (ArchivedRow("signals", row),), (ArchivedRow("decisions", each) for each in decisions)
    )
    return ArchiveBatch(month=month, rows=tuple(rows), delete=delete)


def _merged(batches: list[ArchiveBatch]) -> ArchiveBatch:
    def delete(writer: sqlite3.Connection) -> None:
        for each in batches:
            each.delete(writer)

    rows = tuple(row for each in batches for row in each.rows)
    return ArchiveBatch(month=batches[0].month, rows=rows, delete=delete)


def _deleter(name: str, rows: Sequence[Any]) -> Callable[[sqlite3.Connection], None]:
    def delete(writer: sqlite3.Connection) -> None:
        writer.executemany(_SQL[name], rows)

    return delete


def _by_month(
    rows: list[dict[str, Any]], column: str
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for month, group in groupby(rows, lambda row: month_of(row[column])):
        yield month, list(group)
