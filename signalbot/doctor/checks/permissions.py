"""Checks the file permissions of state, master key and configuration."""

from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

from signalbot.config.mask import masked
from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.state_dir import PRIVATE_NAMES
from signalbot.vault import master_key

NAME = "permissions"
ORDER = 20
_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_WORLD_READS = 0o004


def check(installation: Installation) -> Iterator[Finding]:
    found = [*_state(installation), *_key(installation), *_file(installation)]
    yield from found or [passed(NAME, "only the daemon's user can read its state and key")]


def _state(installation: Installation) -> Iterator[Finding]:
    folder = installation.state_dir
    if not folder.is_dir():
        return
    if _mode(folder) & _OTHERS:
        yield problem(NAME, f"other users can access {folder}", f"chmod 700 {folder}")
    for path in (folder / name for name in PRIVATE_NAMES):
        if path.exists() and _mode(path) & _OTHERS:
            yield problem(NAME, f"other users can access {path}", f"chmod 600 {path}")


def _key(installation: Installation) -> Iterator[Finding]:
    path = master_key.locate_key_file(
        installation.config.daemon.master_key_file, installation.environ
    )
    is_credential = "CREDENTIALS_DIRECTORY" in installation.environ  # systemd protects those
    if path.exists() and not is_credential and _mode(path) & _OTHERS:
        yield problem(
            NAME,
            f"other users can read the master key {path}",
            f"chmod 600 {path}; if it was read, 'signalbot keys rotate' and new API keys",
        )


def _file(installation: Installation) -> Iterator[Finding]:
    path, tables = installation.config.path, installation.config.sources.tables
    if _mode(path) & _OTHERS_WRITE:
        yield problem(NAME, f"other users can change {path}", f"chmod go-w {path}")
    if _mode(path) & _WORLD_READS and masked((), tables) != tables:
        yield problem(
            NAME,
            f"{path} holds a secret and all users can read it",
            f"chmod 640 {path}, and move the secret to the vault: 'signalbot secret set NAME'",
        )


def _mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)
