"""The money for one UTC day: reserved before a call, so that no number of calls exceeds it."""

from decimal import Decimal

from signalbot.domain.money import ZERO
from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock

DAY_MS = 86_400_000


class DailyBudgetExceeded(Exception):
    """A call could cost more than is left of this day's money."""

    call_id: str | None = None  #: under which it is on record


class DailyBudget:
    def __init__(self, limit: Decimal | None, *, spent: Decimal, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._spent = spent
        self._reserved = ZERO
        self._day = utc_day_start(clock.now_ms())

    @property
    def spent(self) -> Decimal:
        """Of this UTC day."""
        self._start_new_day()
        return self._spent

    def reserve(self, most: Decimal) -> None:
        """Set aside the most that a call can cost.

        Raises:
            BudgetSpent: that much is not left.
        """
        self._start_new_day()
        if self._limit is not None and self._spent + self._reserved + most > self._limit:
            raise DailyBudgetExceeded(
                f"{self._spent + self._reserved:f} of {self._limit:f} is spent today, "
                f"and a call may cost {most:f}"
            )
        self._reserved += most

    def settle(self, reserved: Decimal, cost: Decimal) -> None:
        """Replace what was set aside by what the call has cost."""
        self._start_new_day()
        self._reserved -= reserved
        self._spent += cost

    def _start_new_day(self) -> None:
        today = utc_day_start(self._clock.now_ms())
        if today != self._day:
            self._day, self._spent = today, ZERO


def utc_day_start(at_ms: Ms) -> Ms:
    """The instant at which the UTC day of ``at_ms`` began."""
    return Ms(at_ms - at_ms % DAY_MS)
