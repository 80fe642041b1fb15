"""Clocks, tasks, retries and timers: the only module that reads the time, sleeps or restarts tasks.

Other modules receive a ``Clock`` and start their tasks through ``background``, ``SupervisedTasks``
or a ``TaskGroup``.
"""

import asyncio
import gc
import heapq
import logging
import os
import random
import signal
import threading
import time
from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from types import TracebackType
from typing import Any, TypeVar

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

log = structlog.get_logger()

T = TypeVar("T")

_crash_points_passed = count(1)
_STABLE_AFTER_MS = 60_000


class SystemClock:
    """The system clock."""

    def now_ms(self) -> Ms:
        return Ms(time.time_ns() // 1_000_000)  # noqa: TID251 - the one clock

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)  # noqa: TID251 - the one clock

    async def sleep_until(self, at_ms: Ms) -> None:
        await self.sleep(max(0, at_ms - self.now_ms()) / 1000)


class LoopClock:
    """The time of the running event loop, for loops that run faster than real time."""

    def __init__(self, start_ms: Ms) -> None:
        self._start_ms = start_ms
        self._loop = asyncio.get_running_loop()
        self._zero_s = self._loop.time()

    def now_ms(self) -> Ms:
        return Ms(self._start_ms + round(self._passed_s() * 1000))

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)  # noqa: TID251 - the one clock

    async def sleep_until(self, at_ms: Ms) -> None:
        """Sleep until ``at_ms`` exactly: sub-millisecond errors do not accumulate."""
        await self.sleep(max(0, (at_ms - self._start_ms) / 1000 - self._passed_s()))

    def _passed_s(self) -> float:
        return self._loop.time() - self._zero_s


def backoff_s(*, initial_s: float = 0.5, max_s: float = 30.0) -> Iterator[float]:
    """Exponential delays with full jitter, so that simultaneous failures do not retry together."""
    ceiling = initial_s
    while True:
        yield random.uniform(initial_s / 2, ceiling)  # noqa: S311 - jitter, not a secret
        ceiling = min(ceiling * 2, max_s)


async def supervise(name: str, run: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run a task and restart it with backoff while it raises ``Unavailable``.

    Any other exception is a bug: it reaches the TaskGroup, which stops the daemon; systemd restarts
    it, and start-up recovers. Repeated failures of one minute are logged as a warning only once.
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


@asynccontextmanager
async def background(
    tasks: Mapping[str, Callable[[], Coroutine[Any, Any, object]]],
) -> AsyncIterator[None]:
    """Run ``tasks``, by name, for the duration of the block, and cancel them at its end.

    A task that fails cancels the block and the other tasks, and its exception is raised.
    """
    async with asyncio.TaskGroup() as group:
        started = [group.create_task(run(), name=name) for name, run in tasks.items()]
        try:
            yield
        finally:
            for task in started:
                task.cancel()


async def for_each(
    items: Iterable[T], work: Callable[[T], Awaitable[object]], *, limit: int, name: str
) -> None:
    """Await ``work`` for every item, in order, at most ``limit`` (> 0) at the same time.

    ``name`` names the tasks. The first exception cancels the rest and is raised.
    """
    waiting = deque(items)

    async def process_queue() -> None:
        while waiting:
            await work(waiting.popleft())

    async with asyncio.TaskGroup() as group:
        for number in range(min(limit, len(waiting))):
            group.create_task(process_queue(), name=f"{name} {number}")


class SupervisedTasks:
    """Named, supervised tasks that live until cancelled, or until the daemon stops."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._group = asyncio.TaskGroup()
        self._tasks: dict[asyncio.Task[None], None] = {}  # in the order of their start

    async def __aenter__(self) -> None:
        """Allow tasks to start. One that fails cancels the block and all others."""
        await self._group.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for every task to end.

        Raises:
            BaseExceptionGroup: the block or a task failed.
        """
        await self._group.__aexit__(kind, error, traceback)

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Start a task that is restarted while it raises ``Unavailable``."""
        task = self._group.create_task(supervise(name, run, self._clock), name=name)
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def cancel(self, *prefixes: str) -> None:
        """Cancel the tasks with one of these name prefixes."""
        for task in self._tasks:
            if task.get_name().startswith(prefixes):
                task.cancel()

    def cancel_all(self) -> None:
        """Cancel every task."""
        for task in self._tasks:
            task.cancel()

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]


class Timers:
    """Calls a function at a given instant, each call in its own task."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[Ms, int, Callable[[], Awaitable[None]]]] = []
        self._order = count()
        self._rescheduled = asyncio.Event()

    def at(self, at_ms: Ms, fire: Callable[[], Awaitable[None]]) -> None:
        """Await ``fire()`` at ``at_ms``, or at once if that has passed."""
        if not self._heap or at_ms < self._heap[0][0]:
            self._rescheduled.set()
        heapq.heappush(self._heap, (at_ms, next(self._order), fire))

    async def run(self) -> None:
        """Fire timers as they fall due, until cancelled."""
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
    """Start the threads of ``asyncio.to_thread`` now: later the system may refuse to create any.

    Raises:
        RuntimeError: the system refuses to create them.
    """
    executor = ThreadPoolExecutor(count, thread_name_prefix="work")
    asyncio.get_running_loop().set_default_executor(executor)
    together = threading.Barrier(count)
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(asyncio.to_thread(together.wait), name=f"thread {number}")


def freeze_gc() -> None:
    """Exclude all current objects from garbage collection.

    With thousands of users a full collection takes a third of the time of a fan-out; afterwards it
    examines only newer objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def crash_point(name: str) -> None:
    """Kill the process here if ``SIGNALBOT_CRASH_AT`` names this point; for tests of recovery.

    ``name:3`` is the third pass since the start, ``*:17`` the seventeenth pass of any point.
    """
    where, nth = _crash_at()
    if where in (name, "*") and next(_crash_points_passed) >= nth:
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def _crash_at() -> tuple[str, int]:
    name, _, nth = os.environ.get("SIGNALBOT_CRASH_AT", "").partition(":")
    return name, int(nth or 1)
