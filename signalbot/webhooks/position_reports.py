"""Reports the positions of an alert's strategy."""

from signalbot.domain.money import HUNDRED
from signalbot.domain.position_tracking import AlertReport
from signalbot.domain.signals import Action
from signalbot.webhooks.parser import Alert


def reported_position(alert: Alert, *, key: str, is_repeat: bool) -> AlertReport:
    """Return the positions reported by an alert; partial exits do not change the position."""
    return AlertReport(
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
