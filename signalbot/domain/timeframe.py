"""Instants, candle lengths and the arithmetic of candle boundaries.

All boundaries are counted from the Unix epoch in UTC, as exchanges do, so a ``1d`` candle opens at
midnight UTC and a ``4h`` candle at 00, 04, 08, 12, 16 and 20 o'clock UTC.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NewType

Ms = NewType("Ms", int)
"""An instant: epoch milliseconds, UTC."""

EPOCH = Ms(0)
DAY_MS = 86_400_000
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS}


class Timeframe(StrEnum):
    """The length of a candle, written as exchanges write it."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M10 = "10m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H12 = "12h"
    D1 = "1d"

    ms: int
    """Length in milliseconds."""

    def __new__(cls, text: str) -> "Timeframe":
        member = str.__new__(cls, text)
        member._value_ = text
        member.ms = int(text[:-1]) * _UNIT_MS[text[-1]]
        return member

    def floor(self, at_ms: Ms) -> Ms:
        """Open of the candle that contains ``at_ms``: the latest boundary not after it."""
        return Ms(at_ms - at_ms % self.ms)

    def next_close(self, at_ms: Ms) -> Ms:
        """First boundary strictly after ``at_ms``: the close of the candle now forming."""
        return Ms(self.floor(at_ms) + self.ms)

    def is_boundary(self, at_ms: Ms) -> bool:
        """Whether a candle of this length opens exactly at ``at_ms``."""
        return at_ms % self.ms == 0


def drift_ms(close_ms: Ms, now_ms: Ms) -> int:
    """Milliseconds from a candle's close to ``now_ms``; negative while the candle is open."""
    return now_ms - close_ms


def day_start(at_ms: Ms) -> Ms:
    """Midnight UTC of the day that contains ``at_ms``: the start of daily limits."""
    return Ms(at_ms - at_ms % DAY_MS)


def to_datetime(at_ms: int) -> datetime:
    """Convert an instant to a datetime in UTC, exactly."""
    return _UNIX_EPOCH + timedelta(milliseconds=at_ms)


def from_datetime(moment: datetime) -> Ms:
    """Convert a datetime to an instant; one without a zone counts as UTC."""
    aware = moment.replace(tzinfo=moment.tzinfo or UTC)
    return Ms(round((aware - _UNIX_EPOCH).total_seconds() * 1000))
