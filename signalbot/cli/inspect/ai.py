"""``ai``: statistics of the AI: calls, cost and accuracy."""

import typer

from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.ledger_source import open_reader
from signalbot.cli.options import ConfigOption, JsonOption, LedgerOption, SinceOption
from signalbot.cli.render import Column, print_facts, print_json, print_table
from signalbot.domain.timeframe import EPOCH
from signalbot.ledger.ai_statistics import ai_statistics

app = new_app(
    name="ai",
    help="Show AI calls, their cost and accuracy.",
    no_args_is_help=True,
    add_completion=False,
)

_MODELS = (
    Column("Kind", "kind"),
    Column("Provider", "provider"),
    Column("Model", "model"),
    Column("Answered", "answered", is_number=True),
    Column("Failed", "failed", is_number=True),
    Column("Not called", "not_asked", is_number=True),
    Column("Tokens in", "input_tokens", is_number=True, is_extra=True),
    Column("Tokens out", "output_tokens", is_number=True, is_extra=True),
    Column("Cost", "cost", is_number=True),
    Column("Average ms", "average_latency_ms", is_number=True),
    Column("Longest ms", "longest_latency_ms", is_number=True, is_extra=True),
)
_SIGNALS = (
    Column("Signals", "what"),
    Column("Number", "signals", is_number=True),
    Column("Stop", "stop", is_number=True),
    Column("Target", "target", is_number=True),
    Column("Timeout", "time", is_number=True),
    Column("Unknown", "not_known", is_number=True),
    Column("Gain %", "gained_percent", is_number=True),
    Column("Average move %", "average_move_percent", is_number=True),
)


@app.callback()
def root() -> None:
    """Keep ``stats`` a subcommand, although it is the only one."""


@app.command("stats", epilog=examples_text(("signalbot ai stats", "signalbot ai stats --since 7d")))
def stats(
    since: SinceOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Show AI calls, cache hits, cost and accuracy.

    Accuracy is measured on later candles: the signal's stop or first target, whichever comes
    first, else the close after 200 candles. Moves are of the signal's price, before all costs.
    """
    with open_reader(config, ledger) as source:
        begin_ms = source.select(since=since).since_ms or EPOCH
        found = ai_statistics(source.connection, since_ms=begin_ms)
    if as_json:
        print_json(found)
        return
    if not found["models"]:
        typer.echo("no AI calls")
        return
    print_table(found["models"], _MODELS)
    typer.echo()
    print_table([{"what": what, **row} for what, row in found["signals"].items()], _SIGNALS)
    typer.echo()
    totals = {"Calls": found["calls"], "Cache hits": found["cache_hits"], "Cost": found["cost"]}
    decisions = [(name.replace("_", " "), str(n)) for name, n in found["decisions"].items()]
    print_facts([*((name, str(value)) for name, value in totals.items()), *decisions])
