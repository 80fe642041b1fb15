"""Strategies of kind "llm": a model looks at each candle of each symbol, once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from signalbot.advisor.analysis import (
    AnalysisParams,
    Inconsistent,
    idea_of,
    read_params,
)
from signalbot.advisor.answer import AnalysisAnswer
from signalbot.advisor.budget import BudgetSpent
from signalbot.advisor.calls import About, Caller, NoAnswer
from signalbot.advisor.prompt import Question, analysis_question
from signalbot.advisor.share import Shared
from signalbot.domain.signals import digest
from signalbot.domain.timeframe import Timeframe
from signalbot.ledger.ai import CallKind
from signalbot.ports import Clock
from signalbot.strategies.base import Failed, Idea, Resting, Tables

Came = AnalysisAnswer | NoAnswer | BudgetSpent


class Analysts:
    """The strategies that ask a model; equal questions of different strategies are one call."""

    def __init__(self, caller: Caller, *, clock: Clock) -> None:
        self._caller = caller
        self._shared: Shared[Came] = Shared(clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Analyses can be asked for within."""
        async with self._shared.running():
            yield

    def open(self, name: str, *, timeframe: Timeframe, params: Mapping[str, Any]) -> "Analyst":
        """The strategy of this name.

        Raises:
            BadParameter: a parameter cannot be used.
        """
        from signalbot.advisor.summary import summary  # noqa: PLC0415 - loads its library now

        return Analyst(name, timeframe, read_params(timeframe, params), self, summary)

    async def ask(self, about: About, question: Question, params: AnalysisParams) -> Came:
        """The model's answer, or why there is none."""

        async def call() -> Came:
            try:
                called = await self._caller.call(
                    about, question, AnalysisAnswer, provider=params.provider, model=params.model
                )
            except (NoAnswer, BudgetSpent) as e:
                return e
            return called.answer

        key = digest("analysis", params.provider, params.model, question.hash)
        came, _ = await self._shared.ask(key, call)
        return came


class Analyst:
    """One strategy of kind "llm"; implements ``RemoteStrategy``."""

    at_once = 4

    def __init__(
        self,
        name: str,
        timeframe: Timeframe,
        params: AnalysisParams,
        analysts: Analysts,
        summary: Callable[[str, Tables], Mapping[str, Any]],
    ) -> None:
        self.timeframe = timeframe
        self.warm_up = dict.fromkeys({timeframe, *params.timeframes}, params.candles)
        self._name = name
        self._params = params
        self._analysts = analysts
        self._summary = summary

    async def consider(self, symbol: str, tables: Tables) -> Idea | None:
        """What the model says; its day's money spent is a rest, everything else wrong a failure."""
        params = self._params
        question = analysis_question(self._summary(symbol, tables), params.instructions)
        about = About(kind=CallKind.ANALYSIS, strategy=self._name, symbol=symbol)
        try:
            async with asyncio.timeout(params.deadline_s):
                came = await self._analysts.ask(about, question, params)
        except TimeoutError:
            raise Failed(f"{params.model} gave no answer within {params.deadline_s:g} s") from None
        match came:
            case BudgetSpent():
                raise Resting(f"AI_BUDGET_SPENT: {came}")
            case NoAnswer():
                raise Failed(f"{params.model}: {came}")
        close: float = tables[self.timeframe].close.item(-1)
        try:
            return idea_of(came, close=close, params=params)
        except Inconsistent as e:
            raise Failed(f"{params.model} contradicts itself: {e}") from None

    def rest(self) -> None:
        """It holds nothing."""
