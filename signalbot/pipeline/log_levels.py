"""How loudly a failure is logged: what is tried again and again is told once."""

import logging

from signalbot.domain.errors import SignalbotError, Unreachable


def failure_log_level(error: SignalbotError, *, is_repeat: bool = False) -> int:
    """WARNING the first time; DEBUG when it is tried again, or its whole exchange is away."""
    return logging.DEBUG if is_repeat or isinstance(error, Unreachable) else logging.WARNING
