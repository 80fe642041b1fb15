"""``signals``: what the strategies said, and what one user decided on it."""

from dataclasses import replace
from typing import Annotated, Literal

import typer

from signalbot.cli.errors import not_found
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
from signalbot.domain.codebook import code_of
from signalbot.domain.reasons import Reason
from signalbot.ledger import past

StatusWord = Literal["ACTIVE", "EXPIRED", "CANCELLED"]


def _part(percent: str) -> str:
    """The part an exit closes, where that is not everything."""
    return "-" if number(percent) == "100" else number(percent)


_WHAT = (
    Column("Signal", "signal_id"),
    Column("Time", "created_at_ms", utc),
    Column("Strategy", "strategy"),
    Column("Symbol", "symbol"),
    Column("Action", "action"),
    Column("Exit %", "exit_percent", _part, is_number=True, is_extra=True),
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
    code: Annotated[
        str | None,
        typer.Option("--code", metavar="CODE", help="Of those, only what was decided so."),
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
    if code is not None and user is None:
        raise typer.BadParameter(
            "a code is of one user's decision: add --user", param_hint="--code"
        )
    with reading(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, status=status, since=since, limit=limit
        )
        decided = replace(selection, code=None if code is None else _known(code))
        rows = past.signals(source.connection, decided)
    columns = (*_WHAT, *(_DECIDED if user else ()), *_MORE)
    print_list(rows, columns, as_json=as_json, limit=limit, none="no such signals")


def _known(code: str) -> str:
    """``code`` as the ledger has it.

    Raises:
        NotFound: no decision has such a code.
    """
    name = code.upper().replace("-", "_")
    if not isinstance(code_of(name), Reason):
        raise not_found("code", name, list(Reason))
    return name
