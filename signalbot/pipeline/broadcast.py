"""Hands one signal to every subscriber's own bounded inbox; the slowest user delays nobody."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from signalbot.domain.reasons import Reason
from signalbot.domain.signals import Decision, Outcome, Signal
from signalbot.domain.users import UserId, owner_of
from signalbot.ledger.signals import Signals
from signalbot.ports import Clock

log = structlog.get_logger()

INBOX_SIZE = 64
_AT_ONCE = 32  # a decision takes 0.2 ms: a thousand in one go would keep everything else waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    signal: Signal
    rank: int  #: place in the fan-out, 0 first
    executed: bool = False  #: this user has claimed the signal before


Inbox = asyncio.Queue[Delivery]


class Broadcaster(Protocol):
    """How a stored signal reaches its users; in-process here, a stream between daemons later."""

    def broadcast(
        self, signal: Signal, users: Sequence[UserId], *, executed: frozenset[UserId] = frozenset()
    ) -> None: ...


class InProcessBroadcaster:
    def __init__(self, signals: Signals, clock: Clock) -> None:
        self._signals = signals
        self._clock = clock
        self._inboxes: dict[UserId, Inbox] = {}
        self._waiting: deque[tuple[UserId, Delivery]] = deque()
        self._handed_out = asyncio.Event()
        self._handed_out.set()

    def open(self, user_id: UserId) -> Inbox:
        """The inbox a user's listener reads from."""
        return self._inboxes.setdefault(user_id, Inbox(INBOX_SIZE))

    def close(self, user_id: UserId) -> None:
        """Forget a user; what is left in the inbox is not delivered."""
        self._inboxes.pop(user_id, None)

    @property
    def queued(self) -> int:
        """Deliveries that no listener has taken yet."""
        return len(self._waiting) + sum(inbox.qsize() for inbox in self._inboxes.values())

    async def drained(self) -> None:
        """Return when every listener has finished what was broadcast to it."""
        await self._handed_out.wait()
        for inbox in list(self._inboxes.values()):
            await inbox.join()

    def broadcast(
        self, signal: Signal, users: Sequence[UserId], *, executed: frozenset[UserId] = frozenset()
    ) -> None:
        """Hand the signal out to every inbox, in order, without waiting.

        Who comes first rotates with the signal, so that nobody is always last in the market;
        shadows come after everybody. A full inbox is a decision too: it is recorded as one.
        """
        for rank, user_id in enumerate(_in_turn(signal, users)):
            delivery = Delivery(signal=signal, rank=rank, executed=user_id in executed)
            self._waiting.append((user_id, delivery))
        if self._handed_out.is_set():
            self._hand_out()

    def _hand_out(self) -> None:
        """Deliver to the next few, then let answers, stops and alerts have their turn."""
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            self._deliver(*self._waiting.popleft())
        if self._waiting:
            self._handed_out.clear()
            asyncio.get_running_loop().call_soon(self._hand_out)
        else:
            self._handed_out.set()

    def _deliver(self, user_id: UserId, delivery: Delivery) -> None:
        inbox = self._inboxes.get(user_id)
        if inbox is None:
            return
        if inbox.full():
            self._drop(delivery.signal, user_id)
        else:
            inbox.put_nowait(delivery)

    def _drop(self, signal: Signal, user_id: UserId) -> None:
        log.error("signal.dropped", user_id=user_id, signal_id=signal.signal_id)
        self._signals.record_decision_later(
            Decision(
                signal_id=signal.signal_id,
                user_id=user_id,
                outcome=Outcome.SKIP,
                code=Reason.INBOX_FULL,
                detail={"inbox": INBOX_SIZE},
                decided_at_ms=self._clock.now_ms(),
            )
        )


def _in_turn(signal: Signal, users: Sequence[UserId]) -> Sequence[UserId]:
    shadows = [each for each in users if owner_of(each) is not None]
    if shadows:
        users = [each for each in users if owner_of(each) is None]
    first = _first(signal, len(users))
    return [*users[first:], *users[:first], *shadows]


def _first(signal: Signal, users: int) -> int:
    return int(signal.signal_id.removeprefix("sig_"), 16) % users if users else 0
