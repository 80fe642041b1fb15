"""Ends signals: at their time for everybody at once, or when they are withdrawn."""

import structlog

from signalbot.domain.signals import Signal, SignalId
from signalbot.ledger.signals import Signals
from signalbot.ports import Clock
from signalbot.tasks import Timers

log = structlog.get_logger()


class SignalExpirer:
    def __init__(self, signals: Signals, timers: Timers, clock: Clock) -> None:
        self._signals = signals
        self._timers = timers
        self._clock = clock

    def schedule(self, signal: Signal) -> None:
        """Expire the signal when its time comes."""
        self._timers.at(signal.expires_at_ms, self.expire)

    async def expire(self) -> None:
        """Expire every signal whose time is over."""
        for signal_id in await self._signals.expire(self._clock.now_ms()):
            log.debug("signal.expired", signal_id=signal_id)

    async def cancel(self, signal_id: SignalId) -> bool:
        """Withdraw a signal that is still ACTIVE: nobody can execute it from now on."""
        cancelled = await self._signals.cancel(signal_id, now_ms=self._clock.now_ms())
        if cancelled:
            log.info("signal.cancelled", signal_id=signal_id)
        return cancelled
