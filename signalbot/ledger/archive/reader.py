"""Reads the ledger together with its archives."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from signalbot.domain.timeframe import Ms
from signalbot.ledger import views
from signalbot.ledger.archive import files as archive_files
from signalbot.ledger.archive.files import ArchivedRow, month_of
from signalbot.ledger.sql import queries
from signalbot.ledger.views import Connection, Row, Selection
from signalbot.state_dir import ARCHIVE_FOLDER_NAME

_SQL = queries("archive")
_ARCHIVED_TABLES = {"signals": ("signal_id",), "decisions": ("signal_id", "user_id")}
"""Tables that are read from archives, with their keys."""


def signals(connection: Connection, selection: Selection) -> list[Row]:
    """``views.signals`` including archived signals.

    Raises:
        LedgerError: a required archive cannot be read.
    """
    rows = views.signals(connection, selection)
    months = _months(connection, selection, rows)
    if not months or selection.status == "ACTIVE":
        return rows
    wanted = [*_rows_of_months(connection, months, b'{"signals": ')]
    if selection.user is not None:
        user_filter = f'"user_id": "{selection.user}"'.encode()
        wanted += _rows_of_months(connection, months, b'{"decisions": ', user_filter)
    with _merged(connection, wanted) as merged:
        return views.signals(merged, selection)


def signal(connection: Connection, signal_id: str) -> Row | None:
    """``views.signal`` including archived signals."""
    with open_with_archived(connection, signal_id) as merged:
        return views.signal(merged, signal_id)


@contextmanager
def open_with_archived(connection: Connection, signal_id: str) -> Iterator[Connection]:
    """A connection that shows a signal and its decisions, archived or not.

    Raises:
        LedgerError: its archive cannot be read.
    """
    row = connection.execute(_SQL["month_of_signal"], (signal_id,)).fetchone()
    if row is None:
        yield connection
        return
    archived = _rows_of_months(connection, [row["month"]], f'"signal_id": "{signal_id}"'.encode())
    with _merged(connection, archived) as merged:
        yield merged


def _months(connection: Connection, selection: Selection, rows: list[Row]) -> list[str]:
    """Archived months that may have more rows for ``selection``."""
    begin_ms = max(selection.since_ms, Ms(0))
    if selection.limit is not None and len(rows) >= selection.limit:
        at = "created_at_ms" if selection.user is None else "decided_at_ms"
        begin_ms = max(begin_ms, min((row[at] for row in rows), default=begin_ms))
    first = month_of(begin_ms)
    found = [row["month"] for row in connection.execute(_SQL["archives"])]
    return [month for month in found if month >= first]


def _rows_of_months(
    connection: Connection, months: Iterable[str], *texts: bytes
) -> Iterator[ArchivedRow]:
    folder = _ledger_of(connection).parent / ARCHIVE_FOLDER_NAME
    confirmed = {row["month"]: row["bytes"] for row in connection.execute(_SQL["archives"])}
    for month in months:
        path = archive_files.archive_path(folder, month)
        for row in archive_files.read_rows(path, confirmed=confirmed[month], containing=texts):
            if row.table in _ARCHIVED_TABLES:
                yield row


@contextmanager
def _merged(connection: Connection, archived: Iterable[ArchivedRow]) -> Iterator[Connection]:
    """An in-memory database that shows ledger and archived rows under the ledger's names."""
    merged = sqlite3.connect(":memory:", isolation_level=None)
    try:
        merged.row_factory = sqlite3.Row
        merged.execute("ATTACH ? AS ledger", (str(_ledger_of(connection)),))
        for table, key in _ARCHIVED_TABLES.items():
            _create_merged_view(merged, table, key)
        for row in archived:
            columns = [name for name in row.values if name in _columns(merged, row.table)]
            marks = ", ".join("?" * len(columns))
            merged.execute(
                f"INSERT OR IGNORE INTO moved_{row.table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608 - names are checked
                [row.values[name] for name in columns],
            )
        for table in _ARCHIVED_TABLES:
            _fill_defaults(merged, table)
        yield merged
    finally:
        merged.close()


def _create_merged_view(merged: Connection, table: str, key: tuple[str, ...]) -> None:
    same = " AND ".join(f"l.{name} = m.{name}" for name in key)
    merged.executescript(
        f"""
        CREATE TABLE moved_{table} AS SELECT * FROM ledger.{table} WHERE 0;
        CREATE UNIQUE INDEX moved_{table}_once ON moved_{table} ({", ".join(key)});
        CREATE TEMP VIEW {table} AS
          SELECT * FROM ledger.{table}
          UNION ALL
          SELECT * FROM moved_{table} m
           WHERE NOT EXISTS (SELECT 1 FROM ledger.{table} l WHERE {same});
        """  # noqa: S608 - names come from the code
    )


def _fill_defaults(merged: Connection, table: str) -> None:
    """Fill columns that did not exist when a row was archived."""
    for column in merged.execute(f"PRAGMA ledger.table_info({table})").fetchall():
        if column["dflt_value"] is not None:
            name, default = column["name"], column["dflt_value"]
            merged.execute(f"UPDATE moved_{table} SET {name} = {default} WHERE {name} IS NULL")  # noqa: S608 - both come from the schema


def _columns(merged: Connection, table: str) -> frozenset[str]:
    return frozenset(row["name"] for row in merged.execute(f"PRAGMA table_info(moved_{table})"))


def _ledger_of(connection: Connection) -> Path:
    for row in connection.execute("PRAGMA database_list"):
        if row["name"] in ("ledger", "main") and row["file"]:
            return Path(row["file"])
    raise AssertionError("a ledger that is read is a file")
