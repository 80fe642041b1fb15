"""A parsed alert, and the rules of its source."""

from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.money import HUNDRED
from signalbot.domain.position_tracking import AlertReport, ReportedPosition
from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Ms
from signalbot.settings.webhook import Direction, WebhookSettings
from signalbot.webhooks.levels import AlertLevels
from signalbot.webhooks.resolution import AlertStep


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRules:
    """Rules of a source for parsing its alerts."""

    symbols: tuple[str, ...]  #: allowed markets
    actions: frozenset[Action]  #: allowed actions
    direction: Direction = Direction.BOTH
    strength: Strength = Strength.MODERATE  #: default strength
    confidence: float = 1.0
    max_age_ms: int = 60_000  #: maximum age of an entry with a time

    @classmethod
    def of(cls, settings: WebhookSettings, symbols: tuple[str, ...]) -> "AlertRules":
        """The rules of a source with these settings and markets."""
        return cls(
            symbols=symbols,
            actions=frozenset(settings.actions),
            direction=settings.direction,
            strength=settings.strength,
            confidence=settings.confidence,
            max_age_ms=settings.max_age_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A parsed alert, without secrets."""

    symbol: str
    steps: tuple[AlertStep, ...]  #: in order; empty if there is nothing to do
    entry_rejection: str | None  #: reason for rejecting its entry although its exit is executed
    key: str | None  #: delivery key: equal keys are the same alert at any time
    digest: str  #: of all fields except secrets
    has_unique_id: bool  #: it has a unique id or a time, so that equal content is the same delivery
    position: ReportedPosition | None  #: position after the order, if given
    previous_position: ReportedPosition | None
    price: Decimal | None
    levels: AlertLevels  #: of an entry
    exit_percent: Decimal  #: part of the position that its exits close
    strength: Strength
    confidence: float
    reason: str
    sent_at_ms: Ms | None  #: by the sender's clock
    ignored: tuple[str, ...]  #: names of ignored fields
    is_test: bool  #: nothing may be executed


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
