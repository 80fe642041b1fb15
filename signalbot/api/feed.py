"""Tells whoever listens what happens: one reader of the journal, a bounded queue per listener."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from signalbot.api.callers import Caller
from signalbot.control.roster import Roster
from signalbot.ledger.journal import Event, Journal

QUEUE_SIZE = 1_000
"""Events that may wait for one listener; one more, and it is let go."""

MOST_LISTENERS = 2_000
_PAGE = 500


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
            and (not self.symbols or any(fnmatchcase(symbol, glob) for glob in self.symbols))
        )


@dataclass(slots=True, eq=False)
class Listener:
    """One connection: who it is, what it wants, and what waits to be sent to it."""

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

    def __init__(self, journal: Journal, roster: Roster) -> None:
        self._journal = journal
        self._roster = roster
        self._listeners: set[Listener] = set()
        self._at = 0

    def __len__(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def at(self) -> int:
        """The last event handed out."""
        return self._at

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hand out events for the duration of the block, from the newest on."""
        self._at = await self._journal.last()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._run(), name="feed to clients")
            try:
                yield
            finally:
                task.cancel()

    def join(self, listener: Listener) -> int:
        """Queue events for a listener from now on; the last event that is not among them."""
        self._listeners.add(listener)
        return self._at

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    async def missed(self, listener: Listener, *, since: int, until: int) -> AsyncIterator[str]:
        """Events after ``since`` up to ``until``, from the ledger."""
        at = since
        while at < until:
            page = await self._journal.after(at, limit=_PAGE)
            for event in page:
                if event.event_id <= until and self._is_for(listener, event):
                    yield encode(event)
            if not page:
                return
            at = page[-1].event_id

    async def _run(self) -> None:
        while True:
            await self._journal.wait(self._at)
            for event in await self._journal.after(self._at, limit=_PAGE):
                self._hand_out(event)
                self._at = event.event_id

    def _hand_out(self, event: Event) -> None:
        text: str | None = None
        for listener in list(self._listeners):
            if not self._is_for(listener, event):
                continue
            text = encode(event) if text is None else text
            try:
                listener.queue.put_nowait(text)
            except asyncio.QueueFull:
                self._listeners.discard(listener)
                listener.overrun()

    def _is_for(self, listener: Listener, event: Event) -> bool:
        return self._may_see(listener.caller, event) and listener.wish.wants(event)

    def _may_see(self, caller: Caller, event: Event) -> bool:
        """A user sees its own, what concerns everybody, and signals it may subscribe to."""
        if caller.user_id is None or event.user_id is not None:
            return caller.user_id is None or event.user_id == caller.user_id
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
