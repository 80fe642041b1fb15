"""Puts a copy in the place of the ledger; what was there is kept, and nobody trades unasked."""

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
"""What belongs to a ledger beside its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult:
    ledger: Path
    former: Path | None  #: where the ledger is now that was there before


def restore_ledger(file: Path, state_dir: Path, *, now_ms: Ms) -> RestoreResult:
    """Make a halted copy of ``file`` the ledger of ``state_dir``.

    There is a ledger at every moment, the former or the new one. The log of the former goes before
    the new one comes: SQLite would play it into that.

    Raises:
        LedgerError: the file is no ledger that can be used. LedgerLocked: a daemon is running.
    """
    if not file.is_file():
        raise LedgerError(f"{file}: there is no such file")
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
    """Give the ledger a second name; one that is too broken to be tidied up keeps its log, too."""
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
