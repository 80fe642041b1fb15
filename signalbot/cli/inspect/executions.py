"""``executions``: who acted on which signal, and what came of it."""

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
from signalbot.cli.words import number, utc
from signalbot.ledger import views

StatusWord = Literal["pending", "executed", "partial", "failed", "unknown"]

_COLUMNS = (
    Column("Signal", "signal_id"),
    Column("User", "user_id"),
    Column("Claimed", "claimed_at_ms", utc, is_extra=True),
    Column("Mode", "mode", is_extra=True),
    Column("Strategy", "strategy", is_extra=True),
    Column("Symbol", "symbol"),
    Column("Action", "action"),
    Column("Status", "status"),
    Column("Failure", "failure_reason", is_extra=True),
    Column("Quantity", "quantity", number, is_number=True, is_extra=True),
    Column("Asked", "signal_price", number, is_number=True, is_extra=True),
    Column("Price", "actual_entry_price", number, is_number=True, is_extra=True),
    Column("Slip bp", "slippage_bps", is_number=True, is_extra=True),
    Column("Latency ms", "latency_ms", is_number=True, is_extra=True),
)


def executions(
    *,
    user: UserOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    status: Annotated[
        StatusWord | None,
        typer.Option("--status", case_sensitive=False, help="Only executions of this status."),
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: AsJson = False,
    config: ConfigFile = None,
    ledger: LedgerFile = None,
) -> None:
    """List executions, newest first: one user acting on one signal, once."""
    with reading(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, status=status, since=since, limit=limit
        )
        rows = views.executions(source.connection, selection)
    print_list(rows, _COLUMNS, as_json=as_json, limit=limit, none="no such executions")
