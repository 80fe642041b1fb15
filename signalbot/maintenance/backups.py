"""Makes backups of the ledger in a folder, and removes expired ones."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import Ms
from signalbot.ledger.backup import IsCancelled, copy_ledger, never_cancelled, required_bytes
from signalbot.maintenance.disk_monitor import free_bytes
from signalbot.settings.daemon import BackupSettings

_NAME = re.compile(r"signalbot-(\d{8}T\d{6})Z\.db")
_STAMP = "%Y%m%dT%H%M%S"
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Backup:
    """One copy of the ledger; ordered by the time it was made."""

    at_ms: Ms
    path: Path

    @property
    def day(self) -> date:
        """The UTC day on which it was made."""
        return (_FIRST + timedelta(milliseconds=self.at_ms)).date()


def utc_stamp(at_ms: Ms) -> str:
    """``20260801T033000Z``, for file names."""
    return f"{_FIRST + timedelta(milliseconds=at_ms):{_STAMP}}Z"


def backups_in(directory: Path) -> list[Backup]:
    """The backups in a folder, the newest first; other files are ignored."""
    found = (_NAME.fullmatch(path.name) for path in _files(directory))
    return sorted(
        (Backup(_at_ms(each[1]), directory / each[0]) for each in found if each), reverse=True
    )


def expired(backups: Iterable[Backup], *, daily: int, weekly: int) -> list[Backup]:
    """Backups that are not the newest of one of the last ``daily`` days or ``weekly`` weeks.

    Only days and weeks with a backup count: a daemon that was off for a month loses none.
    """
    newest_first = sorted(backups, reverse=True)
    retained = {
        *_newest_of_each(newest_first, [each.day.toordinal() for each in newest_first], daily),
        *_newest_of_each(newest_first, [_week(each.day) for each in newest_first], weekly),
        *newest_first[:1],
    }
    return [each for each in newest_first if each not in retained]


def create_backup(
    ledger: Path,
    settings: BackupSettings,
    *,
    now_ms: Ms,
    min_free_bytes: int = 0,
    is_cancelled: IsCancelled = never_cancelled,
) -> Backup:
    """Make a backup in the configured folder, then remove expired ones.

    Raises:
        LedgerError: the copy would leave less than ``min_free_bytes`` free, or is not valid.
        OSError: the folder cannot be written.
    """
    settings.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    needed = required_bytes(ledger) + min_free_bytes
    if free_bytes(settings.directory) < needed:
        raise LedgerError(
            f"{settings.directory}: a backup needs {needed >> 20} MB there, to leave "
            f"{min_free_bytes >> 20} MB free; free some space, or set another [backup] directory"
        )
    path = settings.directory / f"signalbot-{utc_stamp(now_ms)}.db"
    copy_ledger(ledger, path, as_of_ms=now_ms, is_cancelled=is_cancelled)
    removed = expired(
        backups_in(settings.directory), daily=settings.keep_daily, weekly=settings.keep_weekly
    )  # fmt: skip
    for each in removed:
        each.path.unlink(missing_ok=True)
    return Backup(now_ms, path)


def _files(directory: Path) -> Iterable[Path]:
    return directory.iterdir() if directory.is_dir() else ()


def _at_ms(text: str) -> Ms:
    at = datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    return Ms((at - _FIRST) // timedelta(milliseconds=1))


def _newest_of_each(
    newest_first: Sequence[Backup], periods: Sequence[int], count: int
) -> set[Backup]:
    first_of: dict[int, Backup] = {}
    for backup, period in zip(newest_first, periods, strict=True):
        first_of.setdefault(period, backup)
    return set(list(first_of.values())[:count])


def _week(day: date) -> int:
    """The number of the week, which begins on Monday as in ISO 8601."""
    return (day.toordinal() - 1) // 7
