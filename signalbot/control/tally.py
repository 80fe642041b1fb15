"""Tells what is refused again and again once a minute, with a count."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

log = structlog.get_logger()

EVERY_S = 60.0
"""How often the same refusal is told."""

_MOST = 200  # refusals that are told apart


@dataclass(slots=True)
class _Count:
    told_ms: Ms
    more: int = 0  #: since it was told


def warn(source: str, why: str, count: int) -> None:
    """Log that so many alerts to a source were refused."""
    log.warning("alert.refused", strategy=source, why=why, count=count)


class Tally:
    """Refused alerts by source and reason: the first is told at once, what follows as a number."""

    def __init__(self, clock: Clock, tell: Callable[[str, str, int], None] = warn) -> None:
        self._clock = clock
        self._tell = tell
        self._counts: dict[tuple[str, str], _Count] = {}

    def refused(self, source: str, why: str) -> None:
        """An alert to ``source`` was refused."""
        key = (source, why)
        known = self._counts.get(key)
        if known is None and len(self._counts) >= _MOST:
            key = (source, "for various reasons")
            known = self._counts.get(key)
        if known is not None:
            known.more += 1
            return
        self._counts[key] = _Count(self._clock.now_ms())
        self._tell(*key, 1)

    def tell_due(self) -> None:
        """Tell what has gathered for a minute, and forget what has stopped."""
        now_ms = self._clock.now_ms()
        for key, count in list(self._counts.items()):
            if now_ms - count.told_ms < EVERY_S * 1000:
                continue
            if count.more:
                self._tell(*key, count.more)
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
            await self._clock.sleep(EVERY_S / 4)
            self.tell_due()
