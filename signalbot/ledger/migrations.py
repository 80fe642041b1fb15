"""Migrates a ledger to the newest schema, by the numbered files of ``sql/``."""

import re
import sqlite3
from importlib.resources import files
from pathlib import Path

from signalbot.domain.errors import LedgerError
from signalbot.ledger.connection import APPLICATION_ID

_NAME = re.compile(r"(\d{4})_\w+\.sql")


def migrations() -> list[tuple[int, str]]:
    """``(version, script)`` of every migration, oldest first."""
    found = (
        (int(match.group(1)), entry.read_text())
        for entry in files("signalbot.ledger").joinpath("sql").iterdir()
        if (match := _NAME.fullmatch(entry.name))
    )
    return sorted(found)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Apply pending migrations, each atomically; a copy is kept before the first.

    Raises:
        LedgerError: the file is not a ledger, or was written by a newer signalbot.
    """
    version = _version(connection, path)
    pending = [(number, script) for number, script in migrations() if number > version]
    if version and pending:
        _copy_before_migration(
            connection, path.with_name(f"{path.name}.before-{pending[-1][0]:04}")
        )
    for number, script in pending:
        _apply(connection, number, script)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and (tables or version):
        raise LedgerError(f"{path}: not a signalbot ledger")
    newest = migrations()[-1][0]
    if version > newest:
        raise LedgerError(
            f"{path}: schema {version} was written by a newer signalbot; this one knows {newest}"
        )
    return version


def _apply(connection: sqlite3.Connection, number: int, script: str) -> None:
    steps = (
        f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID};"
        f"{script};PRAGMA user_version = {number}; COMMIT;"
    )
    try:
        connection.executescript(steps)
    except sqlite3.Error as e:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise LedgerError(f"migration {number:04} failed: {e}") from e


def _copy_before_migration(connection: sqlite3.Connection, path: Path) -> None:
    """Copy the ledger without stored responses: those of older versions may contain tokens."""
    path.touch(mode=0o600)
    copy = sqlite3.connect(path)
    try:
        connection.backup(copy)
        if copy.execute("SELECT 1 FROM sqlite_schema WHERE name = 'answers'").fetchone():
            copy.execute("PRAGMA secure_delete = ON")
            copy.execute("DELETE FROM answers")
            copy.commit()
    finally:
        copy.close()
