"""Accounts at a loopback exchange, through ccxt and real sockets; and paper accounts at its prices.

What a live account claims is checked against the exchange's own book.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from signalbot.domain.market import Instrument
from signalbot.domain.orders import OrderRequest
from signalbot.domain.users import AccountSettings, Mode, User, UserId
from signalbot.exchange.live.broker import LiveBroker
from signalbot.exchange.live.exchange import LiveExchange
from signalbot.exchange.live.exchange_settings import LiveExchangeSettings
from signalbot.exchange.live.registry import adapters_of
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.ledger.database import Database
from signalbot.ports import Broker
from tests.contract.brokers import ALICE, BOB, DEPOSIT, NAME, BrokerFeatures, BrokerFixture
from tests.contract.simulated import IN_PARTS, RULES, held_at
from tests.venue.matching import Fills
from tests.venue.model import Account, Kind, Side, Ticket
from tests.venue.server import Venue, build

_BINANCE = BrokerFeatures(keeps_ids=False)
_ATTACHING = BrokerFeatures(attaches=True, amends=True)
_GRID = Decimal("0.001")
_UNFUNDED: Final[Mapping[str, Any]] = MappingProxyType(
    {"tells_funding": False, "funding_interval_ms": None}
)
CAN = MappingProxyType({
    "binance": _BINANCE, "bybit": _ATTACHING, "okx": replace(_ATTACHING, funding_interval_ms=None),
    "htx": BrokerFeatures(
        keeps_ids=False, reserves_ids=False, says_ids=False, trims=False, trims_stops=False,
        least=_GRID, tells_least=False, fills_kept_days=3, **_UNFUNDED,
    ),
    "bitget": BrokerFeatures(keeps_ids=False, trims=False, **_UNFUNDED),
    "mexc": BrokerFeatures(
        keeps_ids=False, reserves_ids=False, trims=False, refuses_passed_stops=False,
        least=_GRID / 10, **_UNFUNDED,
    ),
    "krakenfutures": BrokerFeatures(
        refuses_passed_stops=False, least=_GRID / 10, tells_least=False, symbol="BTC/USD:USD",
        **_UNFUNDED,
    ),
})  # fmt: skip


class LiveBrokerFixture(BrokerFixture):
    """Live accounts at a loopback exchange."""

    mode = Mode.LIVE

    def __init__(self, database: Database, venue: Venue, can: BrokerFeatures) -> None:
        super().__init__(database)
        self.can = can
        self.venue = venue
        self.paper = RULES
        self.limits: Mapping[int, int] = {}
        self.market_id = venue.dialect.market_id("BTC")
        for user_id in (ALICE, BOB):
            venue.add_account(user_id, wallet=DEPOSIT)

    async def connect(self) -> None:
        ccxt_id = self.venue.dialect.ccxt_id
        self.exchange = LiveExchange(
            LiveExchangeSettings(
                name=NAME, ccxt_id=ccxt_id, sandbox=False, config=self.venue.ccxt_config(),
                paper=self.paper, request_limits=self.limits,
            ),
            adapters=adapters_of(ccxt_id),
            credentials={each: self.venue.credentials(each) for each in (ALICE, BOB)},
            clock=self.clock,
        )  # fmt: skip
        await self.exchange.open(self.database)
        await self.exchange.connect()
        self.exchange.price_feed.watch(self.symbol)
        await self.exchange.prepare()
        self._run = asyncio.create_task(self.exchange.run())

    async def open(self) -> None:
        """As every minute, balances are asked for as well."""
        await super().open()
        for user_id in (ALICE, BOB):
            broker = self.of(user_id)
            if isinstance(broker, LiveBroker):
                await broker.refresh_balance()

    async def close(self) -> None:
        self._run.cancel()
        await asyncio.wait([self._run])
        await self.exchange.close()
        await self.database.flush()

    def of(self, user_id: UserId) -> Broker:
        user = User(
            user_id=user_id, mode=self.mode,
            account=AccountSettings(exchange=NAME, leverage=5, paper_balance=DEPOSIT),
        )  # fmt: skip
        return self.exchange.broker(user, symbols=[self.symbol])

    async def price(self, price: int) -> None:
        self.now = Decimal(price)
        self.venue.engine.set_price(self.market_id, self.now)
        self.exchange.price_feed.publish(self.symbol, self.now)

    async def by_hand(self, request: OrderRequest) -> str:
        """On the exchange's web page."""
        is_limit = request.price is not None
        order = self.venue.engine.place_foreign(
            ALICE,
            Ticket(
                client_id="", symbol=self.market_id, side=Side(request.side.value),
                kind=Kind.LIMIT if is_limit else Kind.MARKET, quantity=request.quantity,
                price=request.price,
            ),
        )  # fmt: skip
        return order.ask.client_id

    async def trade_in_parts(self) -> None:
        self.venue.engine.plan_fills(Fills(shares=(Decimal("0.5"),)))

    @property
    def instrument(self) -> Instrument:
        return self.exchange.market.instrument(self.symbol)

    @property
    def account(self) -> Account:
        return self.venue.engine.accounts[ALICE]

    @property
    def held(self) -> Decimal:
        return self.account.held(self.market_id)


class PaperBrokerFixture(LiveBrokerFixture):
    """Paper accounts: the exchange's prices and rules, simulated fills."""

    mode = Mode.PAPER

    async def by_hand(self, request: OrderRequest) -> str:
        """Nobody else trades a paper account: another part of the daemon."""
        return (await self.broker.submit(request)).client_order_id

    async def trade_in_parts(self) -> None:
        """Here it is luck, which is certain from now on."""
        self.paper = IN_PARTS
        await self.restart()

    @property
    def held(self) -> Decimal:
        broker = self.broker
        assert isinstance(broker, SimulatedBroker)
        assert not self.account.trades, "paper has reached the exchange"
        return held_at(broker._engine)


def exchange_of(dialect: str) -> Venue:
    """A loopback exchange that takes no less of a coin than its fixture says."""
    least, markets = CAN[dialect].least, build(dialect).engine.markets.values()
    return build(dialect, markets=[
        replace(each, min_quantity=least) if each.base == "BTC" else each for each in markets
    ])  # fmt: skip
