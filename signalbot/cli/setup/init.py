"""``init``: a configuration that works as it is, and the key that will lock the secrets."""

from base64 import b64encode
from pathlib import Path
from secrets import token_bytes
from shlex import quote
from typing import Annotated, Final

import typer

from signalbot.config.example import example_text

CONFIG_NAME: Final = "config.toml"
KEY_NAME: Final = "master.key"
_KEY_BYTES: Final = 32


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to write; made if it does not exist.")
    ] = Path(),
) -> None:
    """Write a commented config.toml and create the master key; never overwrite anything."""
    directory.mkdir(parents=True, exist_ok=True)
    config, key = directory / CONFIG_NAME, directory / KEY_NAME
    _report(config, is_new=_create(config, example_text().encode(), mode=0o644))
    _report(key, is_new=_create(key, b64encode(token_bytes(_KEY_BYTES)) + b"\n", mode=0o600))
    named = quote(str(config))
    typer.echo(
        f"\nNext:\n"
        f"  signalbot check -c {named}    what it comes to\n"
        f"  signalbot run -c {named}      start: simulated exchange, no keys, no network\n"
        f"  signalbot status -c {named}   how it goes, from another terminal\n\n"
        f"Whoever has {KEY_NAME} can read the secrets it locks: "
        "keep a copy, but not beside a backup of the ledger."
    )


def _create(path: Path, content: bytes, *, mode: int) -> bool:
    """Write a new file and have it on the disk; False, and nothing done, when there is one."""
    from signalbot.vault.durable_files import create_file

    try:
        create_file(path, content, mode=mode)
    except FileExistsError:
        return False
    return True


def _report(path: Path, *, is_new: bool) -> None:
    typer.echo(f"wrote {path}" if is_new else f"kept {path}: it is there already")
