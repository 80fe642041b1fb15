"""Reports exchange outages: logs and stores each outage once, and its end once."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

import structlog

from signalbot.domain.timeframe import Ms
from signalbot.ledger.outages import ExchangeOutages, ExchangeRoute
from signalbot.ports import Clock, Exchange, Outage
from signalbot.tasks import background

log = structlog.get_logger()

_CHECK_INTERVAL_S = 1.0


class ConnectivityMonitor:
    """``on_recovery`` is called with the name of an exchange that responds again."""

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        exchange_outages: ExchangeOutages,
        *,
        on_recovery: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._exchanges = exchanges
        self._exchange_outages = exchange_outages
        self._on_recovery = on_recovery
        self._clock = clock
        self._reported: dict[ExchangeRoute, Ms] = {}

    @asynccontextmanager
    async def running(self, *, speed: float) -> AsyncIterator[None]:
        """Check periodically for the duration of the block."""
        await self.load()
        async with background({"exchange outages": partial(self._run, _CHECK_INTERVAL_S * speed)}):
            yield

    async def load(self) -> None:
        """Load the outages that were reported before the start and have not ended."""
        self._reported = await self._exchange_outages.ongoing()

    async def check(self) -> None:
        """Report outages that have begun or ended since the last check."""
        outages = {
            ExchangeRoute(exchange=name, egress=each.egress): each
            for name, exchange in self._exchanges.items()
            for each in exchange.outages()
        }
        for route in outages.keys() - self._reported.keys():
            await self._report_outage(route, outages[route])
        for route in self._reported.keys() - outages.keys():
            await self._report_recovery(route)

    async def _report_outage(self, route: ExchangeRoute, outage: Outage) -> None:
        self._reported[route] = outage.since_ms
        log.error(
            "exchange.disconnected",
            exchange=route.exchange,
            egress=route.egress,
            cause=outage.cause,
        )
        await self._exchange_outages.begin(route, since_ms=outage.since_ms)

    async def _report_recovery(self, route: ExchangeRoute) -> None:
        now_ms = self._clock.now_ms()
        away_s = round((now_ms - self._reported.pop(route)) / 1000)
        log.info(
            "exchange.reconnected", exchange=route.exchange, egress=route.egress, away_s=away_s
        )
        await self._exchange_outages.end(route, now_ms=now_ms)
        self._on_recovery(route.exchange)

    async def _run(self, every_s: float) -> None:
        while True:
            await self.check()
            await self._clock.sleep(every_s)
