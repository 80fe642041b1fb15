"""Users with AI review, with a loopback server, in real time."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from signalbot.ai.service import open_ai
from signalbot.app.composition import build
from signalbot.app.lifecycle import running
from signalbot.config.load import load
from signalbot.domain.settings import AiPermission, AiRules
from signalbot.domain.timeframe import Timeframe
from signalbot.ledger.ai_calls import AiCall, AiCalls
from signalbot.ledger.database import open_replay_database
from signalbot.replay.historical_exchange import HistoricalExchange
from signalbot.settings.ai import AiProviderSettings, AiSettings, ProviderKind
from signalbot.settings.simulation import SimulationRules
from signalbot.tasks import LoopClock
from tests.llm.server import Llm, llm
from tests.simulation import HEAD, START, FaultyExchange, Simulation, user

RULES = AiRules(enabled=True, provider="main", model="small")
ALL_POWERS = AiRules(
    enabled=True, provider="main", model="small", may=tuple(AiPermission), min_confidence=0.5
)


def terms(
    server: Llm,
    kind: ProviderKind = ProviderKind.OPENAI_COMPATIBLE,
    *,
    budget: str | None = None,
    retries: int = 0,
) -> AiSettings:
    """One provider, ``main``, served by the loopback server."""
    path = "" if kind is ProviderKind.ANTHROPIC else "/v1"
    provider = AiProviderSettings(
        name="main",
        kind=kind,
        base_url=server.url + path,
        api_key="secret:main",
        input_price=Decimal(1),
        output_price=Decimal(4),
        retries=retries,
    )
    limit = None if budget is None else Decimal(budget)
    return AiSettings(providers={"main": provider}, budget_per_day=limit)


async def key_of_the_vault(_: str) -> str:
    """As the vault would answer."""
    return "key-from-the-vault"


def advised(name: str, extra: str = "", *, rest: str = "") -> str:
    """TOML of a user who has an AI look at every signal."""
    ai = f"ai = {{ enabled = true, provider = 'main', model = 'small' {extra} }}\n{rest}"
    return user(name, extra=ai)


class AiSimulation(Simulation):
    """A world with a model in it."""

    llm: Llm

    async def calls(self) -> list[AiCall]:
        """Every call on record."""
        await self.database.flush()
        return list(await AiCalls(self.database).since(START))


@asynccontextmanager
async def ai_simulation(
    folder: Path,
    users: Iterable[str],
    *,
    kind: ProviderKind = ProviderKind.OPENAI_COMPATIBLE,
    budget: str | None = None,
    retries: int = 0,
) -> AsyncIterator[AiSimulation]:
    """The app at a price of 100."""
    async with llm() as server, open_replay_database(folder / "signalbot.db") as database:
        file = folder / "config.toml"
        provider = f"[ai.providers.main]\nkind = 'openai-compatible'\nbase_url = '{server.url}'\n"
        file.write_text(HEAD + provider + "".join(users))
        config, clock = load(file, {}), LoopClock(START)
        real = HistoricalExchange("sim", SimulationRules(), base=Timeframe.M1, clock=clock)
        exchange = FaultyExchange(real, clock)
        async with open_ai(
            terms(server, kind, budget=budget, retries=retries),
            database=database,
            markets={"sim": exchange.market},
            resolve=key_of_the_vault,
            clock=clock,
        ) as ai:
            services = build(
                config,
                database=database,
                exchanges={"sim": exchange},
                clock=clock,
                advisor=ai.advisor,
                llm_strategies=ai.llm_strategies,
            )
            async with running(services):
                w = AiSimulation(services, exchange, clock, database)
                w.llm = server
                w.jump("100")
                yield w
