"""Settles a partial exit: stop first, then the targets together with the execution."""

from dataclasses import replace

from signalbot.decision.exits import rescaled_targets
from signalbot.domain.executions import Execution, ExecutionStatus
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.orders import (
    Leg,
    Order,
    OrderType,
)
from signalbot.domain.positions import Position, PositionStatus
from signalbot.domain.signals import Signal, SignalId
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.entry_orders import log_executed, signal_slippage_bps
from signalbot.pipeline.orders.order_intents import closing_request
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.protection import Protector
from signalbot.ports import Clock
from signalbot.tasks import crash_point


class PartialExitSettler:
    """Adjusts a position's protection to a final partial exit, and completes its claim."""

    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        position_closer: PositionCloser,
        protector: Protector,
        clock: Clock,
    ) -> None:
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._position_closer = position_closer
        self._protector = protector
        self._clock = clock

    async def load(
        self, account: Account, signal_id: SignalId | None
    ) -> tuple[Signal, Execution] | None:
        """Load the signal and claim of a partial exit; None if either is missing."""
        signal = None if signal_id is None else await self._signals.signal(signal_id)
        if signal is None:
            return None
        execution = await self._executions.execution(signal.signal_id, account.user_id)
        return None if execution is None else (signal, execution)

    async def settle(
        self, account: Account, signal: Signal, execution: Execution, order: Order
    ) -> None:
        """Adjust the stop, then save the targets together with the execution."""
        crash_point("reduction.recorded")
        await self._protector.protect(account, order.request.symbol)
        if not order.filled:
            await self._executions.mark_failed(
                signal.signal_id,
                account.user_id,
                reason=FailureCode.EXIT_FAILED,
                details=order.error or f"the exit order is {order.status}, nothing filled",
                now_ms=self._clock.now_ms(),
            )
            return
        outcome = self._outcome(signal, execution, order)
        position = account.positions.get(order.request.symbol)
        is_held = position is not None and position.position_id == order.request.position_id
        if position is not None and is_held and position.status is PositionStatus.OPEN:
            await self._rescale(account, position, order, outcome)
        else:
            await self._executions.mark_executed(outcome)
        if not is_held:
            await self._release(account, order)
        log_executed(account, signal, outcome, requested=order.request.quantity)

    async def _rescale(
        self, account: Account, position: Position, order: Order, outcome: Execution
    ) -> None:
        """Resize the targets to the remaining position; orders of the old sizes are cancelled."""
        take_profits = rescaled_targets(
            position,
            before=position.quantity + order.filled,
            instrument=account.market.instrument(position.symbol),
        )
        resized = replace(position, take_profits=take_profits)
        requests = [
            closing_request(
                resized,
                leg=Leg.TAKE_PROFIT,
                type_=OrderType.TAKE_PROFIT,
                trigger=aim.price,
                quantity=aim.quantity,
                attempt=account.next_attempt(position.position_id, Leg.TAKE_PROFIT),
                now_ms=self._clock.now_ms(),
            )
            for aim in take_profits[position.targets_hit :]
        ]
        await self._trades.reduce(resized, requests, outcome)
        account.update_position(resized)
        for request in requests:
            account.track_order(Order(request=request))
        crash_point("reduction.rescaled")
        await self._protector.protect(account, position.symbol)

    async def _release(self, account: Account, order: Order) -> None:
        """Cancel the protection of a position that the exit, or a faster stop, has closed."""
        if order.request.position_id is None:
            return
        closed = await self._trades.position(order.request.position_id)
        if closed is not None and not closed.is_open:
            await self._position_closer.cancel_protection(account, closed)

    def _outcome(self, signal: Signal, execution: Execution, order: Order) -> Execution:
        now_ms = self._clock.now_ms()
        is_complete = order.filled >= order.request.quantity
        return replace(
            execution,
            status=ExecutionStatus.EXECUTED if is_complete else ExecutionStatus.PARTIAL,
            executed_at_ms=now_ms,
            actual_entry_price=order.average_price,
            quantity=order.filled,
            order_id=order.exchange_order_id,
            slippage_bps=signal_slippage_bps(signal, order.average_price),
            latency_ms=now_ms - signal.created_at_ms,
        )
