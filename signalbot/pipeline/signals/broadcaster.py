"""Delivers a signal to every subscriber's bounded inbox, without waiting for any of them."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import Decision, DecisionOutcome
from signalbot.domain.signals import Signal
from signalbot.domain.users import UserId, owner_of
from signalbot.ledger.signals import Signals
from signalbot.ports import Clock

log = structlog.get_logger()

INBOX_SIZE = 64
_BATCH_SIZE = 32  # a decision takes 0.2 ms: a thousand in one go would block the event loop


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDelivery:
    """One signal for one user."""

    signal: Signal
    rank: int  #: position in the fan-out, 0 first
    executed: bool = False  #: whether this user has already claimed the signal


Inbox = asyncio.Queue[SignalDelivery]


class Broadcaster(Protocol):
    """Delivers a stored signal to its users."""

    def broadcast(
        self, signal: Signal, users: Sequence[UserId], *, executed: frozenset[UserId] = frozenset()
    ) -> None: ...


class InProcessBroadcaster:
    """Delivers signals through queues in this process."""

    def __init__(self, signals: Signals, clock: Clock) -> None:
        self._signals = signals
        self._clock = clock
        self._inboxes: dict[UserId, Inbox] = {}
        self._waiting: deque[tuple[UserId, SignalDelivery]] = deque()
        self._all_delivered = asyncio.Event()
        self._all_delivered.set()

    def open(self, user_id: UserId) -> Inbox:
        """Open and return the inbox of a user's listener."""
        return self._inboxes.setdefault(user_id, Inbox(INBOX_SIZE))

    def close(self, user_id: UserId) -> None:
        """Remove a user's inbox; undelivered signals in it are dropped."""
        self._inboxes.pop(user_id, None)

    @property
    def queued(self) -> int:
        """Number of deliveries that no listener has received yet."""
        return len(self._waiting) + sum(inbox.qsize() for inbox in self._inboxes.values())

    async def wait_drained(self) -> None:
        """Return once every listener has processed its inbox."""
        await self._all_delivered.wait()
        for inbox in list(self._inboxes.values()):
            await inbox.join()

    def broadcast(
        self, signal: Signal, users: Sequence[UserId], *, executed: frozenset[UserId] = frozenset()
    ) -> None:
        """Queue the signal for every user, without waiting.

        The first user rotates with the signal, so that no user is always the last in the market;
        shadow users come after all others. A full inbox is recorded as a skip.
        """
        for rank, user_id in enumerate(_fan_out_order(signal, users)):
            delivery = SignalDelivery(signal=signal, rank=rank, executed=user_id in executed)
            self._waiting.append((user_id, delivery))
        if self._all_delivered.is_set():
            self._deliver_batch()

    def _deliver_batch(self) -> None:
        """Deliver the next batch, then yield to the event loop before the following one."""
        for _ in range(min(_BATCH_SIZE, len(self._waiting))):
            self._deliver(*self._waiting.popleft())
        if self._waiting:
            self._all_delivered.clear()
            asyncio.get_running_loop().call_soon(self._deliver_batch)
        else:
            self._all_delivered.set()

    def _deliver(self, user_id: UserId, delivery: SignalDelivery) -> None:
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
                outcome=DecisionOutcome.SKIP,
                code=DecisionCode.INBOX_FULL,
                detail={"inbox": INBOX_SIZE},
                decided_at_ms=self._clock.now_ms(),
            )
        )


def _fan_out_order(signal: Signal, users: Sequence[UserId]) -> Sequence[UserId]:
    shadows = [each for each in users if owner_of(each) is not None]
    if shadows:
        users = [each for each in users if owner_of(each) is None]
    first = _rotation(signal, len(users))
    return [*users[first:], *users[:first], *shadows]


def _rotation(signal: Signal, users: int) -> int:
    return int(signal.signal_id.removeprefix("sig_"), 16) % users if users else 0
