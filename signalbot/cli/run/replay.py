"""``signalbot replay``: the same pipeline over historical candles."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from signalbot.cli.errors import telling
from signalbot.cli.options import AsJson, ConfigFile
from signalbot.cli.render import Column, print_json, print_table

if TYPE_CHECKING:
    from signalbot.replay.csv import CandleFile
    from signalbot.replay.summary import Summary, Table

_WORDS = {"User", "Mode", "Code", "Because", "Reason"}


def replay(
    candles: Annotated[
        Path, typer.Option("--candles", metavar="CSV", help="Candles, oldest first, with a header.")
    ],
    symbol: Annotated[
        str, typer.Option("--symbol", metavar="SYMBOL", help="What they are candles of.")
    ],
    config: ConfigFile = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            "--ledger", metavar="DB", help="Keep the ledger here; reading commands take it, too."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="HTML", help="Write a page with plots.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every event to standard error.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the daemon's own pipeline over historical candles, on a virtual clock.

    Fills are simulated: market orders at the close of the candle with slippage and fee, stops and
    targets inside later candles, the stop first where both lie in one. Two runs over the same
    input write identical ledgers.
    """
    with telling(), _ledger_file(ledger) as path:
        from signalbot.ledger.report import read_history
        from signalbot.replay.html import plotly_library, write_report
        from signalbot.replay.summary import to_json

        if report is not None:
            plotly_library()  # missing, it is better known before the replay than after
        file, summary, equity = _play(config, candles, symbol, path, verbose=verbose)
        if report is not None:
            history = read_history(path)
            write_report(report, summary, history=history, equity=equity, prices=file.candles)
        if as_json:
            print_json(to_json(summary))
        else:
            _print(file, summary)


def _play(
    config: Path | None, candles: Path, symbol: str, ledger: Path, *, verbose: bool
) -> "tuple[CandleFile, Summary, EquityCurves]":
    from time import perf_counter

    from signalbot.config.check import check_strategies
    from signalbot.config.load import load
    from signalbot.config.locate import find_config
    from signalbot.config.problems import InvalidConfig
    from signalbot.ledger.report import read_history
    from signalbot.ops.logging import configure
    from signalbot.replay.csv import read_candles
    from signalbot.replay.run import narrowed, replay
    from signalbot.replay.summary import summarise
    from signalbot.tasks import settle_memory

    settings = load(find_config(config, os.environ), os.environ)
    if any(each.settings.ai.enabled for each in settings.subscriptions):
        typer.echo("no AI is asked in a replay: every signal passes as it is", err=True)
    problems = check_strategies(settings)
    if problems:
        raise InvalidConfig(problems)
    settings = narrowed(settings, symbol)
    file = read_candles(candles, symbol)

    def log_in_virtual_time(clock: "Clock") -> None:
        level = "info" if verbose else "error"
        configure(log_format="console", level=level, stream=sys.stderr, clock=clock.now_ms)

    settle_memory()
    began_s = perf_counter()
    with _progress(len(file.candles), shown=not verbose) as advance:
        played = replay(
            settings,
            file.candles,
            timeframe=file.timeframe,
            ledger=ledger,
            on_start=log_in_virtual_time,
            on_progress=advance,
        )
    summary = summarise(
        read_history(ledger),
        coverage=file.coverage,
        equity=played.equity,
        elapsed_s=perf_counter() - began_s,
    )
    return file, summary, played.equity


@contextmanager
def _ledger_file(wanted: Path | None) -> Iterator[Path]:
    """Where the replay writes: a fresh file that is kept, or one that goes away."""
    if wanted is None:
        with TemporaryDirectory(prefix="signalbot-replay-") as folder:
            yield Path(folder) / "replay.db"
        return
    for leftover in (wanted, *(wanted.with_name(wanted.name + end) for end in ("-wal", "-shm"))):
        leftover.unlink(missing_ok=True)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    yield wanted


@contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where somebody is looking at it."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task("replaying", total=total)

        def advance(done: int) -> None:
            bar.update(task, completed=done)
            bar.refresh()

        yield advance


def _print(file: "CandleFile", summary: "Summary") -> None:
    from signalbot.replay.figures import minute
    from signalbot.replay.summary import tables

    coverage = summary.coverage
    speed = "" if summary.candles_per_s is None else f", {summary.candles_per_s:,.0f} candles/s"
    typer.echo(
        f"{coverage.symbol} {coverage.timeframe}: {coverage.candles:,} candles from "
        f"{minute(coverage.start_ms)} to {minute(coverage.end_ms)} UTC, "
        f"{coverage.missing} missing, {sum(coverage.dropped.values())} dropped; "
        f"{summary.elapsed_s:.1f} s{speed}"
    )
    for fault, count in coverage.dropped.items():
        lines = ", ".join(str(bad.line) for bad in file.examples if bad.fault == fault)
        typer.echo(f"  dropped {count}: {fault}" + (f" (line {lines})" if lines else ""))
    for strategy in summary.strategies:
        typer.echo(
            f"{strategy.name} ({strategy.kind} {strategy.timeframe}): {strategy.runs:,} runs, "
            f"{strategy.signals:,} signals, {strategy.failed_runs} failed"
        )
    for table in tables(summary):
        typer.echo(f"\n{table.title}")
        _print_table(table)


def _print_table(table: "Table") -> None:
    columns = [
        Column(title, title, is_number=title not in _WORDS, is_prose=title == "Because")
        for title in table.header
    ]
    print_table([dict(zip(table.header, row, strict=True)) for row in table.rows], columns)


if TYPE_CHECKING:
    from signalbot.ports import Clock
    from signalbot.replay.run import EquityCurves
