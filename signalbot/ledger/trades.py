"""Stores orders, fills and positions."""

import sqlite3
from collections.abc import Iterable, Sequence

from signalbot.domain.executions import Execution
from signalbot.domain.orders import ClientOrderId, Order, OrderRequest
from signalbot.domain.positions import Position
from signalbot.domain.signals import PositionId, SignalId
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.domain.users import UserId
from signalbot.ledger.booking import POSITIONS, UPSERT_POSITION, Booked, Booking, book
from signalbot.ledger.database import Database
from signalbot.ledger.executions import update_execution
from signalbot.ledger.order_rows import (
    amend_order,
    decode_order,
    insert_order_intents,
    update_intent_quantity,
    update_order,
)
from signalbot.ledger.sql import queries

_SQL = queries("trades")


class Trades:
    """Reads and writes orders, fills and positions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def book(self, booking: Booking) -> Booked:
        """Write an order's state and its new fills; fills already booked are ignored."""
        return await self._database.write(lambda c: book(c, booking))

    async def intend(
        self, requests: Sequence[OrderRequest], position: Position | None = None
    ) -> None:
        """Write order intents before they are sent, with the state of their position."""
        await self._database.write(lambda c: _intend(c, requests, position))

    async def reduce(
        self, position: Position, targets: Sequence[OrderRequest], execution: Execution
    ) -> None:
        """Write a reduced position, its new targets, and the execution that reduced it."""
        await self._database.write(lambda c: _reduce(c, position, targets, execution))

    async def save_order(self, order: Order) -> None:
        """Write an order's state."""
        await self._database.write(lambda c: update_order(c, order))

    async def save_orders(self, orders: Sequence[Order]) -> None:
        """Write the new state of several orders together."""
        await self._database.write(lambda c: _save_orders(c, orders))

    async def save_position(self, position: Position, orders: Iterable[Order] = ()) -> None:
        """Write a position's levels and the orders that changed with it."""
        await self._database.write(lambda c: _save_position(c, position, orders))

    async def amend(self, order: Order, position: Position) -> None:
        """Write the amended values of a resting order, with its position."""
        await self._database.write(lambda c: _amend(c, order, position))

    async def shrink(self, requests: Sequence[OrderRequest], dropped: Sequence[Order]) -> None:
        """Write reduced quantities of unsent orders, and orders that are dropped."""
        await self._database.write(lambda c: _shrink(c, requests, dropped))

    def save_orders_later(self, orders: Sequence[Order]) -> None:
        """Write an order's state with the next commit; a lookup can restore it."""
        self._database.write_later(lambda c: _save_orders(c, orders))

    def save_position_later(self, position: Position, orders: Sequence[Order]) -> None:
        """Write an order's state and its position's levels, with the next commit."""
        self._database.write_later(lambda c: _save_position(c, position, orders))

    async def order(self, client_order_id: ClientOrderId) -> Order | None:
        """The order of this id; None without one."""
        rows = await self._orders("order", client_order_id)
        return rows[0] if rows else None

    async def position(self, position_id: PositionId) -> Position | None:
        """The position of this id; None without one."""
        found = await self._positions("position", position_id)
        return found[0] if found else None

    async def orders_of_position(self, position_id: PositionId) -> list[Order]:
        """All orders of a position."""
        return await self._orders("orders_of_position", position_id)

    async def orders_of_signal(self, signal_id: SignalId, user_id: UserId) -> list[Order]:
        """All orders of a user for a signal."""
        return await self._orders("orders_of_signal", signal_id, user_id)

    async def unfinished_orders(self, user_id: UserId) -> list[Order]:
        """Orders that may be live, or may never have been sent."""
        return await self._orders("unfinished_orders", user_id)

    async def unconfirmed_entries(self, user_id: UserId, since_ms: Ms) -> list[Order]:
        """Entries that ended at or after ``since_ms`` without a response of the exchange."""
        intended_ms = Ms(since_ms - DAY_MS)
        return await self._orders("unconfirmed_entries", user_id, intended_ms, since_ms)

    async def orders_of_symbol(self, user_id: UserId, symbol: str, since_ms: Ms) -> list[Order]:
        """Orders of one market intended at or after ``since_ms``, oldest first."""
        return await self._orders("orders_of_symbol", user_id, since_ms, symbol)

    async def orders_with_fills_pending(self, user_id: UserId) -> list[Order]:
        """Filled orders with pending fills."""
        return await self._orders("orders_with_pending_fills", user_id)

    async def open_positions(self, user_id: UserId) -> list[Position]:
        """The open positions of a user."""
        return await self._positions("open_positions", user_id)

    async def closed_since(self, user_id: UserId, since_ms: Ms) -> list[Position]:
        """Positions closed at or after ``since_ms``, in the order they closed."""
        return await self._positions("closed_since", user_id, since_ms)

    async def entries_since(self, user_id: UserId, since_ms: Ms) -> int:
        """Entries intended at or after ``since_ms``."""
        sql = _SQL["entries_since"]
        rows = await self._database.query(sql, (user_id, since_ms))
        return int(rows[0]["n"])

    async def latest_fill_ms(self, exchange: str, user_id: UserId) -> Ms | None:
        """The time of an account's newest booked fill."""
        sql = _SQL["latest_fill"]
        rows = await self._database.query(sql, (exchange, user_id))
        return None if rows[0]["at_ms"] is None else Ms(rows[0]["at_ms"])

    async def _orders(self, name: str, *key: str | int) -> list[Order]:
        rows = await self._database.query(_SQL[name], key)
        return [decode_order(row) for row in rows]

    async def _positions(self, name: str, *key: str | int) -> list[Position]:
        rows = await self._database.query(_SQL[name], key)
        return [POSITIONS.decode(row) for row in rows]


def _intend(
    connection: sqlite3.Connection, requests: Sequence[OrderRequest], position: Position | None
) -> None:
    if position is not None:
        connection.execute(UPSERT_POSITION, POSITIONS.encode(position))
    insert_order_intents(connection, requests)


def _reduce(
    connection: sqlite3.Connection,
    position: Position,
    targets: Sequence[OrderRequest],
    execution: Execution,
) -> None:
    _intend(connection, targets, position)
    update_execution(connection, execution)


def _save_position(
    connection: sqlite3.Connection, position: Position, orders: Iterable[Order]
) -> None:
    connection.execute(UPSERT_POSITION, POSITIONS.encode(position))
    _save_orders(connection, orders)


def _amend(connection: sqlite3.Connection, order: Order, position: Position) -> None:
    connection.execute(UPSERT_POSITION, POSITIONS.encode(position))
    amend_order(connection, order)


def _shrink(
    connection: sqlite3.Connection, requests: Sequence[OrderRequest], dropped: Sequence[Order]
) -> None:
    for request in requests:
        update_intent_quantity(connection, request)
    _save_orders(connection, dropped)


def _save_orders(connection: sqlite3.Connection, orders: Iterable[Order]) -> None:
    for order in orders:
        update_order(connection, order)
