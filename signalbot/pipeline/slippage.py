"""What an account's market entries cost of late against the price their signals saw."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from statistics import median

from signalbot.domain.money import ZERO

_KEPT = 20  # entries of one symbol that count
_FEWEST = 5  # less than that tells nothing


class SlippageHistory:
    """The median of the last entries in each symbol: what the next one is expected to cost."""

    def __init__(self) -> None:
        self._latest: dict[str, deque[Decimal]] = {}
        self._expected: dict[str, Decimal] = {}

    def learn(self, symbol: str, bps: Decimal) -> None:
        """Add what an entry at market cost, in basis points; negative where it filled better."""
        latest = self._latest.setdefault(symbol, deque(maxlen=_KEPT))
        latest.append(bps)
        if len(latest) >= _FEWEST:
            self._expected[symbol] = max(ZERO, median(latest))

    def restore(self, entries: Iterable[tuple[str, Decimal]]) -> None:
        """Learn from ``(symbol, bps)`` pairs, oldest first."""
        for symbol, bps in entries:
            self.learn(symbol, bps)

    def expected_bps(self, symbol: str) -> Decimal:
        """Never below zero; zero while too few entries are known."""
        return self._expected.get(symbol, ZERO)
