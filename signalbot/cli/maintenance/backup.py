"""``backup`` and ``restore``: copies of the ledger, and the way back."""

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
        typer.Argument(metavar="[TARGET]", help="A new file; else one in [backup] directory."),
    ] = None,
    *,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Copy the ledger, whether the daemon runs or not; the copy is examined before it counts.

    Without TARGET, copies in the folder of [backup] that are no longer due are removed.
    """
    from signalbot.config.load import load
    from signalbot.config.locate import find_config
    from signalbot.domain.errors import Conflict
    from signalbot.ledger.backup import copy_ledger
    from signalbot.ledger.views import open_ledger
    from signalbot.maintenance.backups import create_backup
    from signalbot.tasks import SystemClock

    terms, now_ms = load(find_config(config, os.environ), os.environ), SystemClock().now_ms()
    ledger = terms.daemon.state_dir / LEDGER_NAME
    with open_ledger(ledger):
        pass  # whatever is wrong with it is told as everywhere
    if target is None:
        target = create_backup(ledger, terms.backup, now_ms=now_ms).path
    elif target.exists():
        raise Conflict(f"{target}: is there already; name a new file")
    else:
        copy_ledger(ledger, target, as_of_ms=now_ms)
    found = {"backup": str(target), "bytes": target.stat().st_size, "ledger": str(ledger)}
    if as_json:
        print_json(found)
    else:
        print_facts([("Backup", f"{target} ({found['bytes']} bytes), examined and good")])


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by signalbot backup.")],
    *,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a copy the ledger again; the daemon must be stopped, and starts halted afterwards."""
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
        "  signalbot run        it starts halted, and brings positions in step with the exchange\n"
        "  signalbot positions  compare them with the exchange: newer trades are not in the copy\n"
        "  signalbot unhalt     when they agree"
    )
