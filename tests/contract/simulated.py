"""The simulated exchange, whose memory is the ledger's file."""

from dataclasses import replace
from decimal import Decimal

from signalbot.domain.market import Instrument
from signalbot.domain.orders import OrderRequest
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.ledger.database import Database
from signalbot.ledger.simulated_store import SimulatedStore, load_state
from signalbot.ports import Broker
from signalbot.settings.simulation import (
    SimulatedSymbol,
    SimulationRules,
    instrument_of,
    symbol_rules,
)
from tests.contract.brokers import (
    ALICE,
    BOB,
    BTC,
    DEPOSIT,
    LEAST,
    NAME,
    START,
    BrokerFeatures,
    BrokerFixture,
)

RULES = SimulationRules(
    slippage_bps=Decimal(0),
    symbols={
        BTC: SimulatedSymbol(
            price=START, tick=Decimal("0.1"), min_quantity=LEAST, contract_size=Decimal("0.01")
        )
    },
)
IN_PARTS = replace(RULES, partial_fill_probability=1.0)


class SimulatedBrokerFixture(BrokerFixture):
    can = BrokerFeatures(is_sure_at_once=True)

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._rules = RULES

    async def connect(self) -> None:
        self._venue = MatchingEngine(
            exchange=NAME, rules=self._rules, instrument=_instrument,
            store=SimulatedStore(self.database, NAME), state=await load_state(self.database, NAME),
        )  # fmt: skip
        self._brokers = {
            user_id: SimulatedBroker(
                engine=self._venue, user_id=user_id, deposit=DEPOSIT, clock=self.clock
            )
            for user_id in (ALICE, BOB)
        }
        self._tick()

    async def close(self) -> None:
        await self.database.flush()

    def of(self, user_id: UserId) -> Broker:
        return self._brokers[user_id]

    async def price(self, price: int) -> None:
        self.now = Decimal(price)
        self._tick()

    def _tick(self) -> None:
        self._venue.on_price(BTC, self.now, self.clock.now_ms())

    async def by_hand(self, request: OrderRequest) -> str:
        """Another program that has the same account."""
        report = await self.broker.submit(request)
        return report.client_order_id

    async def trade_in_parts(self) -> None:
        """Here it is luck, which is certain from now on."""
        self._rules = IN_PARTS
        await self.restart()

    @property
    def instrument(self) -> Instrument:
        return _instrument(BTC)

    @property
    def held(self) -> Decimal:
        return held_at(self._venue)


def held_at(venue: MatchingEngine) -> Decimal:
    """What Alice holds there, negative when short."""
    stake = venue.account(ALICE, deposit=DEPOSIT).positions.get(BTC)
    position = stake.position if stake else None
    return position.quantity * position.side.sign if position else Decimal(0)


def _instrument(symbol: str) -> Instrument:
    return instrument_of(symbol, symbol_rules(RULES, symbol))
