"""Checks that a time server synchronizes the clock; the exchange check compares it."""

import shutil
import subprocess
from collections.abc import Iterator

from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation

NAME = "clock"
ORDER = 80
_TIMEOUT_S = 10.0


def check(_: Installation) -> Iterator[Finding]:
    synchronized = _timedatectl()
    if synchronized == "yes":
        yield passed(NAME, "is synchronized by a time server")
    elif synchronized == "no":
        yield problem(
            NAME, "is not synchronized: exchanges reject orders when it drifts",
            "apt install chrony, or timedatectl set-ntp true",
        )  # fmt: skip


def _timedatectl() -> str:
    """``yes`` or ``no``; other text where it is unknown."""
    program = shutil.which("timedatectl")
    if program is None:
        return ""
    command = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(  # noqa: S603 - constant arguments
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
