"""Exchanges that do not answer, across restarts."""

from dataclasses import asdict, dataclass

from signalbot.domain.timeframe import Ms
from signalbot.ledger.base import Database
from signalbot.ledger.sql import queries

_SQL = queries("absences")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ExchangeRoute:
    """The way from one address of ours to one exchange."""

    exchange: str
    egress: str


class ExchangeOutages:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ongoing(self) -> dict[ExchangeRoute, Ms]:
        """The lines on which nothing answers, and since when."""
        rows = await self._database.query(_SQL["away"])
        return {
            ExchangeRoute(exchange=row["exchange"], egress=row["egress"]): Ms(row["since_ms"])
            for row in rows
        }

    async def begin(self, route: ExchangeRoute, *, since_ms: Ms) -> None:
        """Nothing answers there any more."""
        await self._database.execute(_SQL["begin_absence"], asdict(route) | {"since_ms": since_ms})

    async def end(self, route: ExchangeRoute, *, now_ms: Ms) -> None:
        """It answers again."""
        await self._database.execute(_SQL["end_absence"], asdict(route) | {"now_ms": now_ms})
