"""Settings of an alert source: interpretation and authentication of its alerts."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.signals import Action, Strength

MAX_EXPOSURE_PERCENT = Decimal(300)
"""Default of ``risk.max_exposure_percent`` for alert sources, where no layer sets it.

An alert sets its own stop, and sizing by risk gives a larger position the closer the stop is:
without a ceiling, a leaked source token could open positions up to the full leverage.
"""


class OnMissedExit(StrEnum):
    """Reaction to an alert that reveals that an earlier exit was lost."""

    NOTIFY = "tell"
    EXIT = "exit"


class Direction(StrEnum):
    """Meaning of ``buy`` and ``sell`` in a source's alerts.

    BOTH: they open long and short. LONG: buy opens, sell closes. SHORT: sell opens, buy closes.
    """

    BOTH = "both"
    LONG = "long"
    SHORT = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """The ``webhook`` table of a strategy."""

    actions: tuple[Action, ...] = tuple(Action)  #: the only ones the source may request
    direction: Direction = Direction.BOTH
    strength: Strength = Strength.MODERATE  #: of alerts without one
    confidence: float = 1.0  #: of alerts without one
    max_age_ms: int = 60_000  #: of an entry alert with a time of sending
    heartbeat_ms: int | None = None  #: a source is silent after this long without an alert
    addresses: tuple[str, ...] = ()  #: allowed addresses or networks; empty: any
    on_missed: OnMissedExit = OnMissedExit.NOTIFY
    hmac: tuple[str, ...] = ()  #: ``secret:NAME`` of the secrets that sign its alerts
