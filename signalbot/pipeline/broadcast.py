"""Hands one signal to every subscriber's own bounded inbox; the slowest user delays nobody."""

import asyncio
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

    def open(self, user_id: UserId) -> Inbox:
        """The inbox a user's listener reads from."""
        return self._inboxes.setdefault(user_id, Inbox(INBOX_SIZE))

    def close(self, user_id: UserId) -> None:
        """Forget a user; what is left in the inbox is not delivered."""
        self._inboxes.pop(user_id, None)

    @property
    def queued(self) -> int:
        """Signals put into inboxes and not taken out yet."""
        return sum(inbox.qsize() for inbox in self._inboxes.values())

    async def drained(self) -> None:
        """Return when every listener has finished what was put into its inbox."""
        for inbox in list(self._inboxes.values()):
            await inbox.join()

    def broadcast(
        self, signal: Signal, users: Sequence[UserId], *, executed: frozenset[UserId] = frozenset()
    ) -> None:
        """Put the signal into every inbox without waiting.

        Who comes first rotates with the signal, so that nobody is always last in the market;
        shadows come after everybody. A full inbox is a decision too: it is recorded as one.
        """
        for rank, user_id in enumerate(_in_turn(signal, users)):
            inbox = self._inboxes.get(user_id)
            if inbox is None:
                continue
            if inbox.full():
                self._drop(signal, user_id)
            else:
                inbox.put_nowait(
                    Delivery(signal=signal, rank=rank, executed=user_id in executed)
                )  # fmt: skip

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
