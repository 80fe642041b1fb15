"""Holds an account's order attempt numbers, the day's record and the last closes."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from signalbot.domain.account_snapshot import DayRecord
from signalbot.domain.orders import Leg, Order
from signalbot.domain.positions import Position
from signalbot.domain.signals import PositionId
from signalbot.domain.timeframe import DAY_MS, EPOCH, Ms, day_start

_MAX_COUNTERS = 32


class OrderAttempts:
    """Numbers the orders of each leg and position, so that no client order id is used twice."""

    def __init__(self) -> None:
        self._used: dict[PositionId, Counter[Leg]] = {}  # most recently used last

    @property
    def is_full(self) -> bool:
        """Whether there are more counters than are kept."""
        return len(self._used) > _MAX_COUNTERS

    def next(self, position_id: PositionId, leg: Leg) -> int:
        """Return a number that no order of this leg and position has used."""
        used = self._used.pop(position_id, None) or Counter()
        self._used[position_id] = used
        attempt = used[leg]
        used[leg] += 1
        return attempt

    def reset(self, position_id: PositionId, orders: Iterable[Order]) -> None:
        """Count every stored order of a position."""
        self._used[position_id] = Counter(order.request.leg for order in orders)

    def evict(self, active: Collection[PositionId | None]) -> None:
        """Forget the least recently used counters of a position that is not ``active``."""
        inactive = next((each for each in self._used if each not in active), None)
        if inactive is not None:
            del self._used[inactive]


class DayHistory:
    """The trading record of the current UTC day, and when each symbol was last closed."""

    def __init__(self) -> None:
        self._last_close_ms: dict[str, Ms] = {}
        self._day = DayRecord(day_ms=EPOCH)

    @property
    def last_close_ms(self) -> Mapping[str, Ms]:
        """Time of the last close, by symbol."""
        return self._last_close_ms

    def restore(self, *, entries_today: int, closed: Iterable[Position], now_ms: Ms) -> None:
        """Start the day with ``entries_today`` and the positions ``closed``, oldest first."""
        self._day = DayRecord(day_ms=day_start(now_ms), trades=entries_today)
        for position in closed:
            self.record_close(position)

    def today(self, now_ms: Ms) -> DayRecord:
        """Return the day's record; a new day starts an empty one."""
        if now_ms - self._day.day_ms >= DAY_MS:
            self._day = DayRecord(day_ms=day_start(now_ms))
        return self._day

    def count_entry(self, now_ms: Ms) -> None:
        """Count one more trade."""
        day = self.today(now_ms)
        self._day = replace(day, trades=day.trades + 1)

    def add_funding(self, closed_at_ms: Ms, amount: Decimal) -> None:
        """Add a payment for a closed position to the day's PnL, if it was closed today."""
        if closed_at_ms >= self._day.day_ms:
            self._day = replace(self._day, net_pnl=self._day.net_pnl + amount)

    def record_close(self, closed: Position) -> None:
        """Add a closed position's result to the day, and remember when it closed."""
        closed_ms = closed.closed_at_ms or EPOCH
        self._last_close_ms[closed.symbol] = closed_ms
        day = self.today(closed_ms)
        if closed_ms < day.day_ms:
            return
        earned = closed.net_pnl
        self._day = replace(
            day,
            net_pnl=day.net_pnl + earned,
            consecutive_losses=day.consecutive_losses + 1 if earned < 0 else 0,
        )
