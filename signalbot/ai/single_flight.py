"""Shares one call among concurrent and recent requests with the same key."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

T = TypeVar("T")

_CACHE_MS = 60_000


@dataclass(slots=True)
class _PendingCall(Generic[T]):
    task: asyncio.Task[T]
    finished_ms: Ms | None = None


class SingleFlight(Generic[T]):
    """Pending calls and results of the last minute, by key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[str, _PendingCall[T]] = {}
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Accept requests within the block; cancels pending calls at its end."""
        async with asyncio.TaskGroup() as self._group:
            try:
                yield
            finally:
                for pending in self._pending.values():
                    pending.task.cancel()

    async def request(self, key: str, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Return the result for ``key``, and whether it is shared. ``call`` must not raise.

        Cancelling the caller does not cancel the call: others may wait for it.
        """
        self._evict_old()
        pending = self._pending.get(key)
        is_shared = pending is not None
        if pending is None:
            if self._group is None:
                raise RuntimeError("request() needs an active running() block")
            pending = self._pending[key] = _PendingCall(
                self._group.create_task(_awaited(call), name="ai call")
            )
            pending.task.add_done_callback(lambda _: self._mark_finished(key))
        return await asyncio.shield(pending.task), is_shared

    def _mark_finished(self, key: str) -> None:
        self._pending[key].finished_ms = self._clock.now_ms()

    def _evict_old(self) -> None:
        """Drop results older than a minute."""
        oldest_ms = self._clock.now_ms() - _CACHE_MS
        for key, pending in list(self._pending.items()):
            if pending.finished_ms is not None and pending.finished_ms <= oldest_ms:
                del self._pending[key]


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
