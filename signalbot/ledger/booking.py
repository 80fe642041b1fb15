"""Books an order report: fills, position, order and execution change in one transaction."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from signalbot.domain.executions import Execution
from signalbot.domain.money import ONE, ZERO
from signalbot.domain.orders import Fill, Leg, Order, OrderRequest, OrderStatus
from signalbot.domain.positions import CloseReason, CoinPrices, Position
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.codec import Codec, insert, upsert
from signalbot.ledger.executions import update_execution
from signalbot.ledger.order_rows import decode_order, update_intent_trigger, update_order
from signalbot.ledger.sql import queries

_SQL = queries("trades")
POSITIONS = Codec(Position)
FILLS = Codec(Fill)
UPSERT_POSITION = upsert("positions", POSITIONS.columns, key="position_id")

_INSERT_FILL = insert(
    "fills",
    ("exchange", "user_id", "position_id", *FILLS.columns),
    conflict="ON CONFLICT DO NOTHING RETURNING trade_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """The changes of one order report, written in one transaction."""

    order: Order
    fills: Sequence[Fill] = ()
    position: Position | None = None  #: before the fills
    reason: CloseReason = CloseReason.EXTERNAL  #: kept if the fills close the position
    execution: Execution | None = None
    dust: Decimal = ZERO  #: a remainder below this cannot be traded, and closes the position
    #: Prices of third currencies in which fees were paid.
    coin_prices: CoinPrices = field(default_factory=dict)
    break_even_after: int = 0  #: targets hit before the stop moves to the entry price; 0: never
    tick: Decimal = ONE  #: price increment of the stop
    levels: Position | None = None  #: with the stop and targets after the entry
    moved: Sequence[OrderRequest] = ()  #: unsent orders at these levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """The result of a booking."""

    position: Position | None  #: after the report
    new_fills: tuple[Fill, ...]
    moved: bool  #: whether the report changed the position


def book(connection: sqlite3.Connection, booking: Booking) -> Booked:
    """Write the changes of ``booking``; fills booked before change nothing."""
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
        after = _at_new_levels(connection, after, previous, booking)
        if after is not position:
            connection.execute(UPSERT_POSITION, POSITIONS.encode(after))
            position = after
    update_order(connection, order)
    if booking.execution is not None:
        update_execution(connection, booking.execution)
    has_moved = position is not None and position is not booking.position
    return Booked(position=position if booking.position else None, new_fills=new, moved=has_moved)


def _at_new_levels(
    connection: sqlite3.Connection, position: Position, previous: Order, booking: Booking
) -> Position:
    """The position with the stop and targets that follow from a hit target or an ended entry."""
    if position.is_open and _hits_target(booking.order, previous):
        position = position.hit_target(break_even_after=booking.break_even_after, tick=booking.tick)
    levels = booking.levels
    if levels is not None and position.is_open and _completes_entry(booking.order, previous):
        position = replace(position, stop_loss=levels.stop_loss, take_profits=levels.take_profits)
        for moved in booking.moved:
            update_intent_trigger(connection, moved)
    return position


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
