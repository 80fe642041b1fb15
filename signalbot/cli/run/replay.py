"""``signalbot replay``: the same pipeline over historical candles."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from signalbot.cli.errors import report_errors
from signalbot.cli.options import (
    DEFAULT_LIMIT,
    ColumnsOption,
    ConfigOption,
    DecimalOption,
    JsonOption,
    SinceOption,
    TimeFormatOption,
    TimeZoneOption,
)
from signalbot.cli.render import Column, print_json, print_table
from signalbot.cli.run.progress import progress

if TYPE_CHECKING:
    from signalbot.config.settings import Config
    from signalbot.replay.candle_files import CandleFile, ReadOptions
    from signalbot.replay.funding import FundingRate
    from signalbot.replay.report.summary import ReportTable, Summary

_FROM_EXCHANGE = "exchange"
_TEXT_COLUMNS = {"User", "Mode", "Code", "Because", "Reason"}


def replay(
    *,
    candles: Annotated[
        list[Path] | None,
        typer.Option(
            "--candles",
            metavar="CSV",
            help="Candles: CSV, JSON, Parquet, an archive or a folder; several are one series. "
            "With --signals once for every market, --symbol likewise.",
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None,
        typer.Option("--symbol", metavar="SYMBOL", help="What they are candles of."),
    ] = None,
    columns: ColumnsOption = None,
    time_format: TimeFormatOption = None,
    time_zone: TimeZoneOption = None,
    decimal: DecimalOption = None,
    config: ConfigOption = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            "--ledger",
            metavar="DB",
            help="Keep the ledger here; reading commands take it, too. With --signals: read it "
            "from here, instead of the daemon's.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="HTML", help="Write a page with plots.")
    ] = None,
    funding: Annotated[
        str | None,
        typer.Option(
            "--funding",
            metavar="CSV|exchange",
            help="Funding rates: a file with time and rate, or the history of the exchange.",
        ),
    ] = None,
    signals: Annotated[
        bool,
        typer.Option(
            "--signals", help="What if: replay stored signals through the rules of --user."
        ),
    ] = False,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="With --signals: whose rules.")
    ] = None,
    since: SinceOption = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="With --signals: a setting of that user to try out, such as "
            "risk.max_open_positions=3.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=0, help="With --signals: list at most so many signals; 0 for all."
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every event to standard error.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the daemon's own pipeline over historical candles, on a virtual clock.

    Candles of exchanges, data vendors and spreadsheets are read as they are. What a file leaves
    open is refused with its line and the option that decides: --columns, --time-format,
    --time-zone, --decimal.

    Fills are simulated: market orders at the close of the candle with slippage and fee, stops and
    targets inside later candles, the stop first where both lie in one; the report names what is
    taken for granted. Two runs over the same input write identical ledgers.

    With --signals no strategy runs: the signals of a ledger, which is only read, go through one
    user's rules again, as they are and with what --set changes, and the courses are compared.
    """
    with report_errors():
        options = _options(columns, time_format, time_zone, decimal)
    if signals:
        from signalbot.cli.run.whatif import what_if

        _refuse({"--report": report, "--funding": funding}, "does not go with --signals")
        what_if(
            config,
            ledger,
            user=user,
            since=since,
            settings=settings or [],
            files=_by_market(candles or [], symbol or []),
            options=options,
            limit=DEFAULT_LIMIT if limit is None else limit,
            verbose=verbose,
            as_json=as_json,
        )
        return
    only = {"--user": user, "--since": since, "--set": settings, "--limit": limit}
    _refuse(only, "goes with --signals only")
    market, paths = _one(_by_market(candles or [], symbol or []))
    with report_errors():
        _refuse_daemon_ledger(config, ledger)
        _replay_candles(
            config,
            paths,
            market,
            options,
            ledger,
            report,
            funding,
            verbose=verbose,
            as_json=as_json,
        )


def _replay_candles(
    config: Path | None,
    candles: Sequence[Path],
    symbol: str,
    options: "ReadOptions",
    ledger: Path | None,
    report: Path | None,
    funding: str | None,
    *,
    verbose: bool,
    as_json: bool,
) -> None:
    with _ledger_file(ledger) as path:
        from signalbot.ledger.history import read_ledger_history
        from signalbot.replay.report.html import plotly_library, write_report
        from signalbot.replay.report.summary import to_json

        if report is not None:
            plotly_library()  # missing, it is better known before the replay than after
        file, summary, equity = _play(
            config, candles, symbol, options, path, funding, verbose=verbose
        )
        if report is not None:
            history = read_ledger_history(path)
            write_report(report, summary, history=history, equity=equity, prices=file.candles)
        if as_json:
            print_json(to_json(summary))
        else:
            _print(file, summary)


def _refuse(options: Mapping[str, object], reason: str) -> None:
    for name, value in options.items():
        if value not in (None, []):
            raise typer.BadParameter(reason, param_hint=name)


def _options(
    columns: str | None, time_format: str | None, time_zone: str | None, decimal: str | None
) -> "ReadOptions":
    from signalbot.replay.candle_files.options import read_options
    from signalbot.tasks import SystemClock

    return read_options(
        columns=columns,
        time_format=time_format,
        time_zone=time_zone,
        decimal=decimal,
        now_ms=SystemClock().now_ms(),
    )


def _by_market(candles: Sequence[Path], symbols: Sequence[str]) -> dict[str, list[Path]]:
    """The files of each market, in the order given; one --symbol is that of all of them."""
    if len(symbols) == 1 and candles:
        return {symbols[0]: list(candles)}
    if len(candles) != len(symbols):
        raise typer.BadParameter(
            f"every --candles needs its --symbol: {len(candles)} and {len(symbols)} were given"
        )
    found: dict[str, list[Path]] = {}
    for path, symbol in zip(candles, symbols, strict=True):
        found.setdefault(symbol, []).append(path)
    return found


def _one(files: Mapping[str, list[Path]]) -> tuple[str, list[Path]]:
    if not files:
        raise typer.BadParameter("missing: give --candles CSV and --symbol SYMBOL")
    if len(files) > 1:
        raise typer.BadParameter("more than one market is replayed with --signals only")
    return next(iter(files.items()))


def _refuse_daemon_ledger(config: Path | None, ledger: Path | None) -> None:
    """See that ``--ledger`` does not write over the ledger of the daemon.

    Raises:
        ConfigError: the configuration cannot be read. LedgerError: it would.
    """
    if ledger is None:
        return
    from signalbot.cli.ledger_source import ledger_path
    from signalbot.domain.errors import LedgerError

    daemon_ledger = ledger_path(config, None)
    if ledger.resolve() == daemon_ledger.resolve():
        raise LedgerError(f"{ledger}: this is the daemon's own ledger: keep the replay's elsewhere")


def _play(
    config: Path | None,
    candles: Sequence[Path],
    symbol: str,
    options: "ReadOptions",
    ledger: Path,
    funding: str | None,
    *,
    verbose: bool,
) -> "tuple[CandleFile, Summary, EquityCurves]":
    from time import perf_counter

    from signalbot.config.checks.strategies import check_strategies
    from signalbot.config.load import load
    from signalbot.config.locate import find_config
    from signalbot.config.problems import InvalidConfig
    from signalbot.ledger.history import read_ledger_history
    from signalbot.observability.logging.setup import configure_logging
    from signalbot.replay.candle_files import read_candles
    from signalbot.replay.report.assumptions import describe_assumptions
    from signalbot.replay.report.summary import summarize
    from signalbot.replay.run import (
        check_candle_length,
        config_for_symbol,
        exchanges_of,
        replay,
        rules_of,
    )
    from signalbot.tasks import freeze_gc

    settings = load(find_config(config, os.environ), os.environ)
    if any(each.settings.ai.enabled for each in settings.subscriptions):
        typer.echo("no AI is asked in a replay: every signal passes as it is", err=True)
    problems = check_strategies(settings)
    if problems:
        raise InvalidConfig(problems)
    settings = config_for_symbol(settings, symbol)
    file = read_candles(candles, symbol, options)
    check_candle_length(settings, file.timeframe, source=str(file.path))
    rates = _funding(settings, funding, file)

    def log_in_virtual_time(clock: "Clock") -> None:
        level = "info" if verbose else "error"
        configure_logging(log_format="console", level=level, stream=sys.stderr, clock=clock.now_ms)

    freeze_gc()
    began_s = perf_counter()
    with progress(len(file.candles), is_enabled=not verbose) as advance:
        played = replay(
            settings,
            file.candles,
            timeframe=file.timeframe,
            ledger=ledger,
            funding=rates,
            on_start=log_in_virtual_time,
            on_progress=advance,
        )
    summary = summarize(
        read_ledger_history(ledger),
        coverage=file.coverage,
        equity=played.equity,
        elapsed_s=perf_counter() - began_s,
        assumptions=describe_assumptions(
            (rules_of(settings, name) for name in exchanges_of(settings)),
            timeframe=file.timeframe,
            funding=funding,
        ),
    )
    return file, summary, played.equity


def _funding(config: "Config", source: str | None, file: "CandleFile") -> "Sequence[FundingRate]":
    """The rates of the file's market over its time.

    Raises:
        ConfigError: the file of rates cannot be used, or no real exchange can be asked.
    """
    if source is None:
        return ()
    from signalbot.replay.funding import read_funding

    if source != _FROM_EXCHANGE:
        return read_funding(Path(source))
    import asyncio

    from signalbot.domain.errors import ConfigError
    from signalbot.replay.download import MinuteRange, download_funding
    from signalbot.replay.run import exchanges_of

    real = [
        terms for name in exchanges_of(config) if not (terms := config.exchanges[name]).is_simulated
    ]
    if not real:
        raise ConfigError("--funding exchange: no real exchange is configured: give a CSV file")
    typer.echo(f"asking {real[0].name} for funding rates of {file.symbol}", err=True)
    span = MinuteRange(file.coverage.start_ms, file.coverage.end_ms)
    return asyncio.run(download_funding(real[0], file.symbol, span))


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


def _print(file: "CandleFile", summary: "Summary") -> None:
    from signalbot.replay.report.formatting import format_minute
    from signalbot.replay.report.summary import tables

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


def _print_table(table: "ReportTable") -> None:
    columns = [
        Column(title, title, is_number=title not in _TEXT_COLUMNS, is_prose=title == "Because")
        for title in table.header
    ]
    print_table([dict(zip(table.header, row, strict=True)) for row in table.rows], columns)


if TYPE_CHECKING:
    from signalbot.ports import Clock
    from signalbot.replay.run import EquityCurves
