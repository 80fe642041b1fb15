"""Opens the ledger: migrates it, checks its integrity and runs its writer."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from signalbot.domain.errors import LedgerError
from signalbot.ledger.base import Database, Work
from signalbot.ledger.connection import (
    check_integrity,
    connect_reader,
    connect_replay,
    connect_writer,
)
from signalbot.ledger.group_commit import GroupCommit, ThreadedConnection
from signalbot.ledger.migrations import migrate
from signalbot.ledger.replay_database import ReplayDatabase

__all__ = [
    "Database",
    "GroupCommit",
    "ReplayDatabase",
    "Work",
    "open_database",
    "open_replay_database",
]


@asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[GroupCommit]:
    """Open or create the ledger, migrated and checked, with its writer running.

    Raises:
        LedgerError: the file is damaged, foreign, or from a newer signalbot.
    """
    async with _connected(partial(_opened_file, connect_writer, path)) as writer:
        await writer.call(partial(_migrate_and_check, path=path))
        async with (
            _connected(partial(connect_reader, path)) as reader,
            _running_writer(GroupCommit(path, writer, reader)) as database,
        ):
            yield database


@asynccontextmanager
async def open_replay_database(path: Path) -> AsyncIterator[ReplayDatabase]:
    """Open a replay's ledger: the same tables, without thread and durability.

    Raises:
        LedgerError: the file is damaged, foreign, or from a newer signalbot.
    """
    connection = _opened_file(connect_replay, path)
    database = ReplayDatabase(path, connection)
    try:
        _migrate_and_check(connection, path=path)
        yield database
    finally:
        database.close()


@asynccontextmanager
async def _connected(
    connector: Callable[[], sqlite3.Connection],
) -> AsyncIterator[ThreadedConnection]:
    connection = ThreadedConnection(connector)
    try:
        await connection
    except BaseException:
        await connection.wait_ended()
        raise
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _running_writer(database: GroupCommit) -> AsyncIterator[GroupCommit]:
    async with asyncio.TaskGroup() as group:
        group.create_task(database.run(), name="ledger")
        try:
            yield database
        finally:
            await database.drain()


def _opened_file(connect: Callable[[Path], sqlite3.Connection], path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # SQLite creates its log with the file's mode
        return connect(path)
    except (sqlite3.Error, OSError) as e:
        raise LedgerError(f"{path}: cannot open: {e}") from e


def _migrate_and_check(connection: sqlite3.Connection, *, path: Path) -> None:
    try:
        migrate(connection, path)
        check_integrity(connection, path)
    except sqlite3.Error as e:
        raise LedgerError(f"{path}: cannot use: {e}") from e
    path.chmod(0o600)
