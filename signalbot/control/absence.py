"""Tells that an exchange has stopped answering, and that it is back: once each, not at every try.

Whoever asks it meanwhile tries again by itself; this only says what whoever runs it must know.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from signalbot.domain.timeframe import Ms
from signalbot.ledger.absences import Absences, Line
from signalbot.ports import Away, Clock, Exchange

log = structlog.get_logger()

_LOOK_S = 1.0


class AbsenceWatch:
    """``on_back`` is called with the name of an exchange that answers again."""

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        absences: Absences,
        *,
        on_back: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._exchanges = exchanges
        self._absences = absences
        self._on_back = on_back
        self._clock = clock
        self._told: dict[Line, Ms] = {}

    @asynccontextmanager
    async def running(self, *, speed: float) -> AsyncIterator[None]:
        """Look from time to time for the duration of the block."""
        await self.remember()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._run(_LOOK_S * speed), name="absences")
            try:
                yield
            finally:
                task.cancel()

    async def remember(self) -> None:
        """Take up what was told before the start."""
        self._told = await self._absences.lasting()

    async def look(self) -> None:
        """Tell what has vanished or come back since the last look."""
        away = {
            Line(exchange=name, egress=each.egress): each
            for name, exchange in self._exchanges.items()
            for each in exchange.away()
        }
        for line in away.keys() - self._told.keys():
            await self._lost(line, away[line])
        for line in self._told.keys() - away.keys():
            await self._back(line)

    async def _lost(self, line: Line, away: Away) -> None:
        self._told[line] = away.since_ms
        log.error(
            "exchange.lost", exchange=line.exchange, egress=line.egress, cause=away.cause
        )  # fmt: skip
        await self._absences.begin(line, since_ms=away.since_ms)

    async def _back(self, line: Line) -> None:
        now_ms = self._clock.now_ms()
        for_s = round((now_ms - self._told.pop(line)) / 1000)
        log.info("exchange.back", exchange=line.exchange, egress=line.egress, away_s=for_s)
        await self._absences.end(line, now_ms=now_ms)
        self._on_back(line.exchange)

    async def _run(self, every_s: float) -> None:
        while True:
            await self.look()
            await self._clock.sleep(every_s)
