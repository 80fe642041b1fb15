"""What people are told about, and how loudly."""

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum

from signalbot.domain.users import UserId

OPERATOR = UserId("@operator")
"""Whoever runs the daemon; no user can be called that."""


class NoticeKind(StrEnum):
    """What a notice is about; only what is certain by then is told."""

    SIGNAL = "signal"
    SENT = "sent"
    FILLED = "filled"
    PROTECTED = "protected"
    TARGET_HIT = "target_hit"
    REDUCED = "reduced"
    CLOSED = "closed"
    UNPROTECTED = "unprotected"
    REFUSED = "refused"
    FAILED = "failed"
    HALTED = "halted"
    TROUBLE = "trouble"
    SUMMARY = "summary"


class NotifyLevel(StrEnum):
    """SILENT is delivered without a sound, where the service can do that."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRules:
    """How loudly one recipient is told of each kind; a field for each of ``NoticeKind``."""

    signal: NotifyLevel = NotifyLevel.ON
    sent: NotifyLevel = NotifyLevel.SILENT
    filled: NotifyLevel = NotifyLevel.ON
    protected: NotifyLevel = NotifyLevel.SILENT
    target_hit: NotifyLevel = NotifyLevel.ON
    reduced: NotifyLevel = NotifyLevel.ON
    closed: NotifyLevel = NotifyLevel.ON
    unprotected: NotifyLevel = NotifyLevel.ON
    refused: NotifyLevel = NotifyLevel.OFF
    failed: NotifyLevel = NotifyLevel.ON
    halted: NotifyLevel = NotifyLevel.ON
    trouble: NotifyLevel = NotifyLevel.OFF
    summary: NotifyLevel = NotifyLevel.ON

    def level_for(self, kind: NoticeKind) -> NotifyLevel:
        """How loudly ``kind`` is told."""
        found: NotifyLevel = getattr(self, kind.value)
        return found


_TRADE_KINDS = (
    NoticeKind.SIGNAL,
    NoticeKind.SENT,
    NoticeKind.FILLED,
    NoticeKind.PROTECTED,
    NoticeKind.TARGET_HIT,
    NoticeKind.REDUCED,
    NoticeKind.CLOSED,
    NoticeKind.REFUSED,
)
OPERATOR_DEFAULTS = NoticeRules(
    trouble=NotifyLevel.ON, **{kind.value: NotifyLevel.OFF for kind in _TRADE_KINDS}
)
"""What the operator is told by default: what needs somebody, and the summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSettings:
    """The clocks somebody lives by, and when they end a day that is to be summed up."""

    daily_summary: time | None = time(8)  #: None: no summaries
    time_zone: str = "UTC"  #: IANA name: of the summary and of every time in a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A user, or the operator, with destinations."""

    name: UserId
    urls: tuple[str, ...]  #: apprise URLs, or ``secret:NAME`` for what the vault has
    rules: NoticeRules
    time_settings: TimeSettings | None = None  #: None: as everybody else's

    def __repr__(self) -> str:
        return f"Recipient({self.name}, {len(self.urls)} destinations)"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings:
    """Who is told, and when the day is summed up."""

    recipients: tuple[Recipient, ...] = ()  #: those with at least one destination
    operator: tuple[str, ...] = field(default=(), repr=False)  #: URLs, as in ``Recipient``
    events: NoticeRules = NoticeRules()  #: of users, unless they have their own
    operator_events: NoticeRules = OPERATOR_DEFAULTS
    daily_summary: time | None = time(8)  #: as in ``TimeSettings``, unless they have their own
    time_zone: str = "UTC"

    def time_settings_for(self, recipient: Recipient) -> TimeSettings:
        """What somebody's clocks show."""
        common = TimeSettings(daily_summary=self.daily_summary, time_zone=self.time_zone)
        return recipient.time_settings or common
