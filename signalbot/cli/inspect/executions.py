"""``executions``: who acted on which signal, with the outcome."""

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

ExecutionStatusChoice = Literal["pending", "executed", "partial", "failed", "unknown"]

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
    Column("Signal price", "signal_price", number, is_number=True, is_extra=True),
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
        ExecutionStatusChoice | None,
        typer.Option("--status", case_sensitive=False, help="Only executions of this status."),
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """List executions, newest first."""
    with open_reader(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, status=status, since=since, limit=limit
        )
        rows = views.executions(source.connection, selection)
    print_list(rows, _COLUMNS, as_json=as_json, limit=limit, none="no matching executions")
