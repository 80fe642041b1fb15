"""What keeps strategy files of one's own to themselves on this machine."""

from collections.abc import Iterator

from signalbot.config.strategy_kinds import strategy_kind
from signalbot.doctor.finding import Finding, note, passed
from signalbot.doctor.installation import Installation

_CHECK = "strategy files"


def check(installation: Installation) -> Iterator[Finding]:
    kinds = {each.kind for each in installation.config.strategies.values()}
    if not any(strategy_kind(kind).needs_worker for kind in kinds):
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
