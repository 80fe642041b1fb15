"""Process limits: more open files, no core dumps, memory protected from other processes."""

import ctypes
import resource
from contextlib import suppress

_MAX_OPEN_FILES = 65_536
_SET_DUMPABLE = 4  # linux/prctl.h


def raise_open_file_limit() -> int:
    """Raise the limit of open files up to 65,536 or the hard limit; return the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < target:
        with suppress(ValueError, OSError):  # a container may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
            soft = target
    return _MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def protect_memory() -> None:
    """Disable core dumps, and memory access by other processes of the same user.

    Memory contains secrets in clear text while they are in use. Root keeps its access.
    """
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):  # not on every platform
        ctypes.CDLL(None, use_errno=True).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
