"""``signals``: what the strategies said, and what one user decided on it."""

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
)
from signalbot.cli.render import Column, print_list
from signalbot.cli.source import reading
from signalbot.cli.words import listing, number, plain, utc
from signalbot.ledger import past

StatusWord = Literal["ACTIVE", "EXPIRED", "CANCELLED"]

_WHAT = (
    Column("Signal", "signal_id"),
    Column("Time", "created_at_ms", utc),
    Column("Strategy", "strategy"),
    Column("Symbol", "symbol"),
    Column("Action", "action"),
    Column("Price", "price", number, is_number=True, is_extra=True),
)
_MORE = (
    Column("Status", "status", is_extra=True),
    Column("Strength", "strength", is_extra=True),
    Column("Confidence", "confidence", plain, is_number=True, is_extra=True),
    Column("Stop", "stop_loss", number, is_number=True, is_extra=True),
    Column("Targets", "take_profits", lambda prices: listing(list(map(number, prices))),
           is_extra=True),
    Column("Timeframe", "timeframe", is_extra=True),
    Column("Expires", "expires_at_ms", utc, is_extra=True),
    Column("Reason", "reason", is_extra=True),
)  # fmt: skip
_DECIDED = (Column("Decision", "outcome"), Column("Code", "code"))


def signals(
    *,
    user: Annotated[
        str | None,
        typer.Option(metavar="USER", help="What this user decided on, with the decision."),
    ] = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    status: Annotated[
        StatusWord | None,
        typer.Option("--status", case_sensitive=False, help="Only signals of this status."),
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: AsJson = False,
    config: ConfigFile = None,
    ledger: LedgerFile = None,
) -> None:
    """List signals, newest first."""
    with reading(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, status=status, since=since, limit=limit
        )
        rows = past.signals(source.connection, selection)
    columns = (*_WHAT, *(_DECIDED if user else ()), *_MORE)
    print_list(rows, columns, as_json=as_json, limit=limit, none="no such signals")
