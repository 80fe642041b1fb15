"""Orders in an account that this ledger did not send: the owner's, or another signalbot's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from signalbot.domain.orders import OrderStatus, OrderType
from signalbot.domain.users import AccountSettings, Mode, User, UserStatus
from signalbot.ledger.accounts import Accounts
from signalbot.ledger.database import open_database
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.reconciliation.foreign_orders import ForeignOrders
from signalbot.pipeline.trading_state import TradingState
from tests.contract.brokers import ALICE, NAME
from tests.contract.each_broker import EXCHANGES, fixture_at
from tests.contract.live import LiveBrokerFixture


@asynccontextmanager
async def _two_daemons(
    kind: str, folder: Path
) -> AsyncIterator[tuple[LiveBrokerFixture, LiveBrokerFixture]]:
    """Two daemons with the same keys and a ledger of their own each."""
    async with fixture_at(kind, folder) as ours:
        assert isinstance(ours, LiveBrokerFixture)
        async with open_database(folder / "other.db") as database:
            other = LiveBrokerFixture(database, ours.venue, ours.can)
            await other.open()
            try:
                yield ours, other
            finally:
                await other.close()


ALICE_LIVE = User(user_id=ALICE, mode=Mode.LIVE, account=AccountSettings(exchange=NAME, leverage=5))


async def _check(fixture: LiveBrokerFixture) -> Account:
    """Alice's account after its resting orders were compared with the ledger."""
    account = Account(ALICE_LIVE, exchange=fixture.exchange, broker=fixture.broker, settings={})
    await _save_alice(fixture)
    trading_state = TradingState(Accounts(fixture.database), fixture.clock)
    open_orders = {each.client_order_id: each for each in await fixture.broker.open_orders()}
    await ForeignOrders(Trades(fixture.database), trading_state).check(account, open_orders)
    return account


async def _save_alice(fixture: LiveBrokerFixture) -> None:
    await Accounts(fixture.database).sync(
        users=[ALICE_LIVE], strategies=[], subscriptions=[], now_ms=fixture.clock.now_ms()
    )


@pytest.mark.parametrize("kind", EXCHANGES)
async def test_another_signalbot_in_the_account_halts_its_user(kind: str, tmp_path: Path) -> None:
    """Whatever form client order ids have at the exchange."""
    async with _two_daemons(kind, tmp_path) as (ours, other):
        await other.rest(other.entry(OrderType.LIMIT, at=45_000))
        account = await _check(ours)
        assert account.user.status is UserStatus.HALTED
        assert account.foreign_orders.keys() == {ours.symbol}


@pytest.mark.parametrize("kind", EXCHANGES)
async def test_an_order_of_the_owner_only_blocks_entries_beside_it(
    kind: str, tmp_path: Path
) -> None:
    """It has no id of signalbot's: the user goes on in every other symbol."""
    async with fixture_at(kind, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.by_hand(fixture.entry(OrderType.LIMIT, at=45_000))
        account = await _check(fixture)
        assert account.user.status is UserStatus.ACTIVE
        assert account.foreign_orders.keys() == {fixture.symbol}


@pytest.mark.parametrize("kind", EXCHANGES)
async def test_an_order_that_the_ledger_holds_is_not_foreign(kind: str, tmp_path: Path) -> None:
    """Also after a restart, and when the ledger holds it as ended although it still rests."""
    async with fixture_at(kind, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        order = await fixture.rest(fixture.entry(OrderType.LIMIT, at=45_000))
        await _save_alice(fixture)
        trades = Trades(fixture.database)
        await trades.intend([replace(order.request, signal_id=None)])  # no signal is recorded here
        await trades.save_order(replace(order, status=OrderStatus.CANCELLED))
        await fixture.restart()
        account = await _check(fixture)
        assert account.user.status is UserStatus.ACTIVE
        assert not account.foreign_orders
