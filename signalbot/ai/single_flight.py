"""One question, one call: whoever asks the same meanwhile, or soon after, shares the answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

T = TypeVar("T")

MAX_CALL_S = 120
"""No call lives longer, whoever waits for it."""

_CACHE_MS = 60_000


@dataclass(slots=True)
class _PendingCall(Generic[T]):
    task: asyncio.Task[T]
    finished_ms: Ms | None = None


class SingleFlight(Generic[T]):
    """Calls under way and their answers of the last minute, by question."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[str, _PendingCall[T]] = {}
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Questions may be asked within; what is under way at the end is given up."""
        async with asyncio.TaskGroup() as self._group:
            try:
                yield
            finally:
                for pending in self._pending.values():
                    pending.task.cancel()

    async def request(self, key: str, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The answer, and whether somebody else had asked. ``call`` must not raise.

        Being cancelled ends the waiting of the caller, not the call: others may wait for it.
        """
        self._evict_old()
        pending = self._pending.get(key)
        is_shared = pending is not None
        if pending is None:
            if self._group is None:
                raise RuntimeError("questions are asked while it is running")
            pending = self._pending[key] = _PendingCall(
                self._group.create_task(_awaited(call), name="ai call")
            )
            pending.task.add_done_callback(lambda _: self._mark_finished(key))
        return await asyncio.shield(pending.task), is_shared

    def _mark_finished(self, key: str) -> None:
        self._pending[key].finished_ms = self._clock.now_ms()

    def _evict_old(self) -> None:
        """Answers land in about the order they were asked for; a few old ones do no harm."""
        oldest_ms = self._clock.now_ms() - _CACHE_MS
        for key, pending in list(self._pending.items()):
            if pending.finished_ms is not None and pending.finished_ms <= oldest_ms:
                del self._pending[key]


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
