"""``strategy``: creates and checks strategy files."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from signalbot.cli.errors import ExitCode, not_found
from signalbot.cli.formatting import utc
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.options import (
    ColumnsOption,
    DecimalOption,
    JsonOption,
    TimeFormatOption,
    TimeZoneOption,
)
from signalbot.cli.render import Column, print_facts, print_json, print_table
from signalbot.domain.errors import ConfigError, SignalbotError
from signalbot.examples import (
    STRATEGY_TEMPLATE,
    renamed_strategy,
    strategy_examples,
    summary_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from signalbot.domain.market import Candle
    from signalbot.domain.timeframe import Timeframe
    from signalbot.replay.candle_files import ReadOptions
    from signalbot.sandbox.dry_run import CandleFailure, DryRun
    from signalbot.sandbox.strategy_runner import StrategyFile

app = new_app(
    name="strategy",
    help="Create and check strategy files.",
    no_args_is_help=True,
    add_completion=False,
)

TimeframeChoice = Literal[
    "1m", "3m", "5m", "10m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"
]

_SYMBOL = "BTC/USDT:USDT"
_MAX_CANDLES = 1_000
_MAX_LISTED = 3
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_PARAMS = (
    Column("Parameter", "name"),
    Column("Value", "value"),
    Column("Bounds", "bounds"),
    Column("Description", "about", is_prose=True),
)
_EXAMPLES = (Column("Example", "name"), Column("What it does", "about", is_prose=True))


@app.command(
    epilog=examples_text(
        (
            "signalbot strategy new breakout",
            "signalbot strategy new dips --from pullback",
            "signalbot strategy new --list",
        )
    )
)
def new(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Such as breakout.")] = None,
    *,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where it goes.")] = Path(
        "strategies"
    ),
    example: Annotated[
        str, typer.Option("--from", metavar="EXAMPLE", help="The example to copy.")
    ] = STRATEGY_TEMPLATE,
    list_examples: Annotated[bool, typer.Option("--list", help="List the examples.")] = False,
) -> None:
    """Write a working strategy to start from."""
    examples = strategy_examples()
    if list_examples:
        rows = [{"name": each, "about": summary_of(examples[each])} for each in examples]
        print_table(rows, _EXAMPLES)
        return
    if name is None:
        raise ConfigError("NAME is required; --list lists the examples")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not a name: up to 40 of a-z, 0-9, _ and -, a-z first")
    if example not in examples:
        raise not_found("example", example, list(examples))
    path = folder / f"{name.replace('-', '_')}.py"
    _write_new(path, renamed_strategy(examples[example], name))
    typer.echo(f"wrote {path}\ntry it: signalbot strategy check {path}")


def _write_new(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SignalbotError(f"{path} already exists; nothing was written") from None


@app.command(
    epilog=examples_text(
        (
            "signalbot strategy check strategies/breakout.py",
            "signalbot strategy check strategies/breakout.py --set lookback=55 --timeframe 1h",
            "signalbot strategy check strategies/breakout.py --candles btc-1m.csv",
        )
    )
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Strategy file.")],
    *,
    candles: Annotated[
        Path | None,
        typer.Option("--candles", metavar="CSV", help="Candles to run it on; default simulated."),
    ] = None,
    timeframe: Annotated[
        TimeframeChoice | None,
        typer.Option("--timeframe", help="Strategy timeframe; default the CSV's, or 5m."),
    ] = None,
    symbol: Annotated[
        str, typer.Option("--symbol", metavar="SYMBOL", help="Market of the candles.")
    ] = _SYMBOL,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Strategy parameter; may be repeated."),
    ] = None,
    columns: ColumnsOption = None,
    time_format: TimeFormatOption = None,
    time_zone: TimeZoneOption = None,
    decimal: DecimalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a strategy on candles and report problems.

    Runs it as the daemon does, in an isolated worker process, and reports signals, timings and
    problems: exceptions, signals that cannot be traded, and signals that depend on anything but
    past candles (future candles, earlier calls, randomness). Exit code 1 if there are problems.
    """
    from signalbot.replay.candle_files.options import read_options

    options = read_options(
        columns=columns, time_format=time_format, time_zone=time_zone, decimal=decimal
    )
    trial, read = _dry_run(file, candles, timeframe, symbol, options, _params(settings or []))
    if as_json:
        print_json(_plain(trial, read))
    else:
        _print(trial, read)
    if not trial.is_good:
        raise typer.Exit(ExitCode.ERROR)


def _dry_run(
    path: Path,
    csv: Path | None,
    wanted: str | None,
    symbol: str,
    options: "ReadOptions",
    params: "Mapping[str, Any]",
) -> "tuple[DryRun, StrategyFile]":
    from signalbot.domain.timeframe import Timeframe
    from signalbot.replay.candle_files import read_candles
    from signalbot.sandbox.dry_run import describe_strategy, dry_run, required_candles
    from signalbot.sandbox.strategy_runner import StrategyFile
    from signalbot.strategies.base import StrategyFailed
    from signalbot.strategies.params import BadParameter

    given = None if csv is None else read_candles(csv, symbol, options)
    for note in given.notes if given else ():
        typer.echo(f"note: {note}", err=True)
    main = Timeframe(wanted or (given.timeframe if given else "5m"))
    if given is not None and main.ms % given.timeframe.ms:
        raise ConfigError(f"{csv}: {main} candles cannot be built from {given.timeframe} candles")
    try:
        file = StrategyFile.read(path, timeframe=main, params=params)
        count = required_candles(describe_strategy(file).warm_up, main) + _MAX_CANDLES
        series = given.candles if given else _simulated_candles(symbol, main, count)
        trial = dry_run(file, series, most=_MAX_CANDLES)
    except BadParameter as e:
        raise ConfigError(f"{path}: params.{e.name}: {e}") from None
    except StrategyFailed as e:
        raise SignalbotError(f"{path}: {e}") from None
    if not trial.evaluated:
        raise SignalbotError(
            f"{path}: it needs {count - _MAX_CANDLES} {main} candles before the first result, "
            f"and {csv} has too few consecutive ones"
        )
    return trial, file


def _simulated_candles(symbol: str, timeframe: "Timeframe", count: int) -> "Sequence[Candle]":
    """Return candles of a simulated market, the same every time."""
    from signalbot.domain.timeframe import Ms
    from signalbot.exchange.simulated.price_feed import SimulatedPriceFeed
    from signalbot.settings.simulation import SimulationRules

    first_ms = timeframe.floor(Ms(1_700_000_000_000))
    return SimulatedPriceFeed(symbol, SimulationRules()).candles(timeframe, first_ms, count)


def _params(settings: "Sequence[str]") -> dict[str, Any]:
    params: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: expected KEY=VALUE")
        try:
            params[key] = json.loads(value)
        except ValueError:
            params[key] = value
    return params


def _plain(trial: "DryRun", file: "StrategyFile") -> dict[str, Any]:
    return {
        "ok": trial.is_good,
        "file": str(file.path),
        "name": trial.description.name,
        "timeframe": file.timeframe,
        "warm_up": dict(trial.description.warm_up),
        "params": [dict(each) for each in trial.description.params],
        "candles": trial.evaluated,
        "said": dict(trial.actions),
        "start_ms": round(trial.start_s * 1000, 3),
        "p50_ms": round(trial.duration_s(0.5) * 1000, 3),
        "p99_ms": round(trial.duration_s(0.99) * 1000, 3),
        "worst_ms": round(trial.duration_s(1) * 1000, 3),
        "rechecked": trial.rechecked,
        "failures": [_plain_failure(each) for each in trial.failures],
        "disagreements": [_plain_failure(each) for each in trial.disagreements],
        "not_contained": dict(trial.description.missing),
        "lines": trial.lines,
    }


def _plain_failure(failure: "CandleFailure") -> dict[str, Any]:
    return {"candle_close_ms": failure.close_ms, "message": failure.message}


def _print(trial: "DryRun", file: "StrategyFile") -> None:
    description = trial.description
    actions = ", ".join(f"{count} {action}" for action, count in trial.actions.most_common())
    needs = ", ".join(f"{length} of {name}" for name, length in description.warm_up.items())
    print_facts(
        [
            ("Strategy", f"{description.name} on {file.timeframe} candles"),
            ("Needs", f"{needs} candles"),
            (
                "Evaluated",
                f"{trial.evaluated} candles in order, {trial.rechecked} rechecked in reverse",
            ),
            ("Signals", actions or "none"),
            ("Time", _timings(trial)),
            *(("Printed", line) for line in trial.lines),
            *(("Not isolated", why) for why in description.missing.values()),
        ]
    )
    if description.params:
        typer.echo()
        print_table([dict(each) for each in description.params], _PARAMS)
    typer.echo()
    _print_failures("failed on", trial.failures, trial.evaluated)
    _print_failures("gave inconsistent results on", trial.disagreements, trial.rechecked)
    if trial.is_good:
        typer.echo("no problems: no exception, and the same results in any order")


def _timings(trial: "DryRun") -> str:
    return (
        f"{trial.duration_s(0.5) * 1000:.2f} ms, {trial.duration_s(0.99) * 1000:.2f} ms at p99, "
        f"{trial.duration_s(1) * 1000:.2f} ms at worst; {trial.start_s * 1000:.0f} ms to start"
    )


def _print_failures(what: str, failures: "Sequence[CandleFailure]", total: int) -> None:
    if not failures:
        return
    typer.echo(f"it {what} {len(failures)} of {total} candles; the first:")
    for failure in failures[:_MAX_LISTED]:
        first, *more = failure.message.splitlines() or [""]
        typer.echo(f"  {utc(failure.close_ms)}  {first}")
        for line in more:
            typer.echo(f"      {line}")
