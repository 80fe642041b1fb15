"""Writes notices: reads the journal, selects recipients and puts rendered texts into the outbox."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

import structlog

from signalbot.domain.events import EventKind
from signalbot.domain.notices import (
    OPERATOR,
    NoticeKind,
    NotificationSettings,
    NotifyLevel,
    Recipient,
)
from signalbot.domain.signals import Signal, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId, owner_of
from signalbot.ledger.database import Database
from signalbot.ledger.journal import Journal, JournalEvent
from signalbot.ledger.outbox import NoticeAddress, NoticeCursor, NoticeDraft, Outbox
from signalbot.ledger.signals import Signals
from signalbot.ledger.views import Row
from signalbot.notifications.daily_summary import (
    SummaryPeriod,
    last_due_ms,
    next_due_ms,
    operator_summary,
    profit_by_user,
    user_summary,
)
from signalbot.notifications.message import Message, NoticeContext
from signalbot.notifications.notice_types import notice_kind, render_notice
from signalbot.ports import Clock
from signalbot.tasks import crash_point

log = structlog.get_logger()

_PAGE = 200
_SUMMARY_CHECK_INTERVAL_S = 60.0
_RETENTION_MS = 7 * 86_400_000
_STATUS_PAUSE_MS = 600_000  # between two notices of status changes that a user makes itself
_STATUS_EVENTS = frozenset({EventKind.USER_RESUMED, EventKind.USER_PAUSED, EventKind.USER_HALTED})

_USERS = "SELECT user_id, status FROM users WHERE status <> 'REMOVED'"

_KIND_ORDER = [*NoticeKind]
"""The order in which notices of one position are written."""

DayEnd = tuple[time, ZoneInfo]
"""The time of day at which a summary is due, and its time zone."""

WakeDelivery = Callable[[Iterable[NoticeAddress]], None]
"""Starts the delivery of notices that are pending for these addresses."""


@dataclass(frozen=True, slots=True)
class _DayData:
    """The figures that summaries are rendered from."""

    profit_by_user: dict[str, list[Row]]
    users_by_status: dict[str, int]


class NoticeWriter:
    """Turns journal events and ended days into notices for each recipient and destination."""

    def __init__(
        self,
        settings: NotificationSettings,
        *,
        database: Database,
        wake_delivery: WakeDelivery,
        clock: Clock,
        batch_window_s: float = 0.25,
    ) -> None:
        self._database = database
        self._journal = Journal(database)
        self._signals = Signals(database)
        self._outbox = Outbox(database)
        self._wake_delivery = wake_delivery
        self._clock = clock
        self._batch_window_s = batch_window_s
        self.apply(settings)

    def apply(self, settings: NotificationSettings) -> None:
        """Use the recipients of ``settings`` from now on."""
        self._times = {each.name: settings.time_settings_for(each) for each in settings.recipients}
        self._recipients = {each.name: each for each in settings.recipients}

    async def begin(self) -> NoticeCursor:
        """Return the cursor of the previous run; on the first run, a cursor at the present."""
        return await self._outbox.begin(summed_up_ms=self._newest_due_ms())

    async def write_events(self) -> None:
        """Write notices of new events until cancelled."""
        cursor = (await self.begin()).event_id
        while True:
            await self._journal.wait(cursor)
            await self._clock.sleep(self._batch_window_s)  # one write for simultaneous events
            cursor = await self._write(cursor)

    async def write_summaries(self) -> None:
        """Write the summary of each day when it is due, until cancelled."""
        while True:
            await self._write_due_summaries()
            now_ms = self._clock.now_ms()
            await self._outbox.delete_finished(before_ms=Ms(now_ms - _RETENTION_MS))
            # Notices with a start time in the future may be due by now.
            self._wake_delivery(await self._outbox.pending_addresses())
            next_check_ms = now_ms + round(_SUMMARY_CHECK_INTERVAL_S * 1000)
            due = [next_due_ms(now_ms, *each) for each in self._day_ends()]
            await self._clock.sleep_until(Ms(min((*due, next_check_ms))))

    # --- events ---------------------------------------------------------------------------

    async def _write(self, cursor: int) -> int:
        events = await self._journal.after(cursor, limit=_PAGE)
        if not events:
            return cursor
        signals: dict[str, Signal | None] = {}
        in_order = _by_position(events)
        drafts = [draft for event in in_order for draft in await self._drafts(event, signals)]
        crash_point("notices.write")
        upto = events[-1].event_id
        await self._outbox.put(drafts, after=cursor, upto=upto, now_ms=self._clock.now_ms())
        crash_point("notices.written")
        self._wake_delivery({each.address for each in drafts})
        return upto

    async def _drafts(
        self, event: JournalEvent, signals: dict[str, Signal | None]
    ) -> list[NoticeDraft]:
        kind = notice_kind(event)
        if kind is None or _is_shadow_event(event):
            return []
        recipients = [each for each in self._recipients_of(event) if _is_enabled(each, kind)]
        if not recipients:
            return []
        signal = await self._signal_of(event, signals)
        zones = {each.name: self._times[each.name].time_zone for each in recipients}
        messages = {
            zone: _rendered(NoticeContext(event=event, signal=signal, zone=ZoneInfo(zone)))
            for zone in set(zones.values())
        }
        return [
            draft
            for each in recipients
            if (message := messages[zones[each.name]]) is not None
            for draft in _drafts_for(each, kind, _message_for(each, event, message), event)
        ]

    def _recipients_of(self, event: JournalEvent) -> Iterator[Recipient]:
        """The event's user and the operator; everyone for an event without a user."""
        if event.user_id is None:
            yield from self._recipients.values()
            return
        for name in (event.user_id, OPERATOR):
            if found := self._recipients.get(name):
                yield found

    async def _signal_of(
        self, event: JournalEvent, signal_cache: dict[str, Signal | None]
    ) -> Signal | None:
        if event.signal_id is None or event.kind != EventKind.DECISION_SKIPPED:
            return None
        if event.signal_id not in signal_cache:
            signal_cache[event.signal_id] = await self._signals.signal(SignalId(event.signal_id))
        return signal_cache[event.signal_id]

    # --- days -----------------------------------------------------------------------------

    def _day_ends(self) -> dict[DayEnd, list[Recipient]]:
        """The recipients of each time at which a daily summary is due."""
        ends: defaultdict[DayEnd, list[Recipient]] = defaultdict(list)
        for name, local in self._times.items():
            if local.daily_summary is not None:
                ends[local.daily_summary, ZoneInfo(local.time_zone)].append(self._recipients[name])
        return ends

    def _newest_due_ms(self) -> Ms:
        now_ms = self._clock.now_ms()
        return max((last_due_ms(now_ms, *each) for each in self._day_ends()), default=now_ms)

    async def _write_due_summaries(self) -> None:
        """Write the summaries of all days that have ended since the last call."""
        ends, now_ms = self._day_ends(), self._clock.now_ms()
        since_ms = (await self.begin()).summed_up_ms
        drafts: list[NoticeDraft] = []
        until_ms = since_ms
        for (at, zone), recipients in ends.items():
            due_ms = last_due_ms(now_ms, at, zone)
            if due_ms > since_ms:
                began_ms = last_due_ms(since_ms, at, zone)
                period = SummaryPeriod(since_ms=began_ms, until_ms=due_ms, zone=zone)
                drafts += await self._summaries(recipients, period)
                until_ms = max(until_ms, due_ms)
        if until_ms > since_ms:
            await self._outbox.put_summaries(
                drafts, since_ms=since_ms, until_ms=until_ms, now_ms=now_ms
            )
            self._wake_delivery({each.address for each in drafts})

    async def _summaries(
        self, recipients: Iterable[Recipient], period: SummaryPeriod
    ) -> list[NoticeDraft]:
        day = await self._database.read(lambda c: _read_day(c, period))
        return [
            draft
            for each in recipients
            if _is_enabled(each, NoticeKind.SUMMARY)
            and (message := _summary_message(each.name, day, period))
            for draft in _drafts_for(each, NoticeKind.SUMMARY, message)
        ]


def _is_shadow_event(event: JournalEvent) -> bool:
    """Whether an event belongs to a shadow account, which gets no notices."""
    return event.user_id is not None and owner_of(event.user_id) is not None


def _by_position(events: Sequence[JournalEvent]) -> list[JournalEvent]:
    """Group events by position, in the order of a trade; rows change in a different order."""
    places: dict[str | int, int] = {}
    for place, event in enumerate(events):
        places.setdefault(event.position_id or event.event_id, place)

    def key(event: JournalEvent) -> tuple[int, int]:
        kind = notice_kind(event)
        kind_index = _KIND_ORDER.index(kind) if kind else 0
        return places[event.position_id or event.event_id], kind_index

    return sorted(events, key=key)


def _rendered(context: NoticeContext) -> Message | None:
    try:
        return render_notice(context)
    except Exception:  # a faulty template must not stop other notices
        log.exception(
            "notice.render_failed", event_id=context.event.event_id, kind=context.event.kind
        )
        return None


def _is_enabled(recipient: Recipient, kind: NoticeKind) -> bool:
    return recipient.rules.level_for(kind) is not NotifyLevel.OFF


def _drafts_for(
    recipient: Recipient, kind: NoticeKind, message: Message, event: JournalEvent | None = None
) -> Iterator[NoticeDraft]:
    topic = None if event is None else _topic(event)
    for place in range(len(recipient.urls)):
        yield NoticeDraft(
            event_id=None if event is None else event.event_id,
            topic=topic,
            pause_ms=_STATUS_PAUSE_MS
            if topic and event and event.detail.get("by") == "user"
            else 0,
            address=NoticeAddress(recipient=recipient.name, place=place),
            kind=kind,
            is_silent=recipient.rules.level_for(kind) is NotifyLevel.SILENT,
            title=message.title,
            body=message.body,
        )


def _topic(event: JournalEvent) -> str | None:
    """Notices of one topic replace each other while pending: only the newest status counts."""
    return event.user_id if event.kind in _STATUS_EVENTS else None


def _message_for(recipient: Recipient, event: JournalEvent, message: Message) -> Message:
    """The message; for the operator, with the name of the user."""
    if recipient.name != OPERATOR or event.user_id is None:
        return message
    return Message(message.title, f"User: {event.user_id}\n{message.body}")


def _read_day(connection: sqlite3.Connection, period: SummaryPeriod) -> _DayData:
    found = profit_by_user(connection, since_ms=period.since_ms, until_ms=period.until_ms)
    states = Counter(
        row["status"] for row in connection.execute(_USERS) if owner_of(row["user_id"]) is None
    )
    own = {name: rows for name, rows in found.items() if owner_of(name) is None}
    return _DayData(profit_by_user=own, users_by_status=dict(states))


def _summary_message(name: UserId, day: _DayData, period: SummaryPeriod) -> Message | None:
    if name == OPERATOR:
        return operator_summary(day.profit_by_user, day.users_by_status, period)
    return user_summary(day.profit_by_user.get(name, []), period)
