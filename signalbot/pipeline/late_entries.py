"""Entries that ended without a word of the exchange: they may still appear there for a while.

Their absence was proven by what the exchange showed, and lists may be later than the file allows
for. So an account with such an entry is not flat for sure: it is compared often, and the entry is
looked for by its id, until it can no longer appear.
"""

from typing import Final

from signalbot.domain.orders import ClientOrderId, Order
from signalbot.domain.timeframe import Ms

APPEARS_WITHIN_MS: Final = 900_000
"""After its end; many times the lag that any exchange has shown."""


class LateEntries:
    """The entries of one account that may still appear."""

    def __init__(self) -> None:
        self._expected: dict[ClientOrderId, tuple[str, Ms]] = {}

    def expect(self, order: Order) -> None:
        """Look for an entry that is over as far as is known, counted from its last change."""
        until_ms = Ms(order.updated_at_ms + APPEARS_WITHIN_MS)
        self._expected[order.client_order_id] = (order.request.symbol, until_ms)

    def settled(self, client_order_id: ClientOrderId) -> None:
        """The exchange has said what became of it."""
        self._expected.pop(client_order_id, None)

    def is_expected(self, client_order_id: ClientOrderId) -> bool:
        return client_order_id in self._expected

    def symbols(self, now_ms: Ms) -> list[str]:
        """Where one may still appear; what no longer may is forgotten."""
        over = [key for key, (_, until_ms) in self._expected.items() if until_ms <= now_ms]
        for key in over:
            del self._expected[key]
        return sorted({symbol for symbol, _ in self._expected.values()})
