"""``positions``: open and closed positions."""

from typing import Annotated, Literal

import typer

from signalbot.cli.formatting import number, seconds, signed_money, targets, utc
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

PositionStatusChoice = Literal["OPEN", "CLOSING", "CLOSED"]

_LEADING = (
    Column("Position", "position_id", is_extra=True),
    Column("User", "user_id"),
    Column("Symbol", "symbol"),
    Column("Side", "side"),
    Column("Status", "status"),
    Column("Opened", "opened_at_ms", utc, is_extra=True),
)
_OPEN = (
    Column("Quantity", "quantity", number, is_number=True),
    Column("Entry", "entry_price", number, is_number=True),
    Column("Stop", "stop_loss", number, is_number=True),
    Column("Targets", "take_profits", targets, is_extra=True),
    Column("Protection", "protection"),
    Column("Protected", "stop_confirmed_at_ms", utc, is_extra=True),
    Column("At exchange", "held_otherwise", is_extra=True),
    Column("Unprotected", "unprotected_ms", seconds, is_number=True, is_extra=True),
    Column("Reconciled", "reconciled_at_ms", utc, is_extra=True),
)
_CLOSED = (
    Column("Quantity", "entry_quantity", number, is_number=True),
    Column("Entry", "entry_price", number, is_number=True),
    Column("Stop", "stop_loss", number, is_number=True, is_extra=True),
    Column("Closed", "closed_at_ms", utc, is_extra=True),
    Column("Exit", "exit_price", number, is_number=True, is_extra=True),
    Column("Close reason", "close_reason"),
    Column("Net PnL", "net_pnl", signed_money, is_number=True),
)
_TRAILING = (
    Column("Strategy", "strategy", is_extra=True),
    Column("Mode", "mode", is_extra=True),
    Column("Signal", "signal_id", is_extra=True),
)


def positions(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Include closed positions, newest first.")
    ] = False,
    user: UserOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    status: Annotated[
        PositionStatusChoice | None,
        typer.Option("--status", case_sensitive=False, help="Only positions of this status."),
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """List open positions; closed ones with --all."""
    is_closed = everything or status == "CLOSED"
    with open_reader(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, status=status, since=since, limit=limit
        )
        read = views.positions if is_closed else views.open_positions
        rows = read(source.connection, selection)
    columns = (*_LEADING, *(_CLOSED if is_closed else _OPEN), *_TRAILING)
    none = "no matching positions" if is_closed else "no open positions"
    print_list(rows, columns, as_json=as_json, limit=limit, none=none)
