"""Notices a source of alerts that has promised to speak from time to time and does not."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.source_outages import SourceOutages
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings

log = structlog.get_logger()

_CHECK_INTERVAL_S = 2.0

HeartbeatIntervals = Callable[[], Mapping[str, int]]
"""For each source that has one, the longest time between two alerts, in milliseconds."""


class HeartbeatMonitor:
    """Time counts from the last alert, or from the start: whatever came before is not known."""

    def __init__(
        self, promises: HeartbeatIntervals, source_outages: SourceOutages, clock: Clock
    ) -> None:
        self._intervals = promises
        self._source_outages = source_outages
        self._clock = clock
        self._last_alert_ms: dict[str, Ms] = {}
        self._listening_since: dict[str, Ms] = {}
        self._silent_since_ms: dict[str, Ms] = {}  # since when it is known

    def record_alert(self, source: str) -> None:
        """A source has sent something that is its own."""
        self._last_alert_ms[source] = self._clock.now_ms()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look from time to time for the duration of the block."""
        await self.load()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._run(), name="heartbeats")
            try:
                yield
            finally:
                task.cancel()

    async def load(self) -> None:
        """Take up what was told before the start."""
        self._silent_since_ms = dict.fromkeys(await self._source_outages.ongoing(), EPOCH)

    async def check(self) -> None:
        """Tell which sources have gone silent or come back since the last look."""
        now_ms = self._clock.now_ms()
        for source, promise_ms in self._intervals().items():
            since_ms = self._last_alert_ms.get(source)
            if since_ms is None:
                since_ms = self._listening_since.setdefault(source, now_ms)
            noticed_ms = self._silent_since_ms.get(source)
            if noticed_ms is None and now_ms - since_ms > promise_ms:
                self._silent_since_ms[source] = now_ms
                await self._source_outages.begin(source, last_alert_ms=since_ms, now_ms=now_ms)
                log.warning(
                    "source.heartbeat_missed", strategy=source, for_s=(now_ms - since_ms) // 1000
                )
            elif noticed_ms is not None and self._last_alert_ms.get(source, EPOCH) > noticed_ms:
                del self._silent_since_ms[source]
                await self._source_outages.end(source, last_alert_ms=since_ms, now_ms=now_ms)
                log.info("source.recovered", strategy=source)

    async def _run(self) -> None:
        while True:
            await self.check()
            await self._clock.sleep(_CHECK_INTERVAL_S)


def intervals_of(strategies: Mapping[str, StrategySettings]) -> Mapping[str, int]:
    """What these strategies have promised."""
    return {
        name: terms.webhook.heartbeat_ms
        for name, terms in strategies.items()
        if terms.webhook is not None and terms.webhook.heartbeat_ms is not None
    }
