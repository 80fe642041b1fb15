"""Closes whole positions on claimed exits and opposite signals, and records the result."""

from dataclasses import replace

from signalbot.decision.decision_input import ExitPlan
from signalbot.domain.executions import Execution, ExecutionStatus
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.positions import Position, PositionStatus
from signalbot.domain.signals import Signal
from signalbot.ledger.executions import Executions
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.entry_orders import (
    log_executed,
    signal_slippage_bps,
)
from signalbot.pipeline.positions.protection import Protector
from signalbot.ports import Clock


class ExitExecutor:
    """Executes claimed exits; repeating one after an interruption is harmless."""

    def __init__(
        self, *, executions: Executions, trades: Trades, protector: Protector, clock: Clock
    ) -> None:
        self._executions = executions
        self._trades = trades
        self._protector = protector
        self._clock = clock

    async def close(
        self, account: Account, signal: Signal, execution: Execution, plan: ExitPlan
    ) -> None:
        """Close a position for a claimed exit or opposite signal. The symbol's lock is held."""
        closed = await self._protector.close(account, plan.position, plan.reason)
        held = account.positions.get(plan.position.symbol)
        if held is not None and held.status is PositionStatus.CLOSING:
            details = "no response to the exit order yet"
            await self._executions.mark_unknown(
                signal.signal_id, account.user_id, details=details
            )  # fmt: skip
            return
        if not closed:
            await self._executions.mark_failed(
                signal.signal_id,
                account.user_id,
                reason=FailureCode.EXIT_FAILED,
                details="the exchange rejected the exit order; the position is still protected",
                now_ms=self._clock.now_ms(),
            )
            return
        stored = await self._trades.position(plan.position.position_id)
        if stored is not None:
            await self.record_closed(account, signal, execution, stored)

    async def record_closed(
        self, account: Account, signal: Signal, execution: Execution, closed: Position
    ) -> None:
        """Record that an exit signal was executed: its position is closed."""
        now_ms = self._clock.now_ms()
        outcome = replace(
            execution,
            status=ExecutionStatus.EXECUTED,
            executed_at_ms=now_ms,
            actual_entry_price=closed.exit_price,
            quantity=closed.exit_quantity,
            slippage_bps=signal_slippage_bps(signal, closed.exit_price),
            latency_ms=now_ms - signal.created_at_ms,
        )
        await self._executions.mark_executed(outcome)
        log_executed(account, signal, outcome, requested=closed.exit_quantity)
