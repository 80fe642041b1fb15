"""``pnl --shadow``: compares a live account with its shadow paper account."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from signalbot.cli.formatting import money, number, plain, signed_money, utc
from signalbot.cli.ledger_source import open_reader
from signalbot.cli.options import Since
from signalbot.cli.render import Column, print_facts, print_json, print_table
from signalbot.domain.errors import NotFound

if TYPE_CHECKING:
    from signalbot.ledger.shadow_comparison import ShadowDifference
    from signalbot.ledger.views import Selection

_COLUMNS = (
    Column("Signal", "signal_id"),
    Column("Time", "created_at_ms", utc),
    Column("Symbol", "symbol"),
    Column("Action", "action"),
    Column("Live", "live"),
    Column("Paper", "paper"),
    Column("Entry live", "live_entry_price", number, is_number=True),
    Column("Entry paper", "paper_entry_price", number, is_number=True),
    Column("Gap bp", "entry_gap_bps", is_number=True),
    Column("Net live", "live_net_pnl", signed_money, is_number=True),
    Column("Net paper", "paper_net_pnl", signed_money, is_number=True),
    Column("Gap", "net_gap", signed_money, is_number=True),
    Column("Fees live", "live_fees", money, is_number=True, is_extra=True),
    Column("Fees paper", "paper_fees", money, is_number=True, is_extra=True),
    Column("Live ms", "live_latency_ms", is_number=True, is_extra=True),
    Column("Paper ms", "paper_latency_ms", is_number=True, is_extra=True),
)


def print_shadow_comparison(
    config: Path | None,
    ledger: Path | None,
    *,
    user: str | None,
    strategy: str | None,
    symbol: str | None,
    since: Since | None,
    as_json: bool,
) -> None:
    """Print signals that either account traded or that they decided differently, and totals."""
    if user is None:
        raise typer.BadParameter("--user is required", param_hint="--shadow")
    from signalbot.domain.users import UserId
    from signalbot.ledger.shadow_comparison import (
        difference_row,
        read_differences,
        total_differences,
        totals_row,
    )
    from signalbot.ledger.views import read_snapshot

    with open_reader(config, ledger) as source:
        selection = source.select(user=user, strategy=strategy, symbol=symbol, since=since)
        with read_snapshot(source.connection):
            all_differences = read_differences(
                source.connection, UserId(user), since_ms=selection.since_ms
            )
    if not all_differences:
        raise NotFound(
            f"{user} has no shadow decisions in this period: set "
            f"account.shadow = true in [users.{user}], with mode 'live'"
        )
    differences = [each for each in all_differences if _is_of(each, selection)]
    rows = [difference_row(each) for each in differences if _is_listed(each)]
    totals = totals_row(total_differences(differences))
    if as_json:
        print_json({"user_id": user, "totals": totals, "signals": rows})
    else:
        _print(totals, rows)


def _is_of(difference: "ShadowDifference", selection: "Selection") -> bool:
    return (selection.strategy is None or difference.strategy == selection.strategy) and (
        selection.symbol is None or fnmatchcase(difference.symbol, selection.symbol)
    )


def _is_listed(difference: "ShadowDifference") -> bool:
    return difference.has_position or not difference.is_same_result


def _print(totals: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    print_facts(_facts(totals))
    if rows:
        typer.echo()
        print_table(rows, _COLUMNS)


def _facts(totals: dict[str, Any]) -> list[tuple[str, str]]:
    def total(name: str, unit: str = "") -> str:
        value = totals[name]
        return "-" if value is None else f"{plain(value)}{unit}"

    return [
        ("Signals", total("signals")),
        ("Traded by both", total("traded_by_both")),
        (
            "Net of these",
            f"live {signed_money(totals['live_net_pnl'])}, paper "
            f"{signed_money(totals['paper_net_pnl'])}, gap {signed_money(totals['net_gap'])}",
        ),
        (
            "Fees of these",
            f"live {money(totals['live_fees'])}, paper {money(totals['paper_fees'])}",
        ),
        ("Entry gap", total("average_entry_gap_bps", " bp on average")),
        (
            "Latency",
            f"live {total('average_live_latency_ms', ' ms')}, paper "
            f"{total('average_paper_latency_ms', ' ms')} on average",
        ),
        (
            "Only live",
            f"{total('only_live')} trades, net {signed_money(totals['only_live_net_pnl'])}",
        ),
        (
            "Only paper",
            f"{total('only_paper')} trades, net {signed_money(totals['only_paper_net_pnl'])}",
        ),
    ]
