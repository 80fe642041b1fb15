"""Loads the configuration for the daemon, which must be able to run all of it."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from signalbot.config.checks.ai import ai_library_problems
from signalbot.config.checks.live import live_problems
from signalbot.config.checks.strategies import check_strategies
from signalbot.config.load import load
from signalbot.config.problems import InvalidConfig, Problem
from signalbot.config.runtime_definitions import Definition
from signalbot.config.settings import Config

DAEMON_CHECKS: tuple[Callable[[Config], Iterable[Problem]], ...] = (
    check_strategies,
    live_problems,
    ai_library_problems,
)
"""Checks that need more than the file: strategies, exchanges, and optional libraries."""


def daemon_problems(config: Config) -> list[Problem]:
    """Return every problem that the daemon's checks find."""
    return [problem for check in DAEMON_CHECKS for problem in check(config)]


def load_for_daemon(
    path: Path,
    environ: Mapping[str, str],
    definitions: Iterable[Definition] = (),
    *,
    text: str | None = None,
) -> Config:
    """Load the configuration and run every check the daemon needs.

    Raises:
        InvalidConfig: a check failed; carries every problem found.
    """
    config = load(path, environ, definitions, text=text)
    problems = daemon_problems(config)
    if problems:
        raise InvalidConfig(problems)
    return config
