"""Reads journal events with the timestamps that metrics are computed from."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from signalbot.domain.timeframe import Ms
from signalbot.ledger.base import Database
from signalbot.ledger.journal import SELECT_LAST_EVENT_ID
from signalbot.ledger.profit import GroupBy, profit
from signalbot.ledger.sql import queries
from signalbot.ledger.views import ALL_ROWS

_SQL = queries("timings")
_PAGE_SIZE = 1000

ProfitKey = tuple[str, str, str]
"""Strategy, mode and currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedEvent:
    """A journal event with the timestamps of its signal, execution and position, if any."""

    event_id: int
    at_ms: Ms
    kind: str
    strategy: str | None
    symbol: str | None
    detail: Mapping[str, Any]
    created_at_ms: Ms | None  #: of the signal
    candle_close_ms: Ms | None
    mode: str | None  #: of the execution
    claimed_at_ms: Ms | None
    executed_at_ms: Ms | None
    unprotected_ms: int | None  #: of the position, up to now


class Timings:
    """Reads events in pages, and the profit before the first one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self) -> tuple[int, Mapping[ProfitKey, Decimal]]:
        """The newest event's id, and the profit up to it."""
        return await self._database.read(_begin)

    async def after(self, event_id: int) -> list[TimedEvent]:
        """The next thousand events after ``event_id``."""
        rows = await self._database.query(_SQL["events_after"], (event_id, _PAGE_SIZE))
        return [TimedEvent(**(dict(row) | {"detail": json.loads(row["detail"])})) for row in rows]

    async def unprotected_since(self) -> list[Ms]:
        """Start times of the unprotected periods of open positions that require a stop."""
        rows = await self._database.query(_SQL["unprotected"])
        return [Ms(row["unprotected_since_ms"]) for row in rows]


def _begin(connection: sqlite3.Connection) -> tuple[int, Mapping[ProfitKey, Decimal]]:
    """Read both in one snapshot, so that every close is counted once."""
    is_alone = not connection.in_transaction
    if is_alone:
        connection.execute("BEGIN")
    try:
        last = int(connection.execute(SELECT_LAST_EVENT_ID).fetchone()["event_id"])
        rows = profit(connection, by=GroupBy.STRATEGY, selection=ALL_ROWS)
    finally:
        if is_alone:
            connection.execute("ROLLBACK")
    return last, {
        (row["strategy"], row["mode"], row["currency"]): Decimal(row["net_pnl"])
        for row in rows
        if row["trades"]
    }
