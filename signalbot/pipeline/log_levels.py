"""Chooses the level of a failure's log line, so that retries do not repeat warnings."""

import logging

from signalbot.domain.errors import SignalbotError, Unreachable


def failure_log_level(error: SignalbotError, *, is_repeat: bool = False) -> int:
    """Return WARNING for a first failure; DEBUG for a repeat or an unreachable exchange."""
    return logging.DEBUG if is_repeat or isinstance(error, Unreachable) else logging.WARNING
