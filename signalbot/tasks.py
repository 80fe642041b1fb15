"""Time and tasks: the only module that sleeps, reads the clock, or decides how a task restarts."""

import asyncio
import gc
import heapq
import logging
import os
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

log = structlog.get_logger()

_crash_points_passed = count(1)
_STABLE_AFTER_MS = 60_000


class SystemClock:
    """The computer's own time."""

    def now_ms(self) -> Ms:
        return Ms(time.time_ns() // 1_000_000)  # noqa: TID251 - the one clock

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)  # noqa: TID251 - the one clock

    async def sleep_until(self, at_ms: Ms) -> None:
        await self.sleep(max(0, at_ms - self.now_ms()) / 1000)


class LoopClock:
    """Time as the running event loop counts it: for loops that are faster than the world."""

    def __init__(self, start_ms: Ms) -> None:
        self._start_ms = start_ms
        self._loop = asyncio.get_running_loop()
        self._zero_s = self._loop.time()

    def now_ms(self) -> Ms:
        return Ms(self._start_ms + round(self._passed_s() * 1000))

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)  # noqa: TID251 - the one clock

    async def sleep_until(self, at_ms: Ms) -> None:
        """Sleep to the instant itself: a fraction of a millisecond is not passed on to the next."""
        await self.sleep(max(0, (at_ms - self._start_ms) / 1000 - self._passed_s()))

    def _passed_s(self) -> float:
        return self._loop.time() - self._zero_s


def backoff_s(*, initial_s: float = 0.5, max_s: float = 30.0) -> Iterator[float]:
    """Growing pauses with full jitter, so that many who failed together return apart."""
    ceiling = initial_s
    while True:
        yield random.uniform(initial_s / 2, ceiling)  # noqa: S311 - jitter, not a secret
        ceiling = min(ceiling * 2, max_s)


async def supervise(name: str, run: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run a task that lives on the far side's terms: restart it while that is unavailable.

    Anything but ``Unavailable`` is a bug and reaches the TaskGroup, which stops the daemon; systemd
    starts it again and recovery does the rest. What fails at once again is a warning only once.
    """
    delays, level = backoff_s(), logging.WARNING
    while True:
        began_ms = clock.now_ms()
        try:
            await run()
        except Unavailable as e:
            if clock.now_ms() - began_ms > _STABLE_AFTER_MS:
                delays, level = backoff_s(), logging.WARNING
            delay_s = next(delays)
            log.log(level, "task.restarted", task=name, delay_s=round(delay_s, 1), cause=str(e))
            level = logging.DEBUG
            await clock.sleep(delay_s)
        else:
            return


class Timers:
    """Calls something at a given instant; every call is a task of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[Ms, int, Callable[[], Awaitable[None]]]] = []
        self._order = count()
        self._rescheduled = asyncio.Event()

    def at(self, at_ms: Ms, fire: Callable[[], Awaitable[None]]) -> None:
        """Await ``ring()`` at ``at_ms``, or at once when that has passed."""
        if not self._heap or at_ms < self._heap[0][0]:
            self._rescheduled.set()
        heapq.heappush(self._heap, (at_ms, next(self._order), fire))

    async def run(self) -> None:
        """Ring alarms as they fall due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wait_for_next()
                while self._heap and self._heap[0][0] <= self._clock.now_ms():
                    _, _, fire = heapq.heappop(self._heap)
                    group.create_task(_call(fire), name="alarm")

    async def _wait_for_next(self) -> None:
        self._rescheduled.clear()
        if not self._heap:
            await self._rescheduled.wait()
            return
        delay_s = (self._heap[0][0] - self._clock.now_ms()) / 1000
        try:
            async with asyncio.timeout(max(delay_s, 0)):
                await self._rescheduled.wait()
        except TimeoutError:
            return


async def _call(fire: Callable[[], Awaitable[None]]) -> None:
    await fire()


async def start_threads(count: int = 6) -> None:
    """Start the threads of ``asyncio.to_thread`` now: later there may be none to be had.

    Raises:
        RuntimeError: there are none to be had now.
    """
    executor = ThreadPoolExecutor(count, thread_name_prefix="work")
    asyncio.get_running_loop().set_default_executor(executor)
    together = threading.Barrier(count)
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(asyncio.to_thread(together.wait), name=f"thread {number}")


def freeze_gc() -> None:
    """Tell the garbage collector that what exists now is here to stay.

    With thousands of users a full collection costs as much as a third of a fan-out; afterwards it
    looks only at what came since.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def crash_point(name: str) -> None:
    """A place where the process may be killed to prove that nothing is lost or doubled.

    Does nothing unless ``SIGNALBOT_CRASH_AT`` names this point; ``name:3`` is the third time it
    is passed since the start, ``*:17`` the seventeenth point of any name.
    """
    where, nth = _crash_at()
    if where in (name, "*") and next(_crash_points_passed) >= nth:
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def _crash_at() -> tuple[str, int]:
    name, _, nth = os.environ.get("SIGNALBOT_CRASH_AT", "").partition(":")
    return name, int(nth or 1)
