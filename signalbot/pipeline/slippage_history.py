"""What an account's market entries cost of late against the price their signals saw."""

from bisect import insort
from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from signalbot.domain.money import ZERO

_MAX_SAMPLES = 20  # entries of one symbol that count
_MIN_SAMPLES = 5  # less than that tells nothing


class SlippageHistory:
    """The median of the last entries in each symbol: what the next one is expected to cost."""

    def __init__(self) -> None:
        self._latest: dict[str, deque[Decimal]] = {}
        self._ranked: dict[str, list[Decimal]] = {}  #: the same, smallest first

    def add(self, symbol: str, bps: Decimal) -> None:
        """Add what an entry at market cost, in basis points; negative where it filled better."""
        latest = self._latest.setdefault(symbol, deque())
        ranked = self._ranked.setdefault(symbol, [])
        latest.append(bps)
        insort(ranked, bps)
        if len(latest) > _MAX_SAMPLES:
            ranked.remove(latest.popleft())

    def restore(self, entries: Iterable[tuple[str, Decimal]]) -> None:
        """Learn from ``(symbol, bps)`` pairs, oldest first."""
        for symbol, bps in entries:
            self.add(symbol, bps)

    def expected_bps(self, symbol: str) -> Decimal:
        """Never below zero; zero while too few entries are known."""
        ranked = self._ranked.get(symbol, ())
        if len(ranked) < _MIN_SAMPLES:
            return ZERO
        half, is_odd = divmod(len(ranked), 2)
        middle = ranked[half] if is_odd else (ranked[half - 1] + ranked[half]) / 2
        return max(ZERO, middle)
