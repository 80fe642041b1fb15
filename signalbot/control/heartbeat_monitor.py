"""Reports alert sources that send nothing for longer than their heartbeat interval."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.outages import SourceOutages
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings
from signalbot.tasks import background

log = structlog.get_logger()

_CHECK_INTERVAL_S = 2.0

HeartbeatIntervals = Callable[[], Mapping[str, int]]
"""For each source with a heartbeat, the maximum time between two alerts, in milliseconds."""


class HeartbeatMonitor:
    """Time counts from the last alert since the start, or from the first check."""

    def __init__(
        self, intervals: HeartbeatIntervals, source_outages: SourceOutages, clock: Clock
    ) -> None:
        self._intervals = intervals
        self._source_outages = source_outages
        self._clock = clock
        self._last_alert_ms: dict[str, Ms] = {}
        self._listening_since: dict[str, Ms] = {}
        self._silent_since_ms: dict[str, Ms] = {}  # when the silence was reported

    def record_alert(self, source: str) -> None:
        """Record that a source has sent an authentic alert."""
        self._last_alert_ms[source] = self._clock.now_ms()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Check periodically for the duration of the block."""
        await self.load()
        async with background({"heartbeats": self._run}):
            yield

    async def load(self) -> None:
        """Load the silent sources that were reported before the start."""
        self._silent_since_ms = dict.fromkeys(await self._source_outages.ongoing(), EPOCH)

    async def check(self) -> None:
        """Report sources that have become silent, or resumed, since the last check."""
        now_ms = self._clock.now_ms()
        for source, interval_ms in self._intervals().items():
            since_ms = self._last_alert_ms.get(source)
            if since_ms is None:
                since_ms = self._listening_since.setdefault(source, now_ms)
            reported_ms = self._silent_since_ms.get(source)
            if reported_ms is None and now_ms - since_ms > interval_ms:
                self._silent_since_ms[source] = now_ms
                await self._source_outages.begin(source, last_alert_ms=since_ms, now_ms=now_ms)
                log.warning(
                    "source.heartbeat_missed", strategy=source, for_s=(now_ms - since_ms) // 1000
                )
            elif reported_ms is not None and self._last_alert_ms.get(source, EPOCH) > reported_ms:
                del self._silent_since_ms[source]
                await self._source_outages.end(source, last_alert_ms=since_ms, now_ms=now_ms)
                log.info("source.recovered", strategy=source)

    async def _run(self) -> None:
        while True:
            await self.check()
            await self._clock.sleep(_CHECK_INTERVAL_S)


def intervals_of(strategies: Mapping[str, StrategySettings]) -> Mapping[str, int]:
    """The heartbeat intervals of these strategies, in milliseconds."""
    return {
        name: strategy.webhook.heartbeat_ms
        for name, strategy in strategies.items()
        if strategy.webhook is not None and strategy.webhook.heartbeat_ms is not None
    }
