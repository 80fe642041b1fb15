"""A simulated exchange: seeded prices, a market, and accounts that outlive restarts."""

from collections.abc import AsyncIterator, Collection, Sequence

from signalbot.domain.timeframe import EPOCH
from signalbot.domain.users import Mode, User, UserId
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.driver import SeededPrices, SimulationDriver
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.ledger.database import Database
from signalbot.ledger.simulated_store import SimulatedStore, load_state
from signalbot.ports import Clock, Outage, RateAllowance
from signalbot.settings.simulation import SimulationRules
from signalbot.stream import Stream

COMPARE_INTERVAL_MS = 20_000


class SimulatedExchange:
    """Implements ``Exchange``."""

    def __init__(
        self,
        *,
        market: SimulatedMarket,
        engine: MatchingEngine,
        driver: SimulationDriver,
        clock: Clock,
    ) -> None:
        self.market = market
        self._engine = engine
        self._driver = driver
        self._clock = clock

    @classmethod
    async def open(
        cls, name: str, rules: SimulationRules, *, database: Database, clock: Clock
    ) -> "SimulatedExchange":
        """The exchange ``name`` from the ledger, or a new one."""
        prices = SeededPrices(rules)
        engine = MatchingEngine(
            exchange=name,
            rules=rules,
            instrument=prices.instrument,
            store=SimulatedStore(database, name),
            state=await load_state(database, name),
        )
        market = SimulatedMarket(instrument=prices.instrument, history=prices.history)
        driver = SimulationDriver(prices=prices, engine=engine, market=market)
        return cls(market=market, engine=engine, driver=driver, clock=clock)

    entry_block_reason: str | None = None
    retry_at_ms = EPOCH
    needs_reconciliation = True

    def rate_allowances(self) -> Sequence[RateAllowance]:
        return ()

    def outages(self) -> Sequence[Outage]:
        return ()

    def unexplained_changes(self) -> AsyncIterator[UserId]:
        """Empty: only this daemon trades its accounts."""
        return Stream()

    def reconciliation_interval_ms(self, user_id: UserId) -> int:
        return COMPARE_INTERVAL_MS

    def broker(self, user: User, *, symbols: Collection[str] = ()) -> SimulatedBroker:
        return SimulatedBroker(
            engine=self._engine,
            user_id=user.user_id,
            deposit=user.account.paper_balance,
            clock=self._clock,
            is_paper=user.mode is Mode.PAPER,
        )

    def release(self, user_id: UserId) -> None:
        """Does nothing: the exchange keeps the account."""

    async def connect(self) -> None:
        """Does nothing: it is always reachable."""

    async def prepare(self) -> None:
        """Match resting orders with the prices since the last run, and quote every market."""
        await self._driver.prepare(self._clock)

    async def run(self) -> None:
        """Tick until cancelled."""
        await self._driver.run(self._clock)
