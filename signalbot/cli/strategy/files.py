"""``strategy``: begin a strategy of your own, and try it out."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from signalbot.cli.errors import ExitCode, telling
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.options import (
    AsJson,
    ColumnsOption,
    DecimalOption,
    TimeFormatOption,
    TimeZoneOption,
)
from signalbot.cli.render import Column, print_facts, print_json, print_table
from signalbot.cli.words import utc
from signalbot.domain.errors import ConfigError, SignalbotError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from signalbot.domain.market import Candle
    from signalbot.domain.timeframe import Timeframe
    from signalbot.replay.candle_files import ReadOptions
    from signalbot.sandbox.runner import StrategyFile
    from signalbot.sandbox.trial import Fault, Trial

app = new_app(
    name="strategy",
    help="Begin a strategy of your own, and try it out.",
    no_args_is_help=True,
    add_completion=False,
)

TimeframeWord = Literal["1m", "3m", "5m", "10m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"]

_EXAMPLE = Path(__file__).with_name("example.txt")
_SYMBOL = "BTC/USDT:USDT"
_MOST = 1_000
_SHOWN = 3
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_PARAMS = (
    Column("Parameter", "name"),
    Column("Value", "value"),
    Column("Bounds", "bounds"),
    Column("What it is", "about", is_prose=True),
)


@app.command(epilog=examples_text(("signalbot strategy new breakout",)))
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as breakout.")],
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where it goes.")] = Path(
        "strategies"
    ),
) -> None:
    """Write a strategy that works, to make your own of it."""
    with telling():
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} is not a name: up to 40 of a-z, 0-9, _ and -, a-z first")
        path = folder / f"{name.replace('-', '_')}.py"
        words = re.split(r"[-_]+", name)
        text = _EXAMPLE.read_text(encoding="utf-8")
        text = text.replace("NAME", " ".join(words).strip().capitalize(), 1)
        text = text.replace("CLASS", "".join(word.capitalize() for word in words), 1)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise SignalbotError(f"{path} exists already; nothing was written") from None
        typer.echo(f"wrote {path}\ntry it: signalbot strategy check {path}")


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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The strategy.")],
    *,
    candles: Annotated[
        Path | None,
        typer.Option("--candles", metavar="CSV", help="Candles to try it on; else made-up ones."),
    ] = None,
    timeframe: Annotated[
        TimeframeWord | None,
        typer.Option("--timeframe", help="Its candles; else those of the CSV, or 5m."),
    ] = None,
    symbol: Annotated[
        str, typer.Option("--symbol", metavar="SYMBOL", help="What they are candles of.")
    ] = _SYMBOL,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter; may be repeated."),
    ] = None,
    columns: ColumnsOption = None,
    time_format: TimeFormatOption = None,
    time_zone: TimeZoneOption = None,
    decimal: DecimalOption = None,
    as_json: AsJson = False,
) -> None:
    """Try a strategy on candles: what it says, how long it takes, and what is wrong with it.

    It runs as it would in the daemon, in a worker process that can reach nothing. Wrong is an
    exception, an answer that cannot be traded, and an answer that depends on anything but the
    candles: on candles yet to come, on what was asked before, or on chance. Exit code 1 tells
    that something is.
    """
    with telling():
        from signalbot.replay.candle_files.options import read_options

        options = read_options(
            columns=columns, time_format=time_format, time_zone=time_zone, decimal=decimal
        )
        trial, read = _try(file, candles, timeframe, symbol, options, _params(settings or []))
    if as_json:
        print_json(_plain(trial, read))
    else:
        _print(trial, read)
    if not trial.is_good:
        raise typer.Exit(ExitCode.ERROR)


def _try(
    path: Path,
    csv: Path | None,
    wanted: str | None,
    symbol: str,
    options: "ReadOptions",
    params: "Mapping[str, Any]",
) -> "tuple[Trial, StrategyFile]":
    from signalbot.domain.timeframe import Timeframe
    from signalbot.replay.candle_files import read_candles
    from signalbot.sandbox.runner import StrategyFile
    from signalbot.sandbox.trial import describe, needed, try_out
    from signalbot.strategies.base import Failed
    from signalbot.strategies.params import BadParameter

    given = None if csv is None else read_candles(csv, symbol, options)
    for note in given.notes if given else ():
        typer.echo(f"note: {note}", err=True)
    main = Timeframe(wanted or (given.timeframe if given else "5m"))
    if given is not None and main.ms % given.timeframe.ms:
        raise ConfigError(f"{csv}: {main} candles cannot be made of {given.timeframe} candles")
    try:
        file = StrategyFile.read(path, timeframe=main, params=params)
        count = needed(describe(file).warm_up, main) + _MOST
        shown = given.candles if given else _made_up(symbol, main, count)
        trial = try_out(file, shown, most=_MOST)
    except BadParameter as e:
        raise ConfigError(f"{path}: params.{e.name}: {e}") from None
    except Failed as e:
        raise SignalbotError(f"{path}: {e}") from None
    if not trial.asked:
        raise SignalbotError(
            f"{path}: it needs {count - _MOST} candles of {main} before the first answer, "
            f"and {csv} has too few of them without a gap"
        )
    return trial, file


def _made_up(symbol: str, timeframe: "Timeframe", count: int) -> "Sequence[Candle]":
    """Candles of a simulated market, the same ones every time."""
    from signalbot.domain.timeframe import Ms
    from signalbot.exchange.simulated.rules import SimulationRules
    from signalbot.exchange.simulated.tape import PriceTape

    first_ms = timeframe.floor(Ms(1_700_000_000_000))
    return PriceTape(symbol, SimulationRules()).candles(timeframe, first_ms, count)


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


def _plain(trial: "Trial", file: "StrategyFile") -> dict[str, Any]:
    return {
        "ok": trial.is_good,
        "file": str(file.path),
        "name": trial.description.name,
        "timeframe": file.timeframe,
        "warm_up": dict(trial.description.warm_up),
        "params": [dict(each) for each in trial.description.params],
        "candles": trial.asked,
        "said": dict(trial.said),
        "start_ms": round(trial.start_s * 1000, 3),
        "p50_ms": round(trial.duration_s(0.5) * 1000, 3),
        "p99_ms": round(trial.duration_s(0.99) * 1000, 3),
        "worst_ms": round(trial.duration_s(1) * 1000, 3),
        "rechecked": trial.rechecked,
        "failures": [_plain_fault(each) for each in trial.failures],
        "disagreements": [_plain_fault(each) for each in trial.disagreements],
        "not_contained": dict(trial.description.missing),
        "lines": trial.lines,
    }


def _plain_fault(fault: "Fault") -> dict[str, Any]:
    return {"candle_close_ms": fault.close_ms, "message": fault.message}


def _print(trial: "Trial", file: "StrategyFile") -> None:
    description = trial.description
    said = ", ".join(f"{count} {action}" for action, count in trial.said.most_common())
    needs = ", ".join(f"{length} of {name}" for name, length in description.warm_up.items())
    print_facts(
        [
            ("Strategy", f"{description.name} on {file.timeframe} candles"),
            ("Needs", f"{needs} candles"),
            ("Asked", f"{trial.asked} candles in order, {trial.rechecked} again backwards"),
            ("Said", said or "nothing"),
            ("Took", _took(trial)),
            *(("Printed", line) for line in trial.lines),
            *(("Not contained", why) for why in description.missing.values()),
        ]
    )
    if description.params:
        typer.echo()
        print_table([dict(each) for each in description.params], _PARAMS)
    typer.echo()
    _print_faults("failed on", trial.failures, trial.asked)
    _print_faults("does not agree with itself on", trial.disagreements, trial.rechecked)
    if trial.is_good:
        typer.echo("no exception, and the same answers in any order: it can be replayed and run")


def _took(trial: "Trial") -> str:
    return (
        f"{trial.duration_s(0.5) * 1000:.2f} ms, {trial.duration_s(0.99) * 1000:.2f} ms at p99, "
        f"{trial.duration_s(1) * 1000:.2f} ms at worst; {trial.start_s * 1000:.0f} ms to start"
    )


def _print_faults(what: str, faults: "Sequence[Fault]", asked: int) -> None:
    if not faults:
        return
    typer.echo(f"it {what} {len(faults)} of {asked} candles; the first:")
    for fault in faults[:_SHOWN]:
        first, *more = fault.message.splitlines() or [""]
        typer.echo(f"  {utc(fault.close_ms)}  {first}")
        for line in more:
            typer.echo(f"      {line}")
