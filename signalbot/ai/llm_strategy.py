"""Strategies of kind "llm": a model evaluates each candle of each symbol once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from signalbot.ai.analysis import (
    AnalysisParams,
    InconsistentAnalysis,
    parse_analysis_params,
    proposal_from_analysis,
)
from signalbot.ai.client import AiCallFailed, AiClient, CallContext
from signalbot.ai.daily_budget import DailyBudgetExceeded
from signalbot.ai.prompt import Prompt, analysis_prompt
from signalbot.ai.schemas import AnalysisResponse
from signalbot.ai.single_flight import SingleFlight
from signalbot.domain.signals import digest
from signalbot.domain.timeframe import Timeframe
from signalbot.ledger.ai_calls import CallKind
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies.base import SignalProposal, StrategyFailed, StrategySuspended, Tables

_AnalysisOutcome = AnalysisResponse | AiCallFailed | DailyBudgetExceeded


class LlmStrategyFactory:
    """Opens strategies of kind "llm"; equal prompts of different strategies share one call."""

    def __init__(self, client: AiClient, *, clock: Clock) -> None:
        self._client = client
        self._single_flight: SingleFlight[_AnalysisOutcome] = SingleFlight(clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Accept requests within the block."""
        async with self._single_flight.running():
            yield

    async def open_configured(self, settings: StrategySettings) -> "LlmStrategy":
        """Build the strategy with these settings.

        Raises:
            BadParameter: a parameter is invalid.
        """
        from signalbot.ai.market_summary import summarize_market  # noqa: PLC0415 - loads TA-Lib

        timeframe = settings.candle_timeframe
        params = parse_analysis_params(timeframe, settings.params)
        return LlmStrategy(settings.name, timeframe, params, self, summarize_market)

    async def request(
        self, context: CallContext, prompt: Prompt, params: AnalysisParams
    ) -> _AnalysisOutcome:
        """Return the model's response, or the error."""

        async def call() -> _AnalysisOutcome:
            try:
                called = await self._client.call(
                    context, prompt, AnalysisResponse, provider=params.provider, model=params.model
                )
            except (AiCallFailed, DailyBudgetExceeded) as e:
                return e
            return called.response

        key = digest("analysis", params.provider, params.model, prompt.hash)
        result, _ = await self._single_flight.request(key, call)
        return result


class LlmStrategy:
    """One strategy of kind "llm"; implements ``RemoteStrategy``."""

    max_concurrent = 4

    def __init__(
        self,
        name: str,
        timeframe: Timeframe,
        params: AnalysisParams,
        factory: LlmStrategyFactory,
        summary: Callable[[str, Tables], Mapping[str, Any]],
    ) -> None:
        self.timeframe = timeframe
        self.warm_up = dict.fromkeys({timeframe, *params.timeframes}, params.candles)
        self._name = name
        self._params = params
        self._factory = factory
        self._summarize = summary

    async def evaluate(self, symbol: str, tables: Tables) -> SignalProposal | None:
        """Return the model's proposal for the newest candle.

        Raises:
            StrategySuspended: today's budget is spent.
            StrategyFailed: no response in time, or an invalid one.
        """
        params = self._params
        prompt = analysis_prompt(self._summarize(symbol, tables), params.instructions)
        context = CallContext(kind=CallKind.ANALYSIS, strategy=self._name, symbol=symbol)
        try:
            async with asyncio.timeout(params.deadline_s):
                result = await self._factory.request(context, prompt, params)
        except TimeoutError:
            raise StrategyFailed(
                f"{params.model} did not respond within {params.deadline_s:g} s"
            ) from None
        match result:
            case DailyBudgetExceeded():
                raise StrategySuspended(f"AI_BUDGET_SPENT: {result}")
            case AiCallFailed():
                raise StrategyFailed(f"{params.model}: {result}")
        close: float = tables[self.timeframe].close.item(-1)
        try:
            return proposal_from_analysis(result, close=close, params=params)
        except InconsistentAnalysis as e:
            raise StrategyFailed(f"{params.model} contradicts itself: {e}") from None

    def suspend(self) -> None:
        """Do nothing: there is no worker to release."""
