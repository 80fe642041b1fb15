"""Writes rows of ``orders``: intents before sending, states after responses."""

import sqlite3
from collections.abc import Sequence

from signalbot.domain.money import text
from signalbot.domain.orders import Order, OrderRequest
from signalbot.ledger.codec import Codec, insert

REQUESTS = Codec(OrderRequest)
PROGRESS = Codec(Order, omit=("request",))

_INSERT_ORDER = insert(
    "orders", REQUESTS.columns + PROGRESS.columns, conflict="ON CONFLICT DO NOTHING"
)
_UPDATE_ORDER = (
    f"UPDATE orders SET {', '.join(f'{name} = ?' for name in PROGRESS.columns)} "  # noqa: S608 - names come from the code
    "WHERE client_order_id = ?"
)

_TERMS = ("quantity", "trigger_price")
_AMEND_ORDER = (
    f"UPDATE orders SET {', '.join(f'{name} = ?' for name in _TERMS)} "  # noqa: S608 - names come from the code
    "WHERE client_order_id = ?"
)


_UPDATE_INTENT_TRIGGER = (
    "UPDATE orders SET trigger_price = ? WHERE client_order_id = ? AND status = 'intended'"
)
_UPDATE_INTENT_QUANTITY = (
    "UPDATE orders SET quantity = ? WHERE client_order_id = ? AND status = 'intended'"
)


def decode_order(row: sqlite3.Row) -> Order:
    """The order of a row of ``orders``."""
    return Order(request=REQUESTS.decode(row), **PROGRESS.values(row))


def insert_order_intents(connection: sqlite3.Connection, requests: Sequence[OrderRequest]) -> None:
    """Write intents of orders before they are sent; existing rows stay unchanged."""
    rows = [
        REQUESTS.encode(request)
        + PROGRESS.encode(Order(request=request, updated_at_ms=request.intended_at_ms))
        for request in requests
    ]
    connection.executemany(_INSERT_ORDER, rows)


def amend_order(connection: sqlite3.Connection, order: Order) -> None:
    """Write the amended values of a resting order, and its state."""
    terms = REQUESTS.encode(order.request)
    values = [terms[REQUESTS.columns.index(name)] for name in _TERMS]
    connection.execute(_AMEND_ORDER, (*values, order.client_order_id))
    update_order(connection, order)


def update_intent_quantity(connection: sqlite3.Connection, request: OrderRequest) -> None:
    """Write the quantity of an order that is not sent; others stay unchanged."""
    connection.execute(_UPDATE_INTENT_QUANTITY, (text(request.quantity), request.client_order_id))


def update_intent_trigger(connection: sqlite3.Connection, request: OrderRequest) -> None:
    """Write the trigger price of an order that is not sent; others stay unchanged."""
    trigger = None if request.trigger_price is None else text(request.trigger_price)
    connection.execute(_UPDATE_INTENT_TRIGGER, (trigger, request.client_order_id))


def update_order(connection: sqlite3.Connection, order: Order) -> None:
    """Write the state of an order."""
    connection.execute(_UPDATE_ORDER, (*PROGRESS.encode(order), order.client_order_id))
