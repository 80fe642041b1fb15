"""Checks that the daemon can start with this configuration."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation

NAME = "configuration"
ORDER = 10


def check(installation: Installation) -> Iterator[Finding]:
    from signalbot.config.checks.ai import ai_library_problems
    from signalbot.config.checks.live import live_problems
    from signalbot.config.checks.strategies import check_strategies

    config = installation.config
    found = (*check_strategies(config), *live_problems(config), *ai_library_problems(config))
    for each in found:
        yield problem(NAME, str(each), "fix that line, then 'signalbot check'")
    for text in config.warnings:
        yield note(NAME, text)
    if not found:
        yield passed(
            NAME,
            f"{config.path}: {len(config.users)} users, {len(config.strategies)} strategies",
        )
