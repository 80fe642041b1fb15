"""Logs discarded alerts; repeats of the same reason are counted and logged once a minute."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock
from signalbot.tasks import background

log = structlog.get_logger()

LOG_INTERVAL_S = 60.0
"""Interval between two log lines of the same source and reason."""

_MAX_KEYS = 200  # pairs of source and reason that are counted separately


@dataclass(slots=True)
class _Count:
    logged_ms: Ms
    suppressed: int = 0  #: since it was logged


def log_discarded(source: str, why: str, count: int) -> None:
    """Log ``count`` discarded alerts to a source."""
    log.warning("alert.discarded", strategy=source, why=why, count=count)


class DiscardedAlertLog:
    """Counts discarded alerts by source and reason: the first is logged at once, repeats later."""

    def __init__(self, clock: Clock, emit: Callable[[str, str, int], None] = log_discarded) -> None:
        self._clock = clock
        self._emit = emit
        self._counts: dict[tuple[str, str], _Count] = {}

    def refused(self, source: str, why: str) -> None:
        """Record that an alert to ``source`` was discarded."""
        key = (source, why)
        counted = self._counts.get(key)
        if counted is None and len(self._counts) >= _MAX_KEYS:
            key = (source, "for various reasons")
            counted = self._counts.get(key)
        if counted is not None:
            counted.suppressed += 1
            return
        self._counts[key] = _Count(self._clock.now_ms())
        self._emit(*key, 1)

    def log_due(self) -> None:
        """Log the counts of the last minute, and remove reasons that did not recur."""
        now_ms = self._clock.now_ms()
        for key, count in list(self._counts.items()):
            if now_ms - count.logged_ms < LOG_INTERVAL_S * 1000:
                continue
            if count.suppressed:
                self._emit(*key, count.suppressed)
                self._counts[key] = _Count(now_ms)
            else:
                del self._counts[key]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Log due counts for the duration of the block."""
        async with background({"discarded alerts": self._run}):
            yield

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(LOG_INTERVAL_S / 4)
            self.log_due()
