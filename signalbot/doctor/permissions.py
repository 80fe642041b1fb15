"""Whether others on this machine can read or change what is not theirs."""

from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

from signalbot.config.mask import masked
from signalbot.doctor.finding import Finding, good, problem
from signalbot.doctor.patient import Patient
from signalbot.vault import master_key

_WHAT = "permissions"
_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_WORLD_READS = 0o004
_PRIVATE = ("signalbot.db", "signalbot.db-wal", "signalbot.seen", "control.sock")


def examine(patient: Patient) -> Iterator[Finding]:
    found = [*_state(patient), *_key(patient), *_file(patient)]
    yield from found or [good(_WHAT, "nobody but the daemon's user reads its state and key")]


def _state(patient: Patient) -> Iterator[Finding]:
    folder = patient.state_dir
    if not folder.is_dir():
        return
    if _mode(folder) & _OTHERS:
        yield problem(_WHAT, f"others may enter {folder}", f"chmod 700 {folder}")
    for path in (folder / name for name in _PRIVATE):
        if path.exists() and _mode(path) & _OTHERS:
            yield problem(_WHAT, f"others may use {path}", f"chmod 600 {path}")


def _key(patient: Patient) -> Iterator[Finding]:
    path = master_key.locate(patient.config.daemon.master_key_file, patient.environ)
    is_credential = "CREDENTIALS_DIRECTORY" in patient.environ  # systemd sees to those
    if path.exists() and not is_credential and _mode(path) & _OTHERS:
        yield problem(
            _WHAT,
            f"others may read the master key {path}",
            f"chmod 600 {path}; if somebody may have read it, 'signalbot keys rotate' and new keys",
        )


def _file(patient: Patient) -> Iterator[Finding]:
    path, tables = patient.config.path, patient.config.sources.tables
    if _mode(path) & _OTHERS_WRITE:
        yield problem(_WHAT, f"others may change {path}", f"chmod go-w {path}")
    if _mode(path) & _WORLD_READS and masked((), tables) != tables:
        yield problem(
            _WHAT,
            f"{path} holds a secret and everybody may read it",
            f"chmod 640 {path}, and move it to the vault: 'signalbot secret set NAME'",
        )


def _mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)
