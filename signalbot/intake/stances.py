"""What an alert tells of its strategy's position, in the words of its sender."""

from signalbot.domain.alignment import Stance, Told
from signalbot.domain.signals import Action
from signalbot.intake.alert import Alert

_STANCES = {
    "long": Stance.LONG,
    "bullish": Stance.LONG,
    "short": Stance.SHORT,
    "bearish": Stance.SHORT,
    "flat": Stance.FLAT,
    "neutral": Stance.FLAT,
}


def told_by(alert: Alert, *, key: str, is_repeat: bool) -> Told:
    """What an alert tells; a word that is no position is as good as none."""
    return Told(
        key=key,
        actions=[step for step in alert.steps if isinstance(step, Action)],
        previous=_stance(alert.previous_position),
        position=_stance(alert.position),
        sent_at_ms=alert.sent_at_ms,
        is_repeat=is_repeat,
    )


def _stance(word: str | None) -> Stance | None:
    return None if word is None else _STANCES.get(word.strip().lower())
