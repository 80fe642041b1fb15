"""``positions``: what is held now, and what was held before."""

from typing import Annotated, Literal

import typer

from signalbot.cli.options import (
    DEFAULT_LIMIT,
    AsJson,
    ConfigFile,
    LedgerFile,
    LimitOption,
    SinceOption,
    StrategyOption,
    SymbolOption,
    UserOption,
)
from signalbot.cli.render import Column, print_list
from signalbot.cli.source import reading
from signalbot.cli.words import gain, number, seconds, targets, utc
from signalbot.ledger import views

StatusWord = Literal["OPEN", "CLOSING", "CLOSED"]

_WHAT = (
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
    Column("Since", "stop_confirmed_at_ms", utc, is_extra=True),
    Column("At exchange", "held_otherwise", is_extra=True),
    Column("Without", "unprotected_ms", seconds, is_number=True, is_extra=True),
    Column("Compared", "reconciled_at_ms", utc, is_extra=True),
)
_PAST = (
    Column("Quantity", "entry_quantity", number, is_number=True),
    Column("Entry", "entry_price", number, is_number=True),
    Column("Stop", "stop_loss", number, is_number=True, is_extra=True),
    Column("Closed", "closed_at_ms", utc, is_extra=True),
    Column("Exit", "exit_price", number, is_number=True, is_extra=True),
    Column("Close reason", "close_reason"),
    Column("Net PnL", "net_pnl", gain, is_number=True),
)
_MORE = (
    Column("Strategy", "strategy", is_extra=True),
    Column("Mode", "mode", is_extra=True),
    Column("Signal", "signal_id", is_extra=True),
)


def positions(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Closed ones, too, newest first.")
    ] = False,
    user: UserOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    status: Annotated[
        StatusWord | None,
        typer.Option("--status", case_sensitive=False, help="Only positions of this status."),
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: AsJson = False,
    config: ConfigFile = None,
    ledger: LedgerFile = None,
) -> None:
    """List open positions; with --all, or --status CLOSED, closed ones."""
    past = everything or status == "CLOSED"
    with reading(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, status=status, since=since, limit=limit
        )
        read = views.positions if past else views.open_positions
        rows = read(source.connection, selection)
    columns = (*_WHAT, *(_PAST if past else _OPEN), *_MORE)
    none = "no such positions" if past else "no open positions"
    print_list(rows, columns, as_json=as_json, limit=limit, none=none)
