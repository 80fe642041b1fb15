"""Spending limit per UTC day; reserved before each call, so concurrent calls cannot exceed it."""

from decimal import Decimal

from signalbot.domain.money import ZERO
from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

DAY_MS = 86_400_000


class DailyBudgetExceeded(Exception):
    """A call could cost more than the rest of today's budget."""

    call_id: str | None = None  #: of the record of the call that was not made


class DailyBudget:
    """Reserved and settled costs of the current UTC day."""

    def __init__(self, limit: Decimal | None, *, spent: Decimal, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._spent = spent
        self._reserved = ZERO
        self._day = utc_day_start(clock.now_ms())

    @property
    def spent(self) -> Decimal:
        """Settled costs of this UTC day."""
        self._start_new_day()
        return self._spent

    def reserve(self, max_cost: Decimal) -> None:
        """Reserve the upper bound of a call's cost.

        Raises:
            DailyBudgetExceeded: the rest of the budget is smaller.
        """
        self._start_new_day()
        if self._limit is not None and self._spent + self._reserved + max_cost > self._limit:
            raise DailyBudgetExceeded(
                f"{self._spent + self._reserved:f} of {self._limit:f} is spent today, "
                f"and a call may cost {max_cost:f}"
            )
        self._reserved += max_cost

    def settle(self, reserved: Decimal, cost: Decimal) -> None:
        """Replace a reservation by the actual cost."""
        self._start_new_day()
        self._reserved -= reserved
        self._spent += cost

    def _start_new_day(self) -> None:
        today = utc_day_start(self._clock.now_ms())
        if today != self._day:
            self._day, self._spent = today, ZERO


def utc_day_start(at_ms: Ms) -> Ms:
    """Return the start of the UTC day of ``at_ms``."""
    return Ms(at_ms - at_ms % DAY_MS)
