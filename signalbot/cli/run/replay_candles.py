"""Replays candles for the command line: reads files and rates, runs, summarizes, reports."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import typer

from signalbot.cli.ledger_source import ledger_path
from signalbot.cli.render import print_json
from signalbot.cli.run.progress import progress
from signalbot.cli.run.replay_output import print_summary
from signalbot.config.checks.strategies import check_strategies
from signalbot.config.load import load
from signalbot.config.locate import find_config
from signalbot.config.problems import InvalidConfig
from signalbot.config.settings import Config
from signalbot.domain.errors import ConfigError, LedgerError
from signalbot.ledger.history import read_ledger_history
from signalbot.observability.logging.setup import configure_logging
from signalbot.ports import Clock
from signalbot.replay.candle_files import CandleFile, ReadOptions, read_candles
from signalbot.replay.download import MinuteRange, download_funding
from signalbot.replay.funding import FundingRate, read_funding
from signalbot.replay.report.assumptions import describe_assumptions
from signalbot.replay.report.html import plotly_library, write_report
from signalbot.replay.report.summary import Summary, summarize, to_json
from signalbot.replay.run import (
    EquityCurves,
    check_candle_length,
    config_for_symbol,
    exchanges_of,
    replay,
    rules_of,
)
from signalbot.tasks import freeze_gc

_FROM_EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleReplay:
    """Inputs of a replay, as the command line gives them."""

    config: Path | None
    candles: Sequence[Path]
    symbol: str
    options: ReadOptions
    funding: str | None  #: a file, or ``exchange``
    verbose: bool


def replay_candles(
    wanted: CandleReplay, *, ledger: Path | None, report: Path | None, as_json: bool
) -> None:
    """Replay candles and print the result; keep the ledger and write a report if requested.

    Raises:
        ConfigError: an input is invalid. LedgerError: ``ledger`` is the daemon's.
    """
    _reject_daemon_ledger(wanted.config, ledger)
    with _ledger_file(ledger) as path:
        if report is not None:
            plotly_library()  # fails before a long replay
        file, summary, equity = _run(wanted, path)
        if report is not None:
            history = read_ledger_history(path)
            write_report(report, summary, history=history, equity=equity, prices=file.candles)
        if as_json:
            print_json(to_json(summary))
        else:
            print_summary(file, summary)


def _reject_daemon_ledger(config: Path | None, ledger: Path | None) -> None:
    """Check that ``ledger`` is not the daemon's, which would be overwritten.

    Raises:
        ConfigError: the configuration is invalid. LedgerError: it is the daemon's.
    """
    if ledger is None:
        return
    if ledger.resolve() == ledger_path(config, None).resolve():
        raise LedgerError(f"{ledger}: this is the daemon's own ledger; choose another file")


def _run(wanted: CandleReplay, ledger: Path) -> tuple[CandleFile, Summary, EquityCurves]:
    settings = _load(wanted.config, wanted.symbol)
    file = read_candles(wanted.candles, wanted.symbol, wanted.options)
    check_candle_length(settings, file.timeframe, source=str(file.path))
    rates = _funding_rates(settings, wanted.funding, file)

    def log_in_virtual_time(clock: Clock) -> None:
        level = "info" if wanted.verbose else "error"
        configure_logging(log_format="console", level=level, stream=sys.stderr, clock=clock.now_ms)

    freeze_gc()
    began_s = perf_counter()
    with progress(len(file.candles), is_enabled=not wanted.verbose) as advance:
        result = replay(
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
        equity=result.equity,
        elapsed_s=perf_counter() - began_s,
        assumptions=describe_assumptions(
            (rules_of(settings, name) for name in exchanges_of(settings)),
            timeframe=file.timeframe,
            funding=wanted.funding,
        ),
    )
    return file, summary, result.equity


def _load(config: Path | None, symbol: str) -> Config:
    """Load the configuration for a replay of ``symbol``.

    Raises:
        ConfigError: it is invalid, or no strategy trades ``symbol``.
    """
    settings = load(find_config(config, os.environ), os.environ)
    if any(each.settings.ai.enabled for each in settings.subscriptions):
        typer.echo("AI is disabled in a replay: every signal passes unchanged", err=True)
    problems = check_strategies(settings)
    if problems:
        raise InvalidConfig(problems)
    return config_for_symbol(settings, symbol)


def _funding_rates(config: Config, source: str | None, file: CandleFile) -> Sequence[FundingRate]:
    """Return the funding rates of the file's market and period.

    Raises:
        ConfigError: the file of rates is invalid, or no real exchange is configured.
    """
    if source is None:
        return ()
    if source != _FROM_EXCHANGE:
        return read_funding(Path(source))
    real = [
        each for name in exchanges_of(config) if not (each := config.exchanges[name]).is_simulated
    ]
    if not real:
        raise ConfigError("--funding exchange: no real exchange is configured: use a CSV file")
    typer.echo(f"requesting funding rates of {file.symbol} from {real[0].name}", err=True)
    span = MinuteRange(file.coverage.start_ms, file.coverage.end_ms)
    return asyncio.run(download_funding(real[0], file.symbol, span))


@contextmanager
def _ledger_file(wanted: Path | None) -> Iterator[Path]:
    """Yield the path of the replay's ledger: a fresh file to keep, or a temporary one."""
    if wanted is None:
        with TemporaryDirectory(prefix="signalbot-replay-") as folder:
            yield Path(folder) / "replay.db"
        return
    for leftover in (wanted, *(wanted.with_name(wanted.name + end) for end in ("-wal", "-shm"))):
        leftover.unlink(missing_ok=True)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    yield wanted
