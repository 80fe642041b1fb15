"""Emits stored signals of every source to their subscribers."""

from collections.abc import Callable, Collection, Sequence

import structlog

from signalbot.domain.money import text
from signalbot.domain.signals import Signal
from signalbot.domain.users import UserId
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.pipeline.signals.broadcaster import Broadcaster
from signalbot.pipeline.signals.expiry import SignalExpirer
from signalbot.ports import Clock

log = structlog.get_logger()

SubscribersOf = Callable[[str], Sequence[UserId]]
"""Returns the users of a strategy; cancelled subscriptions are left out."""


class Emitter:
    """Logs, schedules the expiry of, and broadcasts signals."""

    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        broadcaster: Broadcaster,
        expirer: SignalExpirer,
        subscribers_of: SubscribersOf,
        clock: Clock,
    ) -> None:
        self._signals = signals
        self._executions = executions
        self._broadcaster = broadcaster
        self._expirer = expirer
        self._subscribers_of = subscribers_of
        self._clock = clock

    async def emit(self, signal: Signal) -> None:
        """Broadcast a signal that has just been stored for the first time."""
        users = self._subscribers_of(signal.strategy)
        log.info(
            "signal.created",
            strategy=signal.strategy,
            signal_id=signal.signal_id,
            symbol=signal.symbol,
            action=signal.action.value,
            strength=signal.strength.value,
            confidence=signal.confidence,
            price=None if signal.price is None else text(signal.price),
            stop=None if signal.stop_loss is None else text(signal.stop_loss),
            users=len(users),
        )
        self._expirer.schedule(signal)
        self._broadcaster.broadcast(signal, users)

    async def accept(self, signal: Signal) -> bool:
        """Store an external signal and broadcast it; False if it is a duplicate."""
        if not await self._signals.store(signal):
            return False
        await self.emit(signal)
        return True

    async def redeliver(self, signal: Signal) -> None:
        """Broadcast an open signal again; users who have decided on it do not decide again."""
        executed = frozenset(
            execution.user_id for execution in await self._executions.executions(signal.signal_id)
        )
        undecided = await self._signals.undecided_users(signal.signal_id)
        self._broadcaster.broadcast(signal, [*sorted(executed), *undecided], executed=executed)

    async def start(self) -> None:
        """Expire overdue signals and schedule the expiry of open ones, after a start."""
        await self._expirer.expire()
        for signal in await self._signals.active(self._clock.now_ms()):
            self._expirer.schedule(signal)

    async def catch_up(self, ready: Collection[UserId]) -> None:
        """Broadcast open signals to the users in ``ready`` who have not decided on them."""
        for signal in await self._signals.active(self._clock.now_ms()):
            undecided = await self._signals.undecided_users(signal.signal_id)
            users = [user_id for user_id in undecided if user_id in ready]
            if users:
                log.info("signal.redelivered", signal_id=signal.signal_id, users=len(users))
                self._broadcaster.broadcast(signal, users)
