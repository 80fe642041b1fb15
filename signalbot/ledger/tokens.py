"""Stores hashes of API tokens and webhook secrets."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId
from signalbot.ledger.codec import Codec
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("control")


class Scope(StrEnum):
    """ADMIN: everything; USER: one user's own data; SOURCE: send signals."""

    ADMIN = "admin"
    USER = "user"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token's record; the token itself is not stored."""

    token_id: str
    hash: str  #: hex SHA-256 of the token's text
    scope: Scope
    subject: str | None  #: the user, or the strategy that is the source; None for ADMIN
    label: str
    created_at_ms: Ms
    expires_at_ms: Ms | None = None
    revoked_at_ms: Ms | None = None

    def is_valid(self, now_ms: Ms) -> bool:
        return self.revoked_at_ms is None and (
            self.expires_at_ms is None or now_ms < self.expires_at_ms
        )


_TOKENS = Codec(Token)


class TokenStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Token]:
        """All tokens, the oldest first."""
        return [_TOKENS.decode(row) for row in await self._database.query(_SQL["tokens"])]

    async def find(self, hash_: str) -> Token | None:
        """The token with this SHA-256; None without one."""
        rows = await self._database.query(_SQL["token"], (hash_,))
        return _TOKENS.decode(rows[0]) if rows else None

    async def since_ms(self, user_id: UserId) -> Ms:
        """When the previous user of this name was removed; None without one."""
        rows = await self._database.query(_SQL["removed_at"], (user_id,))
        return Ms(rows[0]["removed_at_ms"] or 0) if rows else EPOCH

    async def valid(self, token_ids: Iterable[str], *, now_ms: Ms) -> set[str]:
        """Those of ``token_ids`` that are valid now."""
        values = {"token_ids": json.dumps([*token_ids]), "now_ms": now_ms}
        rows = await self._database.query(_SQL["valid_tokens"], values)
        return {row["token_id"] for row in rows}

    async def add(self, token: Token) -> None:
        await self._database.execute(_SQL["put_token"], _values(token))

    async def revoke(self, token_id: str, *, now_ms: Ms) -> bool:
        """Revoke a token; False if it is unknown or revoked already."""
        values = {"token_id": token_id, "now_ms": now_ms}
        return bool(await self._database.execute(_SQL["revoke_token"], values))


def _values(token: Token) -> dict[str, object]:
    return dict(zip(_TOKENS.columns, _TOKENS.encode(token), strict=True))
