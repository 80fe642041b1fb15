"""Blocking calls in threads of their own, so many at a time, which nobody waits for at the end."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

T = TypeVar("T")


def _no_op() -> None:
    """Nobody wants to know."""


class DaemonThreadPool:
    """A bounded number of daemon threads: one that hangs keeps its place, and nothing else."""

    def __init__(self, size: int) -> None:
        self._slots = asyncio.Semaphore(size)
        self._is_open = True

    def close(self) -> None:
        """Begin nothing any more: whoever waits for a place waits until cancelled."""
        self._is_open = False

    async def call(
        self, work: Callable[[], T], *, deadline_s: float, on_start: Callable[[], None] = _no_op
    ) -> T:
        """The result of ``work``, run in a thread; ``on_begin`` is called just before.

        Raises:
            TimeoutError: it is not there after ``deadline_s``; the thread goes on by itself.
        """
        await self._slots.acquire()
        if not self._is_open:
            await asyncio.Event().wait()
        on_start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def finish(result: T | None, error: BaseException | None) -> None:
            self._slots.release()
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
            self._slots.release()
            raise
        async with asyncio.timeout(deadline_s):
            return await done
