"""What every ledger file can do, however it is driven."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Values = Sequence[Any] | Mapping[str, Any]
Work = Callable[[sqlite3.Connection], T]
"""Statements to run inside one transaction. May run twice, so it changes nothing but the rows."""


class Database(ABC):
    """Writes in the order they were asked for, but patient ones when nothing else waits.

    A read sees every write that has returned.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listeners: list[Callable[[], None]] = []
        self._duration_listeners: list[Callable[[float], None]] = []

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after every commit, for as long as the ledger is open."""
        self._listeners.append(listener)

    def on_duration(self, listener: Callable[[float], None]) -> None:
        """Call ``listener`` with the seconds that each commit to the disk has taken."""
        self._duration_listeners.append(listener)

    @property
    def waiting_s(self) -> float:
        """How long the oldest write that is not committed yet has waited; 0 when there is none."""
        return 0.0

    @property
    def queued(self) -> int:
        """Writes that wait for the next commit."""
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

        A ``patient`` write lets others go first, so nothing that waits may depend on its order.
        Cancelling the caller does not stop the write. What ``work`` raises is raised here and
        undoes this write alone.

        Raises:
            LedgerError: SQLite could not carry it out.
        """

    @abstractmethod
    def write_later(self, work: Work[object]) -> None:
        """Queue ``work`` without waiting; if it fails, the daemon stops.

        It is committed with the next awaited write, or a moment later.
        """

    @abstractmethod
    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on a connection that only reads.

        Raises:
            LedgerError: SQLite could not carry it out.
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
    """An empty write: patient, its commit comes after every earlier one."""
