"""Follows one account's orders after they were sent: fills, targets, stops, liquidation."""

from dataclasses import replace

import structlog

from signalbot.domain.orders import (
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
)
from signalbot.domain.users import UserStatus
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.close import Closer
from signalbot.pipeline.entry_orders import EntryOrders
from signalbot.pipeline.external_changes import forced_reason, tell_outside
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.record import Recorder
from signalbot.pipeline.settle import Settler
from signalbot.tasks import crash_point

log = structlog.get_logger()


class Follower:
    def __init__(
        self,
        *,
        trades: Trades,
        recorder: Recorder,
        entries: EntryOrders,
        settler: Settler,
        protector: Protector,
        closer: Closer,
        halts: Halts,
    ) -> None:
        self._trades = trades
        self._recorder = recorder
        self._entries = entries
        self._settler = settler
        self._protector = protector
        self._closer = closer
        self._halts = halts

    async def run(self, account: Account) -> None:
        """Take in an account's order events until cancelled; a bug halts this user alone."""
        async for report in account.trading.events():
            async with (
                self._halts.containing_bugs(account, "follower"),
                account.lock(report.symbol),
            ):
                await self.absorb(account, report)

    async def absorb(self, account: Account, report: OrderReport) -> None:
        """Book one report and bring the position's protection in step. The lock is held."""
        order = await self._order(account, report)
        if order is None:
            self._tell_foreign(account, report)
            return
        if order.status.is_final and report.filled <= order.filled:
            return
        if report.status is OrderStatus.UNKNOWN:
            await self._miss(account, order, report)
            return
        account.absences.seen(order.client_order_id)
        if order.request.leg is Leg.ENTRY:
            entry = await self._entries.load(account, order)
            await self._settler.settle(account, entry, order, report)
            return
        recorded = await self._recorder.record(account, order, report)
        crash_point(f"{order.request.leg}.recorded")
        if recorded.position is None or (not recorded.moved and not report.status.is_final):
            return
        is_target = order.request.leg is Leg.TAKE_PROFIT
        if is_target and recorded.order.status is OrderStatus.CANCELLED:
            await self._protector.targets.renew(account, recorded.order)
        if not recorded.position.is_open:
            await self._closer.release(account, recorded.position)
            return
        if order.request.leg is Leg.EXIT and recorded.order.status.is_final:
            await self._protector.finish_close(account, report.symbol)
        await self._protector.protect(account, report.symbol)

    async def _miss(self, account: Account, order: Order, report: OrderReport) -> None:
        """Look after look does not show a stop or target: another may be needed beside it."""
        if order.request.leg is Leg.ENTRY or not order.status.is_live:
            return
        log.warning(
            "order.not_shown",
            user_id=account.user_id,
            symbol=report.symbol,
            leg=order.request.leg.value,
            client_order_id=order.client_order_id,
        )
        missed = replace(
            order,
            status=OrderStatus.UNKNOWN,
            error=report.error,
            updated_at_ms=report.updated_at_ms,
        )
        account.keep(missed)
        await self._trades.save_order(missed)
        await self._protector.protect(account, report.symbol)

    async def _order(self, account: Account, report: OrderReport) -> Order | None:
        known = account.working.get(report.symbol, {}).get(report.client_order_id)
        if known is not None:
            return known
        stored = await self._trades.order(report.client_order_id)
        if stored is not None or not any(fill.forced for fill in report.fills):
            return stored
        return await self._adopt_forced(account, report)

    async def _adopt_forced(self, account: Account, report: OrderReport) -> Order | None:
        """The exchange closed (a part of) a position itself: its order becomes one of ours."""
        position = account.positions.get(report.symbol)
        if position is None:
            return None
        fill = report.fills[0]
        request = OrderRequest(
            client_order_id=report.client_order_id,
            user_id=account.user_id,
            exchange=position.exchange,
            symbol=report.symbol,
            leg=Leg.EXIT,
            side=fill.side,
            type=OrderType.MARKET,
            quantity=report.filled,
            reduce_only=True,
            leverage=position.leverage,
            signal_id=position.signal_id,
            position_id=position.position_id,
            intended_at_ms=fill.filled_at_ms,
        )
        forced = replace(position, close_reason=forced_reason(fill.forced))
        await self._trades.intend([request], forced)
        account.hold(forced)
        tell_outside(account, report.symbol, fill.forced)
        if fill.is_liquidation:
            why = f"the position in {report.symbol} was liquidated"
            await self._halts.set_status(account, UserStatus.HALTED, reason=why)
        return Order(request=request)

    def _tell_foreign(self, account: Account, report: OrderReport) -> None:
        log.warning(
            "order.foreign",
            user_id=account.user_id,
            symbol=report.symbol,
            client_order_id=report.client_order_id,
            status=report.status.value,
        )
