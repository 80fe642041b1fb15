"""Prints the result of a replay."""

import typer

from signalbot.cli.render import Column, print_table
from signalbot.replay.candle_files import CandleFile
from signalbot.replay.report.formatting import format_minute
from signalbot.replay.report.summary import ReportTable, Summary, tables

_TEXT_COLUMNS = frozenset(("User", "Mode", "Code", "Closed by", "Reason"))


def print_summary(file: CandleFile, summary: Summary) -> None:
    """Print coverage, dropped rows, notes, tables and assumptions."""
    _print_coverage(file, summary)
    for strategy in summary.strategies:
        typer.echo(
            f"{strategy.name} ({strategy.kind} {strategy.timeframe}): {strategy.runs:,} runs, "
            f"{strategy.signals:,} signals, {strategy.failed_runs} failed"
        )
    for table in tables(summary):
        typer.echo(f"\n{table.title}")
        _print_table(table)
    typer.echo("\nAssumptions")
    for assumption in summary.assumptions:
        typer.echo(f"- {assumption}")
    made_with = ", ".join(f"{name} {number}" for name, number in summary.versions.items())
    typer.echo(f"\nMade with {made_with}")


def _print_coverage(file: CandleFile, summary: Summary) -> None:
    coverage = summary.coverage
    speed = "" if summary.candles_per_s is None else f", {summary.candles_per_s:,.0f} candles/s"
    typer.echo(
        f"{coverage.symbol} {coverage.timeframe}: {coverage.candles:,} candles from "
        f"{format_minute(coverage.start_ms)} to {format_minute(coverage.end_ms)} UTC, "
        f"{coverage.missing} missing, {sum(coverage.dropped.values())} dropped; "
        f"{summary.elapsed_s:.1f} s{speed}"
    )
    for fault, count in coverage.dropped.items():
        lines = ", ".join(str(bad.line) for bad in file.examples if bad.fault == fault)
        typer.echo(f"  dropped {count}: {fault}" + (f" ({file.unit} {lines})" if lines else ""))
    for note in coverage.notes:
        typer.echo(f"  note: {note}")


def _print_table(table: ReportTable) -> None:
    columns = [
        Column(title, title, is_number=title not in _TEXT_COLUMNS, is_prose=title == "Reason")
        for title in table.header
    ]
    print_table([dict(zip(table.header, row, strict=True)) for row in table.rows], columns)
