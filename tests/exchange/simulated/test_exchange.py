"""A simulated exchange as the daemon opens it: by name, from its ledger."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.orders import ClientOrderId, Leg, OrderRequest, OrderType
from signalbot.domain.timeframe import DAY_MS
from signalbot.domain.users import AccountSettings, Mode, User
from signalbot.exchange.simulated.exchange import SimulatedExchange
from signalbot.ledger.database import Database, open_database
from signalbot.ports import Clock
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.clocks import End, JumpClock
from tests.exchange.simulated.trader import ALICE, BUY

BTC = "BTC/USDT:USDT"
NOON_MS = 19_700 * DAY_MS + DAY_MS // 2
USER = User(
    user_id=ALICE,
    mode=Mode.LIVE,
    account=AccountSettings(exchange="sim", paper_balance=Decimal(50_000)),
)


async def open_exchange(database: Database, clock: Clock) -> SimulatedExchange:
    return await SimulatedExchange.open("sim", SimulationRules(), database=database, clock=clock)


async def test_accounts_outlive_the_exchange_and_follow_its_prices(tmp_path: Path) -> None:
    """A day later the position is worth what the seeded market then says."""
    async with open_database(tmp_path / "a.db") as database:
        exchange = await open_exchange(database, JumpClock(NOON_MS))
        exchange.market.instrument(BTC)
        await exchange.prepare()
        report = await exchange.broker(USER).submit(
            OrderRequest(
                client_order_id=ClientOrderId("in"),
                user_id=ALICE,
                exchange="sim",
                symbol=BTC,
                leg=Leg.ENTRY,
                side=BUY,
                type=OrderType.MARKET,
                quantity=Decimal("0.1"),
            )
        )
    async with open_database(tmp_path / "a.db") as database:
        exchange = await open_exchange(database, JumpClock(NOON_MS + DAY_MS))
        exchange.market.instrument(BTC)
        await exchange.prepare()
        last = exchange.market.last_price(BTC)
        assert last is not None
        assert report.average_price is not None
        gained = (last - report.average_price) * Decimal("0.1") - report.fills[0].fee
        assert exchange.broker(USER).balance().equity == 50_000 + gained


async def test_it_runs_by_the_clock_it_was_opened_with(tmp_path: Path) -> None:
    """Whatever speed that clock has."""
    async with open_database(tmp_path / "a.db") as database:
        exchange = await open_exchange(database, JumpClock(NOON_MS, NOON_MS + 120_000))
        prices = exchange.market.prices(BTC)
        with pytest.raises(End):
            await exchange.run()
        assert (await anext(prices)).at_ms == NOON_MS + 120_000
