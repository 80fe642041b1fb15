"""Rate limits of one exchange and address: how many requests are left, and which goes next."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.exchange.live.capabilities import RateLimit
from signalbot.exchange.live.transport.account_backoff import AccountBackoff
from signalbot.exchange.live.transport.connectivity import Connectivity
from signalbot.exchange.live.transport.error_codes import AddressRateLimited
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.exchange.live.transport.rate_window import RateWindow
from signalbot.ports import Clock

log = structlog.get_logger()

_INITIAL_BAN_MS = 60_000
_MIN_BAN_MS = 1_000
_MAX_BAN_MS = 3 * 86_400_000
_BANNED_STATUS = 418  # requests went on after a ban


@dataclass(eq=False, slots=True)
class _Waiter:
    priority: RequestPriority
    cost: int
    granted: asyncio.Future[None] = field(repr=False)


class RateLimiter:
    """One per exchange and egress address, which is what exchanges count.

    A request waits for every request of higher priority, and for earlier ones of its own. Lower
    priorities may fill only a part of every limit and of ``in_flight``: protection need not wait.
    """

    def __init__(
        self, name: str, *, rates: Sequence[RateLimit], in_flight: int = 64, clock: Clock
    ) -> None:
        self.name = name
        self.banned_until_ms = EPOCH
        self.ban_reason = ""
        self.connectivity = Connectivity(clock)
        self._bans = 0
        self._clock = clock
        self._windows = [RateWindow(rate) for rate in rates]
        self._in_flight = 0
        self._max_in_flight = tuple(
            max(1, int(in_flight * priority.share)) for priority in RequestPriority
        )
        self._queues: tuple[deque[_Waiter], ...] = tuple(deque() for _ in RequestPriority)
        self._timer: asyncio.Handle | None = None
        self._wake_at_s = 0.0  #: of the timer while there is one; not all uvloop timers have it

    def serial_queue(self) -> "RateLimiter":
        """A queue by priority that lets one request through at a time, without limits."""
        return RateLimiter(self.name, rates=(), in_flight=1, clock=self._clock)

    def account_backoff(self) -> AccountBackoff:
        """A back-off for one account's own limit, by the same clock."""
        return AccountBackoff(self._clock)

    def now_ms(self) -> Ms:
        """The time by which limits are counted."""
        return self._clock.now_ms()

    @property
    def queued(self) -> int:
        return sum(map(len, self._queues))

    def report_usage(self, per_ms: int, used: int) -> None:
        """Record the use of the limit over ``per_ms`` that a response reports."""
        now_ms = self._clock.now_ms()
        for window in self._windows:
            if window.per_ms == per_ms:
                window.report_usage(used, now_ms)

    def pace_s(self, cost: int, part: float) -> float:
        """How long ``cost`` takes at ``part`` of the tightest limit; 0 without limits."""
        return max((each.pace_s(cost, part) for each in self._windows), default=0.0)

    def free_share(self) -> float:
        """The part of the tightest limit that is free, 0 to 1."""
        now_ms = self._clock.now_ms()
        return 1.0 - max((each.used_share(now_ms) for each in self._windows), default=0.0)

    @asynccontextmanager
    async def slot(self, priority: RequestPriority, cost: int = 1) -> AsyncIterator[None]:
        """Wait until a request of ``cost`` may go out, and count it as in flight meanwhile.

        Raises:
            AddressRateLimited: the address is banned; nothing may be sent before the ban ends.
        """
        await self._acquire(priority, cost)
        try:
            yield
        finally:
            now_ms = self._clock.now_ms()
            for window in self._windows:
                window.finish(cost, now_ms)
            self._in_flight -= 1
            self._grant_waiters()

    def ban(self, *, retry_after_s: float | None, reason: str, status: int | None = None) -> None:
        """Send nothing for ``retry_after_s``; without it, longer with each ban in a row.

        ``status`` is the HTTP status of the rejection. Responses to requests in flight when the
        ban began may prolong it, but do not count as the next ban.
        """
        now_ms = self._clock.now_ms()
        if now_ms >= self.banned_until_ms:
            is_repeated = 0 < self.banned_until_ms >= now_ms - _INITIAL_BAN_MS
            self._bans = self._bans + 1 if is_repeated else 0
        if retry_after_s is None:
            first_ms = _INITIAL_BAN_MS * (2 if status == _BANNED_STATUS else 1)
            for_ms = first_ms * 2**self._bans
        else:
            for_ms = round(retry_after_s * 1000)
        for_ms = min(max(for_ms, _MIN_BAN_MS), _MAX_BAN_MS)
        self.banned_until_ms = max(self.banned_until_ms, Ms(now_ms + for_ms))
        self.ban_reason = reason
        log.error("exchange.banned", exchange=self.name, for_s=for_ms // 1000, reason=reason)
        for queue in self._queues:
            while queue:
                waiter = queue.popleft()
                if not waiter.granted.done():
                    waiter.granted.set_exception(self._raise_if_banned())

    def _raise_if_banned(self) -> AddressRateLimited:
        remaining_s = (self.banned_until_ms - self._clock.now_ms()) / 1000
        return AddressRateLimited(
            f"no requests to {self.name} for {remaining_s:.0f} s more: {self.ban_reason}"
        )

    async def _acquire(self, priority: RequestPriority, cost: int) -> None:
        now_ms = self._clock.now_ms()
        if now_ms < self.banned_until_ms:
            raise self._raise_if_banned()
        if not any(self._queues[: priority + 1]) and self._has_capacity(priority, cost, now_ms):
            self._reserve(cost)
            return
        waiter = _Waiter(priority, cost, asyncio.get_running_loop().create_future())
        self._queues[priority].append(waiter)
        self._grant_waiters()
        try:
            await waiter.granted
        except asyncio.CancelledError:
            self._remove_waiter(waiter)
            raise
        if self._clock.now_ms() < self.banned_until_ms:
            self._cancel_reservation(cost)
            raise self._raise_if_banned()

    def _remove_waiter(self, waiter: _Waiter) -> None:
        """Remove a cancelled waiter from its queue, or return its slot."""
        if waiter in self._queues[waiter.priority]:
            self._queues[waiter.priority].remove(waiter)
            self._grant_waiters()
        elif not waiter.granted.cancelled() and waiter.granted.exception() is None:
            self._cancel_reservation(waiter.cost)  # its turn had come at the same moment

    def _has_capacity(self, priority: RequestPriority, cost: int, now_ms: Ms) -> bool:
        return self._in_flight < self._max_in_flight[priority] and all(
            each.has_capacity(cost, priority.share, now_ms) for each in self._windows
        )

    def _reserve(self, cost: int) -> None:
        self._in_flight += 1
        for window in self._windows:
            window.begin(cost)

    def _cancel_reservation(self, cost: int) -> None:
        """Undo ``_reserve`` for a request that was never sent."""
        self._in_flight -= 1
        for window in self._windows:
            window.cancel(cost)
        self._grant_waiters()

    def _grant_waiters(self) -> None:
        """Grant slots in order of priority; schedule a wake-up for the rest."""
        if not any(self._queues):
            return
        now_ms = self._clock.now_ms()
        for first in self._waiters_by_priority():
            if not self._has_capacity(first.priority, first.cost, now_ms):
                self._schedule_wakeup(now_ms)
                return
            self._queues[first.priority].popleft()
            self._reserve(first.cost)
            first.granted.set_result(None)

    def _waiters_by_priority(self) -> Iterator[_Waiter]:
        """The first waiter of the highest priority, repeatedly; cancelled ones are dropped."""
        for queue in self._queues:
            while queue:
                if queue[0].granted.done():
                    queue.popleft()
                else:
                    yield queue[0]

    def _schedule_wakeup(self, now_ms: Ms) -> None:
        """Grant waiters again when the oldest request stops counting.

        While none has ended, the end of one grants them.
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
        self._timer, self._wake_at_s = loop.call_at(at_s, self._on_wakeup), at_s

    def _on_wakeup(self) -> None:
        """Drop the timer first: a loop may call it a moment before its time."""
        self._timer = None
        self._grant_waiters()
