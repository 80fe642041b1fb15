"""Sources of alerts that have gone silent, across restarts."""

from signalbot.domain.timeframe import Ms
from signalbot.ledger.base import Database
from signalbot.ledger.sql import queries

_SQL = queries("silences")


class SourceOutages:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ongoing(self) -> set[str]:
        """The sources that are silent now."""
        return {row["strategy"] for row in await self._database.query(_SQL["silent"])}

    async def begin(self, strategy: str, *, last_alert_ms: Ms, now_ms: Ms) -> None:
        """A source was last heard of at ``heard_at_ms``, which is too long ago."""
        await self._write("begin_silence", strategy, last_alert_ms, now_ms)

    async def end(self, strategy: str, *, last_alert_ms: Ms, now_ms: Ms) -> None:
        """It was heard of again."""
        await self._write("end_silence", strategy, last_alert_ms, now_ms)

    async def _write(self, name: str, strategy: str, last_alert_ms: Ms, now_ms: Ms) -> None:
        values = {"strategy": strategy, "heard_at_ms": last_alert_ms, "now_ms": now_ms}
        await self._database.execute(_SQL[name], values)
