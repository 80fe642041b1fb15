"""``skips``: skipped signals, counted by code."""

from typing import Annotated

import typer

from signalbot.cli.formatting import utc
from signalbot.cli.ledger_source import open_reader
from signalbot.cli.options import (
    ConfigOption,
    JsonOption,
    LedgerOption,
    SinceOption,
    StrategyOption,
    SymbolOption,
)
from signalbot.cli.render import Column, print_list
from signalbot.domain.code_catalog import meaning_of
from signalbot.ledger import views

_COLUMNS = (
    Column("User", "user_id"),
    Column("Code", "code"),
    Column("Signals", "signals", is_number=True),
    Column("Last", "last_at_ms", utc),
    Column("Reason", "cause", is_extra=True, is_prose=True),
    Column("Fix", "cure", is_prose=True),
)


def skips(
    user: Annotated[
        str | None, typer.Argument(metavar="USER", help="Only this user; default all.")
    ] = None,
    *,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    since: SinceOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Count skipped signals by code, most frequent first."""
    with open_reader(config, ledger) as source:
        selection = source.select(user=user, strategy=strategy, symbol=symbol, since=since)
        rows = views.skips(source.connection, selection)
    explained = [row | meaning_of(row["code"]) for row in rows]
    print_list(explained, _COLUMNS, as_json=as_json, none="no skipped signals")
