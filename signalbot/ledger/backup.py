"""Makes consistent, verified copies of the ledger that start halted.

A copy lacks everything that happened after it was made. So the halt is written into the copy, and
trading on it needs an operator's ``unhalt``.
"""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import Ms
from signalbot.ledger.connection import APPLICATION_ID, check_integrity, connect_reader
from signalbot.ledger.migrations import migrations

_HALT_KEY = "halted"
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_PAGES_PER_STEP = 1024
_STEPS_PER_CANCEL_CHECK = 100_000

IsCancelled = Callable[[], bool]
"""Returns whether to cancel; called regularly."""


def never_cancelled() -> bool:
    """Never cancel."""
    return False


def copy_ledger(
    source: Path, target: Path, *, as_of_ms: Ms, is_cancelled: IsCancelled = never_cancelled
) -> None:
    """Copy a ledger, which may be in use, to ``target``, atomically.

    The copy is one file, readable only by its owner, verified, on disk, and halted; the reason
    names ``as_of_ms``.

    Raises:
        LedgerError: the source is not a ledger, the copy is not valid, or it was cancelled.
        OSError: the target cannot be written.
    """
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        _copy(source, partial, is_cancelled)
        _finalize(partial, as_of_ms=as_of_ms, is_cancelled=is_cancelled)
        _fsync(partial)
        partial.replace(target)
        _fsync(target.parent)
    except sqlite3.Error as e:
        raise LedgerError(f"{target}: cannot copy {source}: {e}") from e
    finally:
        partial.unlink(missing_ok=True)


def check_copy(path: Path) -> int:
    """Verify that ``path`` is an undamaged ledger of a supported schema; return the schema.

    Raises:
        LedgerError: it is not valid.
    """
    try:
        with closing(connect_reader(path)) as connection:
            return _checked_version(connection, path)
    except sqlite3.Error as e:
        raise LedgerError(f"{path}: cannot read: {e}") from e


def required_bytes(path: Path) -> int:
    """The bytes that a copy needs: the ledger file and its write-ahead log."""
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _copy(source: Path, target: Path, is_cancelled: IsCancelled) -> None:
    with closing(connect_reader(source)) as reader, closing(sqlite3.connect(target)) as copy:
        reader.execute("BEGIN")  # one snapshot, unaffected by concurrent writes
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        reader.backup(
            copy, pages=_PAGES_PER_STEP, progress=lambda *_: _raise_if_cancelled(is_cancelled)
        )
        reader.execute("ROLLBACK")


def _finalize(path: Path, *, as_of_ms: Ms, is_cancelled: IsCancelled) -> None:
    """Halt the copy, merge its log, and verify it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        copy.row_factory = sqlite3.Row
        copy.set_progress_handler(lambda: int(is_cancelled()), _STEPS_PER_CANCEL_CHECK)
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()
        if copy.execute("PRAGMA user_version").fetchone()[0]:
            _halt(copy, as_of_ms)
        _checked_version(copy, path)


def _halt(copy: sqlite3.Connection, as_of_ms: Ms) -> None:
    row = copy.execute("SELECT value FROM daemon_state WHERE key = ?", (_HALT_KEY,)).fetchone()
    before = None if row is None else json.loads(row["value"])
    if before is not None and before.startswith(_HALT_PREFIX):
        return
    made = f"{_FIRST + timedelta(milliseconds=as_of_ms):%Y-%m-%d %H:%M:%S} UTC"
    reason = (
        f"{_HALT_PREFIX} {made}: compare positions with the exchange, then 'signalbot unhalt'"
        + (f" (halted before: {before})" if before else "")
    )
    copy.execute(  # readable by every schema: old copies can be restored too
        "INSERT INTO daemon_state (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_HALT_KEY, json.dumps(reason)),
    )


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise LedgerError(f"{path}: not a signalbot ledger")
    version, newest = connection.execute("PRAGMA user_version").fetchone()[0], migrations()[-1][0]
    if version > newest:
        raise LedgerError(
            f"{path}: schema {version} was written by a newer signalbot; this one knows {newest}"
        )
    check_integrity(connection, path)
    return int(version)


def _raise_if_cancelled(is_cancelled: IsCancelled) -> None:
    if is_cancelled():
        raise LedgerError("the copy was cancelled")


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_HALT_PREFIX = "this is the backup of"
