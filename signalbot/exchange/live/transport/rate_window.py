"""One published rate limit of an exchange, and its present use."""

from collections import deque

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.exchange.live.capabilities import RateLimit

_OUT_OF_ORDER_MS = 1_000  # answers overtake each other by less
_BOUNDARY_GRACE_MS = 2_000  # how far our clock may be from the exchange's when a minute begins


class RateWindow:
    """Counts a request from before it is sent until the limit's length after its end.

    So whenever the exchange counts it, none of its windows ever holds more than the limit. Use
    that the exchange reports counts where it is higher: other programs, and a former process, use
    the address too.
    """

    def __init__(self, rate: RateLimit) -> None:
        self._rate = rate
        self._in_flight = 0
        self._finished: deque[tuple[Ms, int]] = deque()  #: when, and what it cost
        self._finished_cost = 0
        self._seen_ms = EPOCH
        self._reported = 0  #: by the exchange, plus requests begun since
        self._reported_ms = EPOCH
        self._reported_until_ms = EPOCH

    @property
    def per_ms(self) -> int:
        return self._rate.per_ms

    @property
    def next_end_ms(self) -> Ms | None:
        """When the oldest use stops counting; None while no request has ended."""
        ends = [Ms(self._finished[0][0] + self._rate.per_ms)] if self._finished else []
        if self._reported_until_ms > self._seen_ms:
            ends.append(self._reported_until_ms)
        return min(ends, default=None)

    def pace_s(self, cost: int, part: float) -> float:
        """How long ``cost`` takes at ``part`` of the limit."""
        return cost * self._rate.per_ms / (self._rate.cost * part) / 1000

    def used_share(self, now_ms: Ms) -> float:
        """The part of the limit in use, 0 to 1."""
        return self._used(now_ms) / self._rate.cost

    def has_capacity(self, cost: int, share: float, now_ms: Ms) -> bool:
        """Whether ``cost`` fits below ``share`` of the limit, or is all there is."""
        used = self._used(now_ms)
        return used + cost <= share * self._rate.cost or used == 0

    def begin(self, cost: int) -> None:
        self._in_flight += cost
        self._reported += cost

    def cancel(self, cost: int) -> None:
        """Remove a request that was begun but never sent."""
        self._in_flight -= cost
        self._reported = max(0, self._reported - cost)

    def finish(self, cost: int, now_ms: Ms) -> None:
        self._in_flight -= cost
        self._finished_cost += cost
        if self._finished and self._finished[-1][0] == now_ms:
            cost += self._finished.pop()[1]
        self._finished.append((now_ms, cost))

    def report_usage(self, used: int, now_ms: Ms) -> None:
        """Record the use of the exchange's present window that a response reports.

        Requests in flight may be missing in it. A smaller number than the last is an overtaken
        response or a new window: it counts once the last is a second old.
        """
        total = used + self._in_flight
        if total < self._reported_at(now_ms) and now_ms - self._reported_ms < _OUT_OF_ORDER_MS:
            return
        self._reported, self._reported_ms = total, now_ms
        self._reported_until_ms = Ms(now_ms + self._rate.per_ms)
        if self._rate.is_aligned:
            began_ms = now_ms // self._rate.per_ms * self._rate.per_ms
            self._reported_until_ms = Ms(began_ms + self._rate.per_ms + _BOUNDARY_GRACE_MS)

    def _reported_at(self, now_ms: Ms) -> int:
        return self._reported if now_ms < self._reported_until_ms else 0

    def _used(self, now_ms: Ms) -> int:
        if now_ms < self._seen_ms and self._finished:  # the clock was set back
            self._finished = deque([(now_ms, self._finished_cost)])
            self._reported_until_ms = min(
                self._reported_until_ms, Ms(now_ms + self._rate.per_ms + _BOUNDARY_GRACE_MS)
            )
        self._seen_ms = now_ms
        while self._finished and self._finished[0][0] + self._rate.per_ms <= now_ms:
            self._finished_cost -= self._finished.popleft()[1]
        return max(self._in_flight + self._finished_cost, self._reported_at(now_ms))
