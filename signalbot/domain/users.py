"""Users, their accounts and subscriptions."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from signalbot.domain.settings import Settings

UserId = NewType("UserId", str)
"""The user's name in the configuration; two accounts of one person are two users."""


_SHADOW = ".shadow"  # no name in the configuration has a dot


def shadow_of(user_id: UserId) -> UserId:
    """Who trades on paper beside ``user_id``."""
    return UserId(user_id + _SHADOW)


def owner_of(user_id: str) -> UserId | None:
    """Whose shadow ``user_id`` is; None: it is a user."""
    return UserId(user_id.removesuffix(_SHADOW)) if user_id.endswith(_SHADOW) else None


class Mode(StrEnum):
    """What happens on an approved signal: told, filled in simulation, or ordered for real."""

    SIGNALS = "signals"
    PAPER = "paper"
    LIVE = "live"


class UserStatus(StrEnum):
    """PAUSED is the owner's wish, HALTED the daemon's; both stop entries and never exits.

    REMOVED users are no longer configured; their history stays.
    """

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    HALTED = "HALTED"
    REMOVED = "REMOVED"


class StatusBy(StrEnum):
    """Who has set a status, and so who may end it.

    OPERATOR ends anything. USER: the user's own token, which ends only what it has set itself.
    DAEMON has found a reason to halt the user. KEY: the reason is the account's key, and the halt
    ends when a good one is stored.
    """

    OPERATOR = "operator"
    USER = "user"
    DAEMON = "daemon"
    KEY = "key"


class SubscriptionStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"


class Origin(StrEnum):
    """Where a definition came from; what the file defines is changed only there."""

    CONFIG = "config"
    API = "api"


class MarginMode(StrEnum):
    ISOLATED = "isolated"
    CROSS = "cross"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """A user's account at one exchange."""

    exchange: str  #: the name in the configuration
    leverage: int = 1
    margin_mode: MarginMode = MarginMode.ISOLATED
    paper_balance: Decimal = Decimal(10_000)  #: quote units a paper account starts with
    allow_withdrawal_keys: bool = False  #: whether a key with the right to withdraw may trade
    #: How requests leave: ``direct``, a proxy's URL or ``secret:NAME``, or a local address.
    egress: str = field(default="direct", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
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
    """User x strategy, with the settings that hold for it after all layers are merged."""

    subscription_id: str
    user_id: UserId
    strategy: str
    settings: Settings
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    status_by: StatusBy = StatusBy.OPERATOR
    origin: Origin = Origin.CONFIG


def subscription_id_of(*, user_id: UserId, strategy: str) -> str:
    """The id of the one subscription a user can have to a strategy."""
    return f"{user_id}/{strategy}"
