"""AI review of signals; implements ``ports.Advisor``."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from signalbot.ai.client import AiCallFailed, AiClient, CallContext, CallResult
from signalbot.ai.daily_budget import DailyBudgetExceeded
from signalbot.ai.prompt import decision_prompt, prompt_key
from signalbot.ai.schemas import DecisionResponse
from signalbot.ai.single_flight import SingleFlight
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import Unavailable
from signalbot.domain.market import Candle
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Signal
from signalbot.ledger.ai_calls import CallKind
from signalbot.ports import Clock, Market

_CANDLES = 30
_HISTORY_TIMEOUT_S = 3.0  # candles are optional context


class AiAdvisor:
    """Advises every user; requests with equal prompts share one call."""

    def __init__(self, client: AiClient, *, markets: Mapping[str, Market], clock: Clock) -> None:
        self._client = client
        self._markets = markets
        self._single_flight: SingleFlight[Advice] = SingleFlight(clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Accept requests within the block."""
        async with self._single_flight.running():
            yield

    async def advise(self, signal: Signal, rules: AiRules) -> Advice:
        """Return the verdict of the configured model; ABSTAIN on any failure."""
        advice, is_shared = await self._single_flight.request(
            prompt_key(signal, rules), lambda: self._request_decision(signal, rules)
        )
        return replace(advice, is_shared=is_shared)

    async def _request_decision(self, signal: Signal, rules: AiRules) -> Advice:
        prompt = decision_prompt(signal, rules, await self._candles(signal))
        context = CallContext(
            kind=CallKind.DECISION,
            strategy=signal.strategy,
            symbol=signal.symbol,
            signal_id=signal.signal_id,
        )
        try:
            result = await self._client.call(
                context, prompt, DecisionResponse, provider=rules.provider, model=rules.model
            )
        except DailyBudgetExceeded as e:
            return _abstention(str(e), failure_code=DecisionCode.AI_BUDGET_SPENT, call_id=e.call_id)
        except AiCallFailed as e:
            return _abstention(str(e), call_id=e.call_id)
        return _advice(result)

    async def _candles(self, signal: Signal) -> Sequence[Candle]:
        market = self._markets.get(signal.exchange)
        if market is None or signal.timeframe is None:
            return ()
        try:
            async with asyncio.timeout(_HISTORY_TIMEOUT_S):
                return await market.history(
                    signal.symbol, signal.timeframe, end_ms=signal.event_ms, limit=_CANDLES
                )
        except (Unavailable, TimeoutError):
            return ()


def _abstention(
    cause: str, *, failure_code: DecisionCode = DecisionCode.AI_FAILED, call_id: str | None = None
) -> Advice:
    return Advice(
        verdict=Verdict.ABSTAIN,
        confidence=0.0,
        reason=cause,
        failure_code=failure_code,
        call_id=call_id,
    )


def _advice(result: CallResult[DecisionResponse]) -> Advice:
    response = result.response
    return Advice(
        verdict=Verdict.APPROVE if response.decision == "approve" else Verdict.DENY,
        confidence=response.confidence,
        reason=response.reasoning,
        size_percent=Decimal(repr(response.size_percent)),
        stop_percent=Decimal(repr(response.stop_closer_percent)),
        call_id=result.call_id,
    )
