"""Opens SQLite connections with the ledger's settings, and checks the file's integrity."""

import sqlite3
from pathlib import Path

from signalbot.domain.errors import LedgerError

APPLICATION_ID = 0x53676E6C  # "Sgnl": marks the file as a signalbot ledger
_BUSY_TIMEOUT_MS = 10_000
_QUICK_CHECK_ABOVE_BYTES = 1 << 30


def connect_writer(path: Path) -> sqlite3.Connection:
    """The connection for all writes and checkpoints; commits are durable."""
    connection = _connect(f"file:{_quoted(path)}?mode=rwc")
    _set_pragma(connection, "journal_mode", "wal", "wal")
    _set_pragma(connection, "synchronous", "FULL", 2)
    _set_pragma(connection, "foreign_keys", "ON", 1)
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA cache_size = -8000")
    return connection


def connect_replay(path: Path) -> sqlite3.Connection:
    """The only connection of a replay: fast, and not durable."""
    connection = _connect(f"file:{_quoted(path)}?mode=rwc")
    _set_pragma(connection, "journal_mode", "memory", "memory")
    _set_pragma(connection, "synchronous", "OFF", 0)
    _set_pragma(connection, "foreign_keys", "OFF", 0)
    connection.execute("PRAGMA cache_size = -262144")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection; several may exist beside the writer."""
    connection = _connect(f"file:{_quoted(path)}?mode=rw")
    _set_pragma(connection, "query_only", "ON", 1)
    return connection


def check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    """Check the whole file for damage; a file above 1 GB gets the quick check.

    Raises:
        LedgerError: the file is damaged, or rows refer to missing rows.
    """
    check = "quick_check" if path.stat().st_size > _QUICK_CHECK_ABOVE_BYTES else "integrity_check"
    errors = [row[0] for row in connection.execute(f"PRAGMA {check}(5)")]
    if errors != ["ok"]:
        raise LedgerError(f"{path}: damaged: {'; '.join(map(str, errors))}; restore a backup")
    orphans = connection.execute("PRAGMA foreign_key_check").fetchone()
    if orphans is not None:
        raise LedgerError(f"{path}: table {orphans[0]} refers to rows that are missing")


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    return connection


def _set_pragma(
    connection: sqlite3.Connection, pragma: str, value: str, expected: str | int
) -> None:
    """Set a pragma and verify it: SQLite ignores unsupported values silently."""
    connection.execute(f"PRAGMA {pragma} = {value}")
    actual = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    if actual != expected:
        raise LedgerError(f"SQLite did not accept PRAGMA {pragma} = {value}: it is {actual}")


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
