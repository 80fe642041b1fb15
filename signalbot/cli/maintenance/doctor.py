"""``doctor``: checks the whole installation and suggests fixes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signalbot.cli.errors import ExitCode
from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import Column, print_json, print_table

if TYPE_CHECKING:
    from signalbot.config.settings import Config
    from signalbot.doctor.finding import Finding

_COLUMNS = (
    Column("Level", "level", lambda level: {"ok": "ok", "note": "note"}.get(level, "PROBLEM")),
    Column("Check", "what"),
    Column("Result", "says", is_prose=True),
    Column("Fix", "cure", is_prose=True),
)


def doctor(
    *,
    online: Annotated[
        bool, typer.Option("--online", help="Also check exchanges: connection, markets, clock.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Check the installation and suggest fixes.

    Checks configuration, permissions, vault, ledger, disk, backups, clock, service, API, streams,
    users and strategy files, with or without a running daemon, and changes nothing. Exit code 1 if
    there is a problem.
    """
    from signalbot.config.locate import find_config
    from signalbot.doctor.finding import FindingLevel

    found = list(_findings(find_config(config, os.environ), is_online=online))
    problems = sum(each.level is FindingLevel.PROBLEM for each in found)
    rows = [
        {
            "level": each.level.value,
            "what": each.check,
            "says": each.result,
            "cure": each.fix or None,
        }
        for each in found
    ]
    if as_json:
        print_json({"ok": not problems, "findings": rows})
    else:
        print_table(rows, _COLUMNS)
        typer.echo(f"\n{problems or 'no'} problem{'' if problems == 1 else 's'}")
        if problems:
            typer.echo("see: signalbot manual troubleshooting")
    if problems:
        raise typer.Exit(ExitCode.ERROR)


def _findings(path: Path, *, is_online: bool) -> Iterator["Finding"]:
    from signalbot.config.problems import InvalidConfig
    from signalbot.doctor.finding import problem
    from signalbot.doctor.installation import Installation
    from signalbot.doctor.runner import run_checks
    from signalbot.ledger.lock import owner_pid
    from signalbot.tasks import SystemClock

    try:
        config = _load_config(path)
    except InvalidConfig as e:
        for each in e.problems:
            yield problem("configuration", str(each), "correct that line, then run doctor again")
        return
    yield from run_checks(
        Installation(
            config=config,
            environ=os.environ,
            pid=owner_pid(config.daemon.state_dir),
            is_online=is_online,
            now_ms=SystemClock().now_ms(),
        )
    )


def _load_config(path: Path) -> "Config":
    """Load file and definitions; an unreadable ledger is left to its own check.

    Raises:
        InvalidConfig: one of them is invalid.
    """
    from signalbot.cli.load_config import load_config
    from signalbot.config.load import load
    from signalbot.domain.errors import LedgerError

    try:
        return load_config(path)
    except LedgerError:
        return load(path, os.environ)
