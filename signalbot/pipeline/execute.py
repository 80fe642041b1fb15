"""Claim, then submit: the one place where an entry is sent.

The claim is durable before the wire, so being killed anywhere leaves either nothing sent or rows
that say what to look for.
"""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from signalbot.decision.filters import drift_percent
from signalbot.decision.situation import EntryPlan, ExitPlan, Plan
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.failures import Failure
from signalbot.domain.orders import Leg, Order, OrderRequest, OrderStatus, entry_side
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.reasons import Reason
from signalbot.domain.signals import Decision, Execution, ExecutionStatus, Outcome, Signal
from signalbot.domain.users import Subscription
from signalbot.ledger.executions import Claim, Executions
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.entry_orders import Entry, EntryOrders, slippage
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.intents import Intents, intents_of
from signalbot.pipeline.news import level_of
from signalbot.pipeline.place import rejected, unsent
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.reduce import Reducer, reducing_request
from signalbot.pipeline.room import Room
from signalbot.pipeline.settle import Settler
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()


class Executor:
    def __init__(
        self,
        *,
        executions: Executions,
        trades: Trades,
        entries: EntryOrders,
        settler: Settler,
        protector: Protector,
        reducer: Reducer,
        halts: Halts,
        clock: Clock,
    ) -> None:
        self._reducer = reducer
        self._halts = halts
        self._executions = executions
        self._trades = trades
        self._entries = entries
        self._settler = settler
        self._protector = protector
        self._room = Room(trades, clock)
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
    ) -> Claim:
        """Act on an approved signal, if this user's claim wins. The symbol's lock is held."""
        now_ms = self._clock.now_ms()
        intents = (
            intents_of(signal, account.user, plan, now_ms=now_ms)
            if isinstance(plan, EntryPlan)
            else None
        )
        reduction = None
        if isinstance(plan, ExitPlan) and plan.quantity is not None:
            reduction = reducing_request(
                signal, plan.position, quantity=plan.quantity, now_ms=now_ms
            )  # fmt: skip
        first = intents.entry if intents else reduction
        execution = self._pending(signal, account, subscription, plan, first, advice)
        decision = Decision(
            signal_id=signal.signal_id,
            user_id=account.user_id,
            outcome=Outcome.EXECUTE,
            code=Reason.APPROVED,
            detail=facts,
            decided_at_ms=now_ms,
        )
        orders = intents.all if intents else () if reduction is None else (reduction,)
        claim = await self._executions.claim(execution, decision, orders)
        if claim is Claim.WON:
            crash_point("claim.committed")
            if reduction is None:
                await self._act(account, signal, execution, plan, intents)
            else:
                await self._reducer.reduce(account, signal, execution, reduction)
        return claim

    async def settle_reduction(self, account: Account, execution: Execution, order: Order) -> None:
        """Bring a claim in step with its partial exit, which is over."""
        await self._reducer.settle(account, execution, order)

    async def reduction_not_received(self, account: Account, order: Order) -> None:
        """A partial exit is proven not to be at the exchange. The symbol's lock is held."""
        await self._reducer.not_received(account, order)

    async def withdraw_entry(self, account: Account, signal: Signal) -> None:
        """Withdraw what rests of the entry that an exit signal leaves. The symbol's lock is held.

        It must not fill after its strategy has left, nor while its position is being reduced.
        """
        for order in account.orders(signal.symbol, Leg.ENTRY):
            if not order.status.is_live or order.request.side is not entry_side(signal.action.side):
                continue
            entry = await self._entries.load(account, order)
            if entry.signal.strategy == signal.strategy:
                await self._settler.withdraw(account, order)

    async def enter(self, account: Account, entry: Entry, *, is_resumed: bool = False) -> None:
        """Send a claimed entry that is known never to have been sent, and settle its answer.

        ``is_resumed``: the process that claimed it may have closed the opposite position already.
        """
        signal = entry.signal
        held = account.positions.get(signal.symbol)
        is_reversal = held is not None and held.side is not signal.action.side
        if held is not None and is_reversal:
            await self._protector.close(account, held, CloseReason.OPPOSITE_SIGNAL)
            crash_point("reversal.closed")
            if signal.symbol in account.in_doubt:
                await self._fail_in_doubt(account, entry)
                return
        if is_reversal or is_resumed:
            made_room = await self._room.after_close(account, entry)
            if made_room is None:
                await self._fail_for_margin(account, entry)
                return
            entry = made_room
        order = Order(request=entry.intents.entry)
        cause = "never sent"
        for tries, delay_s in enumerate(backoff_s(first_s=0.2, most_s=2.0)):
            refusal = self._too_late(account, signal)
            if refusal is not None:
                over = unsent(order, cause, self._clock)
                await self._entries.fail(account, entry, over, reason=refusal, error=cause)
                return
            try:
                await self._send(account, entry, order)
            except Unavailable as e:
                cause = str(e)
                level = level_of(e, is_repeat=tries > 0)
                log.log(level, "order.not_sent", user_id=account.user_id, leg="entry", cause=cause)
                await self._clock.sleep(delay_s)
            else:
                return

    async def _fail_in_doubt(self, account: Account, entry: Entry) -> None:
        """What is held after the close is not known: it may be on the new side already."""
        error = "what is left of the closed position at the exchange is not known yet"
        over = unsent(Order(request=entry.intents.entry), error, self._clock)
        await self._entries.fail(account, entry, over, reason=Reason.SYMBOL_IN_DOUBT, error=error)

    async def _fail_for_margin(self, account: Account, entry: Entry) -> None:
        """A reversal has closed, and what is free does not carry the smallest entry."""
        error = "what the closed position has set free is less than the smallest entry needs"
        over = unsent(Order(request=entry.intents.entry), error, self._clock)
        await self._entries.fail(
            account, entry, over, reason=Reason.INSUFFICIENT_BALANCE, error=error
        )

    async def _send(self, account: Account, entry: Entry, order: Order) -> None:
        """Send the entry, once, and settle whatever comes back.

        Raises:
            Unavailable: it was provably not accepted.
        """
        attaches = account.trading.attaches_stops(order.request.symbol)
        stop = entry.intents.stop if attaches else None
        crash_point("entry.before_send")
        try:
            report = await account.trading.submit(order.request, stop=stop)
        except OrderRejected as e:
            refused = rejected(order, e, self._clock)
            await self._entries.fail(account, entry, refused, reason=Failure.REJECTED, error=str(e))
            await self._halts.on_refusal(account, e)
        except OrderOutcomeUnknown as e:
            await self._settler.doubt(account, entry, order, cause=str(e))
        else:
            crash_point("entry.after_answer")
            account.refused_for_margin = 0
            if stop is not None:  # it is there if the exchange took it along: protection looks
                account.keep(replace(Order(request=stop), status=OrderStatus.UNKNOWN))
            await self._settler.settle(account, entry, order, report)

    async def leave(
        self, account: Account, signal: Signal, execution: Execution, plan: ExitPlan
    ) -> None:
        """Close a position on a claimed exit or opposite signal."""
        closed = await self._protector.close(account, plan.position, plan.reason)
        held = account.positions.get(plan.position.symbol)
        if held is not None and held.status is PositionStatus.CLOSING:
            details = "no answer came to the exit yet"
            await self._executions.mark_unknown(
                signal.signal_id, account.user_id, details=details
            )  # fmt: skip
            return
        if not closed:
            await self._executions.mark_failed(
                signal.signal_id,
                account.user_id,
                reason=Failure.EXIT_FAILED,
                details="the exchange did not take the exit; the position is still protected",
                now_ms=self._clock.now_ms(),
            )
            return
        done = await self._trades.position(plan.position.position_id)
        if done is not None:
            await self.left(account, signal, execution, done)

    async def left(
        self, account: Account, signal: Signal, execution: Execution, closed: Position
    ) -> None:
        """Note that an exit signal was executed: its position is closed."""
        now_ms = self._clock.now_ms()
        outcome = replace(
            execution,
            status=ExecutionStatus.EXECUTED,
            executed_at_ms=now_ms,
            actual_entry_price=closed.exit_price,
            quantity=closed.exit_quantity,
            slippage_bps=slippage(signal, closed.exit_price),
            latency_ms=now_ms - signal.created_at_ms,
        )
        await self._executions.mark_executed(outcome)
        self._entries.log_settled(account, signal, outcome, asked=closed.exit_quantity)

    async def _act(
        self,
        account: Account,
        signal: Signal,
        execution: Execution,
        plan: Plan,
        intents: Intents | None,
    ) -> None:
        if isinstance(plan, ExitPlan):
            await self.leave(account, signal, execution, plan)
        elif intents is not None:
            account.claim(intents.all, self._clock.now_ms())
            await self.enter(
                account, Entry(signal=signal, execution=execution, intents=intents)
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
        answered = advice if advice and advice.verdict is not Verdict.ABSTAIN else None
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
            ai_decision_applied=answered is not None,
            ai_confidence=answered.confidence if answered else None,
            ai_skip_reason=advice.reason if advice and answered is None else None,
        )

    def _too_late(self, account: Account, signal: Signal) -> Reason | None:
        """The last look before the wire: why the entry must not be sent any more."""
        now_ms = self._clock.now_ms()
        if not signal.is_open(now_ms):
            return Reason.SIGNAL_NOT_ACTIVE
        filters = account.rules(signal.strategy).filters
        limit_ms = filters.max_signal_age_ms
        if limit_ms is not None and now_ms - signal.event_ms > limit_ms:
            return Reason.SIGNAL_TOO_OLD
        if signal.symbol in account.positions:
            return Reason.POSITION_OPEN
        price, most = account.market.last_price(signal.symbol), filters.max_price_drift_percent
        if price is not None and signal.price is not None and most is not None:
            return Reason.PRICE_DRIFTED if drift_percent(price, signal.price) > most else None
        return None
