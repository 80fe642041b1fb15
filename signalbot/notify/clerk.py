"""Writes notices: reads the journal, knows who is told what, puts the words into the outbox."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

import structlog

from signalbot.domain.notices import OPERATOR, Loudness, NoticeKind, NotifyTerms, Recipient
from signalbot.domain.signals import Signal, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId, owner_of
from signalbot.ledger.database import Database
from signalbot.ledger.journal import Event, Journal
from signalbot.ledger.outbox import Address, Cursor, Draft, Outbox
from signalbot.ledger.signals import Signals
from signalbot.ledger.views import Row
from signalbot.notify.summary import (
    Span,
    earned,
    last_due_ms,
    next_due_ms,
    summary_of_operator,
    summary_of_user,
)
from signalbot.notify.texts import Message, Told, kind_of, text_of
from signalbot.ports import Clock
from signalbot.tasks import crash_point

log = structlog.get_logger()

_PAGE = 200
_LOOK_AGAIN_S = 60.0
_KEPT_MS = 7 * 86_400_000
_PAUSE_MS = 600_000  # between two notices of what a user does to its own account
_STATES = frozenset({"user.active", "user.paused", "user.halted"})

_USERS = "SELECT user_id, status FROM users WHERE status <> 'REMOVED'"

_STAGES = [*NoticeKind]
"""Beginnings of events that concern whoever runs the daemon, and nobody's account."""

DayEnd = tuple[time, ZoneInfo]
"""A time of day, by whose clocks."""

Ring = Callable[[Iterable[Address]], None]
"""Tells that something waits for these addresses."""


@dataclass(frozen=True, slots=True)
class _Day:
    """What a summary is made of."""

    earned: dict[str, list[Row]]  #: by user
    states: dict[str, int]  #: users by status


class Clerk:
    def __init__(
        self,
        terms: NotifyTerms,
        *,
        database: Database,
        ring: Ring,
        clock: Clock,
        gather_s: float = 0.25,
    ) -> None:
        self._database = database
        self._journal = Journal(database)
        self._signals = Signals(database)
        self._outbox = Outbox(database)
        self._ring = ring
        self._clock = clock
        self._gather_s = gather_s
        self.take_on(terms)

    def take_on(self, terms: NotifyTerms) -> None:
        """Write for other recipients from now on."""
        self._times = {each.name: terms.time_of(each) for each in terms.recipients}
        self._recipients = {each.name: each for each in terms.recipients}

    async def begin(self) -> Cursor:
        """Where the last run left off; the first time, now."""
        return await self._outbox.begin(summed_up_ms=self._newest_due_ms())

    async def follow(self) -> None:
        """Write notices as things happen, until cancelled."""
        cursor = (await self.begin()).event_id
        while True:
            await self._journal.wait(cursor)
            await self._clock.sleep(self._gather_s)  # what happens together is written together
            cursor = await self._write(cursor)

    async def sum_up_daily(self) -> None:
        """Write the summary of each day when it is due, until cancelled."""
        while True:
            await self._sum_up_if_due()
            now_ms = self._clock.now_ms()
            await self._outbox.forget(before_ms=Ms(now_ms - _KEPT_MS))
            self._ring(await self._outbox.addresses())  # some have waited for their time
            look_again_ms = now_ms + round(_LOOK_AGAIN_S * 1000)
            due = [next_due_ms(now_ms, *each) for each in self._day_ends()]
            await self._clock.sleep_until(Ms(min((*due, look_again_ms))))

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
        self._ring({each.address for each in drafts})
        return upto

    async def _drafts(self, event: Event, signals: dict[str, Signal | None]) -> list[Draft]:
        kind = kind_of(event)
        if kind is None or _is_shadows(event):
            return []
        told = [each for each in self._concerned(event) if _wants(each, kind)]
        if not told:
            return []
        signal = await self._of(event, signals)
        zones = {each.name: self._times[each.name].time_zone for each in told}
        messages = {
            zone: _worded(kind, Told(event=event, signal=signal, zone=ZoneInfo(zone)))
            for zone in set(zones.values())
        }
        return [
            draft
            for each in told
            if (message := messages[zones[each.name]]) is not None
            for draft in _addressed(each, kind, _for(each, event, message), event)
        ]

    def _concerned(self, event: Event) -> Iterator[Recipient]:
        """Whoever it happened to, and the operator; what happens to trading happens to all."""
        if event.user_id is None:
            yield from self._recipients.values()
            return
        for name in (event.user_id, OPERATOR):
            if found := self._recipients.get(name):
                yield found

    async def _of(self, event: Event, known: dict[str, Signal | None]) -> Signal | None:
        if event.signal_id is None or event.kind != "decision.skip":
            return None
        if event.signal_id not in known:
            known[event.signal_id] = await self._signals.signal(SignalId(event.signal_id))
        return known[event.signal_id]

    # --- days -----------------------------------------------------------------------------

    def _day_ends(self) -> dict[DayEnd, list[Recipient]]:
        """When days end, and for whom."""
        ends: defaultdict[DayEnd, list[Recipient]] = defaultdict(list)
        for name, local in self._times.items():
            if local.daily_summary is not None:
                ends[local.daily_summary, ZoneInfo(local.time_zone)].append(self._recipients[name])
        return ends

    def _newest_due_ms(self) -> Ms:
        now_ms = self._clock.now_ms()
        return max((last_due_ms(now_ms, *each) for each in self._day_ends()), default=now_ms)

    async def _sum_up_if_due(self) -> None:
        """Sum up every day that has ended since the last time, each by its own clocks."""
        ends, now_ms = self._day_ends(), self._clock.now_ms()
        since_ms = (await self.begin()).summed_up_ms
        drafts: list[Draft] = []
        until_ms = since_ms
        for (at, zone), told in ends.items():
            due_ms = last_due_ms(now_ms, at, zone)
            if due_ms > since_ms:
                began_ms = last_due_ms(since_ms, at, zone)
                span = Span(since_ms=began_ms, until_ms=due_ms, zone=zone)
                drafts += await self._summaries(told, span)
                until_ms = max(until_ms, due_ms)
        if until_ms > since_ms:
            await self._outbox.sum_up(drafts, since_ms=since_ms, until_ms=until_ms, now_ms=now_ms)
            self._ring({each.address for each in drafts})

    async def _summaries(self, told: Iterable[Recipient], span: Span) -> list[Draft]:
        day = await self._database.read(lambda c: _read_day(c, span))
        return [
            draft
            for each in told
            if _wants(each, NoticeKind.SUMMARY) and (message := _summary(each.name, day, span))
            for draft in _addressed(each, NoticeKind.SUMMARY, message)
        ]


def _is_shadows(event: Event) -> bool:
    """Whether it happened to a shadow: nobody is told of what did not cost anybody anything."""
    return event.user_id is not None and owner_of(event.user_id) is not None


def _by_position(events: Sequence[Event]) -> list[Event]:
    """Events of one position together, in the order of its life: rows change in another."""
    places: dict[str | int, int] = {}
    for place, event in enumerate(events):
        places.setdefault(event.position_id or event.event_id, place)

    def key(event: Event) -> tuple[int, int]:
        kind = kind_of(event)
        stage = _STAGES.index(kind) if kind else 0
        return places[event.position_id or event.event_id], stage

    return sorted(events, key=key)


def _worded(kind: NoticeKind, told: Told) -> Message | None:
    try:
        return text_of(kind, told)
    except Exception:  # a slip in a text must never stop trading
        log.exception("notice.unwritten", event_id=told.event.event_id, kind=told.event.kind)
        return None


def _wants(recipient: Recipient, kind: NoticeKind) -> bool:
    return recipient.rules.loudness(kind) is not Loudness.OFF


def _addressed(
    recipient: Recipient, kind: NoticeKind, message: Message, event: Event | None = None
) -> Iterator[Draft]:
    topic = None if event is None else _topic(event)
    for place in range(len(recipient.urls)):
        yield Draft(
            event_id=None if event is None else event.event_id,
            topic=topic,
            pause_ms=_PAUSE_MS if topic and event and event.detail.get("by") == "user" else 0,
            address=Address(recipient=recipient.name, place=place),
            kind=kind,
            is_silent=recipient.rules.loudness(kind) is Loudness.SILENT,
            title=message.title,
            body=message.body,
        )


def _topic(event: Event) -> str | None:
    """What a notice is one of many of: of the states of an account only the newest counts."""
    return event.user_id if event.kind in _STATES else None


def _for(recipient: Recipient, event: Event, message: Message) -> Message:
    """The operator is told whose it is."""
    if recipient.name != OPERATOR or event.user_id is None:
        return message
    return Message(message.title, f"User: {event.user_id}\n{message.body}")


def _read_day(connection: sqlite3.Connection, span: Span) -> _Day:
    found = earned(connection, since_ms=span.since_ms, until_ms=span.until_ms)
    states = Counter(
        row["status"] for row in connection.execute(_USERS) if owner_of(row["user_id"]) is None
    )
    own = {name: rows for name, rows in found.items() if owner_of(name) is None}
    return _Day(earned=own, states=dict(states))


def _summary(name: UserId, day: _Day, span: Span) -> Message | None:
    if name == OPERATOR:
        return summary_of_operator(day.earned, day.states, span)
    return summary_of_user(day.earned.get(name, []), span)
