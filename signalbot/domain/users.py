"""Users, their accounts and subscriptions."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from signalbot.domain.settings import Settings

UserId = NewType("UserId", str)
"""The user's name in the configuration; two accounts of one person are two users."""


_SHADOW = ".shadow"  # names in the configuration have no dots


def shadow_of(user_id: UserId) -> UserId:
    """The shadow account that trades ``user_id``'s signals on paper."""
    return UserId(user_id + _SHADOW)


def owner_of(user_id: str) -> UserId | None:
    """The user that a shadow account belongs to; None if ``user_id`` is not a shadow."""
    return UserId(user_id.removesuffix(_SHADOW)) if user_id.endswith(_SHADOW) else None


class Mode(StrEnum):
    """Handling of approved signals: notify only, simulated orders, or real orders."""

    SIGNALS = "signals"
    PAPER = "paper"
    LIVE = "live"


class UserStatus(StrEnum):
    """PAUSED manually, HALTED by the daemon; both stop entries, never exits.

    REMOVED users are no longer configured; their history stays.
    """

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    HALTED = "HALTED"
    REMOVED = "REMOVED"


class StatusBy(StrEnum):
    """Who set a status, and therefore who may end it.

    OPERATOR may end any status. USER: the user's own token; it may end only its own pauses.
    DAEMON: halted after a failure. KEY: halted because of the account's API key; the halt ends
    when a valid key is stored.
    """

    OPERATOR = "operator"
    USER = "user"
    DAEMON = "daemon"
    KEY = "key"


class SubscriptionStatus(StrEnum):
    """PAUSED stops entries; CANCELLED ends the subscription."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"


class Origin(StrEnum):
    """Where a definition is stored; those of the file are changed only in the file."""

    CONFIG = "config"
    API = "api"


class MarginMode(StrEnum):
    """Margin of one position, or of the whole account."""

    ISOLATED = "isolated"
    CROSS = "cross"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """A user's account at one exchange."""

    exchange: str  #: the name in the configuration
    leverage: int = 1
    margin_mode: MarginMode = MarginMode.ISOLATED
    paper_balance: Decimal = Decimal(10_000)  #: quote units a paper account starts with
    allow_withdrawal_keys: bool = False  #: whether a key that may withdraw is accepted
    #: Egress of requests: ``direct``, a proxy's URL or ``secret:NAME``, or a local address.
    egress: str = field(default="direct", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user: mode, account and status."""

    user_id: UserId
    mode: Mode
    account: AccountSettings
    notify: tuple[str, ...] = field(default=(), repr=False)
    status: UserStatus = UserStatus.ACTIVE
    status_reason: str = ""
    status_by: StatusBy = StatusBy.OPERATOR
    origin: Origin = Origin.CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One user's subscription to one strategy, with its merged settings."""

    subscription_id: str
    user_id: UserId
    strategy: str
    settings: Settings
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    status_by: StatusBy = StatusBy.OPERATOR
    origin: Origin = Origin.CONFIG


def subscription_id_of(*, user_id: UserId, strategy: str) -> str:
    """The id of a user's only subscription to a strategy."""
    return f"{user_id}/{strategy}"
