"""Handles an account's order stream: entries, fills, targets, stops, liquidations."""

from dataclasses import replace

import structlog

from signalbot.domain.orders import (
    Leg,
    Order,
    OrderReport,
    OrderStatus,
)
from signalbot.domain.users import UserStatus
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.reconciliation.external_changes import (
    external_exit_request,
    forced_close_reason,
    log_external_close,
)
from signalbot.pipeline.trading_state import TradingState
from signalbot.tasks import crash_point

log = structlog.get_logger()


class OrderEventHandler:
    """Books order reports and adjusts the protection of the positions they change."""

    def __init__(
        self,
        *,
        trades: Trades,
        fill_booker: FillBooker,
        entry_orders: EntryOrders,
        entry_settler: EntrySettler,
        protector: Protector,
        position_closer: PositionCloser,
        trading_state: TradingState,
    ) -> None:
        self._trades = trades
        self._fill_booker = fill_booker
        self._entry_orders = entry_orders
        self._entry_settler = entry_settler
        self._protector = protector
        self._position_closer = position_closer
        self._trading_state = trading_state

    async def run(self, account: Account) -> None:
        """Handle an account's order events until cancelled; an error halts this user alone."""
        async for report in account.trading_broker.events():
            async with (
                self._trading_state.halt_on_error(account, "order stream"),
                account.lock(report.symbol),
            ):
                await self.handle_report(account, report)

    async def handle_report(self, account: Account, report: OrderReport) -> None:
        """Book one report and adjust the position's protection. The symbol's lock is held."""
        order = await self._order(account, report)
        if order is None:
            self._log_foreign(account, report)
            return
        if order.status.is_final and report.filled <= order.filled:
            return
        if report.status is OrderStatus.UNKNOWN:
            await self._mark_missing(account, order, report)
            return
        account.absences.record_seen(order.client_order_id)
        if order.request.leg is Leg.ENTRY:
            entry = await self._entry_orders.load(account, order)
            await self._entry_settler.settle(account, entry, order, report)
            return
        recorded = await self._fill_booker.book(account, order, report)
        crash_point(f"{order.request.leg}.recorded")
        if recorded.position is None or (not recorded.moved and not report.status.is_final):
            return
        is_target = order.request.leg is Leg.TAKE_PROFIT
        if is_target and recorded.order.status is OrderStatus.CANCELLED:
            await self._protector.take_profits.renew(account, recorded.order)
        if not recorded.position.is_open:
            await self._position_closer.cancel_protection(account, recorded.position)
            return
        if order.request.leg is Leg.EXIT and recorded.order.status.is_final:
            await self._protector.finish_close(account, report.symbol)
        await self._protector.protect(account, report.symbol)

    async def _mark_missing(self, account: Account, order: Order, report: OrderReport) -> None:
        """Mark a live stop or target that the exchange no longer lists UNKNOWN, and protect."""
        if order.request.leg is Leg.ENTRY or not order.status.is_live:
            return
        log.warning(
            "order.visibility_timed_out",
            user_id=account.user_id,
            symbol=report.symbol,
            leg=order.request.leg.value,
            client_order_id=order.client_order_id,
        )
        missing = replace(
            order,
            status=OrderStatus.UNKNOWN,
            error=report.error,
            updated_at_ms=report.updated_at_ms,
        )
        account.track_order(missing)
        await self._trades.save_order(missing)
        await self._protector.protect(account, report.symbol)

    async def _order(self, account: Account, report: OrderReport) -> Order | None:
        tracked = account.working_orders.get(report.symbol, {}).get(report.client_order_id)
        if tracked is not None:
            return tracked
        stored = await self._trades.order(report.client_order_id)
        if stored is not None or not any(fill.forced for fill in report.fills):
            return stored
        return await self._adopt_forced(account, report)

    async def _adopt_forced(self, account: Account, report: OrderReport) -> Order | None:
        """Store the exchange's own order that closed a position, or a part of it, as an exit."""
        position = account.positions.get(report.symbol)
        if position is None:
            return None
        fill = report.fills[0]
        request = external_exit_request(position, report.client_order_id, fill, report.filled)
        forced = replace(position, close_reason=forced_close_reason(fill.forced))
        await self._trades.intend([request], forced)
        account.update_position(forced)
        log_external_close(account, report.symbol, fill.forced)
        if fill.is_liquidation:
            why = f"the position in {report.symbol} was liquidated"
            await self._trading_state.set_user_status(account, UserStatus.HALTED, reason=why)
        return Order(request=request)

    def _log_foreign(self, account: Account, report: OrderReport) -> None:
        log.warning(
            "order.foreign_found",
            user_id=account.user_id,
            symbol=report.symbol,
            client_order_id=report.client_order_id,
            status=report.status.value,
        )
