"""The interface of a ledger database."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Values = Sequence[Any] | Mapping[str, Any]
Work = Callable[[sqlite3.Connection], T]
"""Statements of one transaction. They may run twice, so they must have no other side effects."""


class Database(ABC):
    """Runs writes in their order, low-priority ones when no other is queued.

    A read sees every write that has returned.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listeners: list[Callable[[], None]] = []
        self._duration_listeners: list[Callable[[float], None]] = []

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after every commit."""
        self._listeners.append(listener)

    def on_duration(self, listener: Callable[[float], None]) -> None:
        """Call ``listener`` with the duration of each commit in seconds."""
        self._duration_listeners.append(listener)

    @property
    def waiting_s(self) -> float:
        """Waiting time of the oldest uncommitted write in seconds; 0 without one."""
        return 0.0

    @property
    def queued(self) -> int:
        """Number of writes that wait for the next commit."""
        return 0

    def _report_duration(self, duration_s: float) -> None:
        for timer in self._duration_listeners:
            timer(duration_s)

    def _notify_committed(self) -> None:
        for listener in self._listeners:
            listener()

    @abstractmethod
    async def write(self, work: Work[T], *, low_priority: bool = False) -> T:
        """Run ``work`` in a transaction and return its result after the commit.

        A ``low_priority`` write runs after all others. Cancelling the caller does not stop the
        write. An exception of ``work`` is raised here and rolls back only this write.

        Raises:
            LedgerError: SQLite failed.
        """

    @abstractmethod
    def write_later(self, work: Work[object]) -> None:
        """Queue ``work`` without waiting; if it fails, the daemon stops.

        It commits with the next awaited write, or after a short delay.
        """

    @abstractmethod
    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on the read-only connection.

        Raises:
            LedgerError: SQLite failed.
        """

    async def execute(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """Run one statement in a transaction; return the rows of its RETURNING clause."""
        return await self.write(lambda c: c.execute(sql, values).fetchall())

    async def query(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """All rows of one SELECT."""
        return await self.read(lambda c: c.execute(sql, values).fetchall())

    async def flush(self) -> None:
        """Return when everything queued so far is committed."""
        await self.write(_no_op, low_priority=True)


def _no_op(_: sqlite3.Connection) -> None:
    """An empty write; with low priority it commits after every earlier one."""
