"""``backup`` and ``restore``: copy the ledger and restore a copy."""

import os
from pathlib import Path
from typing import Annotated

import typer

from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import print_facts, print_json
from signalbot.state_dir import LEDGER_NAME


def backup(
    target: Annotated[
        Path | None,
        typer.Argument(metavar="[TARGET]", help="New file; default in [backup] directory."),
    ] = None,
    *,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Copy the ledger and verify the copy.

    The daemon may run. Without TARGET, expired copies in the folder of [backup] are removed.
    """
    from signalbot.config.load import load
    from signalbot.config.locate import find_config
    from signalbot.domain.errors import Conflict
    from signalbot.ledger.backup import copy_ledger
    from signalbot.ledger.views import open_ledger
    from signalbot.maintenance.backups import create_backup
    from signalbot.tasks import SystemClock

    settings, now_ms = load(find_config(config, os.environ), os.environ), SystemClock().now_ms()
    ledger = settings.daemon.state_dir / LEDGER_NAME
    with open_ledger(ledger):
        pass  # raises the usual errors of a bad ledger
    if target is None:
        target = create_backup(ledger, settings.backup, now_ms=now_ms).path
    elif target.exists():
        raise Conflict(f"{target}: already exists; choose a new file")
    else:
        copy_ledger(ledger, target, as_of_ms=now_ms)
    found = {"backup": str(target), "bytes": target.stat().st_size, "ledger": str(ledger)}
    if as_json:
        print_json(found)
    else:
        print_facts([("Backup", f"{target} ({found['bytes']} bytes), verified")])


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Copy made by signalbot backup.")],
    *,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Replace the ledger with a copy; stop the daemon first.

    The daemon starts halted afterwards.
    """
    from signalbot.config.locate import find_config, state_dir_of
    from signalbot.maintenance.restore import restore_ledger as put_back
    from signalbot.tasks import SystemClock

    state_dir = state_dir_of(find_config(config, os.environ), os.environ)
    done = put_back(file, state_dir, now_ms=SystemClock().now_ms())
    former = None if done.former is None else str(done.former)
    if as_json:
        print_json({"ledger": str(done.ledger), "former": former})
        return
    print_facts([("Ledger", f"{done.ledger}, from {file}"), ("Former ledger", former or "none")])
    typer.echo(
        "\nNext:\n"
        "  signalbot run        starts halted and reconciles positions with the exchange\n"
        "  signalbot positions  compare with the exchange: newer trades are missing in the copy\n"
        "  signalbot unhalt     once they agree"
    )
