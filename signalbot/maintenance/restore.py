"""Restores a backup as the ledger; the former ledger is kept, and trading starts halted."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import Ms
from signalbot.ledger import lock
from signalbot.ledger.backup import check_copy, copy_ledger
from signalbot.ledger.connection import connect_writer
from signalbot.maintenance.backups import utc_stamp
from signalbot.state_dir import LEDGER_NAME

_COMPANIONS = ("-wal", "-shm")
"""Suffixes of SQLite's files beside a ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult:
    """Paths of the restored and the former ledger."""

    ledger: Path
    former: Path | None  #: the previous ledger's new path; None without one


def restore_ledger(file: Path, state_dir: Path, *, now_ms: Ms) -> RestoreResult:
    """Make a halted copy of ``file`` the ledger of ``state_dir``.

    At every moment there is a ledger, the former or the restored one. The former's write-ahead log
    is removed before the replacement: SQLite would apply it to the restored one.

    Raises:
        LedgerError: the file is not a usable ledger.
        LedgerLocked: a daemon is running.
    """
    if not file.is_file():
        raise LedgerError(f"{file}: file not found")
    ledger = state_dir / LEDGER_NAME
    with lock.hold(state_dir):
        check_copy(file)
        incoming = state_dir / f"{LEDGER_NAME}.restoring"
        copy_ledger(file, incoming, as_of_ms=Ms(int(file.stat().st_mtime * 1000)))
        former = _keep_former(
            ledger, ledger.with_name(f"{LEDGER_NAME}.replaced-{utc_stamp(now_ms)}")
        )
        for companion in _COMPANIONS:
            _companion_path(ledger, companion).unlink(missing_ok=True)
        incoming.replace(ledger)
    return RestoreResult(ledger=ledger, former=former)


def _keep_former(ledger: Path, former: Path) -> Path | None:
    """Link the ledger to a second name; a damaged one keeps its write-ahead log."""
    if not ledger.exists():
        return None
    with suppress(sqlite3.Error, LedgerError), closing(connect_writer(ledger)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for companion in ("", *_COMPANIONS):
        if _companion_path(ledger, companion).exists():
            _companion_path(former, companion).hardlink_to(_companion_path(ledger, companion))
    return former


def _companion_path(ledger: Path, companion: str) -> Path:
    return ledger.with_name(f"{ledger.name}{companion}")
