"""``replay``: runs the daemon's pipeline over historical candles or stored signals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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

if TYPE_CHECKING:
    from signalbot.replay.candle_files import ReadOptions


def replay(
    *,
    candles: Annotated[
        list[Path] | None,
        typer.Option(
            "--candles",
            metavar="CSV",
            help="Candle file, archive or folder; may be repeated.",
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None,
        typer.Option("--symbol", metavar="SYMBOL", help="Market of the candles."),
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
            help="Ledger to write; with --signals, to read.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="HTML", help="Write a web page with charts.")
    ] = None,
    funding: Annotated[
        str | None,
        typer.Option(
            "--funding",
            metavar="CSV|exchange",
            help="Funding rates: file, or the exchange's history.",
        ),
    ] = None,
    signals: Annotated[
        bool,
        typer.Option("--signals", help="Replay stored signals for --user (what-if)."),
    ] = False,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="With --signals: user to replay.")
    ] = None,
    since: SinceOption = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="With --signals: changed setting, e.g. risk.max_open_positions=3.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=0, help="With --signals: maximum signals listed; 0 for all."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every event to standard error.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the daemon's pipeline over historical candles.

    Runs on a virtual clock. Files of exchanges, data vendors and spreadsheets are read unchanged.
    Ambiguous files are rejected with the line and the option to set: --columns, --time-format,
    --time-zone, --decimal. With several markets, repeat --candles and --symbol for each.

    Fills are simulated: market orders at the close of the candle with slippage and fee, stops and
    targets inside later candles, the stop first where both are in one; the report lists all
    assumptions. Two runs over the same input write identical ledgers. Reading commands accept the
    ledger with --ledger.

    With --signals no strategy runs: the signals of a ledger, which is only read, are replayed
    through one user's rules, unchanged and with what --set changes, and the scenarios are compared.
    """
    options = _options(columns, time_format, time_zone, decimal)
    if signals:
        from signalbot.cli.run.whatif import what_if

        _reject({"--report": report, "--funding": funding}, "cannot be combined with --signals")
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
    _reject(only, "requires --signals")
    market, paths = _single_market(_by_market(candles or [], symbol or []))
    from signalbot.cli.run.replay_candles import CandleReplay, replay_candles

    wanted = CandleReplay(
        config=config,
        candles=paths,
        symbol=market,
        options=options,
        funding=funding,
        verbose=verbose,
    )
    replay_candles(wanted, ledger=ledger, report=report, as_json=as_json)


def _reject(options: Mapping[str, object], reason: str) -> None:
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
    """Return the files of each market in order; a single --symbol applies to all files."""
    if len(symbols) == 1 and candles:
        return {symbols[0]: list(candles)}
    if len(candles) != len(symbols):
        raise typer.BadParameter(
            f"every --candles needs a --symbol: got {len(candles)} and {len(symbols)}"
        )
    found: dict[str, list[Path]] = {}
    for path, symbol in zip(candles, symbols, strict=True):
        found.setdefault(symbol, []).append(path)
    return found


def _single_market(files: Mapping[str, list[Path]]) -> tuple[str, list[Path]]:
    if not files:
        raise typer.BadParameter("--candles CSV and --symbol SYMBOL are required")
    if len(files) > 1:
        raise typer.BadParameter("several markets require --signals")
    return next(iter(files.items()))
