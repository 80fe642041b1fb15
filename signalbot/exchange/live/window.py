"""One published limit of an exchange, and how much of it is in use."""

from collections import deque

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.exchange.live.capability import Rate


class Window:
    """Counts a request from before it leaves until the limit's length after its end.

    Whenever in between the exchange counts it, no window of the exchange's, however aligned, ever
    holds more than the limit.
    """

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._under_way = 0
        self._ended: deque[tuple[Ms, int]] = deque()  #: when, and what it cost
        self._ended_cost = 0
        self._seen_ms = EPOCH

    @property
    def next_end_ms(self) -> Ms | None:
        """When the oldest of the ended requests stops counting; None while none has ended."""
        return Ms(self._ended[0][0] + self._rate.per_ms) if self._ended else None

    def filled(self, now_ms: Ms) -> float:
        """The part of the limit in use, 0 to 1."""
        return self._used(now_ms) / self._rate.cost

    def has_room(self, cost: int, share: float, now_ms: Ms) -> bool:
        """Whether ``cost`` fits below ``share`` of the limit, or is all there is."""
        used = self._used(now_ms)
        return used + cost <= share * self._rate.cost or used == 0

    def begin(self, cost: int) -> None:
        self._under_way += cost

    def undo(self, cost: int) -> None:
        """Forget a request that has begun but never left."""
        self._under_way -= cost

    def finish(self, cost: int, now_ms: Ms) -> None:
        self._under_way -= cost
        self._ended_cost += cost
        if self._ended and self._ended[-1][0] == now_ms:
            cost += self._ended.pop()[1]
        self._ended.append((now_ms, cost))

    def _used(self, now_ms: Ms) -> int:
        if now_ms < self._seen_ms and self._ended:  # the clock was set back
            self._ended = deque([(now_ms, self._ended_cost)])
        self._seen_ms = now_ms
        while self._ended and self._ended[0][0] + self._rate.per_ms <= now_ms:
            self._ended_cost -= self._ended.popleft()[1]
        return self._under_way + self._ended_cost
