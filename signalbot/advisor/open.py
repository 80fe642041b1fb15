"""Opens what asks the AI, for as long as the daemon runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from signalbot.advisor.analyst import Analysts
from signalbot.advisor.calls import Caller, Resolve
from signalbot.advisor.panel import Panel
from signalbot.advisor.terms import AiTerms
from signalbot.ledger.ai import AiCalls
from signalbot.ledger.database import Database
from signalbot.ports import Clock, Market


@dataclass(frozen=True, slots=True)
class Ai:
    panel: Panel
    analysts: Analysts


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
    async with Caller.running(
        terms, calls=AiCalls(database), resolve=resolve, clock=clock
    ) as caller:
        ai = Ai(Panel(caller, markets=markets, clock=clock), Analysts(caller, clock=clock))
        async with ai.panel.running(), ai.analysts.running():
            yield ai
