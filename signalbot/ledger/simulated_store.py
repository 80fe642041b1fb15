"""Stores the state of simulated exchanges, which persists across restarts."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from signalbot.domain.money import ZERO, text
from signalbot.domain.orders import ClientOrderId, Fill, OrderRequest, OrderStatus
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.domain.users import UserId
from signalbot.ledger.codec import Codec, insert
from signalbot.ledger.database import Database

ORDER_RETENTION_MS: Final = 7 * DAY_MS
"""How long a finished order and its fills can be looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPosition:
    """One account's net position in one market, with isolated margin."""

    symbol: str
    side: Side
    quantity: Decimal  #: base units, > 0
    entry_price: Decimal  #: average of the position
    leverage: int
    margin_paid: Decimal = ZERO  #: funding paid from its margin, quote units


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedOrder:
    """An order at the exchange, without its fills."""

    request: OrderRequest
    exchange_order_id: str
    status: OrderStatus
    filled: Decimal
    updated_at_ms: Ms
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedAccount:
    """The state of one account; ``orders_made`` and ``trades_made`` are the counters of ids."""

    user_id: UserId
    wallet: Decimal  #: quote units
    orders_made: int
    trades_made: int
    positions: tuple[SimulatedPosition, ...] = ()
    orders: tuple[SimulatedOrder, ...] = ()
    fills: tuple[Fill, ...] = ()  #: of ``orders``, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedChange:
    """The change of one account and market by one step."""

    user_id: UserId
    symbol: str
    wallet: Decimal
    orders_made: int
    trades_made: int
    position: SimulatedPosition | None  #: after it; None is flat
    opened: tuple[SimulatedOrder, ...] = ()  #: new ones
    updated: tuple[SimulatedOrder, ...] = ()
    fills: tuple[Fill, ...] = ()  #: new ones, of the orders above
    forgotten: tuple[ClientOrderId, ...] = ()  #: past their retention
    funded: bool = False  #: the position has paid or received funding


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedState:
    """The last stored state of an exchange."""

    last_seen_ms: Ms | None = None  #: prices have been matched up to here; None: never
    accounts: tuple[SimulatedAccount, ...] = ()


_REQUESTS = Codec(OrderRequest, omit=("decided_price",))  # the exchange does not store it
_ORDERS = Codec(SimulatedOrder, omit=("request",))
_FILLS = Codec(Fill)
_POSITIONS = Codec(SimulatedPosition)

_UPSERT_ACCOUNT = insert(
    "simulated_accounts",
    ("exchange", "user_id", "wallet", "orders_made", "trades_made"),
    conflict="ON CONFLICT DO UPDATE SET wallet = excluded.wallet, "
    "orders_made = excluded.orders_made, trades_made = excluded.trades_made",
)
_UPSERT_POSITION = insert(
    "simulated_positions",
    ("exchange", "user_id", *_POSITIONS.columns),
    conflict="ON CONFLICT DO UPDATE SET side = excluded.side, quantity = excluded.quantity, "
    "entry_price = excluded.entry_price, leverage = excluded.leverage, "
    "margin_paid = excluded.margin_paid",
)
_DELETE_POSITION = (
    "DELETE FROM simulated_positions WHERE exchange = ? AND user_id = ? AND symbol = ?"
)
_INSERT_ORDER = insert("simulated_orders", (*_REQUESTS.columns, *_ORDERS.columns))
_ORDER_KEY = "WHERE exchange = ? AND user_id = ? AND client_order_id = ?"
_UPDATE_ORDER = (
    f"UPDATE simulated_orders SET {', '.join(f'{name} = ?' for name in _ORDERS.columns)} "  # noqa: S608 - names come from the code
    + _ORDER_KEY
)
_DELETE_ORDER = f"DELETE FROM simulated_orders {_ORDER_KEY}"  # noqa: S608 - its fills go with it
_INSERT_FILL = insert("simulated_fills", ("exchange", "user_id", *_FILLS.columns))
_UPSERT_LAST_SEEN = (
    "INSERT INTO simulated_exchanges (exchange, last_seen_ms) VALUES (?1, ?2) "
    "ON CONFLICT DO UPDATE SET last_seen_ms = max(last_seen_ms, ?2)"
)
_SELECT_SEEN = "SELECT last_seen_ms FROM simulated_exchanges WHERE exchange = ?"
_SELECT_ACCOUNTS = "SELECT * FROM simulated_accounts WHERE exchange = ? ORDER BY user_id"
_SELECT_POSITIONS = "SELECT * FROM simulated_positions WHERE exchange = ?"
_SELECT_ORDERS = (
    "SELECT * FROM simulated_orders WHERE exchange = ? ORDER BY CAST(exchange_order_id AS INTEGER)"
)
_SELECT_FILLS = (
    "SELECT * FROM simulated_fills WHERE exchange = ? ORDER BY CAST(substr(trade_id, 2) AS INTEGER)"
)


class SimulatedStore:
    """Stores the changes of one simulated exchange in their order."""

    def __init__(self, database: Database, exchange: str) -> None:
        self._database = database
        self._exchange = exchange

    async def save(self, change: SimulatedChange) -> None:
        """Store ``change``; durable on return."""
        await self._database.write(lambda c: _write(c, self._exchange, change))

    def save_later(self, change: SimulatedChange) -> None:
        """Store ``change`` with the next commit; a failure stops the daemon."""
        self._database.write_later(lambda c: _write(c, self._exchange, change))

    def record_seen(self, at_ms: Ms) -> None:
        """Store that prices are matched up to ``at_ms``."""
        self._database.write_later(lambda c: c.execute(_UPSERT_LAST_SEEN, (self._exchange, at_ms)))


async def load_state(database: Database, exchange: str) -> SimulatedState:
    """The stored state of the simulated exchange of this name."""
    return await database.read(lambda c: _load(c, exchange))


def _write(connection: sqlite3.Connection, exchange: str, change: SimulatedChange) -> None:
    key = (exchange, change.user_id)
    connection.execute(
        _UPSERT_ACCOUNT, (*key, text(change.wallet), change.orders_made, change.trades_made)
    )
    for order in change.opened:
        row = (*_REQUESTS.encode(order.request), *_ORDERS.encode(order))
        connection.execute(_INSERT_ORDER, row)
    for order in change.updated:
        row = (*_ORDERS.encode(order), *key, order.request.client_order_id)
        connection.execute(_UPDATE_ORDER, row)
    for client_order_id in change.forgotten:
        connection.execute(_DELETE_ORDER, (*key, client_order_id))
    if not change.fills and not change.funded:
        return
    connection.executemany(_INSERT_FILL, [(*key, *_FILLS.encode(fill)) for fill in change.fills])
    if change.position is None:
        connection.execute(_DELETE_POSITION, (*key, change.symbol))
    else:
        connection.execute(_UPSERT_POSITION, (*key, *_POSITIONS.encode(change.position)))


def _load(connection: sqlite3.Connection, exchange: str) -> SimulatedState:
    positions = _by_user(connection.execute(_SELECT_POSITIONS, (exchange,)))
    orders = _by_user(connection.execute(_SELECT_ORDERS, (exchange,)))
    fills = _by_user(connection.execute(_SELECT_FILLS, (exchange,)))
    accounts = tuple(
        SimulatedAccount(
            user_id=UserId(row["user_id"]),
            wallet=Decimal(row["wallet"]),
            orders_made=row["orders_made"],
            trades_made=row["trades_made"],
            positions=tuple(map(_POSITIONS.decode, positions[row["user_id"]])),
            orders=tuple(map(_decode_order, orders[row["user_id"]])),
            fills=tuple(map(_FILLS.decode, fills[row["user_id"]])),
        )
        for row in connection.execute(_SELECT_ACCOUNTS, (exchange,))
    )
    seen = [row["last_seen_ms"] for row in connection.execute(_SELECT_SEEN, (exchange,))]
    seen += [order.updated_at_ms for account in accounts for order in account.orders]
    return SimulatedState(last_seen_ms=max(seen, default=None), accounts=accounts)


def _decode_order(row: sqlite3.Row) -> SimulatedOrder:
    return SimulatedOrder(request=_REQUESTS.decode(row), **_ORDERS.values(row))


def _by_user(rows: Iterable[sqlite3.Row]) -> defaultdict[str, list[Any]]:
    grouped: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row["user_id"]].append(row)
    return grouped
