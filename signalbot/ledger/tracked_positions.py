"""Stores the positions that alerts report for the strategies of webhook sources."""

import sqlite3

from signalbot.domain.position_tracking import AlertReport, TrackedPosition, TrackResult, track
from signalbot.domain.timeframe import Ms
from signalbot.ledger.base import Database
from signalbot.ledger.codec import Codec
from signalbot.ledger.sql import queries

_SQL = queries("tracked_positions")
_TRACKED_POSITIONS = Codec(TrackedPosition)


class TrackedPositions:
    """Tracks one position per strategy and symbol."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def track(
        self, report: AlertReport, *, strategy: str, symbol: str, now_ms: Ms
    ) -> TrackResult:
        """Store the position that an alert reports; durable on return."""

        def follow(connection: sqlite3.Connection) -> TrackResult:
            row = connection.execute(_SQL["tracked_position"], (strategy, symbol)).fetchone()
            tracked = None if row is None else _TRACKED_POSITIONS.decode(row)
            result = track(tracked, report, strategy=strategy, symbol=symbol, now_ms=now_ms)
            if result.tracked is not None and result.tracked != tracked:
                connection.execute(_SQL["put_tracked_position"], _values(result.tracked))
            return result

        return await self._database.write(follow)


def _values(position: TrackedPosition) -> dict[str, object]:
    return dict(zip(_TRACKED_POSITIONS.columns, _TRACKED_POSITIONS.encode(position), strict=True))
