"""When an exchange that does not show something may be believed.

Lists are late and caches old: one answer without a position or an order says little. Several whole
answers, with the exchange's visibility lag between them, say enough.
"""

from dataclasses import dataclass, replace

from signalbot.domain.timeframe import Ms

REQUIRED_MISSES = 3


@dataclass(frozen=True, slots=True)
class MissCount:
    """How many looks, each well apart from the one before, did not show something."""

    misses: int
    first_ms: Ms
    last_ms: Ms


class AbsenceTracker:
    """What one account's exchange does not show though the ledger has it, by id."""

    def __init__(self) -> None:
        self._absences: dict[str, MissCount] = {}

    def record_miss(self, key: str, now_ms: Ms, *, apart_ms: int) -> bool:
        """Note one whole answer without ``key``; True once the absence is proven.

        ``apart_ms`` is how long after the former look this one counts; 0: one look is enough.
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
        """It was shown after all, or does not matter any more."""
        self._absences.pop(key, None)

    def is_missing(self, key: str) -> bool:
        """Whether the last whole answer did not show it."""
        return key in self._absences
