"""Reads the journal: events in the order of their commits."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.base import Database

_AFTER = "SELECT * FROM events WHERE event_id > ? ORDER BY event_id LIMIT ?"
_BETWEEN = (
    "SELECT * FROM events WHERE event_id > :after AND event_id <= :upto "
    "AND (:user_id IS NULL OR user_id IS NULL OR user_id = :user_id) "
    "ORDER BY event_id LIMIT :limit"
)
SELECT_LAST_EVENT_ID = "SELECT coalesce(max(event_id), 0) AS event_id FROM events"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEvent:
    """One change of the ledger, with the values at that time."""

    event_id: int  #: ascending, never reused
    at_ms: Ms
    kind: str  #: an ``EventKind``; the word before the dot is its topic
    user_id: UserId | None  #: None when it concerns all users
    strategy: str | None
    symbol: str | None
    signal_id: str | None
    position_id: str | None
    detail: Mapping[str, Any]  #: JSON values; money and quantities are decimal text

    @property
    def topic(self) -> str:
        """The kind up to the dot."""
        return self.kind.partition(".")[0]


class Journal:
    """Reads events; SQL triggers write them in the transaction of the change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._committed = asyncio.Event()
        database.on_commit(self._wake_readers)

    async def after(self, event_id: int, *, limit: int = 500) -> list[JournalEvent]:
        """Events after ``event_id``, the oldest first."""
        return [decode_event(row) for row in await self._database.query(_AFTER, (event_id, limit))]

    async def between(
        self, after: int, upto: int, *, user_id: UserId | None, limit: int
    ) -> list[JournalEvent]:
        """Events after ``after`` up to ``upto``: all, or those of a user and of all users."""
        values = {"after": after, "upto": upto, "user_id": user_id, "limit": limit}
        return [decode_event(row) for row in await self._database.query(_BETWEEN, values)]

    async def last(self) -> int:
        """The newest event's id; 0 without events."""
        return int((await self._database.query(SELECT_LAST_EVENT_ID))[0]["event_id"])

    async def wait(self, event_id: int) -> None:
        """Return when an event after ``event_id`` is committed."""
        while True:
            committed = self._committed
            if await self.last() > event_id:
                return
            await committed.wait()

    def _wake_readers(self) -> None:
        self._committed.set()
        self._committed = asyncio.Event()


def decode_event(row: sqlite3.Row) -> JournalEvent:
    """The event of a row of ``events``."""
    values = dict(row)
    return JournalEvent(**(values | {"detail": json.loads(values["detail"])}))
