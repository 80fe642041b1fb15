"""Event loops in virtual time: a replay jumps from timer to timer.

Only public extension points of asyncio are used: a selector that does not wait, ``loop.time`` and
``loop.call_at``. Sleeps, timeouts and alarms follow because they use loop time.

Time is a whole number of ticks of 2**-20 s, so that no step is ever lost. A sum of floats would
lose steps: from 2**24 s on a step may be smaller than the distance of two floats, and a due timer
would stay at the present instant for ever. Ticks are exact as floats for 136 years of virtual time.
"""

import asyncio
import math
import selectors
import time
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_SelectorEvents = list[tuple[selectors.SelectorKey, int]]

_TICKS_PER_S: Final = 1 << 20


class _VirtualSelector(selectors.BaseSelector):
    """Advances virtual time instead of waiting, or waits ``speed`` times shorter."""

    def __init__(self, speed: float | None) -> None:
        self._real = selectors.DefaultSelector()
        self._speed = speed
        self._ticks = 0

    @property
    def now_s(self) -> float:
        return self._ticks / _TICKS_PER_S

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
            self._pass(timeout)  # there are no external events
            return []
        return self._wait(timeout, self._speed) if timeout > 0 else self._real.select(0)

    def _wait(self, timeout: float, speed: float) -> _SelectorEvents:
        """Wait in real time, scaled; an earlier event ends the wait."""
        began_s = time.perf_counter()
        events = self._real.select(timeout / speed)
        waited_s = (time.perf_counter() - began_s) * speed
        self._pass(min(waited_s, timeout) if events else timeout)
        return events

    def _pass(self, seconds: float) -> None:
        self._ticks += math.ceil(seconds * _TICKS_PER_S)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, starting at zero, for at most 68 years.

    Without ``speed`` it never waits: when no task is ready, time jumps to the next timer. It must
    then be the only source of events: no threads, no sockets. With ``speed`` it runs that factor
    faster than real time and may do I/O.

    Time passes while the loop waits, not while it computes: an overloaded daemon is slower than its
    speed, and none of its deadlines expire because of that.
    """

    def __init__(self, speed: float | None = None) -> None:
        self._virtual = _VirtualSelector(speed)
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call at the first tick that is not before ``when``.

        The timer is set a fraction of a tick earlier, and so is strictly in the past when the tick
        is reached: asyncio runs timers due before the present instant plus a nanosecond, which is
        lost in a float as large as a year. Within a tick timers keep their order.
        """
        if math.isinf(when):
            return super().call_at(when, callback, *args, context=context)
        tick = math.ceil(when * _TICKS_PER_S)
        early = tick - when * _TICKS_PER_S  # 0 to 1, decreasing with time
        due = (tick - 0.25 - early / 2) / _TICKS_PER_S
        return super().call_at(due, callback, *args, context=context)


def run_virtual(main: Coroutine[Any, Any, T], *, speed: float | None = None) -> T:
    """Run ``main`` like ``asyncio.run``, in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(speed)) as runner:
        return runner.run(main)
