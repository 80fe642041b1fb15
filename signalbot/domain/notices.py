"""Notification kinds, levels and recipients."""

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum

from signalbot.domain.users import UserId

OPERATOR = UserId("@operator")
"""Recipient name of the daemon's operator; not a valid user name."""


class NoticeKind(StrEnum):
    """The kind of a notice. A notice is sent only for established facts."""

    SIGNAL = "signal"
    SENT = "sent"
    FILLED = "filled"
    PROTECTED = "protected"
    TARGET_HIT = "target_hit"
    REDUCED = "reduced"
    CLOSED = "closed"
    UNPROTECTED = "unprotected"
    SKIPPED = "refused"
    FAILED = "failed"
    HALTED = "halted"
    TROUBLE = "trouble"
    SUMMARY = "summary"


class NotifyLevel(StrEnum):
    """SILENT: delivered without a sound, where the service supports it."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRules:
    """One recipient's level for each ``NoticeKind``; fields are named like the kinds' values."""

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
        """The level of ``kind``."""
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
    NoticeKind.SKIPPED,
)
OPERATOR_DEFAULTS = NoticeRules(
    trouble=NotifyLevel.ON, **{kind.value: NotifyLevel.OFF for kind in _TRADE_KINDS}
)
"""Default levels of the operator: what needs intervention, and the daily summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSettings:
    """Time zone of a recipient, and the time of its daily summary."""

    daily_summary: time | None = time(8)  #: None: no summaries
    time_zone: str = "UTC"  #: IANA name, for the summary and every time in a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A user, or the operator, with at least one destination."""

    name: UserId
    urls: tuple[str, ...]  #: apprise URLs, or ``secret:NAME`` for one from the vault
    rules: NoticeRules
    time_settings: TimeSettings | None = None  #: None: the common ones

    def __repr__(self) -> str:
        return f"Recipient({self.name}, {len(self.urls)} destinations)"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings:
    """Recipients, levels and the time of the daily summary."""

    recipients: tuple[Recipient, ...] = ()  #: those with at least one destination
    operator: tuple[str, ...] = field(default=(), repr=False)  #: URLs, as in ``Recipient``
    events: NoticeRules = NoticeRules()  #: levels of users without their own
    operator_events: NoticeRules = OPERATOR_DEFAULTS
    daily_summary: time | None = time(8)  #: as in ``TimeSettings``: the common one
    time_zone: str = "UTC"

    def time_settings_for(self, recipient: Recipient) -> TimeSettings:
        """The recipient's own time settings, or the common ones."""
        common = TimeSettings(daily_summary=self.daily_summary, time_zone=self.time_zone)
        return recipient.time_settings or common
