"""Bounded daemon threads for blocking calls; a hanging thread does not delay shutdown."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

T = TypeVar("T")


def _no_op() -> None:
    """Do nothing."""


class DaemonThreadPool:
    """At most ``size`` calls at a time; a hanging call keeps its slot and blocks nothing else.

    Not ``anyio.to_thread``: its threads are joined at exit, and a hanging one would delay it.
    """

    def __init__(self, size: int) -> None:
        self._slots = asyncio.Semaphore(size)
        self._is_open = True

    def close(self) -> None:
        """Start no further call: callers waiting for a slot wait until cancelled."""
        self._is_open = False

    async def call(
        self, work: Callable[[], T], *, deadline_s: float, on_start: Callable[[], None] = _no_op
    ) -> T:
        """Return the result of ``work``, run in a thread; ``on_start`` is called just before.

        Raises:
            TimeoutError: there is no result after ``deadline_s``; the thread continues.
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
            except BaseException as e:  # noqa: BLE001 - passed on to the caller
                error = e
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(finish, result, error)

        try:
            threading.Thread(target=run, name="notify", daemon=True).start()
        except RuntimeError:  # the system cannot start a thread
            self._slots.release()
            raise
        async with asyncio.timeout(deadline_s):
            return await done
