"""Allows one daemon per state directory, by a lock that the kernel releases with the process."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signalbot.domain.errors import LedgerLocked
from signalbot.state_dir import LOCK_NAME

_ATTEMPTS = 5
_RETRY_DELAY_S = 0.02


@contextmanager
def hold(state_dir: Path) -> Iterator[None]:
    """Lock ``state_dir`` for the duration of the block.

    Raises:
        LedgerLocked: another process holds the lock; the message has its process id.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(state_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor):
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise LedgerLocked(
                f"{state_dir}: another signalbot (process {owner}) is running on this state "
                "directory; stop it, or give this one its own [daemon] state_dir"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Acquire the lock; retries, because ``owner_pid`` holds it for an instant."""
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_RETRY_DELAY_S)
        else:
            return True
    return False


def owner_pid(state_dir: Path) -> int | None:
    """Process id of the daemon running on ``state_dir``; None without one."""
    try:
        descriptor = os.open(state_dir / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)
