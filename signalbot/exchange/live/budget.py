"""How many requests an address may still make of one exchange, and who may make the next one."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.exchange.live.capability import Rate
from signalbot.exchange.live.codes import Limited
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.pause import Pause
from signalbot.exchange.live.reach import Reach
from signalbot.exchange.live.window import Window
from signalbot.ports import Clock

log = structlog.get_logger()

_FIRST_BAN_MS = 60_000
_LEAST_BAN_MS = 1_000
_MOST_BAN_MS = 3 * 86_400_000
_LAST_WARNING = 418  # the status that says: asked on although told to stop


@dataclass(eq=False, slots=True)
class _Waiter:
    lane: Lane
    cost: int
    turn: asyncio.Future[None] = field(repr=False)


class Budget:
    """One per exchange and egress address, because that is what exchanges count.

    A request waits behind every earlier lane and, in its own lane, for its turn. Later lanes may
    fill only a part of every limit and of ``in_flight``: what protects need not wait for them.
    """

    def __init__(
        self, name: str, *, rates: Sequence[Rate], in_flight: int = 64, clock: Clock
    ) -> None:
        self.name = name
        self.banned_until_ms = EPOCH
        self.ban_reason = ""
        self.reach = Reach(clock)
        self._bans = 0
        self._clock = clock
        self._windows = [Window(rate) for rate in rates]
        self._running = 0
        self._most_running = tuple(max(1, int(in_flight * lane.share)) for lane in Lane)
        self._queues: tuple[deque[_Waiter], ...] = tuple(deque() for _ in Lane)
        self._timer: asyncio.Handle | None = None
        self._wake_at_s = 0.0  #: of the timer while there is one; uvloop's do not always tell

    def one_by_one(self) -> "Budget":
        """A queue with the same lanes for what must not overtake itself; it has no limits."""
        return Budget(self.name, rates=(), in_flight=1, clock=self._clock)

    def pause(self) -> Pause:
        """What holds up one account that has met its own limit, by the same clock."""
        return Pause(self._clock)

    def now_ms(self) -> Ms:
        """The time by which everything here is counted."""
        return self._clock.now_ms()

    @property
    def queued(self) -> int:
        return sum(map(len, self._queues))

    def report(self, per_ms: int, used: int) -> None:
        """Take in what an answer says the address has used of the limit over ``per_ms``."""
        now_ms = self._clock.now_ms()
        for window in self._windows:
            if window.per_ms == per_ms:
                window.report(used, now_ms)

    def pace_s(self, cost: int, part: float) -> float:
        """How long ``cost`` takes at ``part`` of the tightest limit; 0 where nothing is limited."""
        return max((each.pace_s(cost, part) for each in self._windows), default=0.0)

    def left(self) -> float:
        """The part of the tightest limit that is still free, 0 to 1."""
        now_ms = self._clock.now_ms()
        return 1.0 - max((each.filled(now_ms) for each in self._windows), default=0.0)

    @asynccontextmanager
    async def slot(self, lane: Lane, cost: int = 1) -> AsyncIterator[None]:
        """Wait until a request of ``cost`` may go out, and count it as under way meanwhile.

        Raises:
            Limited: the address is banned; nothing must be sent before it ends.
        """
        await self._enter(lane, cost)
        try:
            yield
        finally:
            now_ms = self._clock.now_ms()
            for window in self._windows:
                window.finish(cost, now_ms)
            self._running -= 1
            self._serve()

    def ban(self, *, retry_after_s: float | None, reason: str, status: int | None = None) -> None:
        """Send nothing until the exchange's own term is over; without one, ever longer.

        ``status`` is the HTTP status of the refusal. Answers that were under way when the ban began
        may prolong it but are not the next offence.
        """
        now_ms = self._clock.now_ms()
        if now_ms >= self.banned_until_ms:
            is_repeated = 0 < self.banned_until_ms >= now_ms - _FIRST_BAN_MS
            self._bans = self._bans + 1 if is_repeated else 0
        if retry_after_s is None:
            first_ms = _FIRST_BAN_MS * (2 if status == _LAST_WARNING else 1)
            for_ms = first_ms * 2**self._bans
        else:
            for_ms = round(retry_after_s * 1000)
        for_ms = min(max(for_ms, _LEAST_BAN_MS), _MOST_BAN_MS)
        self.banned_until_ms = max(self.banned_until_ms, Ms(now_ms + for_ms))
        self.ban_reason = reason
        log.error("exchange.banned", exchange=self.name, for_s=for_ms // 1000, reason=reason)
        for queue in self._queues:
            while queue:
                waiter = queue.popleft()
                if not waiter.turn.done():
                    waiter.turn.set_exception(self._banned())

    def _banned(self) -> Limited:
        left_s = (self.banned_until_ms - self._clock.now_ms()) / 1000
        return Limited(f"{self.name} is not asked for {left_s:.0f} s more: {self.ban_reason}")

    async def _enter(self, lane: Lane, cost: int) -> None:
        now_ms = self._clock.now_ms()
        if now_ms < self.banned_until_ms:
            raise self._banned()
        if not any(self._queues[: lane + 1]) and self._has_room(lane, cost, now_ms):
            self._take(cost)
            return
        waiter = _Waiter(lane, cost, asyncio.get_running_loop().create_future())
        self._queues[lane].append(waiter)
        self._serve()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._forget(waiter)
            raise
        if self._clock.now_ms() < self.banned_until_ms:
            self._give_back(cost)
            raise self._banned()

    def _forget(self, waiter: _Waiter) -> None:
        """Take a waiter out, wherever its cancellation has met it."""
        if waiter in self._queues[waiter.lane]:
            self._queues[waiter.lane].remove(waiter)
            self._serve()
        elif not waiter.turn.cancelled() and waiter.turn.exception() is None:
            self._give_back(waiter.cost)  # its turn had come at the same moment

    def _has_room(self, lane: Lane, cost: int, now_ms: Ms) -> bool:
        return self._running < self._most_running[lane] and all(
            each.has_room(cost, lane.share, now_ms) for each in self._windows
        )

    def _take(self, cost: int) -> None:
        self._running += 1
        for window in self._windows:
            window.begin(cost)

    def _give_back(self, cost: int) -> None:
        """Undo ``_take`` for what never went out."""
        self._running -= 1
        for window in self._windows:
            window.undo(cost)
        self._serve()

    def _serve(self) -> None:
        """Let those go whose turn it is; for the others, come back when there is room."""
        if not any(self._queues):
            return
        now_ms = self._clock.now_ms()
        for first in self._by_turn():
            if not self._has_room(first.lane, first.cost, now_ms):
                self._come_back(now_ms)
                return
            self._queues[first.lane].popleft()
            self._take(first.cost)
            first.turn.set_result(None)

    def _by_turn(self) -> Iterator[_Waiter]:
        """The first of the first lane, again and again; those who left meanwhile are dropped."""
        for queue in self._queues:
            while queue:
                if queue[0].turn.done():
                    queue.popleft()
                else:
                    yield queue[0]

    def _come_back(self, now_ms: Ms) -> None:
        """See to it that ``_serve`` runs when the oldest request stops counting.

        Where none has ended yet, the end of one will call.
        """
        ends = [each.next_end_ms for each in self._windows if each.next_end_ms is not None]
        if not ends:
            return
        loop = asyncio.get_running_loop()
        at_s = loop.time() + max(1, min(ends) - now_ms) / 1000
        if self._timer is not None:
            if self._wake_at_s <= at_s:
                return
            self._timer.cancel()
        self._timer, self._wake_at_s = loop.call_at(at_s, self._wake), at_s

    def _wake(self) -> None:
        """Forget the timer first: a loop may call it a moment before its time, and it is over."""
        self._timer = None
        self._serve()
