"""Claims a signal for a user, then has the plan executed.

The claim is committed before anything is sent, so a process killed at any point has either sent
nothing or left rows that identify the order to look up.
"""

from collections.abc import Mapping

from signalbot.decision.decision_input import EntryPlan, ExitPlan, Plan
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import Decision, DecisionOutcome, Execution, ExecutionStatus
from signalbot.domain.orders import OrderRequest
from signalbot.domain.signals import Signal
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Subscription
from signalbot.ledger.executions import ClaimResult, Executions
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_execution import EntryExecutor
from signalbot.pipeline.execution.exit_execution import ExitExecutor
from signalbot.pipeline.execution.partial_exit import PartialExitExecutor
from signalbot.pipeline.orders.entry_orders import PendingEntry
from signalbot.pipeline.orders.order_intents import (
    EntryIntents,
    build_intents,
    partial_exit_request,
)
from signalbot.ports import Clock
from signalbot.tasks import crash_point


class Executor:
    """Executes approved plans, at most once for each signal and user."""

    def __init__(
        self,
        *,
        executions: Executions,
        entry_executor: EntryExecutor,
        exit_executor: ExitExecutor,
        partial_exits: PartialExitExecutor,
        clock: Clock,
    ) -> None:
        self._executions = executions
        self._entry_executor = entry_executor
        self._exit_executor = exit_executor
        self._partial_exits = partial_exits
        self._clock = clock

    async def execute(
        self,
        account: Account,
        signal: Signal,
        subscription: Subscription,
        plan: Plan,
        *,
        facts: Mapping[str, object],
        advice: Advice | None = None,
    ) -> ClaimResult:
        """Execute an approved plan if this user's claim wins. The symbol's lock is held."""
        now_ms = self._clock.now_ms()
        intents = (
            build_intents(signal, account.user, plan, now_ms=now_ms)
            if isinstance(plan, EntryPlan)
            else None
        )
        reduction = None
        if isinstance(plan, ExitPlan) and plan.quantity is not None:
            reduction = partial_exit_request(
                signal, plan.position, quantity=plan.quantity, now_ms=now_ms
            )  # fmt: skip
        first = intents.entry if intents else reduction
        execution = self._pending(signal, account, subscription, plan, first, advice)
        decision = _approval(signal, account, facts, now_ms)
        orders = intents.all if intents else () if reduction is None else (reduction,)
        claim = await self._executions.claim(execution, decision, orders)
        if claim is ClaimResult.WON:
            crash_point("claim.committed")
            if reduction is None:
                await self._execute_plan(account, signal, execution, plan, intents)
            else:
                await self._partial_exits.reduce(account, signal, execution, reduction)
        return claim

    async def cancel_entry(self, account: Account, signal: Signal) -> None:
        """Cancel the strategy's open entry on the side of an exit signal. The lock is held."""
        await self._entry_executor.cancel(account, signal)

    async def _execute_plan(
        self,
        account: Account,
        signal: Signal,
        execution: Execution,
        plan: Plan,
        intents: EntryIntents | None,
    ) -> None:
        if isinstance(plan, ExitPlan):
            await self._exit_executor.close(account, signal, execution, plan)
        elif intents is not None:
            account.claim(intents.all, self._clock.now_ms())
            await self._entry_executor.enter(
                account, PendingEntry(signal=signal, execution=execution, intents=intents)
            )  # fmt: skip

    def _pending(
        self,
        signal: Signal,
        account: Account,
        subscription: Subscription,
        plan: Plan,
        first: OrderRequest | None,
        advice: Advice | None,
    ) -> Execution:
        position_id = plan.position.position_id if isinstance(plan, ExitPlan) else None
        if first is not None:
            position_id = first.position_id
        applied = advice if advice and advice.verdict is not Verdict.ABSTAIN else None
        return Execution(
            signal_id=signal.signal_id,
            user_id=account.user_id,
            subscription_id=subscription.subscription_id,
            mode=account.user.mode,
            status=ExecutionStatus.PENDING,
            claimed_at_ms=self._clock.now_ms(),
            quantity=first.quantity if first else None,
            leverage=account.user.account.leverage,
            client_order_id=first.client_order_id if first else None,
            position_id=position_id,
            ai_decision_applied=applied is not None,
            ai_confidence=applied.confidence if applied else None,
            ai_skip_reason=advice.reason if advice and applied is None else None,
        )


def _approval(
    signal: Signal, account: Account, facts: Mapping[str, object], now_ms: Ms
) -> Decision:
    return Decision(
        signal_id=signal.signal_id,
        user_id=account.user_id,
        outcome=DecisionOutcome.EXECUTE,
        code=DecisionCode.APPROVED,
        detail=facts,
        decided_at_ms=now_ms,
    )
