"""Settles an entry: books the exchange's report, protects what was filled, logs the result.

Reports from submits, the order stream, cancels and look-ups after a crash are all settled here.
"""

from dataclasses import replace

import structlog

from signalbot.domain.money import text
from signalbot.domain.orders import Order, OrderReport, OrderStatus, OrderType
from signalbot.domain.positions import CloseReason
from signalbot.domain.timeframe import Ms
from signalbot.ledger.executions import Executions
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.entry_orders import EntryOrders, PendingEntry, log_executed
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.protection import Protector
from signalbot.ports import Clock
from signalbot.tasks import Timers

log = structlog.get_logger()


class EntrySettler:
    """Applies reports of entry orders to ledger, account and protection."""

    def __init__(
        self,
        *,
        executions: Executions,
        trades: Trades,
        entry_orders: EntryOrders,
        protector: Protector,
        unresolved_orders: UnresolvedOrderQueue,
        timers: Timers,
        clock: Clock,
    ) -> None:
        self._executions = executions
        self._trades = trades
        self._entry_orders = entry_orders
        self._protector = protector
        self._unresolved_orders = unresolved_orders
        self._timers = timers
        self._clock = clock

    async def settle(
        self, account: Account, entry: PendingEntry, order: Order, report: OrderReport
    ) -> None:
        """Book ``report`` of an entry order. The symbol's lock is held; repeating is harmless."""
        symbol = order.request.symbol
        account.resolve_symbol(symbol)
        account.absences.record_seen(order.client_order_id)
        if report.filled:
            await self._settle_fill(account, entry, order, report)
        elif report.status.is_live:
            await self._track_open_entry(account, entry, order, report)
        else:
            await self._entry_orders.fail_unfilled(account, entry, order, report)

    async def _settle_fill(
        self, account: Account, entry: PendingEntry, order: Order, report: OrderReport
    ) -> None:
        recorded, outcome = await self._entry_orders.book(account, entry, order, report)
        position = recorded.position
        if position is not None and recorded.reopened is not None:
            await self._close_late_fill(account, order, recorded.reopened)
        else:
            await self._protector.protect(account, order.request.symbol)
        if report.status.is_live:
            self.schedule_timeout(account, entry.signal.strategy, order)
        else:
            if outcome.slippage_bps is not None and order.request.type is OrderType.MARKET:
                account.slippage.add(order.request.symbol, outcome.slippage_bps)
            log_executed(
                account, entry.signal, outcome, requested=order.request.quantity
            )  # fmt: skip

    async def _close_late_fill(self, account: Account, order: Order, reason: CloseReason) -> None:
        """Close at once what an entry filled after its position had been closed."""
        position = account.positions.get(order.request.symbol)
        if position is None:
            return
        orders = await self._trades.orders_of_position(position.position_id)
        account.reset_attempts(position.position_id, orders)
        log.warning(
            "entry.filled_late",
            user_id=account.user_id,
            symbol=order.request.symbol,
            position_id=position.position_id,
            quantity=text(position.quantity),
        )
        await self._protector.close(account, position, reason)

    async def mark_unknown(
        self, account: Account, entry: PendingEntry, order: Order, *, cause: str
    ) -> None:
        """Record that the submit's outcome is unknown; block entries in the symbol until then."""
        account.mark_unresolved(order.request.symbol)
        unknown = replace(order, status=OrderStatus.UNKNOWN, error=cause)
        account.track_order(unknown)
        await self._trades.save_order(unknown)
        await self._executions.mark_unknown(
            entry.signal.signal_id, account.user_id, details=cause
        )  # fmt: skip
        log.warning(
            "order.outcome_unknown",
            user_id=account.user_id,
            signal_id=entry.signal.signal_id,
            client_order_id=order.client_order_id,
            cause=cause,
        )
        self._unresolved_orders.add(account, unknown)

    async def _track_open_entry(
        self, account: Account, entry: PendingEntry, order: Order, report: OrderReport
    ) -> None:
        """Record an entry that rests; it is logged when it is first seen to."""
        open_entry = order.apply(report)
        account.track_order(open_entry)
        await self._trades.save_order(open_entry)
        if not order.status.is_live:
            log.info(
                "order.placed",
                user_id=account.user_id,
                signal_id=entry.signal.signal_id,
                symbol=open_entry.request.symbol,
                price=text(open_entry.request.price or open_entry.request.quantity),
            )
        self.schedule_timeout(account, entry.signal.strategy, open_entry)

    def schedule_timeout(self, account: Account, strategy: str, order: Order) -> None:
        """Cancel an open entry once the user's timeout has passed."""
        timeout_ms = account.settings_for(strategy).entry.timeout_ms
        deadline_ms = Ms(order.request.intended_at_ms + timeout_ms)
        self._timers.at(deadline_ms, lambda: self._cancel_timed_out(account, order))

    async def _cancel_timed_out(self, account: Account, order: Order) -> None:
        symbol = order.request.symbol
        async with account.lock(symbol):
            current = account.working_orders.get(symbol, {}).get(order.client_order_id)
            if current is not None:
                await self.cancel_and_book(account, current)

    async def cancel_and_book(self, account: Account, order: Order) -> None:
        """Cancel an open entry and settle the result. The symbol's lock is held."""
        report = await self._entry_orders.cancel(account, order)
        if report is not None:
            entry = await self._entry_orders.load(account, order)
            await self.settle(account, entry, order, report)
