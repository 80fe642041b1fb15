"""Whether the daemon could start with this configuration."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, good, note, problem
from signalbot.doctor.patient import Patient

_WHAT = "configuration"


def examine(patient: Patient) -> Iterator[Finding]:
    from signalbot.config.ai import library_problems
    from signalbot.config.check import check_strategies
    from signalbot.config.live import live_problems

    config = patient.config
    found = (*check_strategies(config), *live_problems(config), *library_problems(config))
    for each in found:
        yield problem(_WHAT, str(each), "correct that line, then 'signalbot check'")
    for text in config.notices:
        yield note(_WHAT, text)
    if not found:
        yield good(
            _WHAT,
            f"{config.path}: {len(config.users)} users, {len(config.strategies)} strategies",
        )
