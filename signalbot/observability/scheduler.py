"""Recurring events: APScheduler sets them, and tasks wait for them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from signalbot.domain.timeframe import Timeframe

_CANDLE_CLOSE_DELAY_S = 1.5


class Scheduler:
    """Creates events that are set on a schedule; a task clears its event and does the work.

    An event that is set several times during the work leads to one more run.
    """

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def every(self, seconds: float) -> asyncio.Event:
        """An event that is set every ``seconds`` while the scheduler runs."""
        event = asyncio.Event()
        self._scheduler.add_job(
            event.set, IntervalTrigger(seconds=seconds), coalesce=True, misfire_grace_time=None
        )
        return event

    def daily(self, seconds: float, *, at: time) -> asyncio.Event:
        """An event that is set every ``seconds``, aligned to the time of day ``at`` in UTC."""
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
        """An event that is set 1.5 s after every candle close of ``timeframe``."""
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
        """Set the events on schedule until cancelled."""
        self._scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._scheduler.shutdown(wait=False)


async def run_on_event(event: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work`` each time ``event`` is set, until cancelled."""
    while True:
        await event.wait()
        event.clear()
        await work()
