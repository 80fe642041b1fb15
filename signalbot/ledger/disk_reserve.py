"""Room set aside on the ledger's disk, for the moment when there is none left.

On a full disk SQLite can neither insert nor delete nor tidy up, so no statement makes room. A file
that nobody needs does: removing it lets exits be recorded until somebody has freed more.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

RESERVE_BYTES = 16 << 20

_FULL = 13
_IO_ERROR = 10

ReleaseReserve = Callable[[], bool]
"""Give up what is set aside; False when there is nothing left to give."""


def no_reserve() -> bool:
    return False


def is_disk_full(error: object) -> bool:
    """Whether SQLite could not write for want of room. Quotas look like any failed write to it."""
    if not isinstance(error, sqlite3.OperationalError):
        return False
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (_FULL, _IO_ERROR)


class DiskReserve:
    """A file of ``size`` bytes that really occupies them."""

    def __init__(self, path: Path, *, size: int = RESERVE_BYTES) -> None:
        self.path = path
        self.size = size

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def fill(self) -> None:
        """Occupy the room, or none of it.

        Raises:
            OSError: there is not enough.
        """
        partial = self.path.with_name(f"{self.path.name}.partial")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self.size)
            finally:
                os.close(descriptor)
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)

    def release(self) -> bool:
        """Give the room back; False when it was given before."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True
