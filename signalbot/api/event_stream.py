"""Tells whoever listens what happens: one reader of the journal, a bounded queue per listener."""

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
"""Events that may wait for one listener; one more, and it is let go."""

MAX_CONNECTIONS_PER_TOKEN = 8
"""Connections that one token may hold at a time."""

SUBSCRIBE_INTERVAL_S = 1.0
"""The least time between two subscriptions of one connection."""

_PAGE = 100
_IDS_PER_PAGE = 5_000  # of the journal, looked through for one page of a replay
_PAGE_PAUSE_S = 0.005  # between two pages of a replay: others have their turn
_TOKEN_CHECK_INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events a listener wants; empty means all."""

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
    """One connection; ``over`` is set once its token is no longer valid."""

    caller: Principal
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class EventSubscriber:
    """One subscription: whose it is, what it wants, and what waits to be sent to it."""

    caller: Principal
    event_filter: EventFilter
    #: Frames to be sent; None after which nothing comes, because the listener was too slow.
    queue: "asyncio.Queue[str | None]" = field(
        default_factory=lambda: asyncio.Queue(MAX_QUEUED_EVENTS)
    )

    def overrun(self) -> None:
        """Throw away what waits, and say that it was too much."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class EventStream:
    """Reads each event once, encodes it once, and hands it to everybody who may and wants to."""

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
        """The last event handed out."""
        return self._last_event_id

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hand out events for the duration of the block, from the newest on."""
        self._last_event_id = await self._journal.last()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._run(), name="feed to clients"),
                group.create_task(self._watch_tokens(), name="tokens of clients"),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    @contextmanager
    def connected(self, caller: Principal) -> Iterator[StreamClient]:
        """A connection of this caller, for the duration of the block.

        Raises:
            Conflict: its token has as many as it may.
        """
        if (
            caller.name != CONTROL_SOCKET
            and self._per_token[caller.name] >= MAX_CONNECTIONS_PER_TOKEN
        ):
            raise Conflict(f"this token has {MAX_CONNECTIONS_PER_TOKEN} connections already")
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
        """End every connection of a token: it has been revoked."""
        for client in self._clients:
            if client.caller.name == token_id:
                client.ended.set()

    def subscribe(self, subscriber: EventSubscriber) -> int:
        """Queue events for a listener from now on; the last event that is not among them."""
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
        """Events after ``since`` up to ``until``, from the ledger, a page at a time.

        However many ask, one page is read at a time, with a pause after it.
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
        """End connections whose token has been revoked elsewhere, or is past its time."""
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
        """Administrators, and the user it happened to; where it is nobody's, everybody."""
        users = self._subscribers if event.user_id is None else (None, event.user_id)
        return [
            subscriber for user_id in [*users] for subscriber in self._subscribers.get(user_id, ())
        ]  # fmt: skip

    def _is_for_subscriber(self, subscriber: EventSubscriber, event: JournalEvent) -> bool:
        return self._may_see(subscriber.caller, event) and subscriber.event_filter.matches(event)

    def _may_see(self, caller: Principal, event: JournalEvent) -> bool:
        """A user sees its own, what concerns everybody, and signals it may subscribe to."""
        if caller.user_id is None or event.user_id is not None:
            return caller.is_admin or (
                event.user_id == caller.user_id and event.at_ms >= caller.since_ms
            )
        terms = self._strategies.get(event.strategy or "")
        return event.strategy is None or (terms is not None and terms.allows(caller.user_id))


def encode_event(event: JournalEvent) -> str:
    """An event as a frame."""
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
