"""The positions of its strategy that an alert holds."""

from signalbot.domain.alignment import Told
from signalbot.domain.money import HUNDRED
from signalbot.domain.signals import Action
from signalbot.intake.alert import Alert


def told_by(alert: Alert, *, key: str, is_repeat: bool) -> Told:
    """What an alert holds; the exit of a part leaves the position where it is."""
    return Told(
        key=key,
        actions=[
            step
            for step in alert.steps
            if isinstance(step, Action) and (step.is_entry or alert.exit_percent == HUNDRED)
        ],
        previous=alert.previous_position,
        position=alert.position,
        sent_at_ms=alert.sent_at_ms,
        is_repeat=is_repeat,
    )
