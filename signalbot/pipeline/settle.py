"""Settles an entry: books whatever the exchange says of it, protects what was filled, logs it.

A report may come from the submit itself, from the event stream, from a cancel or from a look-up
after a crash; all of them end here.
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
from signalbot.pipeline.entry_orders import Entry, EntryOrders
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.unresolved import UnresolvedOrders
from signalbot.ports import Clock
from signalbot.tasks import Alarms

log = structlog.get_logger()


class Settler:
    def __init__(
        self,
        *,
        executions: Executions,
        trades: Trades,
        entries: EntryOrders,
        protector: Protector,
        unresolved: UnresolvedOrders,
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        self._executions = executions
        self._trades = trades
        self._entries = entries
        self._protector = protector
        self._unresolved = unresolved
        self._alarms = alarms
        self._clock = clock

    async def settle(
        self, account: Account, entry: Entry, order: Order, report: OrderReport
    ) -> None:
        """Book ``report`` of an entry order. The symbol's lock is held; repeating is harmless."""
        symbol = order.request.symbol
        account.in_doubt.discard(symbol)
        account.absences.seen(order.client_order_id)
        if report.filled:
            await self._settle_fill(account, entry, order, report)
        elif report.status.is_live:
            await self._rest(account, entry, order.apply(report))
        else:
            await self._entries.not_filled(account, entry, order, report)

    async def _settle_fill(
        self, account: Account, entry: Entry, order: Order, report: OrderReport
    ) -> None:
        recorded, outcome = await self._entries.book(account, entry, order, report)
        position = recorded.position
        if position is not None and recorded.reopened is not None:
            await self._sell_late(account, order, recorded.reopened)
        else:
            await self._protector.protect(account, order.request.symbol)
        if report.status.is_live:
            self.watch_limit(account, entry.signal.strategy, order)
        else:
            if outcome.slippage_bps is not None and order.request.type is OrderType.MARKET:
                account.slippage.learn(order.request.symbol, outcome.slippage_bps)
            self._entries.log_settled(
                account, entry.signal, outcome, asked=order.request.quantity
            )  # fmt: skip

    async def _sell_late(self, account: Account, order: Order, reason: CloseReason) -> None:
        """What filled after its position was closed is not wanted any more: it is sold at once."""
        position = account.positions.get(order.request.symbol)
        if position is None:
            return
        orders = await self._trades.orders_of_position(position.position_id)
        account.recount(position.position_id, orders)
        log.warning(
            "entry.filled_late",
            user_id=account.user_id,
            symbol=order.request.symbol,
            position_id=position.position_id,
            quantity=text(position.quantity),
        )
        await self._protector.close(account, position, reason)

    async def doubt(self, account: Account, entry: Entry, order: Order, *, cause: str) -> None:
        """No trustworthy answer: the order may be live. Entries in this symbol wait."""
        account.in_doubt.add(order.request.symbol)
        unknown = replace(order, status=OrderStatus.UNKNOWN, error=cause)
        account.keep(unknown)
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
        self._unresolved.add(account, unknown)

    async def _rest(self, account: Account, entry: Entry, resting: Order) -> None:
        account.keep(resting)
        await self._trades.save_order(resting)
        log.info(
            "order.resting",
            user_id=account.user_id,
            signal_id=entry.signal.signal_id,
            symbol=resting.request.symbol,
            price=text(resting.request.price or resting.request.quantity),
        )
        self.watch_limit(account, entry.signal.strategy, resting)

    def watch_limit(self, account: Account, strategy: str, order: Order) -> None:
        """Cancel a resting entry once the user's timeout has passed."""
        timeout_ms = account.rules(strategy).entry.timeout_ms
        deadline_ms = Ms(order.request.intended_at_ms + timeout_ms)
        self._alarms.at(deadline_ms, lambda: self._end_limit(account, order))

    async def _end_limit(self, account: Account, order: Order) -> None:
        symbol = order.request.symbol
        async with account.lock(symbol):
            current = account.working.get(symbol, {}).get(order.client_order_id)
            if current is not None:
                await self.withdraw(account, current)

    async def withdraw(self, account: Account, order: Order) -> None:
        """Cancel a resting entry and settle what it came to. The symbol's lock is held."""
        report = await self._entries.cancel(account, order)
        if report is not None:
            entry = await self._entries.load(account, order)
            await self.settle(account, entry, order, report)
