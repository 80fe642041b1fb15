"""Exchanges that do not respond and sources that send no alerts, across restarts."""

from dataclasses import asdict, dataclass

from signalbot.domain.timeframe import Ms
from signalbot.ledger.base import Database
from signalbot.ledger.sql import queries

_SQL = queries("outages")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ExchangeRoute:
    """The route from one of our addresses to one exchange."""

    exchange: str
    egress: str


class ExchangeOutages:
    """Routes on which an exchange does not respond."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ongoing(self) -> dict[ExchangeRoute, Ms]:
        """The routes without a response, and the start of each outage."""
        rows = await self._database.query(_SQL["exchange_outages"])
        return {
            ExchangeRoute(exchange=row["exchange"], egress=row["egress"]): Ms(row["since_ms"])
            for row in rows
        }

    async def begin(self, route: ExchangeRoute, *, since_ms: Ms) -> None:
        """Record that a route has had no response since ``since_ms``."""
        values = asdict(route) | {"since_ms": since_ms}
        await self._database.execute(_SQL["begin_exchange_outage"], values)

    async def end(self, route: ExchangeRoute, *, now_ms: Ms) -> None:
        """Record that the exchange responds again."""
        values = asdict(route) | {"now_ms": now_ms}
        await self._database.execute(_SQL["end_exchange_outage"], values)


class SourceOutages:
    """Sources that have missed their heartbeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ongoing(self) -> set[str]:
        """The sources without an alert in time."""
        return {row["strategy"] for row in await self._database.query(_SQL["source_outages"])}

    async def begin(self, strategy: str, *, last_alert_ms: Ms, now_ms: Ms) -> None:
        """Record that the last alert, at ``last_alert_ms``, is too long ago."""
        await self._write("begin_source_outage", strategy, last_alert_ms, now_ms)

    async def end(self, strategy: str, *, last_alert_ms: Ms, now_ms: Ms) -> None:
        """Record that the source sends alerts again."""
        await self._write("end_source_outage", strategy, last_alert_ms, now_ms)

    async def _write(self, name: str, strategy: str, last_alert_ms: Ms, now_ms: Ms) -> None:
        values = {"strategy": strategy, "heard_at_ms": last_alert_ms, "now_ms": now_ms}
        await self._database.execute(_SQL[name], values)
