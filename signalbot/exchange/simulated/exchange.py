"""A whole simulated exchange: seeded prices, a market to watch, accounts that outlive restarts."""

from collections.abc import AsyncIterator, Collection, Sequence

from signalbot.domain.timeframe import EPOCH
from signalbot.domain.users import Mode, User, UserId
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.exchange.simulated.rules import SimulationRules
from signalbot.exchange.simulated.runner import SeededPrices, SimulatedRunner
from signalbot.exchange.simulated.venue import SimulatedVenue
from signalbot.ledger.database import Database
from signalbot.ledger.simulated import SimulatedStore, load
from signalbot.ports import Allowance, Away, Clock
from signalbot.stream import Stream

COMPARE_EVERY_MS = 20_000


class SimulatedExchange:
    """Implements ``Exchange``."""

    def __init__(
        self,
        *,
        market: SimulatedMarket,
        venue: SimulatedVenue,
        runner: SimulatedRunner,
        clock: Clock,
    ) -> None:
        self.market = market
        self._venue = venue
        self._runner = runner
        self._clock = clock

    @classmethod
    async def open(
        cls, name: str, rules: SimulationRules, *, database: Database, clock: Clock
    ) -> "SimulatedExchange":
        """The exchange ``name`` as the ledger remembers it, or a new one."""
        prices = SeededPrices(rules)
        venue = SimulatedVenue(
            exchange=name,
            rules=rules,
            instrument=prices.instrument,
            store=SimulatedStore(database, name),
            state=await load(database, name),
        )
        market = SimulatedMarket(instrument=prices.instrument, history=prices.history)
        runner = SimulatedRunner(prices=prices, venue=venue, market=market)
        return cls(market=market, venue=venue, runner=runner, clock=clock)

    trouble: str | None = None
    retry_at_ms = EPOCH
    needs_comparing = True

    def allowances(self) -> Sequence[Allowance]:
        return ()

    def away(self) -> Sequence[Away]:
        return ()

    def changes(self) -> AsyncIterator[UserId]:
        """None: nobody else trades its accounts."""
        return Stream()

    def comparison_interval_ms(self, user_id: UserId) -> int:
        return COMPARE_EVERY_MS

    def broker(self, user: User, *, symbols: Collection[str] = ()) -> SimulatedBroker:
        return SimulatedBroker(
            venue=self._venue,
            user_id=user.user_id,
            deposit=user.account.paper_balance,
            clock=self._clock,
            is_paper=user.mode is Mode.PAPER,
        )

    def release(self, user_id: UserId) -> None:
        """Nothing to forget: the account is the exchange's own and stays."""

    async def connect(self) -> None:
        """It is always there."""

    async def prepare(self) -> None:
        """Let resting orders trade through the time nobody watched, and quote every price."""
        await self._runner.prepare(self._clock)

    async def run(self) -> None:
        """Tick until cancelled."""
        await self._runner.run(self._clock)
