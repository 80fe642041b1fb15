"""Entry orders after submission: loads, books, cancels and fails them.

A close ends a position's entries first: one that still fills would reopen the position.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from signalbot.decision.rebase import rebased
from signalbot.domain.codes import Code
from signalbot.domain.errors import LedgerError, OrderOutcomeUnknown, Unavailable
from signalbot.domain.executions import Execution, ExecutionStatus, slippage_bps
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.money import text
from signalbot.domain.orders import Leg, Order, OrderReport, OrderRequest, OrderStatus
from signalbot.domain.positions import Position
from signalbot.domain.signals import Signal
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.booking import BookedReport, FillBooker, RebasedLevels
from signalbot.pipeline.orders.order_intents import EntryIntents, restore_intents
from signalbot.pipeline.orders.order_placement import mark_unsent
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.ports import Clock
from signalbot.tasks import crash_point

log = structlog.get_logger()

_CANCEL_TIMEOUT_S = 5.0  # longest wait of a close for a cancel


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEntry:
    """A claimed entry: its signal, execution and order intents."""

    signal: Signal
    execution: Execution
    intents: EntryIntents


class EntryOrders:
    """Books, cancels and fails entry orders together with their executions."""

    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        fill_booker: FillBooker,
        unresolved_orders: UnresolvedOrderQueue,
        clock: Clock,
    ) -> None:
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._fill_booker = fill_booker
        self._unresolved_orders = unresolved_orders
        self._clock = clock

    async def load(self, account: Account, order: Order) -> PendingEntry:
        """Load the entry an order belongs to from the ledger.

        Raises:
            LedgerError: the order is in the ledger without its signal or execution.
        """
        signal_id = order.request.signal_id
        if signal_id is not None:
            signal = await self._signals.signal(signal_id)
            execution = await self._executions.execution(signal_id, account.user_id)
            orders = await self._trades.orders_of_signal(signal_id, account.user_id)
            if signal is not None and execution is not None:
                rules = account.settings_for(signal.strategy).protection
                intents = restore_intents(signal, account.user, orders, rules)
                return PendingEntry(signal=signal, execution=execution, intents=intents)
        raise LedgerError(f"order {order.client_order_id} has no signal or execution")

    async def book(
        self, account: Account, entry: PendingEntry, order: Order, report: OrderReport
    ) -> tuple[BookedReport, Execution]:
        """Book an entry's fills together with the state of its execution."""
        outcome = self._outcome(entry, report)
        opened_at_ms = report.fills[0].filled_at_ms if report.fills else report.updated_at_ms
        planned = replace(entry.intents.position, opened_at_ms=opened_at_ms)
        levels = (
            _rebased_levels(account, entry, planned, report) if report.status.is_final else None
        )
        recorded = await self._fill_booker.book(
            account, order, report, opens=planned, execution=outcome, levels=levels
        )
        crash_point("entry.recorded")
        return recorded, outcome

    async def fail(
        self, account: Account, entry: PendingEntry, order: Order, *, reason: Code, error: str
    ) -> None:
        """Fail an entry without fills: mark its execution failed, drop its planned protection."""
        account.track_order(order)
        if isinstance(reason, FailureCode) and _may_appear(account, order):
            account.late_entries.expect(order)
        await self._drop_protection(account, order, entry.intents)
        crash_point("entry.dropped")
        await self._executions.mark_failed(
            entry.signal.signal_id,
            account.user_id,
            reason=reason,
            details=error,
            now_ms=self._clock.now_ms(),
        )
        log.warning(
            "execution.failed",
            user_id=account.user_id,
            signal_id=entry.signal.signal_id,
            symbol=entry.signal.symbol,
            reason=reason.value,
            error=error,
        )

    async def fail_unfilled(
        self, account: Account, entry: PendingEntry, order: Order, report: OrderReport
    ) -> None:
        """Fail an entry that the exchange reports as ended without a fill."""
        after = order.apply(report)
        error = report.error or f"the exchange reports it {report.status}, nothing filled"
        await self.fail(account, entry, after, reason=FailureCode.NOT_FILLED, error=error)

    async def end_entries(self, account: Account, position: Position) -> None:
        """Cancel every entry of a position and book the result. The symbol's lock is held.

        One with an unknown result is looked up later, and what it fills late is closed.
        """
        for order in account.orders_of(position):
            if order.request.leg is not Leg.ENTRY:
                continue
            report = await self._cancel_in_time(account, order)
            if report is None:
                continue
            entry = await self.load(account, order)
            if report.filled:
                _, outcome = await self.book(account, entry, order, report)
                log_executed(account, entry.signal, outcome, requested=order.request.quantity)
            else:
                await self.fail_unfilled(account, entry, order, report)

    async def cancel(self, account: Account, order: Order) -> OrderReport | None:
        """Cancel an entry and return the report; None if unknown, then it is looked up later."""
        try:
            return await account.trading_broker.cancel(order)
        except (OrderOutcomeUnknown, Unavailable) as e:
            account.mark_unresolved(order.request.symbol)
            log.warning("order.cancel_unconfirmed", user_id=account.user_id, cause=str(e))
            self._unresolved_orders.add(account, order)
            return None

    async def _cancel_in_time(self, account: Account, order: Order) -> OrderReport | None:
        try:
            async with asyncio.timeout(_CANCEL_TIMEOUT_S):
                return await self.cancel(account, order)
        except TimeoutError:
            account.mark_unresolved(order.request.symbol)
            self._unresolved_orders.add(account, order)
            log.warning(
                "order.cancel_unconfirmed", user_id=account.user_id, cause="no response in time"
            )
            return None

    def _outcome(self, entry: PendingEntry, report: OrderReport) -> Execution:
        is_complete = report.filled == entry.intents.entry.quantity
        executed_at_ms = self._clock.now_ms()
        price = report.average_price
        return replace(
            entry.execution,
            status=ExecutionStatus.EXECUTED if is_complete else ExecutionStatus.PARTIAL,
            executed_at_ms=executed_at_ms,
            actual_entry_price=price,
            quantity=report.filled,
            order_id=report.exchange_order_id,
            slippage_bps=signal_slippage_bps(entry.signal, price),
            latency_ms=executed_at_ms - entry.signal.created_at_ms,
            failed_at_ms=None,
            failure_reason=None if is_complete else FailureCode.PARTIAL_FILL,
            error_details=None,
        )

    async def _drop_protection(self, account: Account, order: Order, intents: EntryIntents) -> None:
        """Mark the protection of an unfilled entry as never sent, together with the entry."""
        dropped = [
            mark_unsent(Order(request=request), "the entry did not fill", self._clock)
            for request in intents.protection
        ]
        for each in dropped:
            account.track_order(each)
        await self._trades.save_orders([order, *dropped])


def log_executed(
    account: Account, signal: Signal, outcome: Execution, *, requested: Decimal
) -> None:
    """Log one line that sums up an execution."""
    position = account.positions.get(signal.symbol)
    log.info(
        "execution.executed",
        user_id=account.user_id,
        signal_id=signal.signal_id,
        symbol=signal.symbol,
        action=signal.action.value,
        status=outcome.status.value,
        asked=text(requested),
        filled=text(outcome.quantity or Decimal(0)),
        price=None if outcome.actual_entry_price is None else text(outcome.actual_entry_price),
        slippage_bps=None if outcome.slippage_bps is None else text(outcome.slippage_bps),
        latency_ms=outcome.latency_ms,
        stop=text(position.stop_loss) if position and position.stop_loss else None,
        targets=_prices(aim.price for aim in position.take_profits) if position else None,
    )


def signal_slippage_bps(signal: Signal, price: Decimal | None) -> Decimal | None:
    """Return the slippage in basis points of the signal's price; None without either price."""
    if signal.price is None or price is None:
        return None
    return slippage_bps(action=signal.action, requested=signal.price, filled=price)


def _may_appear(account: Account, order: Order) -> bool:
    """Whether an entry ended without a report of the exchange, which may list it late."""
    is_unconfirmed = order.status is OrderStatus.CANCELLED and order.exchange_order_id is None
    return is_unconfirmed and account.trading_broker.visibility_lag_ms > 0


def _prices(prices: Iterable[Decimal]) -> str:
    return " ".join(text(price) for price in prices)


def _rebased_levels(
    account: Account, entry: PendingEntry, planned: Position, report: OrderReport
) -> RebasedLevels | None:
    """Return stop and targets for the entry's fill price; None if they stay as planned.

    A stop that was attached to its entry is moved later, at the exchange.
    """
    request, signal = entry.intents.entry, entry.signal
    if request.decided_price is None or report.average_price is None:
        return None
    held = account.positions.get(request.symbol)
    before = held if held is not None and held.position_id == planned.position_id else planned
    after = rebased(
        before,
        decided=request.decided_price,
        filled=report.average_price,
        signal=signal,
        rules=account.settings_for(signal.strategy).protection,
        instrument=account.market.instrument(request.symbol),
    )
    if after is before:
        return None
    return RebasedLevels(position=after, orders=_rebased_orders(account, before, after))


def _rebased_orders(
    account: Account, before: Position, after: Position
) -> tuple[OrderRequest, ...]:
    """Return the unsent stop and targets of a position at their rebased prices."""
    triggers = {
        old.price: new.price
        for old, new in zip(before.take_profits, after.take_profits, strict=True)
    }
    attaches_stops = account.trading_broker.attaches_stops(before.symbol)
    moved = []
    for order in account.orders_of(before):
        if order.status is not OrderStatus.INTENDED or order.request.trigger_price is None:
            continue
        trigger = None
        if order.request.leg is Leg.TAKE_PROFIT:
            trigger = triggers.get(order.request.trigger_price)
        elif order.request.leg is Leg.STOP_LOSS and not attaches_stops:
            trigger = after.stop_loss
        if trigger is not None:
            moved.append(replace(order.request, trigger_price=trigger))
    return tuple(moved)
