"""Opens what asks the AI, for as long as the daemon runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from signalbot.advisor.analyst import Analysts
from signalbot.advisor.calls import Caller, Resolve
from signalbot.advisor.judge import Judge
from signalbot.advisor.panel import Panel
from signalbot.advisor.terms import AiTerms
from signalbot.ledger.ai import AiCalls
from signalbot.ledger.database import Database
from signalbot.ports import Clock, Market
from signalbot.tasks import supervise


@dataclass(frozen=True, slots=True)
class Ai:
    panel: Panel
    analysts: Analysts
    judge: Judge


@asynccontextmanager
async def asking(
    terms: AiTerms,
    *,
    database: Database,
    markets: Mapping[str, Market],
    resolve: Resolve,
    clock: Clock,
) -> AsyncIterator[Ai]:
    """The AI as configured; without a provider it is there, and costs nothing.

    Raises:
        ConfigError: a library is missing, or the vault lacks a key.
    """
    calls = AiCalls(database)
    async with (
        Caller.running(terms, calls=calls, resolve=resolve, clock=clock) as caller,
        asyncio.TaskGroup() as group,
    ):
        ai = Ai(
            Panel(caller, markets=markets, clock=clock),
            Analysts(caller, clock=clock),
            Judge(calls, markets=markets, clock=clock),
        )
        judging = group.create_task(supervise("ai judge", ai.judge.run, clock), name="ai judge")
        async with ai.panel.running(), ai.analysts.running():
            yield ai
        judging.cancel()
