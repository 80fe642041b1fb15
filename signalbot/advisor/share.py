"""One question, one call: whoever asks the same meanwhile, or soon after, shares the answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

T = TypeVar("T")

LONGEST_CALL_S = 120
"""No call lives longer, whoever waits for it."""

_KEEP_MS = 60_000


@dataclass(slots=True)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    landed_ms: Ms | None = None


class Shared(Generic[T]):
    """Calls under way and their answers of the last minute, by question."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._flights: dict[str, _Flight[T]] = {}
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Questions may be asked within; what is under way at the end is given up."""
        async with asyncio.TaskGroup() as self._group:
            try:
                yield
            finally:
                for flight in self._flights.values():
                    flight.task.cancel()

    async def ask(self, question: str, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The answer, and whether somebody else had asked. ``call`` must not raise.

        Being cancelled ends the waiting of the caller, not the call: others may wait for it.
        """
        self._forget()
        flight = self._flights.get(question)
        is_shared = flight is not None
        if flight is None:
            if self._group is None:
                raise RuntimeError("questions are asked while it is running")
            flight = self._flights[question] = _Flight(
                self._group.create_task(_awaited(call), name="ai call")
            )
            flight.task.add_done_callback(lambda _: self._land(question))
        return await asyncio.shield(flight.task), is_shared

    def _land(self, question: str) -> None:
        self._flights[question].landed_ms = self._clock.now_ms()

    def _forget(self) -> None:
        """Answers land in about the order they were asked for; a few old ones do no harm."""
        oldest_ms = self._clock.now_ms() - _KEEP_MS
        for question, flight in list(self._flights.items()):
            if flight.landed_ms is not None and flight.landed_ms <= oldest_ms:
                del self._flights[question]


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
