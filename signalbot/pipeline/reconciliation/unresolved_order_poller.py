"""Polls orders with an unknown outcome until they are resolved."""

from collections.abc import Awaitable, Callable

import structlog

from signalbot.domain.orders import ClientOrderId, Order, OrderStatus
from signalbot.domain.timeframe import Ms
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock
from signalbot.tasks import Timers

log = structlog.get_logger()

LOOKUP_DELAYS_MS = (
    500, 500, 1_000, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 15_000, 15_000, 15_000, 30_000,
    60_000, 120_000, 300_000,
)  # fmt: skip

ResolveOrder = Callable[[Account, Order], Awaitable[None]]
"""Resolves one order; the symbol's lock is held."""


class UnresolvedOrderPoller:
    """Looks up orders with an unknown outcome within seconds, then at growing intervals.

    Comparisons would resolve them too, but too late for a position without a stop.
    """

    def __init__(
        self,
        settle: ResolveOrder,
        unresolved_orders: UnresolvedOrderQueue,
        trading_state: TradingState,
        timers: Timers,
        clock: Clock,
    ) -> None:
        self._settle = settle
        self._unresolved_orders = unresolved_orders
        self._trading_state = trading_state
        self._timers = timers
        self._clock = clock
        self._watched: set[ClientOrderId] = set()

    async def run(self) -> None:
        """Poll every order from the queue until it is resolved; runs until cancelled."""
        async for account, order in self._unresolved_orders.queue:
            if order.client_order_id not in self._watched:
                self._watched.add(order.client_order_id)
                self._look_up_after_delay(account, order, tries=0)

    def _look_up_after_delay(self, account: Account, order: Order, *, tries: int) -> None:
        at_ms = Ms(self._clock.now_ms() + LOOKUP_DELAYS_MS[tries])
        self._timers.at(at_ms, lambda: self._look_up(account, order, tries=tries))

    async def _look_up(self, account: Account, order: Order, *, tries: int) -> None:
        symbol = order.request.symbol
        async with self._trading_state.halt_on_error(account, "look-up"), account.lock(symbol):
            if (current := _still_unresolved(account, order)) is not None:
                await self._settle(account, current)
        if _still_unresolved(account, order) is None:
            self._watched.discard(order.client_order_id)
        elif tries + 1 < len(LOOKUP_DELAYS_MS):
            self._look_up_after_delay(account, order, tries=tries + 1)
        else:
            self._watched.discard(order.client_order_id)
            log.error(
                "order.unresolved",
                user_id=account.user_id,
                symbol=symbol,
                client_order_id=order.client_order_id,
            )


def _still_unresolved(account: Account, order: Order) -> Order | None:
    """Return the current order if its outcome is still unknown."""
    current = account.working_orders.get(order.request.symbol, {}).get(order.client_order_id)
    unknown = (OrderStatus.UNKNOWN, OrderStatus.INTENDED)
    return current if current is not None and current.status in unknown else None
