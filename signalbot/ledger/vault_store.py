"""Stores encrypted credentials and secrets; names are readable, values are not."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries
from signalbot.tasks import crash_point

_SQL = queries("vault_store")

KEY_CHECK_NAME = "keycheck"
"""The secret that identifies the master key in use."""


@dataclass(frozen=True, slots=True)
class SealedValue:
    """One encrypted value: its data key, wrapped by the master key ``key_id``, and ciphertext."""

    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """One stored value: a field of a user's account, or (with empty ``exchange``) a secret."""

    owner: str  #: the user, or the secret's name
    exchange: str
    field: str
    sealed: SealedValue
    updated_at_ms: Ms
    is_current: bool = True  #: False: it belongs to a removed user of this name

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.owner, self.exchange, self.field)


class VaultStore:
    """Reads and writes the tables ``credentials`` and ``secrets``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def key_id(self) -> str | None:
        """The id of the master key in use; None for an empty vault."""
        rows = await self.secrets(KEY_CHECK_NAME)
        return rows[0].sealed.key_id if rows else None

    async def initialize(self, check: SealedRow) -> SealedRow:
        """Initialize an empty vault with the master key of ``check``; return the stored row."""

        def work(connection: sqlite3.Connection) -> SealedRow:
            found = connection.execute(_SQL["secrets"], {"name": KEY_CHECK_NAME}).fetchone()
            if found is None:
                _put(connection, [check], [])
            return check if found is None else _row(found)

        existing = await self.secrets(KEY_CHECK_NAME)
        return existing[0] if existing else await self._database.write(work)

    async def put(
        self,
        rows: Sequence[SealedRow],
        *,
        replaces: Iterable[tuple[UserId, str]],
        key_id: str,
    ) -> None:
        """Write rows atomically, after deleting the rows of the accounts in ``replaces``.

        Raises:
            ConfigError: they are encrypted with another key than the one in use.
        """
        dropped = list(replaces)

        def work(connection: sqlite3.Connection) -> None:
            _check_key(connection, key_id)
            _put(connection, rows, dropped)

        await self._database.write(work)

    async def change_all(self, change: Callable[[SealedRow], SealedRow], *, key_id: str) -> int:
        """Replace every row by ``change(row)`` in one transaction; return their number.

        Raises:
            ConfigError: the key in use is no longer ``key_id``.
        """

        def work(connection: sqlite3.Connection) -> int:
            _check_key(connection, key_id)
            rows = [
                _row(row)
                for name in ("credentials", "secrets")
                for row in connection.execute(_SQL[name], {"name": None}).fetchall()
            ]
            _put(connection, [change(row) for row in rows], [])
            return len(rows)

        return await self._database.write(work)

    async def adopt(self, user_id: UserId, *, now_ms: Ms) -> int:
        """Assign stored credentials to the present user of that name; return the number of rows."""
        values = {"user_id": user_id, "now_ms": now_ms}
        return await self._database.write(
            lambda c: c.execute(_SQL["adopt_credentials"], values).rowcount
        )

    async def credentials(self) -> list[SealedRow]:
        return [_row(row) for row in await self._database.query(_SQL["credentials"])]

    async def secrets(self, name: str | None = None) -> list[SealedRow]:
        """One secret, or all of them."""
        return [_row(row) for row in await self._database.query(_SQL["secrets"], {"name": name})]

    async def delete(self, user_id: UserId, exchange: str | None) -> int:
        """Delete the credentials of one account, or (None) of all; return the number of rows."""
        values = {"user_id": user_id, "exchange": exchange}
        return await self._database.write(
            lambda c: c.execute(_SQL["delete_credentials"], values).rowcount
        )

    async def delete_secret(self, name: str) -> int:
        return await self._database.write(
            lambda c: c.execute(_SQL["delete_secret"], {"name": name}).rowcount
        )


def _check_key(connection: sqlite3.Connection, key_id: str) -> None:
    """Verify that the vault still uses the master key that it was opened with."""
    found = connection.execute(_SQL["secrets"], {"name": KEY_CHECK_NAME}).fetchone()
    if found is not None and found["key_id"] != key_id:
        raise ConfigError("the master key has changed in the meantime: try again")


def _put(
    connection: sqlite3.Connection, rows: Sequence[SealedRow], dropped: list[tuple[UserId, str]]
) -> None:
    for user_id, exchange in dropped:
        values = {"user_id": user_id, "exchange": exchange}
        connection.execute(_SQL["delete_credentials"], values)
    for row in rows:
        crash_point("vault.row")
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


def _row(row: sqlite3.Row) -> SealedRow:
    return SealedRow(
        owner=row["owner"],
        exchange=row["exchange"],
        field=row["field"],
        sealed=SealedValue(row["key_id"], row["wrapped_key"], row["ciphertext"]),
        updated_at_ms=Ms(row["updated_at_ms"]),
        is_current=bool(row["is_current"]),
    )
