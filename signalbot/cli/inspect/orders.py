"""``orders``: every order that was intended, with its status."""

from typing import Annotated, Literal

import typer

from signalbot.cli.formatting import number, utc
from signalbot.cli.ledger_source import open_reader
from signalbot.cli.options import (
    DEFAULT_LIMIT,
    ConfigOption,
    JsonOption,
    LedgerOption,
    LimitOption,
    SinceOption,
    StrategyOption,
    SymbolOption,
    UserOption,
)
from signalbot.cli.render import Column, print_list
from signalbot.ledger import views

OrderStatusChoice = Literal[
    "intended", "open", "partially_filled", "unknown", "filled", "cancelled", "rejected"
]

ORDER_COLUMNS = (
    Column("Intended", "intended_at_ms", utc, is_extra=True),
    Column("User", "user_id"),
    Column("Symbol", "symbol"),
    Column("Leg", "leg"),
    Column("Side", "side"),
    Column("Type", "type", is_extra=True),
    Column("Status", "status"),
    Column("Quantity", "quantity", number, is_number=True),
    Column("Filled", "filled", number, is_number=True, is_extra=True),
    Column("Trigger", "trigger_price", number, is_number=True, is_extra=True),
    Column("Limit", "price", number, is_number=True, is_extra=True),
    Column("Average", "average_price", number, is_number=True, is_extra=True),
    Column("Fee", "fee", number, is_number=True, is_extra=True),
    Column("Client order id", "client_order_id", is_extra=True),
    Column("Exchange id", "exchange_order_id", is_extra=True),
    Column("Signal", "signal_id", is_extra=True),
    Column("Error", "error", is_extra=True),
)


def orders(
    *,
    user: UserOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    status: Annotated[
        OrderStatusChoice | None,
        typer.Option("--status", case_sensitive=False, help="Only orders of this status."),
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """List orders, newest first: entries, stops, take profits and exits."""
    with open_reader(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, status=status, since=since, limit=limit
        )
        rows = views.orders(source.connection, selection)
    print_list(rows, ORDER_COLUMNS, as_json=as_json, limit=limit, none="no matching orders")
