"""The ledger of a replay: the same tables, with direct writes.

Without thread and queue a replay is deterministic and fast. It is not durable, and other
connections see rows only after an occasional commit.
"""

import sqlite3
from pathlib import Path
from typing import TypeVar

from signalbot.domain.errors import LedgerError, SignalbotError
from signalbot.ledger.base import Database, Work

T = TypeVar("T")

_WRITES_PER_COMMIT = 50_000


class ReplayDatabase(Database):
    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path)
        self._connection = connection
        self._writes = 0

    async def write(self, work: Work[T], *, low_priority: bool = False) -> T:
        return self._run(work)

    def write_later(self, work: Work[object]) -> None:
        self._run(work)

    async def read(self, work: Work[T]) -> T:
        try:
            return work(self._connection)
        except sqlite3.Error as e:
            raise LedgerError(f"{self.path}: cannot read: {e}") from e

    def close(self) -> None:
        """Commit and close."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.close()

    def _run(self, work: Work[T]) -> T:
        """Run ``work`` immediately. A failure is a bug: no rollback, the replay ends."""
        connection = self._connection
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
        except (sqlite3.Error, SignalbotError) as e:
            raise LedgerError(f"{self.path}: {e}") from e
        self._writes += 1
        if self._writes % _WRITES_PER_COMMIT == 0:
            connection.execute("COMMIT")
        self._notify_committed()
        return result
