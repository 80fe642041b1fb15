"""Resolves unfinished orders by look-ups, and books what these find."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderReport
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.reconciliation.missing_orders import MissingOrderHandler
from signalbot.pipeline.reconciliation.order_events import OrderEventHandler
from signalbot.tasks import crash_point

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _LookupResult:
    """One complete look-up of an order."""

    report: OrderReport | None  #: None: it is not listed

    @property
    def filled_ms(self) -> Ms:
        """Time of its last fill, else of the report."""
        if self.report is None:
            return EPOCH
        fills = (fill.filled_at_ms for fill in self.report.fills)
        return max(fills, default=self.report.updated_at_ms)


class OrderRecovery:
    """Looks up unfinished orders and applies the results; never sends what may exist already."""

    def __init__(
        self,
        *,
        entry_orders: EntryOrders,
        entry_settler: EntrySettler,
        order_events: OrderEventHandler,
        missing_orders: MissingOrderHandler,
        protector: Protector,
        unresolved_orders: UnresolvedOrderQueue,
    ) -> None:
        self._entry_orders = entry_orders
        self._entry_settler = entry_settler
        self._order_events = order_events
        self._missing_orders = missing_orders
        self._protector = protector
        self._unresolved_orders = unresolved_orders

    async def resolve_all(
        self, account: Account, symbol: str, open_orders: Mapping[ClientOrderId, OrderReport]
    ) -> None:
        """Resolve every unfinished order of a symbol. The symbol's lock is held.

        Entries come first. Closing orders are booked in the order of their fills: the last one
        determines the position's close reason.
        """
        orders = list(account.working_orders.get(symbol, {}).values())
        for order in (each for each in orders if each.request.leg is Leg.ENTRY):
            await self._resolve_if_open(account, order, open_orders.get(order.client_order_id))
        results: list[tuple[Order, _LookupResult]] = []
        for order in (each for each in orders if each.request.leg is not Leg.ENTRY):
            result = await self._look_up(account, order, open_orders.get(order.client_order_id))
            if result is not None:
                results.append((order, result))
        for order, result in sorted(results, key=_by_fill_time):
            if order.client_order_id in account.working_orders[symbol]:
                await self._apply_result(account, order, result)
                crash_point("reconcile.order")

    async def _resolve_if_open(
        self, account: Account, order: Order, report: OrderReport | None
    ) -> None:
        if order.client_order_id in account.working_orders[order.request.symbol]:
            await self.settle(account, order, report)
            crash_point("reconcile.order")

    async def settle(
        self, account: Account, order: Order, report: OrderReport | None = None
    ) -> None:
        """Resolve one unfinished order by ``report``, else by a look-up.

        The symbol's lock is held. The order stays unchanged if its outcome is still unknown.
        """
        result = await self._look_up(account, order, report)
        if result is not None:
            await self._apply_result(account, order, result)

    async def _look_up(
        self, account: Account, order: Order, report: OrderReport | None
    ) -> _LookupResult | None:
        """Look an order up; None if the look-up was not complete."""
        try:
            return _LookupResult(report or await account.trading_broker.lookup(order))
        except (OrderOutcomeUnknown, Unavailable) as e:
            self._unresolved_orders.retry_later(account, order, cause=str(e), error=e)
            return None

    async def _apply_result(self, account: Account, order: Order, result: _LookupResult) -> None:
        if result.report is not None:
            account.absences.record_seen(order.client_order_id)
            await self._order_events.handle_report(account, result.report)
            account.resolve_symbol(order.request.symbol)
            await self._restore_entry_timeout(account, order)
        else:
            await self._missing_orders.handle(account, order)

    async def resolve_and_protect(self, account: Account, order: Order) -> None:
        """Resolve one order, then adjust its position. The symbol's lock is held."""
        await self.settle(account, order)
        if order.request.leg is not Leg.ENTRY:
            await self._protector.finish_close(account, order.request.symbol)
            await self._protector.protect(account, order.request.symbol)

    async def _restore_entry_timeout(self, account: Account, order: Order) -> None:
        """Schedule the timeout of an entry that is still open."""
        current = account.working_orders.get(order.request.symbol, {}).get(order.client_order_id)
        if current is not None and current.request.leg is Leg.ENTRY:
            entry = await self._entry_orders.load(account, current)
            self._entry_settler.schedule_timeout(account, entry.signal.strategy, current)


def _by_fill_time(each: tuple[Order, _LookupResult]) -> tuple[Ms, bool]:
    """Sort by last fill; of two in one millisecond the target first, as it closes only a part."""
    order, result = each
    return result.filled_ms, order.request.leg is not Leg.TAKE_PROFIT
