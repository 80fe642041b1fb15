"""Streams journal events to clients: one reader of the journal, a bounded queue per client."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from signalbot.api.auth import CONTROL_SOCKET, Principal
from signalbot.domain.errors import Conflict
from signalbot.domain.globs import matches_any
from signalbot.domain.users import UserId
from signalbot.ledger.journal import Journal, JournalEvent
from signalbot.ledger.tokens import TokenStore
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings

MAX_QUEUED_EVENTS = 1_000
"""Maximum events queued for one subscriber; it is disconnected beyond that."""

MAX_CONNECTIONS_PER_TOKEN = 8
"""Maximum connections per token."""

SUBSCRIBE_INTERVAL_S = 1.0
"""Minimum time between two subscriptions of one connection."""

_PAGE = 100
_IDS_PER_PAGE = 5_000  # journal ids scanned for one page of a replay
_PAGE_PAUSE_S = 0.005  # between two pages of a replay, for other tasks
_TOKEN_CHECK_INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Selects events; empty fields match all."""

    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()  #: globs
    events: tuple[str, ...] = ()  #: kinds such as ``position.closed``, or topics: ``position``

    def matches(self, event: JournalEvent) -> bool:
        symbol = event.symbol or ""
        return (
            (not self.strategies or event.strategy in self.strategies)
            and (not self.events or event.kind in self.events or event.topic in self.events)
            and (not self.symbols or matches_any(symbol, self.symbols))
        )


@dataclass(slots=True, eq=False)
class StreamClient:
    """One connection; ``ended`` is set when its token becomes invalid."""

    caller: Principal
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class EventSubscriber:
    """One subscription: caller, filter and queue of frames."""

    caller: Principal
    event_filter: EventFilter
    #: Frames to send; None ends the queue because the client was too slow.
    queue: "asyncio.Queue[str | None]" = field(
        default_factory=lambda: asyncio.Queue(MAX_QUEUED_EVENTS)
    )

    def overrun(self) -> None:
        """Discard queued frames and end the queue."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class EventStream:
    """Reads and encodes each event once, and queues it for every authorized subscriber."""

    def __init__(
        self,
        journal: Journal,
        strategies: Mapping[str, StrategySettings],
        tokens: TokenStore,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._strategies = strategies
        self._tokens = tokens
        self._clock = clock
        self._clients: set[StreamClient] = set()
        self._per_token: Counter[str] = Counter()
        self._subscribers: defaultdict[UserId | None, set[EventSubscriber]] = defaultdict(set)
        self._replaying = asyncio.Lock()
        self._last_event_id = 0

    @property
    def last_event_id(self) -> int:
        """The last dispatched event."""
        return self._last_event_id

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Dispatch new events for the duration of the block."""
        self._last_event_id = await self._journal.last()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._run(), name="event stream"),
                group.create_task(self._watch_tokens(), name="token check"),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    @contextmanager
    def connected(self, caller: Principal) -> Iterator[StreamClient]:
        """Register a connection of this caller for the duration of the block.

        Raises:
            Conflict: the token has reached its limit of connections.
        """
        if (
            caller.name != CONTROL_SOCKET
            and self._per_token[caller.name] >= MAX_CONNECTIONS_PER_TOKEN
        ):
            raise Conflict(f"this token has {MAX_CONNECTIONS_PER_TOKEN} connections, the maximum")
        client = StreamClient(caller)
        self._clients.add(client)
        self._per_token[caller.name] += 1
        try:
            yield client
        finally:
            self._clients.discard(client)
            self._per_token[caller.name] -= 1
            if not self._per_token[caller.name]:
                del self._per_token[caller.name]

    def disconnect_token(self, token_id: str) -> None:
        """Close every connection of a revoked token."""
        for client in self._clients:
            if client.caller.name == token_id:
                client.ended.set()

    def subscribe(self, subscriber: EventSubscriber) -> int:
        """Start queueing events for a subscriber; return the last event before that."""
        self._subscribers[subscriber.caller.user_id].add(subscriber)
        return self._last_event_id

    def unsubscribe(self, subscriber: EventSubscriber) -> None:
        user_id = subscriber.caller.user_id
        self._subscribers[user_id].discard(subscriber)
        if not self._subscribers[user_id]:
            del self._subscribers[user_id]

    async def replayed(
        self, subscriber: EventSubscriber, *, since: int, until: int
    ) -> AsyncIterator[str]:
        """Yield events after ``since`` up to ``until`` from the ledger, page by page.

        Concurrent replays read one page at a time, with a pause after each.
        """
        at = since
        while at < until:
            upto = min(at + _IDS_PER_PAGE, until)
            async with self._replaying:
                page = await self._journal.between(
                    at, upto, user_id=subscriber.caller.user_id, limit=_PAGE
                )
                frames = [
                    encode_event(event)
                    for event in page
                    if self._is_for_subscriber(subscriber, event)
                ]
                await self._clock.sleep(_PAGE_PAUSE_S)
            for frame in frames:
                yield frame
            at = page[-1].event_id if len(page) == _PAGE else upto

    async def _run(self) -> None:
        while True:
            await self._journal.wait(self._last_event_id)
            for event in await self._journal.after(self._last_event_id, limit=_PAGE):
                self._dispatch(event)
                self._last_event_id = event.event_id

    async def _watch_tokens(self) -> None:
        """Close connections of tokens that were revoked elsewhere or have expired."""
        while True:
            await self._clock.sleep(_TOKEN_CHECK_INTERVAL_S)
            held = set(self._per_token) - {CONTROL_SOCKET}
            if held:
                valid = await self._tokens.valid(held, now_ms=self._clock.now_ms())
                for name in held - valid:
                    self.disconnect_token(name)

    def _dispatch(self, event: JournalEvent) -> None:
        text: str | None = None
        for subscriber in self._subscribers_of(event):
            if not self._is_for_subscriber(subscriber, event):
                continue
            text = encode_event(event) if text is None else text
            try:
                subscriber.queue.put_nowait(text)
            except asyncio.QueueFull:
                self.unsubscribe(subscriber)
                subscriber.overrun()

    def _subscribers_of(self, event: JournalEvent) -> list[EventSubscriber]:
        """Return administrators and the event's user; all subscribers if it has no user."""
        users = self._subscribers if event.user_id is None else (None, event.user_id)
        return [
            subscriber for user_id in [*users] for subscriber in self._subscribers.get(user_id, ())
        ]  # fmt: skip

    def _is_for_subscriber(self, subscriber: EventSubscriber, event: JournalEvent) -> bool:
        return self._may_see(subscriber.caller, event) and subscriber.event_filter.matches(event)

    def _may_see(self, caller: Principal, event: JournalEvent) -> bool:
        """Whether the event is of the caller, of all users, or of a strategy it may follow."""
        if caller.user_id is None or event.user_id is not None:
            return caller.is_admin or (
                event.user_id == caller.user_id and event.at_ms >= caller.since_ms
            )
        strategy = self._strategies.get(event.strategy or "")
        return event.strategy is None or (strategy is not None and strategy.allows(caller.user_id))


def encode_event(event: JournalEvent) -> str:
    """Encode an event as a frame."""
    return json.dumps(
        {
            "type": "event",
            "id": event.event_id,
            "at_ms": event.at_ms,
            "kind": event.kind,
            "user_id": event.user_id,
            "strategy": event.strategy,
            "symbol": event.symbol,
            "signal_id": event.signal_id,
            "position_id": event.position_id,
            "detail": event.detail,
        },
        separators=(",", ":"),
    )
