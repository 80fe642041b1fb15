"""The one writer of the ledger, with group commit, and a reader beside it.

What many listeners write at the same moment is committed together: while one commit is on its way
to the disk, the next batch gathers. A write returns only after its commit.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiosqlite

from signalbot.domain.errors import LedgerError
from signalbot.ledger.connection import connect_reader, connect_writer, examine
from signalbot.ledger.migrations import migrate

_LINGER_S = 0.05
_MANY = 256

T = TypeVar("T")
Values = Sequence[Any] | Mapping[str, Any]
Work = Callable[[sqlite3.Connection], T]
"""Statements to run inside one transaction. May run twice, so it changes nothing but the rows."""


class _Executor(Protocol):
    """Runs work on one connection: in a thread of its own, or right here."""

    async def call(self, work: Work[T]) -> T: ...

    async def transact(self, works: Sequence[Work[Any]]) -> list[Any]:
        """Results of the works, or the exceptions they raised, each undoing its work alone."""
        ...

    async def close(self) -> None: ...


class _Threaded(aiosqlite.Connection):
    """aiosqlite, plus whole transactions in one hop to its thread."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)

    async def call(self, work: Work[T]) -> T:
        execute: Callable[..., Awaitable[T]] = self._execute
        return await execute(work, self._conn)

    async def transact(self, works: Sequence[Work[Any]]) -> list[Any]:
        return await self.call(partial(_commit, works))


class _Inline:
    """No thread, and a commit only now and then: a replay is deterministic and faster.

    Its reader is its writer, which sees what is not committed yet.
    """

    _BATCHES_PER_COMMIT = 500

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._batches = 0

    async def call(self, work: Work[T]) -> T:
        return work(self._connection)

    async def transact(self, works: Sequence[Work[Any]]) -> list[Any]:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        results = [_undoable(work, self._connection) for work in works]
        self._batches += 1
        if self._batches % self._BATCHES_PER_COMMIT == 0:
            self._connection.execute("COMMIT")
        return results

    async def close(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.close()


class Database:
    """Writes in the order they were asked for, grouped into durable commits; concurrent reads."""

    def __init__(
        self, path: Path, writer: _Executor, reader: _Executor, *, linger_s: float | None
    ) -> None:
        self.path = path
        self._linger_s = linger_s  #: how long a write that nobody awaits may wait for company
        self.commits = 0  #: transactions committed since the start
        self._writer = writer
        self._reader = reader
        self._pending: list[tuple[Work[Any], asyncio.Future[Any] | None]] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction and return its result after the commit.

        Cancelling the caller does not stop the write. What ``work`` raises is raised here and
        undoes this write alone.

        Raises:
            LedgerError: SQLite could not carry it out.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(work, future)
        return await future

    def write_later(self, work: Work[object]) -> None:
        """Queue ``work`` without waiting; if it fails, the daemon stops.

        It is committed with the next awaited write, or a moment later.
        """
        self._enqueue(work, None)

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on the read-only connection: it sees every finished write."""
        try:
            return await self._reader.call(work)
        except sqlite3.Error as e:
            raise LedgerError(f"{self.path}: cannot read: {e}") from e

    async def execute(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """Run one statement in a transaction; return the rows of its RETURNING clause."""
        return await self.write(lambda c: c.execute(sql, values).fetchall())

    async def query(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """All rows of one SELECT."""
        return await self.read(lambda c: c.execute(sql, values).fetchall())

    async def flush(self) -> None:
        """Return when everything queued so far is committed."""
        await self.write(_nothing)

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the file and empty it; the writer alone does this."""
        await self._writer.call(_checkpoint)

    def _enqueue(self, work: Work[Any], future: asyncio.Future[Any] | None) -> None:
        if self._closing:
            raise LedgerError(f"{self.path}: the ledger is closed")
        self._pending.append((work, future))
        if future is not None or len(self._pending) >= _MANY:
            self._idle.clear()
            self._wake.set()
        elif len(self._pending) == 1 and self._linger_s is not None:
            asyncio.get_running_loop().call_later(self._linger_s, self._wake.set)

    async def run(self) -> None:
        """Commit what is queued, batch after batch, until drained: the writer's whole life."""
        try:
            while not (self._closing and not self._pending):
                await self._wake.wait()
                self._wake.clear()
                while self._pending:
                    await self._commit_pending()
                self._idle.set()
        finally:
            self._closing = True
            self._idle.set()

    async def _commit_pending(self) -> None:
        batch, self._pending = self._pending, []
        try:
            results = await self._writer.transact([work for work, _ in batch])
        except sqlite3.Error as e:
            raise LedgerError(f"{self.path}: cannot write: {e}") from e
        self.commits += 1
        for (_, future), result in zip(batch, results, strict=True):
            error = result if isinstance(result, Exception) else None
            if isinstance(error, sqlite3.Error):
                error = LedgerError(f"{self.path}: {error}")
            if future is None:
                if error is not None:
                    raise error
            elif not future.done():
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(result)

    async def drain(self) -> None:
        """Commit what is still queued, then refuse more."""
        self._wake.set()
        await self._idle.wait()
        self._closing = True
        self._wake.set()


@asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[Database]:
    """Open or create the ledger: migrated, examined, durable, with its writer running.

    Raises:
        LedgerError: the file is damaged, foreign, or from a newer signalbot.
    """
    async with _connected(partial(_writer_at, path)) as writer:
        await writer.call(partial(_prepare, path=path))
        async with (
            _connected(partial(connect_reader, path)) as reader,
            _serving(Database(path, writer, reader, linger_s=_LINGER_S)) as database,
        ):
            yield database


@asynccontextmanager
async def open_scratch(path: Path) -> AsyncIterator[Database]:
    """A ledger for a replay: the same tables, no thread, and nothing promised on power loss."""
    connection = connect_writer(path, durable=False)
    _prepare(connection, path=path)
    inline = _Inline(connection)
    try:
        database = Database(path, inline, inline, linger_s=None)
        async with _serving(database):
            yield database
    finally:
        await inline.close()


@asynccontextmanager
async def _connected(connector: Callable[[], sqlite3.Connection]) -> AsyncIterator[_Threaded]:
    connection = _Threaded(connector)
    await connection
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _serving(database: Database) -> AsyncIterator[Database]:
    async with asyncio.TaskGroup() as group:
        group.create_task(database.run(), name="ledger")
        try:
            yield database
        finally:
            await database.drain()


def _writer_at(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return connect_writer(path, durable=True)
    except sqlite3.Error as e:
        raise LedgerError(f"{path}: cannot open: {e}") from e


def _prepare(connection: sqlite3.Connection, *, path: Path) -> None:
    try:
        migrate(connection, path)
        examine(connection, path)
    except sqlite3.Error as e:
        raise LedgerError(f"{path}: cannot use: {e}") from e
    path.chmod(0o600)


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _nothing(_: sqlite3.Connection) -> None:
    """An empty write: its commit comes after every earlier one."""


def _commit(works: Sequence[Work[Any]], connection: sqlite3.Connection) -> list[Any]:
    """Run all works in one transaction; if one fails, each in its own, so it harms no other.

    Raises:
        sqlite3.Error: no transaction can be begun: somebody else keeps the file locked.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        return _finish(works, connection)
    except Exception as e:  # noqa: BLE001 - whatever a work raises belongs to who asked for it
        if len(works) == 1:
            return [e]
        return [result for work in works for result in _commit([work], connection)]


def _finish(works: Sequence[Work[Any]], connection: sqlite3.Connection) -> list[Any]:
    try:
        results = [work(connection) for work in works]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _undoable(work: Work[Any], connection: sqlite3.Connection) -> Any:
    """The work's result, or what it raised after its own statements were taken back."""
    connection.execute("SAVEPOINT work")
    try:
        result = work(connection)
    except Exception as e:  # noqa: BLE001 - whatever a work raises belongs to who asked for it
        connection.execute("ROLLBACK TO work")
        result = e
    connection.execute("RELEASE work")
    return result
