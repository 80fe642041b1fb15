"""Tells whoever listens what happens: one reader of the journal, a bounded queue per listener."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from signalbot.api.callers import CONTROL_SOCKET, Caller
from signalbot.control.roster import Roster
from signalbot.domain.errors import Conflict
from signalbot.domain.globs import matches_any
from signalbot.domain.users import UserId
from signalbot.ledger.journal import Event, Journal
from signalbot.ledger.tokens import Tokens
from signalbot.ports import Clock

QUEUE_SIZE = 1_000
"""Events that may wait for one listener; one more, and it is let go."""

MOST_PER_TOKEN = 8
"""Connections that one token may hold at a time."""

PAUSE_S = 1.0
"""The least time between two subscriptions of one connection."""

_PAGE = 100
_REPLAYED_IDS = 5_000  # of the journal, looked through for one page of a replay
_BREATH_S = 0.005  # between two pages of a replay: others have their turn
_LOOK_AT_TOKENS_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which events a listener wants; empty means all."""

    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()  #: globs
    events: tuple[str, ...] = ()  #: kinds such as ``position.closed``, or topics: ``position``

    def wants(self, event: Event) -> bool:
        symbol = event.symbol or ""
        return (
            (not self.strategies or event.strategy in self.strategies)
            and (not self.events or event.kind in self.events or event.topic in self.events)
            and (not self.symbols or matches_any(symbol, self.symbols))
        )


@dataclass(slots=True, eq=False)
class Client:
    """One connection; ``over`` is set once its token is no longer valid."""

    caller: Caller
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class Listener:
    """One subscription: whose it is, what it wants, and what waits to be sent to it."""

    caller: Caller
    wish: Wish
    #: Frames to be sent; None after which nothing comes, because the listener was too slow.
    queue: "asyncio.Queue[str | None]" = field(default_factory=lambda: asyncio.Queue(QUEUE_SIZE))

    def overrun(self) -> None:
        """Throw away what waits, and say that it was too much."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Feed:
    """Reads each event once, encodes it once, and hands it to everybody who may and wants to."""

    def __init__(self, journal: Journal, roster: Roster, tokens: Tokens, clock: Clock) -> None:
        self._journal = journal
        self._roster = roster
        self._tokens = tokens
        self._clock = clock
        self._clients: set[Client] = set()
        self._per_token: Counter[str] = Counter()
        self._listeners: defaultdict[UserId | None, set[Listener]] = defaultdict(set)
        self._replaying = asyncio.Lock()
        self._at = 0

    @property
    def at(self) -> int:
        """The last event handed out."""
        return self._at

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hand out events for the duration of the block, from the newest on."""
        self._at = await self._journal.last()
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
    def connected(self, caller: Caller) -> Iterator[Client]:
        """A connection of this caller, for the duration of the block.

        Raises:
            Conflict: its token has as many as it may.
        """
        if caller.name != CONTROL_SOCKET and self._per_token[caller.name] >= MOST_PER_TOKEN:
            raise Conflict(f"this token has {MOST_PER_TOKEN} connections already")
        client = Client(caller)
        self._clients.add(client)
        self._per_token[caller.name] += 1
        try:
            yield client
        finally:
            self._clients.discard(client)
            self._per_token[caller.name] -= 1
            if not self._per_token[caller.name]:
                del self._per_token[caller.name]

    def end(self, token_id: str) -> None:
        """End every connection of a token: it has been revoked."""
        for client in self._clients:
            if client.caller.name == token_id:
                client.over.set()

    def join(self, listener: Listener) -> int:
        """Queue events for a listener from now on; the last event that is not among them."""
        self._listeners[listener.caller.user_id].add(listener)
        return self._at

    def leave(self, listener: Listener) -> None:
        user_id = listener.caller.user_id
        self._listeners[user_id].discard(listener)
        if not self._listeners[user_id]:
            del self._listeners[user_id]

    async def missed(self, listener: Listener, *, since: int, until: int) -> AsyncIterator[str]:
        """Events after ``since`` up to ``until``, from the ledger, a page at a time.

        However many ask, one page is read at a time, with a pause after it.
        """
        at = since
        while at < until:
            upto = min(at + _REPLAYED_IDS, until)
            async with self._replaying:
                page = await self._journal.between(
                    at, upto, user_id=listener.caller.user_id, limit=_PAGE
                )
                frames = [encode(event) for event in page if self._is_for(listener, event)]
                await self._clock.sleep(_BREATH_S)
            for frame in frames:
                yield frame
            at = page[-1].event_id if len(page) == _PAGE else upto

    async def _run(self) -> None:
        while True:
            await self._journal.wait(self._at)
            for event in await self._journal.after(self._at, limit=_PAGE):
                self._hand_out(event)
                self._at = event.event_id

    async def _watch_tokens(self) -> None:
        """End connections whose token has been revoked elsewhere, or is past its time."""
        while True:
            await self._clock.sleep(_LOOK_AT_TOKENS_S)
            held = set(self._per_token) - {CONTROL_SOCKET}
            if held:
                valid = await self._tokens.valid(held, now_ms=self._clock.now_ms())
                for name in held - valid:
                    self.end(name)

    def _hand_out(self, event: Event) -> None:
        text: str | None = None
        for listener in self._concerned(event):
            if not self._is_for(listener, event):
                continue
            text = encode(event) if text is None else text
            try:
                listener.queue.put_nowait(text)
            except asyncio.QueueFull:
                self.leave(listener)
                listener.overrun()

    def _concerned(self, event: Event) -> list[Listener]:
        """Administrators, and the user it happened to; where it is nobody's, everybody."""
        users = self._listeners if event.user_id is None else (None, event.user_id)
        return [
            listener for user_id in [*users] for listener in self._listeners.get(user_id, ())
        ]  # fmt: skip

    def _is_for(self, listener: Listener, event: Event) -> bool:
        return self._may_see(listener.caller, event) and listener.wish.wants(event)

    def _may_see(self, caller: Caller, event: Event) -> bool:
        """A user sees its own, what concerns everybody, and signals it may subscribe to."""
        if caller.user_id is None or event.user_id is not None:
            return caller.is_admin or (
                event.user_id == caller.user_id and event.at_ms >= caller.since_ms
            )
        terms = self._roster.strategies.get(event.strategy or "")
        return event.strategy is None or (terms is not None and terms.allows(caller.user_id))


def encode(event: Event) -> str:
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
