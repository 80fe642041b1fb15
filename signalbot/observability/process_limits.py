"""What this process asks of the kernel for itself: open files, and that nobody reads its memory."""

import ctypes
import resource
from contextlib import suppress

_MAX_OPEN_FILES = 65_536
_SET_DUMPABLE = 4  # linux/prctl.h


def raise_open_file_limit() -> int:
    """Allow as many open files as the kernel lets us have, up to 65,536; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # a container may forbid even this
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def protect_memory() -> None:
    """Leave no core file, and let no other process of this user look into this one's memory.

    Secrets lie there in the clear while they are in use. What root may, it still may.
    """
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):  # not on every platform
        ctypes.CDLL(None, use_errno=True).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
