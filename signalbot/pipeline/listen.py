"""One listener per user: filters, risk, advice, size, then claim and execution; always a reason."""

import asyncio
from collections.abc import Mapping

import structlog

from signalbot.decision.advise import soften, told, weigh
from signalbot.decision.decide import Enter, plan, screen
from signalbot.decision.situation import Denial, EntryPlan, ExitPlan, Plan, Situation
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.positions import CloseReason
from signalbot.domain.reasons import Reason
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Decision, Outcome, Signal
from signalbot.domain.users import Mode, Subscription
from signalbot.ledger.executions import Claim
from signalbot.ledger.signals import Signals
from signalbot.pipeline.account import Account
from signalbot.pipeline.broadcast import Delivery, Inbox
from signalbot.pipeline.execute import Executor
from signalbot.pipeline.halt import Halts
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
        halts: Halts,
        clock: Clock,
        advisor: Advisor | None = None,
    ) -> None:
        self._account = account
        self._inbox = inbox
        self._subscriptions = subscriptions
        self._markets = markets
        self._signals = signals
        self._executor = executor
        self._halts = halts
        self._clock = clock
        self._advisor = advisor

    async def run(self) -> None:
        """Take signals from the inbox until cancelled; a bug halts this user and no other."""
        while True:
            delivery = await self._inbox.get()
            try:
                await self._take(delivery)
            finally:
                self._inbox.task_done()

    async def _take(self, delivery: Delivery) -> None:
        decided = False
        async with self._halts.containing_bugs(self._account, "listener"):
            await self._turn(delivery)
            decided = True
        if not decided:
            await self._skip(delivery, Denial(Reason.INTERNAL_ERROR))

    async def _turn(self, delivery: Delivery) -> None:
        signal = delivery.signal
        subscription = self._subscriptions.get(signal.strategy)
        if subscription is None:
            return
        if delivery.executed:
            self._tell_duplicate(signal)
            return
        market = self._market(signal)
        if not market.is_open and not await self._opened(market, signal):
            why = {"why": "its exchange has not been reached since the start"}
            await self._skip(delivery, Denial(Reason.ACCOUNT_NOT_READY, why))
            return
        await market.fresh_price(signal.symbol)  # asked for before the lock, read behind it
        async with self._account.lock(signal.symbol):
            if not signal.action.is_entry:
                await self._executor.withdraw_entry(self._account, signal)
            situation = await self._situation(signal, subscription)
            cleared = screen(situation)
            if not self._wants_advice(subscription, cleared):
                await self._follow(delivery, situation, cleared)
                return
        await self._advised(delivery, subscription, situation)

    async def _advised(
        self, delivery: Delivery, subscription: Subscription, situation: Situation
    ) -> None:
        """Ask the advisor without holding anything up, then look at everything afresh."""
        rules = subscription.settings.ai
        advice = await self._ask(situation.signal, rules)
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
            situation = await self._situation(delivery.signal, subscription)
            await self._follow(delivery, situation, screen(situation), advice)

    async def _follow(
        self,
        delivery: Delivery,
        situation: Situation,
        cleared: Enter | ExitPlan | Denial,
        advice: Advice | None = None,
    ) -> None:
        """Turn what was cleared into orders, or into a recorded refusal."""
        decided = _decided(situation, cleared, advice)
        if isinstance(decided, Denial):
            await self._skip(delivery, decided)
            return
        facts = _facts(decided) | {"rank": delivery.rank}
        if advice is not None and isinstance(decided, ExitPlan):
            facts |= told(advice, situation.settings.ai)
        if self._account.user.mode is Mode.SIGNALS:
            await self._skip(delivery, Denial(Reason.SIGNALS_ONLY, facts))
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
            case Claim.WON:
                pass
            case Claim.DUPLICATE:
                self._tell_duplicate(delivery.signal)
            case Claim.NOT_ACTIVE:
                await self._skip(delivery, Denial(Reason.SIGNAL_NOT_ACTIVE))

    async def _opened(self, market: Market, signal: Signal) -> bool:
        """Whether the market has opened; an exit waits for it, for as long as its signal lives."""
        if signal.action.is_entry:
            return False
        left_s = (signal.expires_at_ms - self._clock.now_ms()) / 1000
        try:
            async with asyncio.timeout(max(left_s, 0)):
                await market.opened()
        except TimeoutError:
            return False
        return True

    async def _situation(self, signal: Signal, subscription: Subscription) -> Situation:
        price = await self._market(signal).fresh_price(signal.symbol)
        now_ms, market = self._clock.now_ms(), self._market(signal)
        return Situation(
            signal=signal,
            user=self._account.user,
            subscription=subscription,
            book=self._account.book(now_ms),
            instrument=(instrument := market.instrument(signal.symbol)),
            price=price,
            now_ms=now_ms,
            halted=self._halts.halted is not None,
            obstacle=self._halts.obstacle or self._account.obstacle(now_ms),
            fees=self._account.fees(instrument),
            slippage_bps=self._account.slippage_bps(signal),
        )

    def _market(self, signal: Signal) -> Market:
        """Where the signal would be traded: who is only told may follow any exchange."""
        is_told = self._account.user.mode is Mode.SIGNALS
        return self._markets[signal.exchange] if is_told else self._account.market

    def _wants_advice(
        self, subscription: Subscription, cleared: Enter | ExitPlan | Denial
    ) -> bool:  # fmt: skip
        return (
            isinstance(cleared, Enter)
            and subscription.settings.ai.enabled
            and self._advisor is not None
        )

    async def _ask(self, signal: Signal, rules: AiRules) -> Advice:
        assert self._advisor is not None  # noqa: S101 - checked by _wants_advice
        try:
            async with asyncio.timeout(rules.deadline_ms / 1000):
                return await self._advisor.advise(signal, rules)
        except TimeoutError:
            reason = f"no answer within {rules.deadline_ms} ms"
            return Advice(verdict=Verdict.ABSTAIN, confidence=0.0, reason=reason)

    async def _skip(self, delivery: Delivery, denial: Denial) -> None:
        signal = delivery.signal
        await self._signals.record_decision(
            Decision(
                signal_id=signal.signal_id,
                user_id=self._account.user_id,
                outcome=Outcome.SKIP,
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
        log.info("decision.denied", **(names | facts | names))

    def _tell_duplicate(self, signal: Signal) -> None:
        log.info(
            "execution.duplicate_blocked",
            user_id=self._account.user_id,
            signal_id=signal.signal_id,
            symbol=signal.symbol,
        )


def _decided(
    s: Situation, cleared: Enter | ExitPlan | Denial, advice: Advice | None
) -> Plan | Denial:
    """What a cleared signal comes to; a reversal that is advised against still closes."""
    if not isinstance(cleared, Enter):
        return cleared
    denial = None if advice is None else weigh(advice, s.settings.ai)
    decided = denial or plan(s, cleared)
    if advice is not None and isinstance(decided, EntryPlan):
        decided = soften(s, decided, advice)
    if isinstance(decided, Denial) and cleared.closes is not None:
        return ExitPlan(position=cleared.closes, reason=CloseReason.OPPOSITE_SIGNAL)
    return decided


def _facts(decided: EntryPlan | ExitPlan) -> dict[str, object]:
    if isinstance(decided, EntryPlan):
        return dict(decided.facts)
    facts: dict[str, object] = {"closes": decided.position.position_id, "reason": decided.reason}
    return facts if decided.quantity is None else facts | {"quantity": decided.quantity}


def _is_short(value: object) -> bool:
    return not isinstance(value, (tuple, list, dict))
