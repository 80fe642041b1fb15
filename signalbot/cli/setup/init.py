"""``init``: writes an example configuration and the master key."""

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
        Path, typer.Argument(metavar="[DIR]", help="Target folder, created if missing.")
    ] = Path(),
) -> None:
    """Write config.toml and a master key.

    Existing files are kept.
    """
    directory.mkdir(parents=True, exist_ok=True)
    config, key = directory / CONFIG_NAME, directory / KEY_NAME
    _report(config, is_new=_create(config, example_text().encode(), mode=0o644))
    _report(key, is_new=_create(key, b64encode(token_bytes(_KEY_BYTES)) + b"\n", mode=0o600))
    named = quote(str(config))
    typer.echo(
        f"\nNext:\n"
        f"  signalbot check -c {named}    print the resolved configuration\n"
        f"  signalbot run -c {named}      start: simulated exchange, no keys, no network\n"
        f"  signalbot status -c {named}   state, from another terminal\n\n"
        f"{KEY_NAME} decrypts the stored secrets: "
        "keep a copy, but not next to ledger backups."
    )


def _create(path: Path, content: bytes, *, mode: int) -> bool:
    """Write and sync a new file; return False, changing nothing, if it exists."""
    from signalbot.vault.durable_files import create_file

    try:
        create_file(path, content, mode=mode)
    except FileExistsError:
        return False
    return True


def _report(path: Path, *, is_new: bool) -> None:
    typer.echo(f"wrote {path}" if is_new else f"kept {path}: it already exists")
