"""``signals``: signals of the strategies, optionally with one user's decisions."""

from dataclasses import replace
from typing import Annotated, Literal

import typer

from signalbot.cli.errors import not_found
from signalbot.cli.formatting import comma_list, number, plain, utc
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
)
from signalbot.cli.render import Column, print_list
from signalbot.domain.code_catalog import code_of
from signalbot.domain.decision_codes import DecisionCode
from signalbot.ledger.archive import reader as archive_reader

SignalStatusChoice = Literal["ACTIVE", "EXPIRED", "CANCELLED"]


def _part(percent: str) -> str:
    """Format the exit percentage; ``-`` for a full exit."""
    return "-" if number(percent) == "100" else number(percent)


_LEADING = (
    Column("Signal", "signal_id"),
    Column("Time", "created_at_ms", utc),
    Column("Strategy", "strategy"),
    Column("Symbol", "symbol"),
    Column("Action", "action"),
    Column("Exit %", "exit_percent", _part, is_number=True, is_extra=True),
    Column("Price", "price", number, is_number=True, is_extra=True),
)
_TRAILING = (
    Column("Status", "status", is_extra=True),
    Column("Strength", "strength", is_extra=True),
    Column("Confidence", "confidence", plain, is_number=True, is_extra=True),
    Column("Stop", "stop_loss", number, is_number=True, is_extra=True),
    Column("Targets", "take_profits", lambda prices: comma_list(list(map(number, prices))),
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
        typer.Option(metavar="USER", help="Signals this user decided on, with decision."),
    ] = None,
    code: Annotated[
        str | None,
        typer.Option("--code", metavar="CODE", help="Only decisions with this code; needs --user."),
    ] = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    status: Annotated[
        SignalStatusChoice | None,
        typer.Option("--status", case_sensitive=False, help="Only signals of this status."),
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """List signals, newest first."""
    if code is not None and user is None:
        raise typer.BadParameter("needs --user", param_hint="--code")
    with open_reader(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, status=status, since=since, limit=limit
        )
        decided = replace(selection, code=None if code is None else _decision_code(code))
        rows = archive_reader.signals(source.connection, decided)
    columns = (*_LEADING, *(_DECIDED if user else ()), *_TRAILING)
    print_list(rows, columns, as_json=as_json, limit=limit, none="no matching signals")


def _decision_code(code: str) -> str:
    """Normalize ``code`` to the form in the ledger.

    Raises:
        NotFound: there is no such decision code.
    """
    name = code.upper().replace("-", "_")
    if not isinstance(code_of(name), DecisionCode):
        raise not_found("code", name, list(DecisionCode))
    return name
