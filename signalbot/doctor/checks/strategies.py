"""Checks which sandbox features this machine offers for strategy files."""

from collections.abc import Iterator

from signalbot.config.settings import FILE_KIND
from signalbot.doctor.finding import Finding, note, passed
from signalbot.doctor.installation import Installation

NAME = "strategy files"
ORDER = 140


def check(installation: Installation) -> Iterator[Finding]:
    if not any(each.kind == FILE_KIND for each in installation.config.strategies.values()):
        return
    from signalbot.sandbox.isolation_check import check_isolation

    for feature in check_isolation():
        if feature.holds:
            yield passed(NAME, feature.result)
        else:
            yield note(
                NAME, feature.result,
                "use a newer kernel (Landlock, seccomp), or only strategy files that you trust",
            )  # fmt: skip
