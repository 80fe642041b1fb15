"""Checks which sandbox features this machine offers for strategy files."""

from collections.abc import Iterator

from signalbot.config.strategy_kinds import strategy_kind
from signalbot.doctor.finding import Finding, note, passed
from signalbot.doctor.installation import Installation

NAME = "strategy files"
ORDER = 140


def check(installation: Installation) -> Iterator[Finding]:
    kinds = {each.kind for each in installation.config.strategies.values()}
    if not any(strategy_kind(kind).needs_worker for kind in kinds):
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
