"""Locked secrets: ciphertext only. Who can read the ledger learns whose they are, not what."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("credentials")


@dataclass(frozen=True, slots=True)
class Sealed:
    """One locked value: its own key, wrapped by the master key ``key_id``, and what it locks."""

    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRow:
    """One value at its place: a field of a user's account, or (``exchange`` empty) a secret."""

    owner: str  #: the user, or the secret's name
    exchange: str
    field: str
    sealed: Sealed
    updated_at_ms: Ms

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.owner, self.exchange, self.field)


class VaultStore:
    """Rows of ``credentials`` and ``secrets``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, rows: Sequence[LockedRow], *, replaces: Iterable[tuple[UserId, str]]
    ) -> None:
        """Write rows, all or none, after dropping what the accounts in ``replaces`` had."""
        dropped = list(replaces)
        await self._database.write(lambda c: _put(c, rows, dropped))

    async def credentials(self) -> list[LockedRow]:
        return [_row(row) for row in await self._database.query(_SQL["credentials"])]

    async def secrets(self, name: str | None = None) -> list[LockedRow]:
        """One secret, or all of them."""
        return [_row(row) for row in await self._database.query(_SQL["secrets"], {"name": name})]

    async def delete(self, user_id: UserId, exchange: str | None) -> int:
        """Drop what an account has, or (None) all accounts of a user; how many rows went."""
        values = {"user_id": user_id, "exchange": exchange}
        return await self._database.write(
            lambda c: c.execute(_SQL["delete_credentials"], values).rowcount
        )

    async def delete_secret(self, name: str) -> int:
        return await self._database.write(
            lambda c: c.execute(_SQL["delete_secret"], {"name": name}).rowcount
        )


def _put(
    connection: sqlite3.Connection, rows: Sequence[LockedRow], dropped: list[tuple[UserId, str]]
) -> None:
    for user_id, exchange in dropped:
        values = {"user_id": user_id, "exchange": exchange}
        connection.execute(_SQL["delete_credentials"], values)
    for row in rows:
        sealed = row.sealed
        given: dict[str, object] = {
            "owner": row.owner,
            "exchange": row.exchange,
            "field": row.field,
            "key_id": sealed.key_id,
            "wrapped_key": sealed.wrapped_key,
            "ciphertext": sealed.ciphertext,
            "now_ms": row.updated_at_ms,
        }
        connection.execute(_SQL["put_credential" if row.exchange else "put_secret"], given)


def _row(row: sqlite3.Row) -> LockedRow:
    return LockedRow(
        owner=row["owner"],
        exchange=row["exchange"],
        field=row["field"],
        sealed=Sealed(row["key_id"], row["wrapped_key"], row["ciphertext"]),
        updated_at_ms=Ms(row["updated_at_ms"]),
    )
