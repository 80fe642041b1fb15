"""Completes claims that were interrupted after their orders had ended."""

from collections.abc import Sequence

from signalbot.decision.decision_input import ExitPlan
from signalbot.domain.executions import Execution
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.orders import ClientOrderId
from signalbot.domain.positions import CloseReason
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.exit_execution import ExitExecutor
from signalbot.pipeline.execution.partial_exit import PartialExitExecutor
from signalbot.pipeline.orders.order_intents import is_partial_exit
from signalbot.ports import Clock


class ExecutionSettler:
    """Completes unresolved executions of entries, partial exits and exits."""

    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        exit_executor: ExitExecutor,
        partial_exits: PartialExitExecutor,
        clock: Clock,
    ) -> None:
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._exit_executor = exit_executor
        self._partial_exits = partial_exits
        self._clock = clock

    async def unresolved(self, account: Account) -> Sequence[Execution]:
        """Return the account's executions that are claimed and not settled."""
        return await self._executions.unresolved_executions(account.user_id)

    async def settle(self, account: Account, execution: Execution) -> None:
        """Complete a claim that was interrupted after its orders had ended."""
        if execution.client_order_id is None:
            await self._settle_exit(account, execution)
            return
        order = await self._trades.order(ClientOrderId(execution.client_order_id))
        if order is None or not order.status.is_final:
            return
        if is_partial_exit(order.request):
            await self._partial_exits.settle(account, execution, order)
        elif not order.filled:
            await self._executions.mark_failed(
                execution.signal_id,
                account.user_id,
                reason=FailureCode.NOT_FILLED,
                details=order.error or f"the entry is {order.status}, nothing filled",
                now_ms=self._clock.now_ms(),
            )

    async def _settle_exit(self, account: Account, execution: Execution) -> None:
        """Complete an interrupted exit: record it if its position is closed, else close again."""
        if execution.position_id is None:
            return
        signal = await self._signals.signal(execution.signal_id)
        position = await self._trades.position(execution.position_id)
        if signal is None or position is None:
            return
        if not position.is_open:
            await self._exit_executor.record_closed(account, signal, execution, position)
            return
        is_opposite = signal.action.is_entry
        reason = CloseReason.OPPOSITE_SIGNAL if is_opposite else CloseReason.EXIT_SIGNAL
        async with account.lock(position.symbol):
            plan = ExitPlan(position=position, reason=reason)
            await self._exit_executor.close(account, signal, execution, plan)
