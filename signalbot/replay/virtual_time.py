"""Event loops whose time is not the world's: a replay jumps from timer to timer.

Only public seams of asyncio are used: a selector that does not wait, and ``loop.time``. Everything
that counts in loop time - sleeps, timeouts, alarms - follows without knowing.
"""

import asyncio
import selectors
import time
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_SelectorEvents = list[tuple[selectors.SelectorKey, int]]


class _VirtualSelector(selectors.BaseSelector):
    """Lets virtual seconds pass instead of waiting; real ones, ``speed`` times fewer, if asked."""

    def __init__(self, speed: float | None) -> None:
        self._real = selectors.DefaultSelector()
        self._speed = speed
        self.now_s = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> _SelectorEvents:
        if timeout is None:
            return self._real.select()
        if self._speed is None:
            self.now_s += timeout  # nothing comes from outside: no need to look
            return []
        return self._wait(timeout, self._speed) if timeout > 0 else self._real.select(0)

    def _wait(self, timeout: float, speed: float) -> _SelectorEvents:
        """Wait for real, scaled; an event that comes first ends the wait early."""
        began_s = time.perf_counter()
        events = self._real.select(timeout / speed)
        waited_s = (time.perf_counter() - began_s) * speed
        self.now_s += min(waited_s, timeout) if events else timeout
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time, starting at zero.

    Without ``speed`` it never waits: when nothing is ready, time jumps to the next timer. It must
    then be the only source of events: no threads, no sockets. With ``speed`` it runs that many
    times faster than the world and may do I/O.
    """

    def __init__(self, speed: float | None = None) -> None:
        self._virtual = _VirtualSelector(speed)
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


def run(main: Coroutine[Any, Any, T], *, speed: float | None = None) -> T:
    """``asyncio.run`` in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(speed)) as runner:
        return runner.run(main)
