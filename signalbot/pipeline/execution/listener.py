"""One listener per user: filters, risk, advice, size, then claim and execution; always a reason."""

import asyncio
from collections.abc import Mapping

import structlog

from signalbot.decision.ai_rules import advice_facts, apply_advice, check_advice
from signalbot.decision.decide import ClearedEntry, plan, screen
from signalbot.decision.decision_input import DecisionInput, EntryPlan, ExitPlan, Plan, Skip
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.positions import CloseReason
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Decision, DecisionOutcome, Signal
from signalbot.domain.users import Mode, Subscription
from signalbot.ledger.executions import ClaimResult
from signalbot.ledger.signals import Signals
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.executor import Executor
from signalbot.pipeline.signals.broadcaster import Inbox, SignalDelivery
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Advisor, Clock, Market

log = structlog.get_logger()


class Listener:
    """Decides and acts for one user, one signal after the other."""

    def __init__(
        self,
        account: Account,
        inbox: Inbox,
        subscriptions: Mapping[str, Subscription],
        *,
        markets: Mapping[str, Market],
        signals: Signals,
        executor: Executor,
        trading_state: TradingState,
        clock: Clock,
        advisor: Advisor | None = None,
    ) -> None:
        self._account = account
        self._inbox = inbox
        self._subscriptions = subscriptions
        self._markets = markets
        self._signals = signals
        self._executor = executor
        self._trading_state = trading_state
        self._clock = clock
        self._advisor = advisor

    async def run(self) -> None:
        """Take signals from the inbox until cancelled; a bug halts this user and no other."""
        while True:
            delivery = await self._inbox.get()
            try:
                await self._receive(delivery)
            finally:
                self._inbox.task_done()

    async def _receive(self, delivery: SignalDelivery) -> None:
        decided = False
        async with self._trading_state.halt_on_error(self._account, "listener"):
            await self._process(delivery)
            decided = True
        if not decided:
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
            why = {"why": "its exchange has not been reached since the start"}
            await self._skip(delivery, Skip(DecisionCode.ACCOUNT_NOT_READY, why))
            return
        await market.fresh_price(signal.symbol)  # asked for before the lock, read behind it
        async with self._account.lock(signal.symbol):
            if not signal.action.is_entry:
                await self._executor.cancel_entry(self._account, signal)
            situation = await self._decision_input(signal, subscription)
            cleared = screen(situation)
            if not self._needs_advice(subscription, cleared):
                await self._act_on(delivery, situation, cleared)
                return
        await self._process_with_advice(delivery, subscription, situation)

    async def _process_with_advice(
        self, delivery: SignalDelivery, subscription: Subscription, situation: DecisionInput
    ) -> None:
        """Ask the advisor without holding anything up, then look at everything afresh."""
        rules = subscription.settings.ai
        advice = await self._request_advice(situation.signal, rules)
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
            situation = await self._decision_input(delivery.signal, subscription)
            await self._act_on(delivery, situation, screen(situation), advice)

    async def _act_on(
        self,
        delivery: SignalDelivery,
        situation: DecisionInput,
        cleared: ClearedEntry | ExitPlan | Skip,
        advice: Advice | None = None,
    ) -> None:
        """Turn what was cleared into orders, or into a recorded refusal."""
        decided = _plan_decision(situation, cleared, advice)
        if isinstance(decided, Skip):
            await self._skip(delivery, decided)
            return
        facts = _facts(decided) | {"rank": delivery.rank}
        if advice is not None and isinstance(decided, ExitPlan):
            facts |= advice_facts(advice, situation.settings.ai)
        if self._account.user.mode is Mode.SIGNALS:
            await self._skip(delivery, Skip(DecisionCode.SIGNALS_ONLY, facts))
            return
        claim = await self._executor.execute(
            self._account,
            delivery.signal,
            situation.subscription,
            decided,
            facts=facts,
            advice=advice if isinstance(decided, EntryPlan) else None,
        )
        match claim:
            case ClaimResult.WON:
                pass
            case ClaimResult.DUPLICATE:
                self._log_duplicate(delivery.signal)
            case ClaimResult.NOT_ACTIVE:
                await self._skip(delivery, Skip(DecisionCode.SIGNAL_NOT_ACTIVE))

    async def _wait_open(self, market: Market, signal: Signal) -> bool:
        """Whether the market has opened; an exit waits for it, for as long as its signal lives."""
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
        """Where the signal would be traded: who is only told may follow any exchange."""
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
        assert self._advisor is not None  # noqa: S101 - checked by _wants_advice
        try:
            async with asyncio.timeout(rules.deadline_ms / 1000):
                return await self._advisor.advise(signal, rules)
        except TimeoutError:
            reason = f"no answer within {rules.deadline_ms} ms"
            return Advice(verdict=Verdict.ABSTAIN, confidence=0.0, reason=reason)

    async def _skip(self, delivery: SignalDelivery, denial: Skip) -> None:
        signal = delivery.signal
        await self._signals.record_decision(
            Decision(
                signal_id=signal.signal_id,
                user_id=self._account.user_id,
                outcome=DecisionOutcome.SKIP,
                code=denial.reason,
                detail=denial.facts,
                decided_at_ms=self._clock.now_ms(),
            )
        )
        facts = {name: str(fact) for name, fact in denial.facts.items() if _is_short(fact)}
        names = {
            "user_id": self._account.user_id,
            "signal_id": signal.signal_id,
            "symbol": signal.symbol,
            "action": signal.action.value,
            "code": denial.reason.value,
        }
        log.info("decision.skipped", **(names | facts | names))

    def _log_duplicate(self, signal: Signal) -> None:
        log.info(
            "execution.duplicate_blocked",
            user_id=self._account.user_id,
            signal_id=signal.signal_id,
            symbol=signal.symbol,
        )


def _plan_decision(
    s: DecisionInput, cleared: ClearedEntry | ExitPlan | Skip, advice: Advice | None
) -> Plan | Skip:
    """What a cleared signal comes to; a reversal that is advised against still closes."""
    if not isinstance(cleared, ClearedEntry):
        return cleared
    denial = None if advice is None else check_advice(advice, s.settings.ai)
    decided = denial or plan(s, cleared)
    if advice is not None and isinstance(decided, EntryPlan):
        decided = apply_advice(s, decided, advice)
    if isinstance(decided, Skip) and cleared.closes is not None:
        return ExitPlan(position=cleared.closes, reason=CloseReason.OPPOSITE_SIGNAL)
    return decided


def _facts(decided: EntryPlan | ExitPlan) -> dict[str, object]:
    if isinstance(decided, EntryPlan):
        return dict(decided.facts)
    facts: dict[str, object] = {"closes": decided.position.position_id, "reason": decided.reason}
    return facts if decided.quantity is None else facts | {"quantity": decided.quantity}


def _is_short(value: object) -> bool:
    return not isinstance(value, (tuple, list, dict))
