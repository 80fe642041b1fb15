"""The ledger's single writer, with group commit, and a reader.

Concurrent writes are committed together: during one commit, the next batch is collected. A write
returns only after its commit.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from signalbot.domain.errors import LedgerError
from signalbot.ledger.base import Database, Work
from signalbot.ledger.disk_reserve import ReleaseReserve, is_disk_full, no_reserve

T = TypeVar("T")

_QueuedWrite = tuple[Work[Any], asyncio.Future[Any] | None]

_BATCH_WINDOW_S = 0.05  # the delay within which a write without a waiter is committed
_WAKE_AT_WRITES = 256
_MAX_WRITES_PER_COMMIT = (
    128  # writes per commit: the first of a thousand need not wait for the last
)
_MAX_COMMIT_S = 0.02  # time limit of the statements in one commit


class ThreadedConnection(aiosqlite.Connection):
    """aiosqlite, plus complete transactions in one call to its thread."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._end_future: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        self._end_future = super().stop()
        return self._end_future

    async def wait_ended(self) -> None:
        """Wait for the thread of a failed connection, which still needs the loop."""
        if self._end_future is not None:
            await self._end_future

    async def call(self, work: Work[T]) -> T:
        execute: Callable[..., Awaitable[T]] = self._execute
        return await execute(work, self._conn)


class GroupCommit(Database):
    def __init__(self, path: Path, writer: ThreadedConnection, reader: ThreadedConnection) -> None:
        super().__init__(path)
        self.commits = 0  #: transactions committed since the start
        self._writer = writer
        self._reader = reader
        self._pending: list[_QueuedWrite] = []
        self._low_priority: list[_QueuedWrite] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._release: ReleaseReserve = no_reserve
        self._oldest_pending_s: float | None = (
            None  #: loop time of the oldest write not committed yet
        )

    def on_disk_full(self, release: ReleaseReserve) -> None:
        """Call ``release`` in the writer's thread when the disk is full, then retry once."""
        self._release = release

    @property
    def waiting_s(self) -> float:
        if self._oldest_pending_s is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._oldest_pending_s

    @property
    def queued(self) -> int:
        return len(self._pending) + len(self._low_priority)

    async def write(self, work: Work[T], *, low_priority: bool = False) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(self._low_priority if low_priority else self._pending, work, future)
        return await future

    def write_later(self, work: Work[object]) -> None:
        self._enqueue(self._pending, work, None)

    async def read(self, work: Work[T]) -> T:
        try:
            return await self._reader.call(work)
        except sqlite3.Error as e:
            raise LedgerError(f"{self.path}: cannot read: {e}") from e

    async def checkpoint(self) -> None:
        """Checkpoint and truncate the write-ahead log.

        Without enough disk space the log stays as it is; it contains all rows.
        """
        await self._writer.call(_checkpoint)

    def _enqueue(
        self, queue: list[_QueuedWrite], work: Work[Any], future: asyncio.Future[Any] | None
    ) -> None:
        if self._closing:
            raise LedgerError(f"{self.path}: the ledger is closed")
        queue.append((work, future))
        if self._oldest_pending_s is None:
            self._oldest_pending_s = asyncio.get_running_loop().time()
        if future is not None or len(self._pending) >= _WAKE_AT_WRITES:
            self._idle.clear()
            self._wake.set()
        elif len(self._pending) == 1:
            asyncio.get_running_loop().call_later(_BATCH_WINDOW_S, self._wake.set)

    async def run(self) -> None:
        """Commit queued writes in batches until drained."""
        try:
            while not (self._closing and not self.queued):
                await self._wake.wait()
                self._wake.clear()
                while self.queued:
                    await self._commit_pending()
                self._idle.set()
        finally:
            self._closing = True
            self._idle.set()

    async def _commit_pending(self) -> None:
        ahead = len(self._pending)
        batch = [*self._pending, *self._low_priority][:_MAX_WRITES_PER_COMMIT]
        work = partial(_commit_or_release_reserve, [each for each, _ in batch], self._release)
        began_s = asyncio.get_running_loop().time()
        try:
            results = await self._writer.call(work)
        except sqlite3.Error as e:
            raise LedgerError(f"{self.path}: cannot write: {e}") from e
        done = len(results)
        del self._pending[: min(done, ahead)], self._low_priority[: max(0, done - ahead)]
        self.commits += 1
        ended_s = asyncio.get_running_loop().time()
        self._oldest_pending_s = began_s if self.queued else None
        self._report_duration(ended_s - began_s)
        self._notify_committed()
        for (_, future), result in zip(batch[:done], results, strict=True):
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
        """Commit the queued writes, then reject further ones."""
        self._wake.set()
        await self._idle.wait()
        self._closing = True
        self._wake.set()


def _checkpoint(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as e:
        if not is_disk_full(e):
            raise


def _commit_or_release_reserve(
    works: Sequence[Work[Any]], release: ReleaseReserve, connection: sqlite3.Connection
) -> list[Any]:
    """``_commit``, repeated once after freeing the disk reserve if the disk is full."""
    try:
        results = _commit(works, connection)
    except sqlite3.Error as e:
        if is_disk_full(e) and release():
            return _commit(works, connection)
        raise
    failed = [each for each, result in enumerate(results) if is_disk_full(result)]
    if failed and release():
        for each in failed:
            (results[each],) = _commit([works[each]], connection)
    return results


def _commit(works: Sequence[Work[Any]], connection: sqlite3.Connection) -> list[Any]:
    """Run writes in one transaction; return the results of those that were run.

    If one fails, each is run in a separate transaction, so that the others succeed.

    Raises:
        sqlite3.Error: no transaction can begin: another process holds the lock.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        return _run_transaction(works, connection)
    except Exception as e:  # noqa: BLE001 - raised to the caller
        if len(works) == 1:
            return [e]
        return [result for work in works for result in _commit([work], connection)]


def _run_transaction(works: Sequence[Work[Any]], connection: sqlite3.Connection) -> list[Any]:
    until_s = time.perf_counter() + _MAX_COMMIT_S
    results: list[Any] = []
    try:
        for work in works:
            results.append(work(connection))
            if time.perf_counter() > until_s:
                break
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results
