"""Stores notices from their creation to their delivery.

A notice is written exactly once, in one transaction with the journal cursor. It is delivered at
least once: a crash between a service's response and the delivery mark repeats it.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from signalbot.domain.notices import NoticeKind
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.base import Database
from signalbot.ledger.sql import queries

_SQL = queries("outbox")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class NoticeAddress:
    """One destination without its secret: its recipient, and its index in the recipient's list."""

    recipient: UserId
    place: int  #: from 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeCursor:
    """Up to where notices have been written."""

    event_id: int  #: the last processed event of the journal
    summed_up_ms: Ms  #: the end of the last summarized day


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDraft:
    """A notice to be written."""

    event_id: int | None  #: None: it is not about a single event
    address: NoticeAddress
    kind: NoticeKind
    is_silent: bool
    title: str
    body: str
    topic: str | None = None  #: pending notices of one topic replace each other
    #: Time after the last notice of its topic in which a newer one may replace it.
    pause_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingNotice:
    """A notice to be delivered."""

    notice_id: int
    kind: NoticeKind
    is_silent: bool
    title: str
    body: str


class Outbox:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, *, summed_up_ms: Ms) -> NoticeCursor:
        """The stored cursor; the first time at the newest event and ``summed_up_ms``."""

        def work(connection: sqlite3.Connection) -> NoticeCursor:
            connection.execute(_SQL["open_cursor"], {"summed_up_ms": summed_up_ms})
            row = connection.execute(_SQL["cursor"]).fetchone()
            return NoticeCursor(event_id=row["event_id"], summed_up_ms=Ms(row["summed_up_ms"]))

        return await self._database.write(work)

    async def delete_cursor(self) -> None:
        """Delete the cursor: the next recipient starts with the events of that time."""
        await self._database.execute(_SQL["close_cursor"])

    async def put(
        self, drafts: Sequence[NoticeDraft], *, after: int, upto: int, now_ms: Ms
    ) -> None:
        """Write the notices of events after ``after`` up to ``upto``, and move the cursor.

        Does nothing if the cursor has moved already.
        """
        await self._put("move_cursor", {"after": after, "upto": upto}, drafts, now_ms)

    async def put_summaries(
        self, drafts: Sequence[NoticeDraft], *, since_ms: Ms, until_ms: Ms, now_ms: Ms
    ) -> None:
        """Write the summaries of a period, and move the cursor; once per period."""
        span = {"since_ms": since_ms, "until_ms": until_ms}
        await self._put("move_summary", span, drafts, now_ms)

    async def pending(
        self, address: NoticeAddress, *, limit: int, now_ms: Ms
    ) -> list[PendingNotice]:
        """The notices due at an address, the oldest first."""
        values = asdict(address) | {"limit": limit, "now_ms": now_ms}
        rows = await self._database.query(_SQL["waiting"], values)
        return [
            PendingNotice(
                notice_id=row["notice_id"],
                kind=NoticeKind(row["kind"]),
                is_silent=bool(row["is_silent"]),
                title=row["title"],
                body=_with_count(row["body"], row["merged"]),
            )
            for row in rows
        ]

    async def pending_addresses(self) -> set[NoticeAddress]:
        """All addresses with pending notices."""
        rows = await self._database.query(_SQL["addresses_waiting"])
        return {NoticeAddress(recipient=row["recipient"], place=row["place"]) for row in rows}

    async def depth(self) -> int:
        """The number of pending notices."""
        return int((await self._database.query(_SQL["depth"]))[0]["notices"])

    async def mark_delivered(self, notice_ids: Iterable[int], *, now_ms: Ms) -> None:
        rows = [{"notice_id": each, "now_ms": now_ms} for each in notice_ids]
        await self._database.write(lambda c: c.executemany(_SQL["delivered"], rows))

    async def record_failure(
        self, notice_ids: Collection[int], *, max_attempts: int, now_ms: Ms
    ) -> int:
        """Count an attempt; abandon notices after ``max_attempts``. Returns how many."""

        def work(connection: sqlite3.Connection) -> int:
            abandoned = 0
            for each in notice_ids:
                values = {"notice_id": each, "most": max_attempts, "now_ms": now_ms}
                row = connection.execute(_SQL["failed"], values).fetchone()
                abandoned += 0 if row is None else row["is_parked"]
            return abandoned

        return await self._database.write(work)

    async def abandon(self, addresses: Iterable[NoticeAddress], *, now_ms: Ms) -> None:
        """Abandon the pending notices of removed destinations."""
        rows = [asdict(each) | {"now_ms": now_ms} for each in addresses]
        await self._database.write(lambda c: c.executemany(_SQL["abandon_address"], rows))

    async def delete_finished(self, *, before_ms: Ms) -> None:
        """Delete notices delivered or abandoned before then."""
        await self._database.execute(_SQL["forget_finished"], (before_ms,))

    async def _put(
        self, move: str, values: Mapping[str, int], drafts: Sequence[NoticeDraft], now_ms: Ms
    ) -> None:
        rows = [_row(each, now_ms) for each in drafts]

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(_SQL[move], values).fetchone():
                for row in rows:
                    _put_one(connection, row)

        await self._database.write(work)


def _put_one(connection: sqlite3.Connection, row: Mapping[str, object]) -> None:
    if row["topic"] is not None:
        connection.execute(_SQL["drop_waiting"], row)
        if connection.execute(_SQL["merge_notice"], row).fetchone():
            return
    connection.execute(_SQL["put_notice"], row)


def _with_count(body: str, merged: int) -> str:
    return f"{body}\nIt changed {merged + 1} times since the last notice." if merged else body


def _row(draft: NoticeDraft, now_ms: Ms) -> dict[str, object]:
    return {
        "event_id": draft.event_id,
        "recipient": draft.address.recipient,
        "place": draft.address.place,
        "kind": draft.kind,
        "is_silent": int(draft.is_silent),
        "title": draft.title,
        "body": draft.body,
        "topic": draft.topic,
        "pause_ms": draft.pause_ms,
        "now_ms": now_ms,
    }
