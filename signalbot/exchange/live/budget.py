"""How many requests an address may still make of one exchange, and who may make the next one."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.exchange.live.capability import Rate
from signalbot.exchange.live.codes import Limited
from signalbot.exchange.live.lanes import Lane
from signalbot.ports import Clock

log = structlog.get_logger()

_FIRST_BAN_MS = 60_000
_MOST_BAN_MS = 3 * 86_400_000


class _Bucket:
    """One published limit as a bucket that drains steadily: bursts up to the whole limit."""

    def __init__(self, rate: Rate, now_ms: Ms) -> None:
        self._rate = rate
        self._used = 0.0
        self._at_ms = now_ms

    def used(self, now_ms: Ms) -> float:
        """The part of the limit in use, 0 to 1."""
        drained = (now_ms - self._at_ms) * self._rate.cost / self._rate.per_ms
        self._used = max(0.0, self._used - max(0.0, drained))
        self._at_ms = now_ms
        return self._used / self._rate.cost

    def wait_ms(self, cost: int, share: float, now_ms: Ms) -> float:
        """How long until ``cost`` fits below ``share`` of the limit; 0 for now."""
        over = self.used(now_ms) * self._rate.cost + cost - max(share * self._rate.cost, cost)
        return max(0.0, over * self._rate.per_ms / self._rate.cost)

    def take(self, cost: int) -> None:
        self._used += cost


@dataclass(eq=False, slots=True)
class _Waiter:
    lane: Lane
    cost: int
    turn: asyncio.Future[None] = field(repr=False)


class Budget:
    """One per exchange and egress address, because that is what exchanges count.

    A request waits behind every earlier lane and, in its own lane, for its turn. Half of every
    limit is burst, half is spread, so that no window of the exchange's ever holds more than the
    limit.
    """

    def __init__(
        self, name: str, *, rates: Sequence[Rate], in_flight: int = 64, clock: Clock
    ) -> None:
        now_ms = clock.now_ms()
        self.name = name
        self.banned_until_ms = EPOCH
        self.ban_reason = ""
        self._bans = 0
        self._clock = clock
        self._buckets = [
            _Bucket(Rate(cost=max(1, rate.cost // 2), per_ms=rate.per_ms), now_ms) for rate in rates
        ]
        self._free = in_flight
        self._queues: tuple[deque[_Waiter], ...] = tuple(deque() for _ in Lane)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def queued(self) -> int:
        return sum(map(len, self._queues))

    def left(self) -> float:
        """The part of the tightest limit that is still free, 0 to 1."""
        now_ms = self._clock.now_ms()
        return 1.0 - max((bucket.used(now_ms) for bucket in self._buckets), default=0.0)

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
            self._free += 1
            self._serve()

    def ban(self, *, retry_after_s: float | None, reason: str) -> None:
        """Send nothing until the exchange's own term is over; without one, ever longer."""
        now_ms = self._clock.now_ms()
        if now_ms > self.banned_until_ms + _FIRST_BAN_MS:
            self._bans = 0
        own_ms = min(_FIRST_BAN_MS * 2**self._bans, _MOST_BAN_MS)
        for_ms = own_ms if retry_after_s is None else round(retry_after_s * 1000)
        self._bans += 1
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
        if self._clock.now_ms() < self.banned_until_ms:
            raise self._banned()
        if not any(self._queues[: lane + 1]) and self._wait_ms(lane, cost) == 0 and self._free:
            self._take(cost)
            return
        waiter = _Waiter(lane, cost, asyncio.get_running_loop().create_future())
        self._queues[lane].append(waiter)
        self._serve()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled():
                self._free += 1  # its turn had come at the same moment
            elif waiter in self._queues[lane]:
                self._queues[lane].remove(waiter)
            self._serve()
            raise

    def _take(self, cost: int) -> None:
        self._free -= 1
        for bucket in self._buckets:
            bucket.take(cost)

    def _wait_ms(self, lane: Lane, cost: int) -> float:
        now_ms = self._clock.now_ms()
        return max((each.wait_ms(cost, lane.share, now_ms) for each in self._buckets), default=0.0)

    def _serve(self) -> None:
        """Let those go whose turn it is; for the others, come back when there is room."""
        for queue in self._queues:
            while queue and self._free:
                first = queue[0]
                wait_ms = 0.0 if first.turn.done() else self._wait_ms(first.lane, first.cost)
                if wait_ms > 0:
                    self._come_back(wait_ms)
                    return
                queue.popleft()
                if not first.turn.done():
                    self._take(first.cost)
                    first.turn.set_result(None)

    def _come_back(self, wait_ms: float) -> None:
        loop = asyncio.get_running_loop()
        at_s = loop.time() + max(wait_ms, 1.0) / 1000  # the clock counts whole milliseconds
        if self._timer is not None and not self._timer.cancelled():
            if loop.time() < self._timer.when() <= at_s:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at_s, self._serve)
