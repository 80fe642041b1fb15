"""Checks that a recent, valid backup exists, on another disk than the ledger."""

from collections.abc import Iterator
from pathlib import Path

from signalbot.config.duration import duration_text
from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.domain.errors import LedgerError
from signalbot.ledger.backup import check_copy
from signalbot.maintenance.backups import Backup, backups_in

NAME = "backups"
ORDER = 60
_MINUTE_MS = 60_000
_GRACE_MS = 3_600_000


def check(installation: Installation) -> Iterator[Finding]:
    terms = installation.config.backup
    if terms.every_ms is None:
        yield note(NAME, "backups are disabled", 'set [backup] every = "1d"')
        return
    backups = backups_in(terms.directory)
    if not backups:
        if installation.ledger.is_file():
            yield problem(
                NAME, f"no backup in {terms.directory}",
                "signalbot backup; then look for backup.failed in the log",
            )  # fmt: skip
        return
    yield from _newest(installation, backups[0], terms.every_ms)
    if installation.ledger.is_file() and _device(installation.ledger) == _device(backups[0].path):
        yield note(
            NAME, "backups are on the same disk as the ledger",
            f"copy {terms.directory} elsewhere regularly, without the master key",
        )  # fmt: skip


def _newest(installation: Installation, newest: Backup, every_ms: int) -> Iterator[Finding]:
    age_ms = max(installation.now_ms - newest.at_ms, 0)
    age = duration_text(age_ms // _MINUTE_MS * _MINUTE_MS)
    try:
        check_copy(newest.path)
    except LedgerError as e:
        yield problem(NAME, str(e), "signalbot backup; then check the disk")
        return
    if age_ms > 2 * every_ms + _GRACE_MS:
        yield problem(
            NAME, f"the newest, {newest.path.name}, is {age} old",
            "signalbot backup; then look for backup.failed in the log",
        )  # fmt: skip
    else:
        yield passed(NAME, f"the newest, {newest.path.name}, is {age} old and valid")


def _device(path: Path) -> int:
    return path.stat().st_dev
