"""Claims a signal for a user, then submits: the only module that sends entries.

The claim is committed before anything is sent, so a process killed at any point has either sent
nothing or left rows that identify the order to look up.
"""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from signalbot.decision.decision_input import EntryPlan, ExitPlan, Plan
from signalbot.decision.filters import drift_percent
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.executions import Decision, DecisionOutcome, Execution, ExecutionStatus
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.orders import Leg, Order, OrderRequest, OrderStatus, entry_side
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.signals import Signal
from signalbot.domain.users import Subscription
from signalbot.ledger.executions import ClaimResult, Executions
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.execution.partial_exit import PartialExitExecutor, partial_exit_request
from signalbot.pipeline.execution.reversal_sizing import ReversalSizer
from signalbot.pipeline.orders.entry_orders import EntryOrders, PendingEntry, signal_slippage_bps
from signalbot.pipeline.orders.order_intents import EntryIntents, build_intents
from signalbot.pipeline.orders.order_placement import mark_rejected, mark_unsent
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.trading_state import TradingState, failure_log_level
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()


class Executor:
    """Executes approved plans, at most once for each signal and user."""

    def __init__(
        self,
        *,
        executions: Executions,
        trades: Trades,
        entry_orders: EntryOrders,
        entry_settler: EntrySettler,
        protector: Protector,
        partial_exits: PartialExitExecutor,
        trading_state: TradingState,
        clock: Clock,
    ) -> None:
        self._partial_exits = partial_exits
        self._trading_state = trading_state
        self._executions = executions
        self._trades = trades
        self._entry_orders = entry_orders
        self._entry_settler = entry_settler
        self._protector = protector
        self._reversal_sizer = ReversalSizer(trades, clock)
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
        decision = Decision(
            signal_id=signal.signal_id,
            user_id=account.user_id,
            outcome=DecisionOutcome.EXECUTE,
            code=DecisionCode.APPROVED,
            detail=facts,
            decided_at_ms=now_ms,
        )
        orders = intents.all if intents else () if reduction is None else (reduction,)
        claim = await self._executions.claim(execution, decision, orders)
        if claim is ClaimResult.WON:
            crash_point("claim.committed")
            if reduction is None:
                await self._execute_plan(account, signal, execution, plan, intents)
            else:
                await self._partial_exits.reduce(account, signal, execution, reduction)
        return claim

    async def settle_partial_exit(
        self, account: Account, execution: Execution, order: Order
    ) -> None:
        """Complete the claim of a partial exit order that is final."""
        await self._partial_exits.settle(account, execution, order)

    async def partial_exit_not_received(self, account: Account, order: Order) -> None:
        """Handle a partial exit that the exchange provably does not have. The lock is held."""
        await self._partial_exits.not_received(account, order)

    async def cancel_entry(self, account: Account, signal: Signal) -> None:
        """Cancel the strategy's open entry on the side of an exit signal. The lock is held.

        It must not fill after its strategy has exited, nor while its position is reduced.
        """
        for order in account.orders(signal.symbol, Leg.ENTRY):
            if not order.status.is_live or order.request.side is not entry_side(signal.action.side):
                continue
            entry = await self._entry_orders.load(account, order)
            if entry.signal.strategy == signal.strategy:
                await self._entry_settler.cancel_and_book(account, order)

    async def enter(
        self, account: Account, entry: PendingEntry, *, is_resumed: bool = False
    ) -> None:
        """Send a claimed entry that was provably never sent, and settle the response.

        ``is_resumed``: a previous process claimed it and may have closed the opposite position.
        """
        signal = entry.signal
        held = account.positions.get(signal.symbol)
        is_reversal = held is not None and held.side is not signal.action.side
        if held is not None and is_reversal:
            await self._protector.close(account, held, CloseReason.OPPOSITE_SIGNAL)
            crash_point("reversal.closed")
            if signal.symbol in account.unresolved_symbols:
                await self._fail_unresolved(account, entry)
                return
        if is_reversal or is_resumed:
            resized = await self._reversal_sizer.fit_to_free_margin(account, entry)
            if resized is None:
                await self._fail_for_margin(account, entry)
                return
            entry = resized
        order = Order(request=entry.intents.entry)
        cause = "never sent"
        for tries, delay_s in enumerate(backoff_s(initial_s=0.2, max_s=2.0)):
            stale = self._stale_reason(account, signal)
            if stale is not None:
                unsent = mark_unsent(order, cause, self._clock)
                await self._entry_orders.fail(account, entry, unsent, reason=stale, error=cause)
                return
            try:
                await self._send(account, entry, order)
            except Unavailable as e:
                cause = str(e)
                level = failure_log_level(e, is_repeat=tries > 0)
                log.log(
                    level, "order.send_failed", user_id=account.user_id, leg="entry", cause=cause
                )
                await self._clock.sleep(delay_s)
            else:
                return

    async def _fail_unresolved(self, account: Account, entry: PendingEntry) -> None:
        """Fail a reversal while the closed side's holding is unknown: it may have flipped."""
        error = "the remaining holding at the exchange is unknown after the close"
        unsent = mark_unsent(Order(request=entry.intents.entry), error, self._clock)
        await self._entry_orders.fail(
            account, entry, unsent, reason=DecisionCode.SYMBOL_IN_DOUBT, error=error
        )

    async def _fail_for_margin(self, account: Account, entry: PendingEntry) -> None:
        """Fail a reversal: after its close the free margin is below the smallest entry's."""
        error = "the margin freed by the close is less than the smallest entry needs"
        unsent = mark_unsent(Order(request=entry.intents.entry), error, self._clock)
        await self._entry_orders.fail(
            account, entry, unsent, reason=DecisionCode.INSUFFICIENT_BALANCE, error=error
        )

    async def _send(self, account: Account, entry: PendingEntry, order: Order) -> None:
        """Send the entry once and settle the response.

        Raises:
            Unavailable: it was provably not accepted.
        """
        attaches = account.trading_broker.attaches_stops(order.request.symbol)
        stop = entry.intents.stop if attaches else None
        crash_point("entry.before_send")
        try:
            report = await account.trading_broker.submit(order.request, stop=stop)
        except OrderRejected as e:
            rejected = mark_rejected(order, e, self._clock)
            await self._entry_orders.fail(
                account, entry, rejected, reason=FailureCode.REJECTED, error=str(e)
            )
            await self._trading_state.on_rejection(account, e)
        except OrderOutcomeUnknown as e:
            await self._entry_settler.mark_unknown(account, entry, order, cause=str(e))
        else:
            crash_point("entry.after_answer")
            account.reset_margin_rejections()
            if stop is not None:  # placed if the exchange accepted it; protection looks it up
                account.track_order(replace(Order(request=stop), status=OrderStatus.UNKNOWN))
            await self._entry_settler.settle(account, entry, order, report)

    async def request_exit(
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
            await self.finish_exit(account, signal, execution, stored)

    async def finish_exit(
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
        self._entry_orders.log_executed(account, signal, outcome, requested=closed.exit_quantity)

    async def _execute_plan(
        self,
        account: Account,
        signal: Signal,
        execution: Execution,
        plan: Plan,
        intents: EntryIntents | None,
    ) -> None:
        if isinstance(plan, ExitPlan):
            await self.request_exit(account, signal, execution, plan)
        elif intents is not None:
            account.claim(intents.all, self._clock.now_ms())
            await self.enter(
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

    def _stale_reason(self, account: Account, signal: Signal) -> DecisionCode | None:
        """Why the entry must no longer be sent, checked right before each send."""
        now_ms = self._clock.now_ms()
        if not signal.is_open(now_ms):
            return DecisionCode.SIGNAL_NOT_ACTIVE
        filters = account.settings_for(signal.strategy).filters
        limit_ms = filters.max_signal_age_ms
        if limit_ms is not None and now_ms - signal.event_ms > limit_ms:
            return DecisionCode.SIGNAL_TOO_OLD
        if signal.symbol in account.positions:
            return DecisionCode.POSITION_OPEN
        price, most = account.market.last_price(signal.symbol), filters.max_price_drift_percent
        if price is not None and signal.price is not None and most is not None:
            return DecisionCode.PRICE_DRIFTED if drift_percent(price, signal.price) > most else None
        return None
