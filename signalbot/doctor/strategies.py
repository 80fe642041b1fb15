"""What keeps strategy files of one's own to themselves on this machine."""

from collections.abc import Iterator

from signalbot.config.terms import FILE_KIND
from signalbot.doctor.finding import Finding, good, note
from signalbot.doctor.patient import Patient

_WHAT = "strategy files"


def examine(patient: Patient) -> Iterator[Finding]:
    if not any(each.kind == FILE_KIND for each in patient.config.strategies.values()):
        return
    from signalbot.sandbox.containment import containment

    for measure in containment():
        if measure.holds:
            yield good(_WHAT, measure.says)
        else:
            yield note(
                _WHAT, measure.says,
                "run a newer kernel (Landlock, seccomp), or only files you would run yourself",
            )  # fmt: skip
