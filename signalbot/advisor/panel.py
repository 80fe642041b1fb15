"""The AI's opinion on signals, behind ``ports.Advisor``."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from signalbot.advisor.answer import DecisionAnswer
from signalbot.advisor.budget import BudgetSpent
from signalbot.advisor.calls import About, Called, Caller, NoAnswer
from signalbot.advisor.prompt import decision_question, key_of
from signalbot.advisor.share import Shared
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.errors import Unavailable
from signalbot.domain.market import Candle
from signalbot.domain.reasons import Reason
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Signal
from signalbot.ledger.ai import CallKind
from signalbot.ports import Clock, Market

_CANDLES = 30
_HISTORY_S = 3.0  # candles are good to have, and not worth waiting for


class Panel:
    """Advises every user; those whose rules ask the same question share one call."""

    def __init__(self, caller: Caller, *, markets: Mapping[str, Market], clock: Clock) -> None:
        self._caller = caller
        self._markets = markets
        self._shared: Shared[Advice] = Shared(clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Advice can be asked for within."""
        async with self._shared.running():
            yield

    async def advise(self, signal: Signal, rules: AiRules) -> Advice:
        """What the rules' model says; whatever goes wrong is an ABSTAIN."""
        advice, is_shared = await self._shared.ask(
            key_of(signal, rules), lambda: self._consider(signal, rules)
        )
        return replace(advice, is_shared=is_shared)

    async def _consider(self, signal: Signal, rules: AiRules) -> Advice:
        question = decision_question(signal, rules, await self._candles(signal))
        about = About(
            kind=CallKind.DECISION,
            strategy=signal.strategy,
            symbol=signal.symbol,
            signal_id=signal.signal_id,
        )
        try:
            called = await self._caller.call(
                about, question, DecisionAnswer, provider=rules.provider, model=rules.model
            )
        except BudgetSpent as e:
            return _abstention(str(e), trouble=Reason.AI_BUDGET_SPENT, call_id=e.call_id)
        except NoAnswer as e:
            return _abstention(str(e), call_id=e.call_id)
        return _advice(called)

    async def _candles(self, signal: Signal) -> Sequence[Candle]:
        market = self._markets.get(signal.exchange)
        if market is None or signal.timeframe is None:
            return ()
        try:
            async with asyncio.timeout(_HISTORY_S):
                return await market.history(
                    signal.symbol, signal.timeframe, end_ms=signal.event_ms, limit=_CANDLES
                )
        except (Unavailable, TimeoutError):
            return ()


def _abstention(
    cause: str, *, trouble: Reason = Reason.AI_FAILED, call_id: str | None = None
) -> Advice:
    return Advice(
        verdict=Verdict.ABSTAIN, confidence=0.0, reason=cause, trouble=trouble, call_id=call_id
    )


def _advice(called: Called[DecisionAnswer]) -> Advice:
    answer = called.answer
    return Advice(
        verdict=Verdict.APPROVE if answer.decision == "approve" else Verdict.DENY,
        confidence=answer.confidence,
        reason=answer.reasoning,
        size_percent=Decimal(repr(answer.size_percent)),
        stop_percent=Decimal(repr(answer.stop_closer_percent)),
        call_id=called.call_id,
    )
