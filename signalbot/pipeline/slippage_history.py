"""Measures the slippage of an account's latest market entries against their signals' prices."""

from bisect import insort
from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from signalbot.domain.money import ZERO

_MAX_SAMPLES = 20  # entries of one symbol that count
_MIN_SAMPLES = 5  # fewer are no basis for an estimate


class SlippageHistory:
    """Estimates the slippage of the next entry in a symbol by the median of the last ones."""

    def __init__(self) -> None:
        self._latest: dict[str, deque[Decimal]] = {}
        self._ranked: dict[str, list[Decimal]] = {}  #: the same, smallest first

    def add(self, symbol: str, bps: Decimal) -> None:
        """Add the slippage of a market entry in basis points; negative if it filled better."""
        latest = self._latest.setdefault(symbol, deque())
        ranked = self._ranked.setdefault(symbol, [])
        latest.append(bps)
        insort(ranked, bps)
        if len(latest) > _MAX_SAMPLES:
            ranked.remove(latest.popleft())

    def restore(self, entries: Iterable[tuple[str, Decimal]]) -> None:
        """Add ``(symbol, bps)`` pairs, oldest first."""
        for symbol, bps in entries:
            self.add(symbol, bps)

    def expected_bps(self, symbol: str) -> Decimal:
        """Return the median, at least zero; zero with fewer than five entries."""
        ranked = self._ranked.get(symbol, ())
        if len(ranked) < _MIN_SAMPLES:
            return ZERO
        half, remainder = divmod(len(ranked), 2)
        median = ranked[half] if remainder else (ranked[half - 1] + ranked[half]) / 2
        return max(ZERO, median)
