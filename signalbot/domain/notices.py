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


class Loudness(StrEnum):
    """SILENT is delivered without a sound, where the service can do that."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRules:
    """How loudly one recipient is told of each kind; a field for each of ``NoticeKind``."""

    signal: Loudness = Loudness.ON
    sent: Loudness = Loudness.SILENT
    filled: Loudness = Loudness.ON
    protected: Loudness = Loudness.SILENT
    target_hit: Loudness = Loudness.ON
    reduced: Loudness = Loudness.ON
    closed: Loudness = Loudness.ON
    unprotected: Loudness = Loudness.ON
    refused: Loudness = Loudness.OFF
    failed: Loudness = Loudness.ON
    halted: Loudness = Loudness.ON
    trouble: Loudness = Loudness.OFF
    summary: Loudness = Loudness.ON

    def loudness(self, kind: NoticeKind) -> Loudness:
        """How loudly ``kind`` is told."""
        found: Loudness = getattr(self, kind.value)
        return found


_TRADES = (
    NoticeKind.SIGNAL,
    NoticeKind.SENT,
    NoticeKind.FILLED,
    NoticeKind.PROTECTED,
    NoticeKind.TARGET_HIT,
    NoticeKind.REDUCED,
    NoticeKind.CLOSED,
    NoticeKind.REFUSED,
)
FOR_OPERATOR = NoticeRules(trouble=Loudness.ON, **{kind.value: Loudness.OFF for kind in _TRADES})
"""What the operator is told by default: what needs somebody, and the summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime:
    """The clocks somebody lives by, and when they end a day that is to be summed up."""

    daily_summary: time | None = time(8)  #: None: no summaries
    time_zone: str = "UTC"  #: IANA name: of the summary and of every time in a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A user, or the operator, with destinations."""

    name: UserId
    urls: tuple[str, ...]  #: apprise URLs, or ``secret:NAME`` for what the vault has
    rules: NoticeRules
    own_time: LocalTime | None = None  #: None: as everybody else's

    def __repr__(self) -> str:
        return f"Recipient({self.name}, {len(self.urls)} destinations)"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyTerms:
    """Who is told, and when the day is summed up."""

    recipients: tuple[Recipient, ...] = ()  #: those with at least one destination
    operator: tuple[str, ...] = field(default=(), repr=False)  #: URLs, as in ``Recipient``
    events: NoticeRules = NoticeRules()  #: of users, unless they have their own
    operator_events: NoticeRules = FOR_OPERATOR
    daily_summary: time | None = time(8)  #: as in ``LocalTime``, unless they have their own
    time_zone: str = "UTC"

    def time_of(self, recipient: Recipient) -> LocalTime:
        """What somebody's clocks show."""
        common = LocalTime(daily_summary=self.daily_summary, time_zone=self.time_zone)
        return recipient.own_time or common
