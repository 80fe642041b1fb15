"""Decides when an order or position that the exchange does not list is really absent.

Lists lag and responses are cached, so one response without an order or position proves nothing.
Several complete responses, each a visibility lag after the one before, are proof.
"""

from dataclasses import dataclass, replace

from signalbot.domain.timeframe import Ms

REQUIRED_MISSES = 3


@dataclass(frozen=True, slots=True)
class MissCount:
    """Consecutive complete responses, far enough apart, that did not list something."""

    misses: int
    first_ms: Ms
    last_ms: Ms


class AbsenceTracker:
    """Counts responses of one account's exchange that lack something in the ledger, by key."""

    def __init__(self) -> None:
        self._absences: dict[str, MissCount] = {}

    def record_miss(self, key: str, now_ms: Ms, *, apart_ms: int) -> bool:
        """Count one complete response without ``key``; True once its absence is proven.

        A miss counts only ``apart_ms`` or more after the previous one; 0: one miss is proof.
        """
        if apart_ms <= 0:
            return True
        misses = self._absences.get(key)
        if misses is None:
            misses = MissCount(1, now_ms, now_ms)
        elif now_ms - misses.last_ms >= apart_ms:
            misses = replace(misses, misses=misses.misses + 1, last_ms=now_ms)
        self._absences[key] = misses
        return misses.misses >= REQUIRED_MISSES

    def record_seen(self, key: str) -> None:
        """Forget the misses of ``key``: it was listed, or is no longer needed."""
        self._absences.pop(key, None)

    def is_missing(self, key: str) -> bool:
        """Whether the last complete response lacked ``key``."""
        return key in self._absences
