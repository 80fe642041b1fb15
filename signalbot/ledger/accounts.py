"""Stores users, strategies and subscriptions, and the halts that persist across restarts."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from signalbot.domain.money import text
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import (
    Origin,
    StatusBy,
    Subscription,
    SubscriptionStatus,
    User,
    UserId,
    UserStatus,
)
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("accounts")
_HALT_KEY = "halted"
_DISK_KEY = "disk_low"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRecord:
    """A strategy as the ledger stores it."""

    name: str
    kind: str
    exchange: str
    symbols: tuple[str, ...]
    timeframe: str
    signal_ttl_ms: int
    params: str  #: JSON
    origin: Origin = Origin.CONFIG
    owner: UserId | None = None  #: the user who may change its settings, besides administrators
    version: int = 1  #: of its settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistedStatus:
    """Statuses set by operators, users and halts, which persist across restarts."""

    users: dict[UserId, tuple[UserStatus, str]]
    subscriptions: dict[str, SubscriptionStatus]  #: by subscription id
    halted: str | None  #: the reason why trading is halted; None: it is not
    orphaned_positions: dict[UserId, int]  #: open positions of users who are no longer configured
    user_status_by: dict[UserId, StatusBy] = field(default_factory=dict, compare=False)
    subscription_status_by: dict[str, StatusBy] = field(default_factory=dict, compare=False)

    def user(self, user: User) -> User:
        """``user`` with its persisted status."""
        status, reason = self.users[user.user_id]
        by = self.user_status_by.get(user.user_id, StatusBy.OPERATOR)
        return replace(user, status=status, status_reason=reason, status_by=by)

    def subscription(self, subscription: Subscription) -> Subscription:
        """``subscription`` with its persisted status."""
        name = subscription.subscription_id
        by = self.subscription_status_by.get(name, StatusBy.OPERATOR)
        return replace(subscription, status=self.subscriptions[name], status_by=by)


class Accounts:
    """Reads and writes users, strategies, subscriptions and halts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sync(
        self,
        *,
        users: Iterable[User],
        strategies: Iterable[StrategyRecord],
        subscriptions: Iterable[Subscription],
        now_ms: Ms,
    ) -> PersistedStatus:
        """Update the tables to the configuration; return the persisted statuses.

        Rows that are no longer configured are marked removed or cancelled, never deleted.
        """
        defined = (list(users), list(strategies), list(subscriptions))
        return await self._database.write(lambda c: _sync(c, *defined, now_ms))

    async def set_user_status(
        self,
        user_id: UserId,
        status: UserStatus,
        *,
        reason: str,
        now_ms: Ms,
        by: StatusBy = StatusBy.OPERATOR,
    ) -> None:
        """Store a user's status, its reason and its author."""
        values = {"user_id": user_id, "status": status, "reason": reason, "by": by}
        await self._database.execute(_SQL["set_user_status"], values | {"now_ms": now_ms})

    async def set_subscription_status(
        self,
        user_id: UserId,
        strategy: str,
        status: SubscriptionStatus,
        *,
        now_ms: Ms,
        by: StatusBy = StatusBy.OPERATOR,
    ) -> None:
        """Store a subscription's status and its author."""
        values = {"user_id": user_id, "strategy": strategy, "status": status}
        given: dict[str, object] = values | {"by": by, "now_ms": now_ms}
        sql = _SQL["set_subscription_status"]
        await self._database.execute(sql, given)

    async def halted(self) -> str | None:
        """The stored reason why trading is halted; None: it is not."""
        rows = await self._database.query(_SQL["state"], (_HALT_KEY,))
        reason: str | None = json.loads(rows[0]["value"]) if rows else None
        return reason

    async def set_halted(self, reason: str | None, *, now_ms: Ms) -> None:
        """Store the reason why trading is halted; None: it is resumed."""
        await self._set_state(_HALT_KEY, reason, now_ms)

    async def set_disk_low(self, reason: str | None, *, now_ms: Ms) -> None:
        """Store the reason why disk space blocks entries; None: it does not."""
        await self._set_state(_DISK_KEY, reason, now_ms)

    async def _set_state(self, key: str, reason: str | None, now_ms: Ms) -> None:
        values = {"key": key, "value": json.dumps(reason), "now_ms": now_ms}
        await self._database.execute(_SQL["set_state"], values)


def _sync(
    connection: sqlite3.Connection,
    users: list[User],
    strategies: list[StrategyRecord],
    subscriptions: list[Subscription],
    now_ms: Ms,
) -> PersistedStatus:
    _end_removed(connection, users, strategies, now_ms)
    connection.executemany(_SQL["put_user"], [_user_row(user, now_ms) for user in users])
    connection.executemany(
        _SQL["put_strategy"], [_strategy_row(strategy, now_ms) for strategy in strategies]
    )
    connection.executemany(
        _SQL["put_subscription"], [_subscription_row(each, now_ms) for each in subscriptions]
    )
    _mark_removed(connection, users, strategies, subscriptions, now_ms)
    return _persisted_status(connection)


def _end_removed(
    connection: sqlite3.Connection,
    users: list[User],
    strategies: list[StrategyRecord],
    now_ms: Ms,
) -> None:
    """End the tokens, tracked positions and outages of removed users and strategies.

    A later user or source of the same name is a different one: no token of the former is valid, and
    the former source's position does not apply.
    """
    values = {
        "users": json.dumps([user.user_id for user in users]),
        "strategies": json.dumps([strategy.name for strategy in strategies]),
        "now_ms": now_ms,
    }
    for name in ("end_tokens", "end_users", "end_tracked_positions", "end_source_outages"):
        connection.execute(_SQL[name], values)


def _mark_removed(
    connection: sqlite3.Connection,
    users: list[User],
    strategies: list[StrategyRecord],
    subscriptions: list[Subscription],
    now_ms: Ms,
) -> None:
    """Mark rows that are no longer configured."""
    for table, key, removed_status, current in (
        ("users", "user_id", "REMOVED", [user.user_id for user in users]),
        ("strategies", "name", "REMOVED", [strategy.name for strategy in strategies]),
        (
            "subscriptions",
            "subscription_id",
            "CANCELLED",
            [each.subscription_id for each in subscriptions],
        ),
    ):
        connection.execute(
            f"UPDATE {table} SET status = ?, updated_at_ms = ? "  # noqa: S608 - names come from the code
            f"WHERE status <> ? AND {key} NOT IN (SELECT value FROM json_each(?))",
            (removed_status, now_ms, removed_status, json.dumps(current)),
        )


def _persisted_status(connection: sqlite3.Connection) -> PersistedStatus:
    halted = connection.execute(_SQL["state"], (_HALT_KEY,)).fetchone()
    users = connection.execute(_SQL["users"]).fetchall()
    subscriptions = connection.execute(_SQL["subscriptions"]).fetchall()
    return PersistedStatus(
        users={
            UserId(row["user_id"]): (UserStatus(row["status"]), row["status_reason"])
            for row in users
        },
        user_status_by={UserId(row["user_id"]): StatusBy(row["status_by"]) for row in users},
        subscriptions={
            row["subscription_id"]: SubscriptionStatus(row["status"]) for row in subscriptions
        },
        subscription_status_by={
            row["subscription_id"]: StatusBy(row["status_by"]) for row in subscriptions
        },
        halted=None if halted is None else json.loads(halted["value"]),
        orphaned_positions={
            UserId(row["user_id"]): row["n"]
            for row in connection.execute(_SQL["orphaned_positions"])
        },
    )


def _user_row(user: User, now_ms: Ms) -> dict[str, object]:
    return {
        "user_id": user.user_id,
        "mode": user.mode,
        "exchange": user.account.exchange,
        "leverage": user.account.leverage,
        "margin_mode": user.account.margin_mode,
        "paper_balance": text(user.account.paper_balance),
        "origin": user.origin,
        "now_ms": now_ms,
    }


def _strategy_row(strategy: StrategyRecord, now_ms: Ms) -> dict[str, object]:
    return {
        "name": strategy.name,
        "kind": strategy.kind,
        "exchange": strategy.exchange,
        "symbols": json.dumps(strategy.symbols),
        "timeframe": strategy.timeframe,
        "signal_ttl_ms": strategy.signal_ttl_ms,
        "params": strategy.params,
        "origin": strategy.origin,
        "owner": strategy.owner,
        "version": strategy.version,
        "now_ms": now_ms,
    }


def _subscription_row(subscription: Subscription, now_ms: Ms) -> dict[str, object]:
    return {
        "subscription_id": subscription.subscription_id,
        "user_id": subscription.user_id,
        "strategy": subscription.strategy,
        "origin": subscription.origin,
        "now_ms": now_ms,
    }
