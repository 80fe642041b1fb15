"""Moves the ledger's past to monthly archives, a portion at a time, beside the trading."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import Ms
from signalbot.keeping.threads import beside
from signalbot.ledger.archive import append, path_of
from signalbot.ledger.backup import Stop
from signalbot.ledger.connection import connect_reader
from signalbot.ledger.database import Database
from signalbot.ledger.leaving import (
    Portion,
    Take,
    confirm,
    confirmed_bytes,
    old_events,
    old_runs,
    old_signals,
)
from signalbot.ports import Clock
from signalbot.tasks import crash_point

_REST_S = 0.1  # between portions: trading needs the processor and the disk more


async def archive_past(database: Database, folder: Path, *, cutoff_ms: Ms, clock: Clock) -> int:
    """Move what is older than ``cutoff_ms``; how many rows went.

    Killed anywhere, nothing is lost, and the next call goes on where this one was.

    Raises:
        LedgerError, OSError: an archive cannot be written; what was not moved is still here.
    """
    moved = 0
    for take in (old_runs(cutoff_ms), old_signals(cutoff_ms), old_events(cutoff_ms)):
        while portions := await beside(partial(_taken, database.path, take)):
            for portion in portions:
                await _move(database, folder, portion, clock)
                moved += len(portion.rows)
                await clock.sleep(_REST_S)
    return moved


async def _move(database: Database, folder: Path, portion: Portion, clock: Clock) -> None:
    confirmed = await database.read(partial(confirmed_bytes, month=portion.month))
    path = path_of(folder, portion.month)
    size = await beside(lambda _: append(path, portion.rows, confirmed=confirmed))
    crash_point("archive.written")
    now_ms = clock.now_ms()
    await database.write(lambda c: confirm(c, portion, size=size, now_ms=now_ms))
    crash_point("archive.confirmed")


def _taken(ledger: Path, take: Take, stop: Stop) -> list[Portion]:
    if stop():
        return []
    try:
        with closing(connect_reader(ledger)) as connection:
            return take(connection)
    except sqlite3.Error as e:
        raise LedgerError(f"{ledger}: cannot read: {e}") from e
