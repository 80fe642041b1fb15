"""Token buckets: limit the request rate of each client."""

from collections import OrderedDict

from signalbot.ports import Clock

BURST_S = 10.0
"""Burst of requests, in seconds of the sustained rate."""

_MAX_CLIENTS = 10_000


class TokenBuckets:
    """One bucket per client; beyond 10,000, the least recently used is discarded."""

    def __init__(self, *, per_second: float, clock: Clock, burst: float | None = None) -> None:
        self.per_second = per_second
        self._burst = per_second * BURST_S if burst is None else burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Return the seconds until a request of this client is allowed; 0 if it is now."""
        level, now_s = self._level(client)
        wait_s = 0.0 if level >= 1 else (1 - level) / self.per_second
        self._levels[client] = (level - 1 if wait_s == 0 else level, now_s)
        self._levels.move_to_end(client)
        if len(self._levels) > _MAX_CLIENTS:
            self._levels.popitem(last=False)
        return wait_s

    def is_empty(self, client: str) -> bool:
        """Whether the client's next request exceeds the limit."""
        return self._level(client)[0] < 1

    def _level(self, client: str) -> tuple[float, float]:
        now_s = self._clock.now_ms() / 1000
        level, then_s = self._levels.get(client, (self._burst, now_s))
        return min(self._burst, level + max(0.0, now_s - then_s) * self.per_second), now_s
