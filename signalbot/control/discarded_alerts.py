"""Tells what is refused again and again once a minute, with a count."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

log = structlog.get_logger()

LOG_INTERVAL_S = 60.0
"""How often the same refusal is told."""

_MAX_KEYS = 200  # refusals that are told apart


@dataclass(slots=True)
class _Count:
    logged_ms: Ms
    suppressed: int = 0  #: since it was told


def log_discarded(source: str, why: str, count: int) -> None:
    """Log that so many alerts to a source were refused."""
    log.warning("alert.discarded", strategy=source, why=why, count=count)


class DiscardedAlertLog:
    """Refused alerts by source and reason: the first is told at once, what follows as a number."""

    def __init__(self, clock: Clock, emit: Callable[[str, str, int], None] = log_discarded) -> None:
        self._clock = clock
        self._emit = emit
        self._counts: dict[tuple[str, str], _Count] = {}

    def refused(self, source: str, why: str) -> None:
        """An alert to ``source`` was refused."""
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
        """Tell what has gathered for a minute, and forget what has stopped."""
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
        """Tell what is due for the duration of the block."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._run(), name="refused alerts")
            try:
                yield
            finally:
                task.cancel()

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(LOG_INTERVAL_S / 4)
            self.log_due()
