"""When an exchange that does not show something may be believed.

Lists are late and caches old: one answer without a position or an order says little. Several whole
answers, with the exchange's visibility lag between them, say enough.
"""

from dataclasses import dataclass, replace

from signalbot.domain.timeframe import Ms

LOOKS = 3


@dataclass(frozen=True, slots=True)
class Absence:
    """How many looks, each well apart from the one before, did not show something."""

    looks: int
    first_ms: Ms
    last_ms: Ms


class AbsenceProofs:
    """What one account's exchange does not show though the ledger has it, by id."""

    def __init__(self) -> None:
        self._absences: dict[str, Absence] = {}

    def look(self, key: str, now_ms: Ms, *, apart_ms: int) -> bool:
        """Note one whole answer without ``key``; True once the absence is proven.

        ``apart_ms`` is how long after the former look this one counts; 0: one look is enough.
        """
        if apart_ms <= 0:
            return True
        known = self._absences.get(key)
        if known is None:
            known = Absence(1, now_ms, now_ms)
        elif now_ms - known.last_ms >= apart_ms:
            known = replace(known, looks=known.looks + 1, last_ms=now_ms)
        self._absences[key] = known
        return known.looks >= LOOKS

    def seen(self, key: str) -> None:
        """It was shown after all, or does not matter any more."""
        self._absences.pop(key, None)

    def is_missing(self, key: str) -> bool:
        """Whether the last whole answer did not show it."""
        return key in self._absences
