"""When each account was last compared with its exchange, for whoever asks."""

import sqlite3
from collections.abc import Mapping

from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.base import Database

_NOTE = (
    "INSERT INTO reconciliations (user_id, at_ms) VALUES (?, ?) "
    "ON CONFLICT (user_id) DO UPDATE SET at_ms = excluded.at_ms"
)


class Reconciliations:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Mapping[UserId, Ms]:
        """When each account was last compared."""
        rows = await self._database.query("SELECT user_id, at_ms FROM reconciliations")
        return {UserId(row["user_id"]): Ms(row["at_ms"]) for row in rows}

    def note_later(self, compared: Mapping[UserId, Ms]) -> None:
        """Write without waiting; the next round would tell it again."""
        rows = list(compared.items())

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(_NOTE, rows)

        self._database.write_later(write)
