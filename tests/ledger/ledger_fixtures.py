"""A ledger in a real file, with users, a strategy and subscriptions in it."""

import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import Decision, DecisionOutcome, Execution, ExecutionStatus
from signalbot.domain.orders import Leg, OrderRequest, client_order_id_of
from signalbot.domain.settings import Settings
from signalbot.domain.signals import Signal, position_id_of, signal_id_of_key
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import (
    AccountSettings,
    Mode,
    Subscription,
    User,
    UserId,
    subscription_id_of,
)
from signalbot.ledger.accounts import Accounts, StrategyRecord
from signalbot.ledger.connection import connect_writer
from signalbot.ledger.database import Database, GroupCommit, open_database
from signalbot.ledger.executions import Executions
from signalbot.ledger.migrations import migrate
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from tests.domain.samples import ANNA, NOW, REQUEST, SIGNAL

BEN = UserId("ben")
STRATEGY = StrategyRecord(
    name="trend",
    kind="ema_cross",
    exchange="sim",
    symbols=("BTC/USDT:USDT",),
    timeframe="5m",
    signal_ttl_ms=300_000,
    params="{}",
)


@dataclass(frozen=True)
class Ledger:
    """Every part of one open ledger."""

    database: GroupCommit
    accounts: Accounts
    signals: Signals
    executions: Executions
    trades: Trades


def parts_of(database: GroupCommit) -> Ledger:
    """Every part of the ledger behind ``database``."""
    return Ledger(
        database=database,
        accounts=Accounts(database),
        signals=Signals(database),
        executions=Executions(database),
        trades=Trades(database),
    )


@asynccontextmanager
async def ledger(folder: Path, users: Iterable[UserId] = (ANNA, BEN)) -> AsyncIterator[Ledger]:
    """Open the ledger in ``folder``, with ``users`` subscribed to ``trend``."""
    async with open_database(folder / "signalbot.db") as database:
        opened = parts_of(database)
        known = [user(each) for each in users]
        await opened.accounts.sync(
            users=known,
            strategies=[STRATEGY],
            subscriptions=[subscription(each.user_id) for each in known],
            now_ms=NOW,
        )
        yield opened


def user(user_id: UserId) -> User:
    """A paper user."""
    return User(user_id=user_id, mode=Mode.PAPER, account=AccountSettings(exchange="sim"))


def subscription(user_id: UserId, strategy: str = "trend") -> Subscription:
    """A subscription with the built-in settings."""
    return Subscription(
        subscription_id=subscription_id_of(user_id=user_id, strategy=strategy),
        user_id=user_id,
        strategy=strategy,
        settings=Settings(),
    )


def signal(key: str = "1", *, created_at_ms: int = NOW, ttl_ms: int = 300_000) -> Signal:
    """One of ``trend``'s signals."""
    return replace(
        SIGNAL,
        signal_id=signal_id_of_key(strategy="trend", key=key),
        created_at_ms=Ms(created_at_ms),
        expires_at_ms=Ms(created_at_ms + ttl_ms),
    )


def pending(of: Signal, user_id: UserId = ANNA, *, at_ms: int = NOW + 1) -> Execution:
    """The claim of one user on one signal."""
    return Execution(
        signal_id=of.signal_id,
        user_id=user_id,
        subscription_id=subscription_id_of(user_id=user_id, strategy="trend"),
        mode=Mode.PAPER,
        status=ExecutionStatus.PENDING,
        claimed_at_ms=Ms(at_ms),
        leverage=5,
        client_order_id=intent(of, user_id).client_order_id,
        position_id=position_id_of(signal_id=of.signal_id, user_id=user_id),
    )


def approved(of: Signal, user_id: UserId = ANNA) -> Decision:
    """The decision that goes with a claim."""
    return Decision(
        signal_id=of.signal_id,
        user_id=user_id,
        outcome=DecisionOutcome.EXECUTE,
        code=DecisionCode.APPROVED,
        detail={"quantity": "10"},
        decided_at_ms=Ms(NOW + 1),
    )


def skipped(of: Signal, user_id: UserId, reason: DecisionCode) -> Decision:
    """A decision against a signal."""
    decision = approved(of, user_id)
    return replace(decision, outcome=DecisionOutcome.SKIP, code=reason, detail={})


def intent(of: Signal, user_id: UserId = ANNA, leg: Leg = Leg.ENTRY) -> OrderRequest:
    """An order of one user on one signal."""
    return replace(
        REQUEST,
        client_order_id=client_order_id_of(signal_id=of.signal_id, user_id=user_id, leg=leg),
        user_id=user_id,
        leg=leg,
        signal_id=of.signal_id,
        position_id=position_id_of(signal_id=of.signal_id, user_id=user_id),
    )


def empty_ledger(path: Path) -> sqlite3.Connection:
    """A raw connection to a new ledger with nothing in it."""
    connection = connect_writer(path)
    migrate(connection, path)
    return connection


async def count(database: Database, table: str) -> int:
    """How many rows a table has."""
    return int((await database.query(f"SELECT count(*) FROM {table}"))[0][0])
