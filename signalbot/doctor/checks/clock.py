"""Whether something keeps this machine's clock right; what exchanges say of it comes with them."""

import shutil
import subprocess
from collections.abc import Iterator

from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation

_CHECK = "clock"
_TIMEOUT_S = 10.0


def check(_: Installation) -> Iterator[Finding]:
    answer = _timedatectl()
    if answer == "yes":
        yield passed(_CHECK, "is kept by a time server")
    elif answer == "no":
        yield problem(
            _CHECK, "is not kept by a time server: exchanges refuse orders when it drifts",
            "apt install chrony, or timedatectl set-ntp true",
        )  # fmt: skip


def _timedatectl() -> str:
    """``yes`` or ``no``; anything else where this machine cannot tell."""
    program = shutil.which("timedatectl")
    if program is None:
        return ""
    command = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
