"""When each account was last compared with its exchange, for whoever asks."""

import sqlite3
from collections.abc import Mapping

from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.base import Database

_ALL = """
SELECT user_id, at_ms FROM reconciliations r
 WHERE NOT EXISTS (SELECT 1 FROM credentials c
                    WHERE c.user_id = r.user_id AND c.updated_at_ms >= r.at_ms)
"""
_UPSERT = (
    "INSERT INTO reconciliations (user_id, at_ms) VALUES (?, ?) "
    "ON CONFLICT (user_id) DO UPDATE SET at_ms = excluded.at_ms"
)


class Reconciliations:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Mapping[UserId, Ms]:
        """When each account was last compared, but for those that have had other keys since."""
        rows = await self._database.query(_ALL)
        return {UserId(row["user_id"]): Ms(row["at_ms"]) for row in rows}

    def record_later(self, compared: Mapping[UserId, Ms]) -> None:
        """Write without waiting; the next round would tell it again."""
        rows = list(compared.items())

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(_UPSERT, rows)

        self._database.write_later(write)
