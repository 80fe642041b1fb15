"""What live accounts were last seen to be: balance, position mode, leverage and margin mode.

A start takes it up instead of asking every account again, which exchanges' limits forbid.
"""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginSetting:
    """How an account trades one symbol, as last read from its exchange."""

    leverage: int | None  #: None where the exchange does not say
    mode: MarginMode | None  #: likewise
    checked_ms: Ms


@dataclass(slots=True, kw_only=True)
class AccountState:
    """What is remembered of one account."""

    balance: Balance | None = None
    one_way_ms: Ms | None = None  #: when it was last seen in one-way mode
    margins: dict[str, MarginSetting] = field(default_factory=dict)  #: by symbol


class AccountStates:
    """The memory of one exchange's accounts; written without waiting."""

    def __init__(self, database: Database, exchange: str) -> None:
        self._database = database
        self._exchange = exchange

    async def load(self) -> Mapping[UserId, AccountState]:
        """Everything that is remembered."""
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
        """Remember an account's money."""
        self._put(
            "put_balance",
            user_id,
            equity=text(balance.equity),
            free=text(balance.free),
            as_of_ms=balance.as_of_ms,
        )

    def save_one_way(self, user_id: UserId, at_ms: Ms) -> None:
        """Remember that the account was in one-way mode."""
        self._put(
            "put_setting",
            user_id,
            symbol=_ACCOUNT_WIDE,
            leverage=None,
            margin_mode=None,
            checked_at_ms=at_ms,
        )

    def save_margin(self, user_id: UserId, symbol: str, setting: MarginSetting) -> None:
        """Remember how the account trades a symbol."""
        self._put(
            "put_setting",
            user_id,
            symbol=symbol,
            leverage=setting.leverage,
            margin_mode=None if setting.mode is None else setting.mode.value,
            checked_at_ms=setting.checked_ms,
        )

    def forget(self, user_id: UserId) -> None:
        """Its settings are no longer what they were: its key or terms have changed."""
        self._database.write_later(
            lambda c: c.execute(_SQL["forget_settings"], (self._exchange, user_id))
        )

    def _put(self, name: str, user_id: UserId, **values: object) -> None:
        row = {"exchange": self._exchange, "user_id": user_id, **values}
        self._database.write_later(lambda c: c.execute(_SQL[name], row))


async def last_alive_ms(database: Database) -> Ms | None:
    """When a daemon was last known to be running on this ledger; None before the first."""
    rows = await database.query(_SQL["alive_at"])
    return Ms(rows[0]["alive_at_ms"]) if rows else None


def record_alive(database: Database, now_ms: Ms) -> None:
    """Remember that the daemon is running; written without waiting."""
    database.write_later(lambda c: c.execute(_SQL["put_alive"], (now_ms,)))
