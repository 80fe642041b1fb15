"""Looks up entries of unknown outcome within seconds, then ever less often, and says when it parks.

Reconciliation would find them too, but a minute is long for a position that may have no stop.
"""

from collections.abc import Awaitable, Callable

import structlog

from signalbot.domain.orders import ClientOrderId, Order, OrderStatus
from signalbot.domain.timeframe import Ms
from signalbot.pipeline.account import Account
from signalbot.pipeline.halt import Halts
from signalbot.ports import Clock
from signalbot.tasks import Alarms

log = structlog.get_logger()

PAUSES_MS = (500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 40_000, 60_000, 120_000, 300_000)

Settle = Callable[[Account, Order], Awaitable[None]]
"""Learns what became of one order; the symbol's lock is held."""


class Doubter:
    def __init__(self, settle: Settle, halts: Halts, alarms: Alarms, clock: Clock) -> None:
        self._settle = settle
        self._halts = halts
        self._alarms = alarms
        self._clock = clock
        self._watched: set[ClientOrderId] = set()

    def look_soon(self, account: Account, order: Order) -> None:
        """Look ``order`` up until it is known; after the last look it waits for the operator."""
        if order.client_order_id not in self._watched:
            self._watched.add(order.client_order_id)
            self._look_after(account, order, tries=0)

    def _look_after(self, account: Account, order: Order, *, tries: int) -> None:
        at_ms = Ms(self._clock.now_ms() + PAUSES_MS[tries])
        self._alarms.at(at_ms, lambda: self._look(account, order, tries=tries))

    async def _look(self, account: Account, order: Order, *, tries: int) -> None:
        symbol = order.request.symbol
        async with self._halts.containing_bugs(account, "look-up"), account.lock(symbol):
            if (current := _in_doubt(account, order)) is not None:
                await self._settle(account, current)
        if _in_doubt(account, order) is None:
            self._watched.discard(order.client_order_id)
        elif tries + 1 < len(PAUSES_MS):
            self._look_after(account, order, tries=tries + 1)
        else:
            self._watched.discard(order.client_order_id)
            log.error(
                "order.parked",
                user_id=account.user_id,
                symbol=symbol,
                client_order_id=order.client_order_id,
            )


def _in_doubt(account: Account, order: Order) -> Order | None:
    """The order as it is now, if nobody knows yet what became of it."""
    current = account.working.get(order.request.symbol, {}).get(order.client_order_id)
    unknown = (OrderStatus.UNKNOWN, OrderStatus.INTENDED)
    return current if current is not None and current.status in unknown else None
