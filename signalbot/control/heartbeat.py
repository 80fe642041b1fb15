"""Notices a source of alerts that has promised to speak from time to time and does not."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from signalbot.config.terms import StrategyTerms
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.silences import Silences
from signalbot.ports import Clock

log = structlog.get_logger()

_LOOK_S = 2.0

Promises = Callable[[], Mapping[str, int]]
"""For each source that has one, the longest time between two alerts, in milliseconds."""


class Heartbeats:
    """Time counts from the last alert, or from the start: whatever came before is not known."""

    def __init__(self, promises: Promises, silences: Silences, clock: Clock) -> None:
        self._promises = promises
        self._silences = silences
        self._clock = clock
        self._heard: dict[str, Ms] = {}
        self._listening_since: dict[str, Ms] = {}
        self._silent: dict[str, Ms] = {}  # since when it is known

    def heard(self, source: str) -> None:
        """A source has sent something that is its own."""
        self._heard[source] = self._clock.now_ms()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look from time to time for the duration of the block."""
        await self.remember()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._run(), name="heartbeats")
            try:
                yield
            finally:
                task.cancel()

    async def remember(self) -> None:
        """Take up what was told before the start."""
        self._silent = dict.fromkeys(await self._silences.lasting(), EPOCH)

    async def look(self) -> None:
        """Tell which sources have gone silent or come back since the last look."""
        now_ms = self._clock.now_ms()
        for source, promise_ms in self._promises().items():
            since_ms = self._heard.get(source)
            if since_ms is None:
                since_ms = self._listening_since.setdefault(source, now_ms)
            noticed_ms = self._silent.get(source)
            if noticed_ms is None and now_ms - since_ms > promise_ms:
                self._silent[source] = now_ms
                await self._silences.begin(source, heard_at_ms=since_ms, now_ms=now_ms)
                log.warning("source.silent", strategy=source, for_s=(now_ms - since_ms) // 1000)
            elif noticed_ms is not None and self._heard.get(source, EPOCH) > noticed_ms:
                del self._silent[source]
                await self._silences.end(source, heard_at_ms=since_ms, now_ms=now_ms)
                log.info("source.heard", strategy=source)

    async def _run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(_LOOK_S)


def promises_of(strategies: Mapping[str, StrategyTerms]) -> Mapping[str, int]:
    """What these strategies have promised."""
    return {
        name: terms.webhook.heartbeat_ms
        for name, terms in strategies.items()
        if terms.webhook is not None and terms.webhook.heartbeat_ms is not None
    }
