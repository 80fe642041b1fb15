"""What keeps strategy files of one's own to themselves on this machine."""

from collections.abc import Iterator

from signalbot.config.settings import FILE_KIND
from signalbot.doctor.finding import Finding, note, passed
from signalbot.doctor.installation import Installation

_CHECK = "strategy files"


def check(installation: Installation) -> Iterator[Finding]:
    if not any(each.kind == FILE_KIND for each in installation.config.strategies.values()):
        return
    from signalbot.sandbox.isolation_check import check_isolation

    for measure in check_isolation():
        if measure.holds:
            yield passed(_CHECK, measure.result)
        else:
            yield note(
                _CHECK, measure.result,
                "run a newer kernel (Landlock, seccomp), or only files you would run yourself",
            )  # fmt: skip
