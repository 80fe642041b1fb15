"""``[strategies.NAME.webhook]``: interpretation and authentication of a source's alerts."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from signalbot.config.number_types import Duration, Number
from signalbot.config.section import Section
from signalbot.domain.signals import Action, Strength
from signalbot.settings.webhook import Direction, OnMissedExit, WebhookSettings


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
    """How a source's alerts are interpreted and authenticated."""

    actions: tuple[Action, ...] = Field(
        default=tuple(Action), description="Actions it may request."
    )
    direction: Direction = Field(
        default=Direction.BOTH,
        description='What "sell" means: "both" opens a short; "long" closes a long; "short" opens '
        'one that "buy" closes.',
    )
    strength: Strength = Field(
        default=Strength.MODERATE, description="Strength of alerts without one."
    )
    confidence: Annotated[float, Number(kind=float, at_least=0, at_most=1)] = Field(
        default=1, validate_default=True, description="Confidence of alerts without one."
    )
    max_age_ms: Annotated[int, Duration(least_ms=1)] = Field(
        default="60s",
        alias="max_age",
        validate_default=True,
        description="Maximum age of an entry alert that carries its time of sending.",
    )
    heartbeat_ms: Annotated[int | None, Duration(least_ms=1000, or_none=True)] = Field(
        default=None,
        alias="heartbeat",
        description='Time between alerts after which the source is silent; "hold" is an alert.',
    )
    addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        default=(), description="Allowed addresses or networks of the sender; empty: any."
    )
    on_missed: OnMissedExit = Field(
        default=OnMissedExit.NOTIFY,
        description='Reaction to a lost exit that an alert reveals: "tell" notifies the operator, '
        '"exit" sends the exit. A lost entry is never sent later.',
    )
    hmac: tuple[Annotated[str, AfterValidator(_secret)], ...] = Field(
        default=(),
        description="Secrets that sign its alerts (Standard Webhooks); several during rotation.",
    )


def webhook_settings(section: WebhookSection) -> WebhookSettings:
    """Convert the section to settings."""
    return WebhookSettings(**{name: getattr(section, name) for name in type(section).model_fields})
