"""The daemon's timetable: APScheduler rings, somebody else works."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from signalbot.domain.timeframe import Timeframe

_CANDLE_CLOSE_DELAY_S = 1.5


class Scheduler:
    """Named events that are set again and again; who waits for one clears it and works.

    A bell that rings while its work is still going on is heard once more afterwards, not twice.
    """

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def every(self, seconds: float) -> asyncio.Event:
        """An event that is set every so many seconds while the bells are running."""
        event = asyncio.Event()
        self._scheduler.add_job(
            event.set, IntervalTrigger(seconds=seconds), coalesce=True, misfire_grace_time=None
        )
        return event

    def daily(self, seconds: float, *, at: time) -> asyncio.Event:
        """An event that is set every so many seconds, one of them at a time of day in UTC."""
        event = asyncio.Event()
        started = datetime.combine(date(1970, 1, 1), at, UTC)
        self._scheduler.add_job(
            event.set,
            IntervalTrigger(seconds=max(round(seconds), 1), start_date=started, timezone="UTC"),
            coalesce=True,
            misfire_grace_time=None,
        )
        return event

    def after_candle_close(self, timeframe: Timeframe) -> asyncio.Event:
        """An event that is set a moment after every close of a candle of this length."""
        event = asyncio.Event()
        seconds = timeframe.ms // 1000
        started = datetime.fromtimestamp(_CANDLE_CLOSE_DELAY_S, UTC)
        self._scheduler.add_job(
            event.set,
            IntervalTrigger(seconds=seconds, start_date=started, timezone="UTC"),
            coalesce=True,
            misfire_grace_time=None,
        )
        return event

    async def run(self) -> None:
        """Ring until cancelled."""
        self._scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._scheduler.shutdown(wait=False)


async def run_on_event(event: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work`` each time the bell has rung, until cancelled."""
    while True:
        await event.wait()
        event.clear()
        await work()
