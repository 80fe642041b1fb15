"""Decides on signals for one user: filters, risk, advice, sizing, then claim and execution.

Every signal ends in an execution or in a recorded skip with a reason.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from signalbot.decision.ai_rules import advice_facts, apply_advice, check_advice
from signalbot.decision.decide import ClearedEntry, plan, screen
from signalbot.decision.decision_input import DecisionInput, EntryPlan, ExitPlan, Plan, Skip
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import Decision, DecisionOutcome
from signalbot.domain.positions import CloseReason
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Signal
from signalbot.domain.users import Mode, Subscription
from signalbot.ledger.executions import ClaimResult
from signalbot.ledger.signals import Signals
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.executor import Executor
from signalbot.pipeline.signals.broadcaster import Inbox, SignalDelivery
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Advisor, Clock, Market

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerServices:
    """What the listeners of all users share."""

    markets: Mapping[str, Market]  #: by exchange
    signals: Signals
    executor: Executor
    trading_state: TradingState
    clock: Clock
    advisor: Advisor | None = None


class Listener:
    """Processes one user's signals one after the other."""

    def __init__(
        self,
        account: Account,
        inbox: Inbox,
        subscriptions: Mapping[str, Subscription],
        services: ListenerServices,
    ) -> None:
        """``subscriptions`` are the user's own, by strategy."""
        self._account = account
        self._inbox = inbox
        self._subscriptions = subscriptions
        self._markets = services.markets
        self._signals = services.signals
        self._executor = services.executor
        self._trading_state = services.trading_state
        self._clock = services.clock
        self._advisor = services.advisor

    async def run(self) -> None:
        """Process the inbox until cancelled; an error halts this user and no other."""
        while True:
            delivery = await self._inbox.get()
            try:
                await self._receive(delivery)
            finally:
                self._inbox.task_done()

    async def _receive(self, delivery: SignalDelivery) -> None:
        is_done = False
        async with self._trading_state.halt_on_error(self._account, "listener"):
            await self._process(delivery)
            is_done = True
        if not is_done:
            await self._skip(delivery, Skip(DecisionCode.INTERNAL_ERROR))

    async def _process(self, delivery: SignalDelivery) -> None:
        signal = delivery.signal
        subscription = self._subscriptions.get(signal.strategy)
        if subscription is None:
            return
        if delivery.executed:
            self._log_duplicate(signal)
            return
        market = self._market(signal)
        if not market.is_open and not await self._wait_open(market, signal):
            why = {"why": "the exchange has not been reached since the start"}
            await self._skip(delivery, Skip(DecisionCode.ACCOUNT_NOT_READY, why))
            return
        await market.fresh_price(signal.symbol)  # fetched before the lock, read under it
        async with self._account.lock(signal.symbol):
            if not signal.action.is_entry:
                await self._executor.cancel_entry(self._account, signal)
            decision_input = await self._decision_input(signal, subscription)
            cleared = screen(decision_input)
            if not self._needs_advice(subscription, cleared):
                await self._act_on(delivery, decision_input, cleared)
                return
        await self._process_with_advice(delivery, subscription, decision_input)

    async def _process_with_advice(
        self, delivery: SignalDelivery, subscription: Subscription, decision_input: DecisionInput
    ) -> None:
        """Request advice without the lock, then decide again on fresh data under it."""
        rules = subscription.settings.ai
        advice = await self._request_advice(decision_input.signal, rules)
        log.info(
            "decision.advised",
            user_id=self._account.user_id,
            signal_id=delivery.signal.signal_id,
            symbol=delivery.signal.symbol,
            verdict=advice.verdict.value,
            confidence=advice.confidence,
            call=advice.call_id,
            shared=advice.is_shared,
            why=advice.reason,
        )
        async with self._account.lock(delivery.signal.symbol):
            decision_input = await self._decision_input(delivery.signal, subscription)
            await self._act_on(delivery, decision_input, screen(decision_input), advice)

    async def _act_on(
        self,
        delivery: SignalDelivery,
        decision_input: DecisionInput,
        cleared: ClearedEntry | ExitPlan | Skip,
        advice: Advice | None = None,
    ) -> None:
        """Execute the plan, or record the skip, that follows from screening and advice."""
        decision = _plan_or_skip(decision_input, cleared, advice)
        if isinstance(decision, Skip):
            await self._skip(delivery, decision)
            return
        facts = _facts(decision) | {"rank": delivery.rank}
        if advice is not None and isinstance(decision, ExitPlan):
            facts |= advice_facts(advice, decision_input.settings.ai)
        if self._account.user.mode is Mode.SIGNALS:
            await self._skip(delivery, Skip(DecisionCode.SIGNALS_ONLY, facts))
            return
        claim = await self._executor.execute(
            self._account,
            delivery.signal,
            decision_input.subscription,
            decision,
            facts=facts,
            advice=advice if isinstance(decision, EntryPlan) else None,
        )
        match claim:
            case ClaimResult.WON:
                pass
            case ClaimResult.DUPLICATE:
                self._log_duplicate(delivery.signal)
            case ClaimResult.NOT_ACTIVE:
                await self._skip(delivery, Skip(DecisionCode.SIGNAL_NOT_ACTIVE))

    async def _wait_open(self, market: Market, signal: Signal) -> bool:
        """Whether the market is open; an exit waits for that until its signal expires."""
        if signal.action.is_entry:
            return False
        left_s = (signal.expires_at_ms - self._clock.now_ms()) / 1000
        try:
            async with asyncio.timeout(max(left_s, 0)):
                await market.wait_until_open()
        except TimeoutError:
            return False
        return True

    async def _decision_input(self, signal: Signal, subscription: Subscription) -> DecisionInput:
        price = await self._market(signal).fresh_price(signal.symbol)
        now_ms, market = self._clock.now_ms(), self._market(signal)
        return DecisionInput(
            signal=signal,
            user=self._account.user,
            subscription=subscription,
            snapshot=self._account.snapshot(now_ms),
            instrument=(instrument := market.instrument(signal.symbol)),
            price=price,
            now_ms=now_ms,
            halted=self._trading_state.halted is not None,
            entry_block=self._trading_state.entry_block or self._account.entry_block(now_ms),
            fees=self._account.fees(instrument),
            slippage_bps=self._account.slippage_bps(signal),
        )

    def _market(self, signal: Signal) -> Market:
        """Return the signal's market; signal-only users may follow any exchange."""
        is_signals_only = self._account.user.mode is Mode.SIGNALS
        return self._markets[signal.exchange] if is_signals_only else self._account.market

    def _needs_advice(
        self, subscription: Subscription, cleared: ClearedEntry | ExitPlan | Skip
    ) -> bool:  # fmt: skip
        return (
            isinstance(cleared, ClearedEntry)
            and subscription.settings.ai.enabled
            and self._advisor is not None
        )

    async def _request_advice(self, signal: Signal, rules: AiRules) -> Advice:
        assert self._advisor is not None  # noqa: S101 - checked by _needs_advice
        try:
            async with asyncio.timeout(rules.deadline_ms / 1000):
                return await self._advisor.advise(signal, rules)
        except TimeoutError:
            reason = f"no response within {rules.deadline_ms} ms"
            return Advice(verdict=Verdict.ABSTAIN, confidence=0.0, reason=reason)

    async def _skip(self, delivery: SignalDelivery, skip: Skip) -> None:
        signal = delivery.signal
        await self._signals.record_decision(
            Decision(
                signal_id=signal.signal_id,
                user_id=self._account.user_id,
                outcome=DecisionOutcome.SKIP,
                code=skip.reason,
                detail=skip.facts,
                decided_at_ms=self._clock.now_ms(),
            )
        )
        facts = {name: str(fact) for name, fact in skip.facts.items() if _is_short(fact)}
        names = {
            "user_id": self._account.user_id,
            "signal_id": signal.signal_id,
            "symbol": signal.symbol,
            "action": signal.action.value,
            "code": skip.reason.value,
        }
        log.info("decision.skipped", **(names | facts | names))

    def _log_duplicate(self, signal: Signal) -> None:
        log.info(
            "execution.duplicate_blocked",
            user_id=self._account.user_id,
            signal_id=signal.signal_id,
            symbol=signal.symbol,
        )


def _plan_or_skip(
    s: DecisionInput, cleared: ClearedEntry | ExitPlan | Skip, advice: Advice | None
) -> Plan | Skip:
    """Return the plan for a cleared signal; a reversal that is advised against still closes."""
    if not isinstance(cleared, ClearedEntry):
        return cleared
    skip = None if advice is None else check_advice(advice, s.settings.ai)
    decision = skip or plan(s, cleared)
    if advice is not None and isinstance(decision, EntryPlan):
        decision = apply_advice(s, decision, advice)
    if isinstance(decision, Skip) and cleared.closes is not None:
        return ExitPlan(position=cleared.closes, reason=CloseReason.OPPOSITE_SIGNAL)
    return decision


def _facts(plan: Plan) -> dict[str, object]:
    if isinstance(plan, EntryPlan):
        return dict(plan.facts)
    facts: dict[str, object] = {"closes": plan.position.position_id, "reason": plan.reason}
    return facts if plan.quantity is None else facts | {"quantity": plan.quantity}


def _is_short(value: object) -> bool:
    return not isinstance(value, (tuple, list, dict))
