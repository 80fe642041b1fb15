"""Blocking calls in threads of their own, so many at a time, which nobody waits for at the end."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

T = TypeVar("T")


def _nothing() -> None:
    """Nobody wants to know."""


class Threads:
    """A bounded number of daemon threads: one that hangs keeps its place, and nothing else."""

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)
        self._is_open = True

    def close(self) -> None:
        """Begin nothing any more: whoever waits for a place waits until cancelled."""
        self._is_open = False

    async def call(
        self, work: Callable[[], T], *, deadline_s: float, on_begin: Callable[[], None] = _nothing
    ) -> T:
        """The result of ``work``, run in a thread; ``on_begin`` is called just before.

        Raises:
            TimeoutError: it is not there after ``deadline_s``; the thread goes on by itself.
        """
        await self._places.acquire()
        if not self._is_open:
            await asyncio.Event().wait()
        on_begin()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def finish(result: T | None, error: BaseException | None) -> None:
            self._places.release()
            if done.done():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(cast(T, result))

        def run() -> None:
            result, error = None, None
            try:
                result = work()
            except BaseException as e:  # noqa: BLE001 - it belongs to whoever waits
                error = e
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(finish, result, error)

        try:
            threading.Thread(target=run, name="notify", daemon=True).start()
        except RuntimeError:  # the system has no thread for it now
            self._places.release()
            raise
        async with asyncio.timeout(deadline_s):
            return await done
