"""How much room there is on a disk."""

import os
from pathlib import Path


def free_bytes(path: Path) -> int:
    """What the daemon's user may still write where ``path`` is.

    Raises:
        OSError: the disk cannot be asked.
    """
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
