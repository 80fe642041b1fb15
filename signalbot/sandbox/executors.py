"""Executors for the blocking calls to a worker."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from signalbot.strategies.base import StrategyFailed

T = TypeVar("T")


class WorkerThread(Protocol):
    """Runs the blocking calls to one worker, one at a time."""

    async def call(self, work: Callable[[], T]) -> T: ...

    def submit(self, work: Callable[[], None]) -> None: ...

    def close(self) -> None: ...


class ThreadExecutor:
    """Runs calls in a thread per strategy; the event loop is not blocked."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="strategy")

    async def call(self, work: Callable[[], T]) -> T:
        try:
            result = asyncio.get_running_loop().run_in_executor(self._executor, work)
        except RuntimeError as e:  # no thread available, or closed
            raise StrategyFailed(f"no thread can be started: {e}") from None
        return await result

    def submit(self, work: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # already closed
            self._executor.submit(work)

    def close(self) -> None:
        self._executor.shutdown()


class InlineExecutor:
    """Runs calls in the event loop's thread, for replays with virtual time."""

    async def call(self, work: Callable[[], T]) -> T:
        return work()

    def submit(self, work: Callable[[], None]) -> None:
        work()

    def close(self) -> None:
        return
