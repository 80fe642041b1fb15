"""Stores responses to requests with an idempotency key, so that a repeat gets the same one."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("control")

RESPONSE_RETENTION_MS = DAY_MS
"""How long a response is stored."""

MAX_KEYS_PER_AUTHOR = 1_000
"""The most responses stored per author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    fingerprint: str  #: of the request
    status: int | None  #: HTTP status; None while the request is in progress
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyClaim:
    """The result of reserving a key: reserved, unless one of these fields is set."""

    existing: StoredResponse | None = None  #: the earlier use of this key
    is_full: bool = False  #: whether the author has too many keys


class IdempotencyStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, author: str, key: str, *, fingerprint: str, now_ms: Ms
    ) -> IdempotencyClaim:
        """Reserve a key before its request is processed.

        Deletes expired responses.
        """
        values = {"author": author, "key": key, "fingerprint": fingerprint, "now_ms": now_ms}
        return await self._database.write(lambda c: _claim(c, values))

    async def store_response(self, author: str, key: str, *, status: int, body: bytes) -> None:
        """Store the response of a reserved key."""
        values = {"author": author, "key": key, "status": status, "body": body}
        await self._database.execute(_SQL["put_answer"], values)

    async def release_key(self, author: str, key: str) -> None:
        """Release a reserved key: its request changed nothing."""
        await self._database.execute(_SQL["forget_answer"], (author, key))

    async def release_unfinished(self) -> None:
        """Release all keys of requests interrupted by a crash."""
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
