"""``pnl --shadow``: the live account against the paper one that trades beside it."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from signalbot.cli.errors import telling
from signalbot.cli.options import Since
from signalbot.cli.render import Column, print_facts, print_json, print_table
from signalbot.cli.source import reading
from signalbot.cli.words import gain, money, number, plain, utc
from signalbot.domain.errors import NotFound

if TYPE_CHECKING:
    from signalbot.ledger.gaps import Gap
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
    Column("Net live", "live_net_pnl", gain, is_number=True),
    Column("Net paper", "paper_net_pnl", gain, is_number=True),
    Column("Gap", "net_gap", gain, is_number=True),
    Column("Fees live", "live_fees", money, is_number=True, is_extra=True),
    Column("Fees paper", "paper_fees", money, is_number=True, is_extra=True),
    Column("Live ms", "live_latency_ms", is_number=True, is_extra=True),
    Column("Paper ms", "paper_latency_ms", is_number=True, is_extra=True),
)


def against_shadow(
    config: Path | None,
    ledger: Path | None,
    *,
    user: str | None,
    strategy: str | None,
    symbol: str | None,
    since: Since | None,
    as_json: bool,
) -> None:
    """Print every signal that either traded or that they decided unlike, and totals of them all."""
    if user is None:
        raise typer.BadParameter("missing: whose?", param_hint="--user")
    with telling():
        from signalbot.domain.users import UserId
        from signalbot.ledger.gaps import add_up, read_gaps, row_of, totals_row
        from signalbot.ledger.views import as_of_now

        with reading(config, ledger) as source:
            wanted = source.select(user=user, strategy=strategy, symbol=symbol, since=since)
            with as_of_now(source.connection):
                every = read_gaps(source.connection, UserId(user), since_ms=wanted.since_ms)
        if not every:
            raise NotFound(
                f"{user} has no shadow that has decided on anything since then: set "
                f"account.shadow = true in [users.{user}], whose mode must be 'live'"
            )
        gaps = [each for each in every if _is_of(each, wanted)]
        rows = [row_of(each) for each in gaps if _is_shown(each)]
        totals = totals_row(add_up(gaps))
        if as_json:
            print_json({"user_id": user, "totals": totals, "signals": rows})
        else:
            _print(totals, rows)


def _is_of(gap: "Gap", wanted: "Selection") -> bool:
    return (wanted.strategy is None or gap.strategy == wanted.strategy) and (
        wanted.symbol is None or fnmatchcase(gap.symbol, wanted.symbol)
    )


def _is_shown(gap: "Gap") -> bool:
    return gap.is_entered or not gap.is_alike


def _print(totals: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    print_facts(_facts(totals))
    if rows:
        typer.echo()
        print_table(rows, _COLUMNS)


def _facts(totals: dict[str, Any]) -> list[tuple[str, str]]:
    def told(name: str, unit: str = "") -> str:
        value = totals[name]
        return "-" if value is None else f"{plain(value)}{unit}"

    return [
        ("Signals", told("signals")),
        ("Traded by both", told("traded_by_both")),
        ("Net of these", f"live {gain(totals['live_net_pnl'])}, paper "
         f"{gain(totals['paper_net_pnl'])}, gap {gain(totals['net_gap'])}"),
        ("Fees of these", f"live {money(totals['live_fees'])}, paper "
         f"{money(totals['paper_fees'])}"),
        ("Entry gap", told("average_entry_gap_bps", " bp on average")),
        ("Latency", f"live {told('average_live_latency_ms', ' ms')}, paper "
         f"{told('average_paper_latency_ms', ' ms')} on average"),
        ("Only live", f"{told('only_live')} trades, net {gain(totals['only_live_net_pnl'])}"),
        ("Only paper", f"{told('only_paper')} trades, net {gain(totals['only_paper_net_pnl'])}"),
    ]  # fmt: skip
