"""Moves old rows to monthly archives in batches, while trading continues."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import Ms
from signalbot.ledger.archive.batches import (
    ArchiveBatch,
    BatchSource,
    confirm_batch,
    confirmed_bytes,
    old_events,
    old_runs,
    old_signals,
)
from signalbot.ledger.archive.files import append_rows, archive_path
from signalbot.ledger.backup import IsCancelled
from signalbot.ledger.connection import connect_reader
from signalbot.ledger.database import Database
from signalbot.maintenance.thread import run_in_thread
from signalbot.ports import Clock
from signalbot.tasks import crash_point

_PAUSE_S = 0.1  # between batches: trading has priority on processor and disk


async def archive_old_rows(database: Database, folder: Path, *, cutoff_ms: Ms, clock: Clock) -> int:
    """Move rows older than ``cutoff_ms``; return their number.

    A kill at any point loses nothing; the next call continues.

    Raises:
        LedgerError, OSError: an archive cannot be written; rows not moved stay in the ledger.
    """
    moved = 0
    for source in (old_runs(cutoff_ms), old_signals(cutoff_ms), old_events(cutoff_ms)):
        while batches := await run_in_thread(partial(_next_batches, database.path, source)):
            for batch in batches:
                await _move(database, folder, batch, clock)
                moved += len(batch.rows)
                await clock.sleep(_PAUSE_S)
    return moved


async def _move(database: Database, folder: Path, batch: ArchiveBatch, clock: Clock) -> None:
    confirmed = await database.read(partial(confirmed_bytes, month=batch.month))
    path = archive_path(folder, batch.month)
    size = await run_in_thread(lambda _: append_rows(path, batch.rows, confirmed=confirmed))
    crash_point("archive.written")
    now_ms = clock.now_ms()
    await database.write(lambda c: confirm_batch(c, batch, size=size, now_ms=now_ms))
    crash_point("archive.confirmed")


def _next_batches(
    ledger: Path, source: BatchSource, is_cancelled: IsCancelled
) -> list[ArchiveBatch]:
    if is_cancelled():
        return []
    try:
        with closing(connect_reader(ledger)) as connection:
            return source(connection)
    except sqlite3.Error as e:
        raise LedgerError(f"{ledger}: cannot read: {e}") from e
