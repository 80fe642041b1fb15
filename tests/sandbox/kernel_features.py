"""Sandbox features of this kernel, queried without the product's code."""

import platform
from pathlib import Path

from signalbot.sandbox.inside import landlock


def lacks(what: str) -> bool:
    """Whether the kernel cannot hold ``what`` back, so that a test of it can show nothing."""
    if what == "files":
        return landlock.version() == 0
    return not _has_filters()


def _has_filters() -> bool:
    """System call filters, on a supported machine."""
    known = platform.machine() in ("x86_64", "aarch64")
    return known and Path("/proc/sys/kernel/seccomp/actions_avail").exists()
