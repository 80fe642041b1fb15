"""Stores orders, fills and positions."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from signalbot.domain.money import ONE, ZERO
from signalbot.domain.orders import ClientOrderId, Fill, Leg, Order, OrderRequest, OrderStatus
from signalbot.domain.positions import CloseReason, CoinPrices, Position
from signalbot.domain.signals import Execution, PositionId, SignalId
from signalbot.domain.timeframe import DAY_MS, EPOCH, Ms
from signalbot.domain.users import UserId
from signalbot.ledger.codec import Codec, insert, upsert
from signalbot.ledger.database import Database
from signalbot.ledger.executions import update_execution
from signalbot.ledger.order_rows import (
    amend_order,
    decode_order,
    insert_order_intents,
    update_intent_quantity,
    update_intent_trigger,
    update_order,
)
from signalbot.ledger.sql import queries

_SQL = queries("trades")
POSITIONS = Codec(Position)
FILLS = Codec(Fill)

_INSERT_FILL = insert(
    "fills",
    ("exchange", "user_id", "position_id", *FILLS.columns),
    conflict="ON CONFLICT DO NOTHING RETURNING trade_id",
)
_UPSERT_POSITION = upsert("positions", POSITIONS.columns, key="position_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """The changes of one order report, written in one transaction."""

    order: Order
    fills: Sequence[Fill] = ()
    position: Position | None = None  #: before the fills
    reason: CloseReason = CloseReason.EXTERNAL  #: kept if the fills close the position
    execution: Execution | None = None
    dust: Decimal = ZERO  #: a remainder below this cannot be traded, and closes the position
    coin_prices: CoinPrices = field(
        default_factory=dict
    )  #: of third currencies in which fees were paid
    break_even_after: int = 0  #: targets hit before the stop moves to the entry price; 0: never
    tick: Decimal = ONE  #: price increment of the stop
    levels: Position | None = None  #: with the stop and targets after the entry
    moved: Sequence[OrderRequest] = ()  #: unsent orders at these levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    position: Position | None  #: after the report
    new_fills: tuple[Fill, ...]
    moved: bool  #: whether the report changed the position


class Trades:
    """Reads and writes orders, fills and positions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def book(self, booking: Booking) -> Booked:
        """Write an order's state and its new fills; fills already booked are ignored."""
        return await self._database.write(lambda c: _book(c, booking))

    async def intend(
        self, requests: Sequence[OrderRequest], position: Position | None = None
    ) -> None:
        """Write order intents before they are sent, with the state of their position."""
        await self._database.write(lambda c: _intend(c, requests, position))

    async def reduce(
        self, position: Position, targets: Sequence[OrderRequest], execution: Execution
    ) -> None:
        """Write a reduced position's levels and targets, and the orders that changed."""
        await self._database.write(lambda c: _reduce(c, position, targets, execution))

    async def save_order(self, order: Order) -> None:
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
        rows = await self._orders("order", client_order_id)
        return rows[0] if rows else None

    async def position(self, position_id: PositionId) -> Position | None:
        found = await self._positions("position", position_id)
        return found[0] if found else None

    async def orders_of_position(self, position_id: PositionId) -> list[Order]:
        return await self._orders("orders_of_position", position_id)

    async def orders_of_signal(self, signal_id: SignalId, user_id: UserId) -> list[Order]:
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


def _book(connection: sqlite3.Connection, booking: Booking) -> Booked:
    order, request = booking.order, booking.order.request
    position = booking.position or _closed_position(connection, booking)
    owner = (request.exchange, request.user_id, position.position_id if position else None)
    new = tuple(
        fill
        for fill in booking.fills
        if connection.execute(_INSERT_FILL, owner + FILLS.encode(fill)).fetchone() is not None
    )
    if position is not None:
        before = connection.execute(_SQL["order"], (request.client_order_id,)).fetchone()
        previous = decode_order(before) if before is not None else Order(request=request)
        after = _position_after(position, previous, booking, new)
        if not after.is_open and position.is_open and position.exit_quantity:
            after = _closed_by_last_exit(connection, after, request, wanted=position.close_reason)
        if after.is_open and _hits_target(order, previous):
            after = after.hit_target(break_even_after=booking.break_even_after, tick=booking.tick)
        if booking.levels is not None and after.is_open and _completes_entry(order, previous):
            after = replace(
                after,
                stop_loss=booking.levels.stop_loss,
                take_profits=booking.levels.take_profits,
            )
            for moved in booking.moved:
                update_intent_trigger(connection, moved)
        if after is not position:
            connection.execute(_UPSERT_POSITION, POSITIONS.encode(after))
            position = after
    update_order(connection, order)
    if booking.execution is not None:
        update_execution(connection, booking.execution)
    has_moved = position is not None and position is not booking.position
    return Booked(position=position if booking.position else None, new_fills=new, moved=has_moved)


def _closed_position(connection: sqlite3.Connection, booking: Booking) -> Position | None:
    """The position of a fill that is reported after the close: its fee is added."""
    position_id = booking.order.request.position_id
    if position_id is None or not booking.fills:
        return None
    row = connection.execute(_SQL["position"], (position_id,)).fetchone()
    found = POSITIONS.decode(row) if row is not None else None
    return found if found is not None and not found.is_open else None


def _position_after(
    position: Position, previous: Order, booking: Booking, new: Sequence[Fill]
) -> Position:
    """The position after a report.

    Exchanges report an order's filled quantity before its fills. Quantity and price follow the
    first report of either; later fills add only their fees.
    """
    order = booking.order
    filled = order.filled - previous.filled
    if not position.is_open or filled != sum((fill.quantity for fill in new), ZERO):
        for fill in new:
            position = position.add_fees(fill, coin_prices=booking.coin_prices)
        if position.is_open and filled > 0:
            implied = _implied_fill(order, previous, filled)
            position = position.apply(implied, reason=booking.reason)
    else:
        for fill in new:
            position = position.apply(fill, reason=booking.reason, coin_prices=booking.coin_prices)
    # An entry's fee may be reported after the exit, and leave an untradable remainder.
    if position.is_open and (order.request.leg is not Leg.ENTRY or position.exit_quantity):
        position = position.without_dust(
            booking.dust, reason=booking.reason, now_ms=order.updated_at_ms
        )
    return position


def _closed_by_last_exit(
    connection: sqlite3.Connection,
    closed: Position,
    request: OrderRequest,
    *,
    wanted: CloseReason | None,
) -> Position:
    """A closed position, with the reason of the exit that filled last at the exchange.

    Reports arrive out of order: the last report is not always the last fill. Of two fills at one
    instant the later order counts. If only a fee of the entry was reported, the last exit order
    counts, as its fills may be pending.
    """
    is_fee = request.leg is Leg.ENTRY
    latest = connection.execute(
        _SQL["last_filled_exit" if is_fee else "last_exit"],
        (closed.position_id, request.client_order_id),
    ).fetchone()
    this = (EPOCH, EPOCH) if is_fee else (closed.closed_at_ms or EPOCH, request.intended_at_ms)
    if latest is None or (latest["filled_at_ms"], latest["intended_at_ms"]) <= this:
        return closed
    reasons = {
        Leg.STOP_LOSS: closed.stop_kind.close_reason,
        Leg.TAKE_PROFIT: CloseReason.TAKE_PROFIT,
    }
    return replace(
        closed,
        closed_at_ms=Ms(latest["filled_at_ms"]),
        close_reason=reasons.get(Leg(latest["leg"]), wanted or CloseReason.EXTERNAL),
    )


def _hits_target(order: Order, previous: Order) -> bool:
    """Whether a report completes a target; a repeated report does not."""
    return (
        order.request.leg is Leg.TAKE_PROFIT
        and order.status is OrderStatus.FILLED
        and previous.status is not OrderStatus.FILLED
    )


def _completes_entry(order: Order, previous: Order) -> bool:
    """Whether a report ends an entry; a repeated report does not."""
    is_entry = order.request.leg is Leg.ENTRY
    return is_entry and order.status.is_final and not previous.status.is_final


def _implied_fill(order: Order, previous: Order, filled: Decimal) -> Fill:
    """A fill for the quantity that an order gained since its last booking."""
    request = order.request
    price = order.average_price or request.price or request.trigger_price or ZERO
    cost = price * order.filled - (previous.average_price or ZERO) * previous.filled
    return Fill(
        trade_id="",
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side,
        quantity=filled,
        price=cost / filled if previous.filled else price,
        fee=ZERO,
        fee_currency="",
        filled_at_ms=order.updated_at_ms,
    )


def _intend(
    connection: sqlite3.Connection, requests: Sequence[OrderRequest], position: Position | None
) -> None:
    if position is not None:
        connection.execute(_UPSERT_POSITION, POSITIONS.encode(position))
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
    connection.execute(_UPSERT_POSITION, POSITIONS.encode(position))
    _save_orders(connection, orders)


def _amend(connection: sqlite3.Connection, order: Order, position: Position) -> None:
    connection.execute(_UPSERT_POSITION, POSITIONS.encode(position))
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
