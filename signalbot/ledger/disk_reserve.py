"""Reserves disk space, which is freed when the ledger's disk is full.

On a full disk SQLite can neither insert nor delete nor vacuum. Removing the reserve file lets exits
be recorded until an operator has freed more space.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

RESERVE_BYTES = 16 << 20

_FULL = 13
_IO_ERROR = 10

ReleaseReserve = Callable[[], bool]
"""Frees the reserve; returns False without one."""


def no_reserve() -> bool:
    return False


def is_disk_full(error: object) -> bool:
    """Whether a write failed for lack of space; a quota looks like any failed write."""
    if not isinstance(error, sqlite3.OperationalError):
        return False
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (_FULL, _IO_ERROR)


class DiskReserve:
    """A file with ``size`` allocated bytes."""

    def __init__(self, path: Path, *, size: int = RESERVE_BYTES) -> None:
        self.path = path
        self.size = size

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def fill(self) -> None:
        """Allocate the file, completely or not at all.

        Raises:
            OSError: there is not enough space.
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
        """Remove the file; return False without one."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True
