"""``[strategies.NAME.webhook]``: how a source's alerts are understood and known to be its own."""

from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from signalbot.config.number_types import Duration, Number
from signalbot.config.section import Section
from signalbot.domain.signals import Action, Strength
from signalbot.webhooks.alert import AlertRules
from signalbot.webhooks.resolution import Direction

WEBHOOK_KIND = "webhook"

MAX_EXPOSURE_PERCENT = Decimal(300)
"""``risk.max_exposure_percent`` for signals of alerts, where no layer gives it.

An alert names its own stop, and sizing by risk makes a position the larger the closer the stop is:
without a ceiling, whoever holds a source's secret could ask for all that the leverage allows.
"""


class OnMissed(StrEnum):
    NOTIFY = "tell"
    EXIT = "exit"


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError:
        raise ValueError(
            "is not an address or network such as '52.89.214.238' or '10.0.0.0/8'"
        ) from None
    return value


def _secret(value: str) -> str:
    if not value.startswith("secret:") or not value.removeprefix("secret:"):
        raise ValueError("is not 'secret:NAME': store it with 'signalbot secret set NAME'")
    return value


class WebhookSection(Section):
    """How a source's alerts are understood, and from where they may come."""

    actions: tuple[Action, ...] = Field(
        default=tuple(Action), description="The only actions it may ask for."
    )
    direction: Direction = Field(
        default=Direction.BOTH,
        description='What "sell" means: "both" opens a short; "long" closes a long; "short" opens '
        'one that "buy" closes.',
    )
    strength: Strength = Field(
        default=Strength.MODERATE, description="Of alerts that tell no strength."
    )
    confidence: Annotated[float, Number(kind=float, at_least=0, at_most=1)] = Field(
        default=1, validate_default=True, description="Of alerts that tell no confidence."
    )
    max_age_ms: Annotated[int, Duration(least_ms=1)] = Field(
        default="60s",
        alias="max_age",
        validate_default=True,
        description="The oldest an entry may be whose alert has the time it was sent.",
    )
    heartbeat_ms: Annotated[int | None, Duration(least_ms=1000, or_none=True)] = Field(
        default=None,
        alias="heartbeat",
        description='The longest time it promises between two alerts; "hold" is one, too.',
    )
    addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        default=(), description="Addresses or networks it may come from; empty: any."
    )
    on_missed: OnMissed = Field(
        default=OnMissed.NOTIFY,
        description='When an alert shows that an exit was lost before: "tell" logs how to send it; '
        '"exit" sends it. A lost entry is never made up for.',
    )
    hmac: tuple[Annotated[str, AfterValidator(_secret)], ...] = Field(
        default=(),
        description="Secrets that sign its alerts (Standard Webhooks); several while rotating.",
    )

    def alert_rules(self, symbols: tuple[str, ...]) -> AlertRules:
        """How alerts of a source with these markets are understood."""
        return AlertRules(
            symbols=symbols,
            actions=frozenset(self.actions),
            direction=self.direction,
            strength=self.strength,
            confidence=self.confidence,
            max_age_ms=self.max_age_ms,
        )
