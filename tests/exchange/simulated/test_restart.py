"""What the exchange acknowledged survives the daemon, as at a real exchange."""

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TypeVar, cast

import pytest
from hypothesis import given, settings

from signalbot.domain.errors import OrderOutcomeUnknown
from signalbot.domain.market import Instrument
from signalbot.domain.orders import Order, OrderReport, OrderStatus, OrderType
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.ledger.database import Database, open_database
from signalbot.ledger.migrations import migrations
from signalbot.ledger.simulated_store import SimulatedStore, load_state
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.clocks import JumpClock
from tests.exchange.simulated.random_steps import RULES, STEPS, Step
from tests.exchange.simulated.test_broker import ask
from tests.exchange.simulated.trader import (
    ALICE,
    BUY,
    NO_COSTS,
    SELL,
    START_MS,
    SYMBOL,
    Trader,
    settle,
    swap,
)

T = TypeVar("T")
BOB = UserId("bob")


async def open_broker(
    database: Database,
    clock: JumpClock,
    *,
    exchange: str = "paper",
    rules: SimulationRules = NO_COSTS,
) -> tuple[MatchingEngine, SimulatedBroker]:
    venue = MatchingEngine(
        exchange=exchange,
        rules=rules,
        instrument=swap,
        store=SimulatedStore(database, exchange),
        state=await load_state(database, exchange),
    )
    venue.on_price(SYMBOL, Decimal(100), clock.now_ms())
    broker = SimulatedBroker(engine=venue, user_id=ALICE, deposit=Decimal(10_000), clock=clock)
    return venue, broker


def copied(folder: Path) -> Path:
    """The ledger's files as they are now, somewhere else."""
    target = folder / "killed"
    target.mkdir()
    for file in folder.glob("a.db*"):
        shutil.copy(file, target)
    return target / "a.db"


async def test_positions_orders_and_balances_are_as_they_were(tmp_path: Path) -> None:
    """And resting orders still trigger."""
    clock = JumpClock(START_MS)
    async with open_database(tmp_path / "a.db") as database:
        _, broker = await open_broker(database, clock)
        await broker.submit(ask("in", BUY))
        await broker.submit(ask("stop", SELL, OrderType.STOP, at=95, reduce_only=True))
        before = (broker.balance(), await broker.holdings({}), await broker.open_orders())
    async with open_database(tmp_path / "a.db") as database:
        venue, broker = await open_broker(database, clock)
        assert (broker.balance(), await broker.holdings({}), await broker.open_orders()) == before
        venue.on_price(SYMBOL, Decimal(94), clock.now_ms())
        assert await broker.holdings({}) == []
        stop = await broker.lookup(Order(request=ask("stop", SELL)))
        assert stop is not None
        assert [fill.trade_id for fill in stop.fills] == ["t2"]
    async with open_database(tmp_path / "a.db") as database:
        _, broker = await open_broker(database, clock)
        assert await broker.lookup(Order(request=ask("stop", SELL))) == stop
        assert broker.balance().equity == 10_000 - 12


async def test_an_acknowledged_order_survives_a_kill(tmp_path: Path) -> None:
    """The files as they are when the answer arrives, with nothing closed, have the order."""
    clock = JumpClock(START_MS)
    async with open_database(tmp_path / "a.db") as database:
        _, broker = await open_broker(database, clock)
        entry = await broker.submit(ask("in", BUY))
        resting = ask("rest", BUY, OrderType.LIMIT, at=90)
        await broker.submit(resting)
        cancelled = await broker.cancel(Order(request=resting))
        killed = copied(tmp_path)
    async with open_database(killed) as database:
        _, broker = await open_broker(database, clock)
        assert await broker.lookup(Order(request=ask("in", BUY))) == entry
        assert await broker.lookup(Order(request=resting)) == cancelled
        assert len(await broker.holdings({})) == 1


async def test_a_repeated_order_is_recognised_after_a_restart(tmp_path: Path) -> None:
    """The same client order id never trades twice, whoever asks."""
    clock = JumpClock(START_MS)
    for _ in range(2):
        async with open_database(tmp_path / "a.db") as database:
            _, broker = await open_broker(database, clock)
            if await broker.lookup(Order(request=ask("in", BUY))) is None:
                await broker.submit(ask("in", BUY))
            with pytest.raises(OrderOutcomeUnknown):
                await broker.submit(ask("in", BUY))
            assert (await broker.holdings({}))[0].quantity == 2


async def test_a_partly_filled_order_goes_on_after_a_restart(tmp_path: Path) -> None:
    """With the fill it had, and the rest still waiting."""
    clock = JumpClock(START_MS)
    rules = replace(NO_COSTS, partial_fill_probability=1.0)
    request = ask("in", BUY, OrderType.LIMIT, at=101)
    async with open_database(tmp_path / "a.db") as database:
        _, broker = await open_broker(database, clock, rules=rules)
        partly = await broker.submit(request)
    async with open_database(tmp_path / "a.db") as database:
        venue, broker = await open_broker(database, clock, rules=rules)
        venue.on_price(SYMBOL, Decimal(99), clock.now_ms())
    async with open_database(tmp_path / "a.db") as database:
        _, broker = await open_broker(database, clock, rules=rules)
        whole = await broker.lookup(Order(request=request))
    assert partly.status is OrderStatus.PARTIALLY_FILLED
    assert whole is not None
    assert whole.status is OrderStatus.FILLED
    assert whole.fills[:1] == partly.fills
    assert len(whole.fills) == 2


async def test_a_paper_order_is_written_before_what_the_ledger_writes_of_it(
    tmp_path: Path,
) -> None:
    """Its answer waits for no disk, and no later write can be there without it."""
    clock = JumpClock(START_MS)
    async with open_database(tmp_path / "a.db") as database:
        venue, _ = await open_broker(database, clock)
        broker = SimulatedBroker(
            engine=venue, user_id=BOB, deposit=Decimal(100), clock=clock, is_paper=True
        )
        commits = database.commits
        await broker.submit(replace(ask("in", BUY), user_id=BOB))
        assert database.commits == commits
        await database.write(lambda connection: connection.execute("SELECT 1").fetchall())
        assert database.commits == commits + 1
        saved = (await load_state(database, "paper")).accounts
    assert [account.user_id for account in saved] == [BOB]
    assert len(saved[0].fills) == 1


async def test_forgotten_orders_leave_the_file_too(tmp_path: Path) -> None:
    """A week after they ended, with their fills; what rests stays."""
    clock = JumpClock(START_MS)
    async with open_database(tmp_path / "a.db") as database:
        _, broker = await open_broker(database, clock)
        await broker.submit(ask("in", BUY))
        await broker.submit(ask("rest", BUY, OrderType.LIMIT, at=50))
        clock.ms += 7 * DAY_MS + 1
        await broker.submit(ask("later", SELL))
        orders = await database.query("SELECT client_order_id FROM simulated_orders ORDER BY 1")
        fills = await database.query("SELECT client_order_id FROM simulated_fills ORDER BY 1")
    assert [row[0] for row in orders] == ["later", "rest"]
    assert [row[0] for row in fills] == ["later"]


async def test_exchanges_do_not_share_accounts(tmp_path: Path) -> None:
    """One ledger, two simulated exchanges, the same user name."""
    clock = JumpClock(START_MS)
    async with open_database(tmp_path / "a.db") as database:
        _, here = await open_broker(database, clock)
        await here.submit(ask("in", BUY))
        _, there = await open_broker(database, clock, exchange="elsewhere")
        assert await there.holdings({}) == []
        await there.submit(replace(ask("in", SELL), exchange="elsewhere"))
        assert (await load_state(database, "paper")).accounts != (
            await load_state(database, "elsewhere")
        ).accounts


async def test_the_last_instant_seen_is_the_later_of_prices_and_orders(tmp_path: Path) -> None:
    """Time before the newest order must not be matched against it again."""
    clock = JumpClock(START_MS)
    async with open_database(tmp_path / "a.db") as database:
        assert (await load_state(database, "paper")).last_seen_ms is None
        venue, broker = await open_broker(database, clock)
        venue.mark_matched(Ms(START_MS + 60_000))
        venue.mark_matched(Ms(START_MS + 30_000))
        await database.flush()
        assert (await load_state(database, "paper")).last_seen_ms == START_MS + 60_000
        clock.ms = START_MS + 75_000
        await broker.submit(ask("in", BUY))
        assert (await load_state(database, "paper")).last_seen_ms == START_MS + 75_000


async def test_a_position_in_a_market_no_longer_listed_does_not_stop_the_start(
    tmp_path: Path,
) -> None:
    """It is kept as it was, without a price."""
    clock = JumpClock(START_MS)
    async with open_database(tmp_path / "a.db") as database:
        _, broker = await open_broker(database, clock)
        await broker.submit(ask("in", BUY))
        state = await load_state(database, "paper")

    def nothing_listed(symbol: str) -> Instrument:
        raise KeyError(symbol)

    venue = MatchingEngine(exchange="paper", rules=NO_COSTS, instrument=nothing_listed, state=state)
    broker = SimulatedBroker(engine=venue, user_id=ALICE, deposit=Decimal(1), clock=clock)
    assert (await broker.holdings({}))[0].quantity == 2
    assert broker.balance().equity == 10_000


class InlineDatabase:
    """The ledger's schema in memory, written and read without waiting."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA foreign_keys = ON")
        for _, script in migrations():
            self._connection.executescript(script)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return work(self._connection)

    def write_later(self, work: Callable[[sqlite3.Connection], object]) -> None:
        work(self._connection)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return work(self._connection)


@settings(deadline=None, max_examples=60)
@given(STEPS, STEPS)
def test_a_restart_at_any_moment_changes_nothing(before: list[Step], after: list[Step]) -> None:
    """Whatever happens afterwards happens as if there had been none."""
    database = cast("Database", InlineDatabase())
    first = Trader(RULES, store=SimulatedStore(database, "paper"))
    reports: list[OrderReport] = []
    for step in before:
        step(first, reports)
    second = Trader(RULES, state=settle(load_state(database, "paper")), price=None)
    second._orders, second.now_ms = first._orders, first.now_ms
    for trader, known in ((first, list(reports)), (second, list(reports))):
        trader.tick(100)
        for step in after:
            step(trader, known)
    assert second.fills() == first.fills()
    assert second.account.wallet == first.account.wallet
    assert second.position == first.position
    again = {cid: order.report() for cid, order in second.account.orders.items()}
    assert again == {cid: order.report() for cid, order in first.account.orders.items()}
