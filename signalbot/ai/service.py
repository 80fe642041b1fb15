"""Starts the AI services for the lifetime of the daemon."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from signalbot.ai.advisor import AiAdvisor
from signalbot.ai.client import AiClient, ResolveSecret
from signalbot.ai.llm_strategy import LlmStrategyFactory
from signalbot.ai.outcome_evaluator import OutcomeEvaluator
from signalbot.ledger.ai_calls import AiCalls
from signalbot.ledger.database import Database
from signalbot.ports import Clock, Market
from signalbot.settings.ai import AiSettings
from signalbot.tasks import supervise


@dataclass(frozen=True, slots=True)
class AiService:
    """The running AI services."""

    advisor: AiAdvisor
    llm_strategies: LlmStrategyFactory
    outcome_evaluator: OutcomeEvaluator


@asynccontextmanager
async def open_ai(
    settings: AiSettings,
    *,
    database: Database,
    markets: Mapping[str, Market],
    resolve: ResolveSecret,
    clock: Clock,
) -> AsyncIterator[AiService]:
    """Start the AI services; without a provider they are idle.

    Raises:
        ConfigError: a library is missing, or the vault lacks a key.
    """
    calls = AiCalls(database)
    async with (
        AiClient.running(settings, calls=calls, resolve=resolve, clock=clock) as client,
        asyncio.TaskGroup() as group,
    ):
        ai = AiService(
            AiAdvisor(client, markets=markets, clock=clock),
            LlmStrategyFactory(client, clock=clock),
            OutcomeEvaluator(calls, markets=markets, clock=clock),
        )
        evaluating = group.create_task(
            supervise("ai outcomes", ai.outcome_evaluator.run, clock), name="ai outcomes"
        )
        async with ai.advisor.running(), ai.llm_strategies.running():
            yield ai
        evaluating.cancel()
