"""Tracks entries that ended without a report of the exchange and may still appear there.

Their absence was proven by what the exchange listed, and lists may lag more than its adapter
assumes. An account with such an entry may not be flat: it is compared often, and the entry is
looked up by its id, until it can no longer appear.
"""

from typing import Final

from signalbot.domain.orders import ClientOrderId, Order
from signalbot.domain.timeframe import Ms

APPEARS_WITHIN_MS: Final = 900_000
"""Time after its end; many times the visibility lag measured at any exchange."""


class LateEntries:
    """The entries of one account that may still appear."""

    def __init__(self) -> None:
        self._expected: dict[ClientOrderId, tuple[str, Ms]] = {}

    def expect(self, order: Order) -> None:
        """Expect an ended entry for ``APPEARS_WITHIN_MS`` after its last change."""
        until_ms = Ms(order.updated_at_ms + APPEARS_WITHIN_MS)
        self._expected[order.client_order_id] = (order.request.symbol, until_ms)

    def discard(self, client_order_id: ClientOrderId) -> None:
        """Expect an entry no longer: the exchange has reported its outcome."""
        self._expected.pop(client_order_id, None)

    def is_expected(self, client_order_id: ClientOrderId) -> bool:
        """Whether the entry may still appear."""
        return client_order_id in self._expected

    def symbols(self, now_ms: Ms) -> list[str]:
        """Return the symbols where one may still appear, after forgetting the expired ones."""
        expired = [key for key, (_, until_ms) in self._expected.items() if until_ms <= now_ms]
        for key in expired:
            del self._expected[key]
        return sorted({symbol for symbol, _ in self._expected.values()})
