"""Tells that an exchange has stopped answering, and that it is back: once each, not at every try.

Whoever asks it meanwhile tries again by itself; this only says what whoever runs it must know.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from signalbot.domain.timeframe import Ms
from signalbot.ledger.outages import ExchangeOutages, ExchangeRoute
from signalbot.ports import Clock, Exchange, Outage

log = structlog.get_logger()

_CHECK_INTERVAL_S = 1.0


class ConnectivityMonitor:
    """``on_back`` is called with the name of an exchange that answers again."""

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
        """Look from time to time for the duration of the block."""
        await self.load()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._run(_CHECK_INTERVAL_S * speed), name="absences")
            try:
                yield
            finally:
                task.cancel()

    async def load(self) -> None:
        """Take up what was told before the start."""
        self._reported = await self._exchange_outages.ongoing()

    async def check(self) -> None:
        """Tell what has vanished or come back since the last look."""
        outages = {
            ExchangeRoute(exchange=name, egress=each.egress): each
            for name, exchange in self._exchanges.items()
            for each in exchange.outages()
        }
        for line in outages.keys() - self._reported.keys():
            await self._report_lost(line, outages[line])
        for line in self._reported.keys() - outages.keys():
            await self._report_recovered(line)

    async def _report_lost(self, line: ExchangeRoute, outages: Outage) -> None:
        self._reported[line] = outages.since_ms
        log.error(
            "exchange.disconnected", exchange=line.exchange, egress=line.egress, cause=outages.cause
        )  # fmt: skip
        await self._exchange_outages.begin(line, since_ms=outages.since_ms)

    async def _report_recovered(self, line: ExchangeRoute) -> None:
        now_ms = self._clock.now_ms()
        for_s = round((now_ms - self._reported.pop(line)) / 1000)
        log.info("exchange.reconnected", exchange=line.exchange, egress=line.egress, away_s=for_s)
        await self._exchange_outages.end(line, now_ms=now_ms)
        self._on_recovery(line.exchange)

    async def _run(self, every_s: float) -> None:
        while True:
            await self.check()
            await self._clock.sleep(every_s)
