"""The last known state of live accounts: balance, position mode, margin and reconciliation.

A start uses it instead of fetching every account at once, which rate limits forbid.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.money import text
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode, UserId
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("account_states")
_ACCOUNT_WIDE = ""

_SELECT_RECONCILIATIONS = """
SELECT user_id, at_ms FROM reconciliations r
 WHERE NOT EXISTS (SELECT 1 FROM credentials c
                    WHERE c.user_id = r.user_id AND c.updated_at_ms >= r.at_ms)
"""
_UPSERT_RECONCILIATION = (
    "INSERT INTO reconciliations (user_id, at_ms) VALUES (?, ?) "
    "ON CONFLICT (user_id) DO UPDATE SET at_ms = excluded.at_ms"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginSetting:
    """How an account trades one symbol, as last read from its exchange."""

    leverage: int | None  #: None where the exchange does not report it
    mode: MarginMode | None  #: likewise
    checked_ms: Ms


@dataclass(slots=True, kw_only=True)
class AccountState:
    """The last known state of one account."""

    balance: Balance | None = None
    one_way_ms: Ms | None = None  #: when one-way mode was last confirmed
    margins: dict[str, MarginSetting] = field(default_factory=dict)  #: by symbol


class AccountStates:
    """Stores the states of one exchange's accounts; written with the next commit."""

    def __init__(self, database: Database, exchange: str) -> None:
        self._database = database
        self._exchange = exchange

    async def load(self) -> Mapping[UserId, AccountState]:
        """All stored states, by user."""
        found: dict[UserId, AccountState] = {}
        for row in await self._database.query(_SQL["balances"], (self._exchange,)):
            found.setdefault(UserId(row["user_id"]), AccountState()).balance = Balance(
                equity=Decimal(row["equity"]),
                free=Decimal(row["free"]),
                as_of_ms=Ms(row["as_of_ms"]),
            )
        for row in await self._database.query(_SQL["settings"], (self._exchange,)):
            state = found.setdefault(UserId(row["user_id"]), AccountState())
            checked_ms = Ms(row["checked_at_ms"])
            if row["symbol"] == _ACCOUNT_WIDE:
                state.one_way_ms = checked_ms
            else:
                mode = None if row["margin_mode"] is None else MarginMode(row["margin_mode"])
                state.margins[row["symbol"]] = MarginSetting(
                    leverage=row["leverage"], mode=mode, checked_ms=checked_ms
                )
        return found

    def save_balance(self, user_id: UserId, balance: Balance) -> None:
        """Store an account's balance."""
        self._put(
            "put_balance",
            user_id,
            equity=text(balance.equity),
            free=text(balance.free),
            as_of_ms=balance.as_of_ms,
        )

    def save_one_way(self, user_id: UserId, at_ms: Ms) -> None:
        """Store that the account was in one-way mode."""
        self._put(
            "put_setting",
            user_id,
            symbol=_ACCOUNT_WIDE,
            leverage=None,
            margin_mode=None,
            checked_at_ms=at_ms,
        )

    def save_margin(self, user_id: UserId, symbol: str, setting: MarginSetting) -> None:
        """Store the leverage and margin mode of a symbol."""
        self._put(
            "put_setting",
            user_id,
            symbol=symbol,
            leverage=setting.leverage,
            margin_mode=None if setting.mode is None else setting.mode.value,
            checked_at_ms=setting.checked_ms,
        )

    def forget(self, user_id: UserId) -> None:
        """Drop an account's settings after its key or configuration has changed."""
        self._database.write_later(
            lambda c: c.execute(_SQL["forget_settings"], (self._exchange, user_id))
        )

    def _put(self, name: str, user_id: UserId, **values: object) -> None:
        row = {"exchange": self._exchange, "user_id": user_id, **values}
        self._database.write_later(lambda c: c.execute(_SQL[name], row))


class Reconciliations:
    """Stores when each account was last reconciled with its exchange."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Mapping[UserId, Ms]:
        """The last reconciliation of each account with credentials that have not changed since."""
        rows = await self._database.query(_SELECT_RECONCILIATIONS)
        return {UserId(row["user_id"]): Ms(row["at_ms"]) for row in rows}

    def record_later(self, compared: Mapping[UserId, Ms]) -> None:
        """Store reconciliations with the next commit; losing them costs one more comparison."""
        rows = list(compared.items())

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(_UPSERT_RECONCILIATION, rows)

        self._database.write_later(write)


async def last_alive_ms(database: Database) -> Ms | None:
    """When a daemon last ran on this ledger; None before the first run."""
    rows = await database.query(_SQL["alive_at"])
    return Ms(rows[0]["alive_at_ms"]) if rows else None


def record_alive(database: Database, now_ms: Ms) -> None:
    """Store that the daemon is running, with the next commit."""
    database.write_later(lambda c: c.execute(_SQL["put_alive"], (now_ms,)))
