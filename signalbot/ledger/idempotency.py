"""Answers already given to requests that carry an idempotency key."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("control")

RESPONSE_RETENTION_MS = DAY_MS
"""How long an answer is remembered."""

MAX_KEYS_PER_AUTHOR = 1_000
"""Answers that are remembered for one author at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    fingerprint: str  #: of the request it answers
    status: int | None  #: HTTP status; None while the request is being carried out
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyClaim:
    """What came of reserving a key: it is the caller's, unless one of these says otherwise."""

    existing: StoredResponse | None = None  #: what was reserved under this key before
    is_full: bool = False  #: the author has ``MOST_KEYS`` already


class IdempotencyStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, author: str, key: str, *, fingerprint: str, now_ms: Ms
    ) -> IdempotencyClaim:
        """Reserve a key before its request is carried out.

        Answers past their time are forgotten on the way.
        """
        values = {"author": author, "key": key, "fingerprint": fingerprint, "now_ms": now_ms}
        return await self._database.write(lambda c: _claim(c, values))

    async def store_response(self, author: str, key: str, *, status: int, body: bytes) -> None:
        """Remember the answer, to be given again."""
        values = {"author": author, "key": key, "status": status, "body": body}
        await self._database.execute(_SQL["put_answer"], values)

    async def release_key(self, author: str, key: str) -> None:
        """Give a reserved key back: its request changed nothing."""
        await self._database.execute(_SQL["forget_answer"], (author, key))

    async def release_unfinished(self) -> None:
        """Give back every key whose request a crash has cut off."""
        await self._database.execute(_SQL["forget_unfinished_answers"])


def _claim(connection: sqlite3.Connection, values: Mapping[str, Any]) -> IdempotencyClaim:
    connection.execute(_SQL["forget_old_answers"], (values["now_ms"] - RESPONSE_RETENTION_MS,))
    existing = connection.execute(_SQL["answer"], (values["author"], values["key"])).fetchone()
    if existing is not None:
        return IdempotencyClaim(existing=StoredResponse(**dict(existing)))
    if (
        connection.execute(_SQL["count_answers"], (values["author"],)).fetchone()["n"]
        >= MAX_KEYS_PER_AUTHOR
    ):
        return IdempotencyClaim(is_full=True)
    connection.execute(_SQL["claim_answer"], values)
    return IdempotencyClaim()
