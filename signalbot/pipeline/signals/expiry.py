"""Expires signals at their time, and cancels them on request."""

import structlog

from signalbot.domain.signals import Signal, SignalId
from signalbot.ledger.signals import Signals
from signalbot.ports import Clock
from signalbot.tasks import Timers

log = structlog.get_logger()


class SignalExpirer:
    """Ends signals for all users at once."""

    def __init__(self, signals: Signals, timers: Timers, clock: Clock) -> None:
        self._signals = signals
        self._timers = timers
        self._clock = clock

    def schedule(self, signal: Signal) -> None:
        """Expire the signal at its ``expires_at_ms``."""
        self._timers.at(signal.expires_at_ms, self.expire)

    async def expire(self) -> None:
        """Expire every overdue signal."""
        for signal_id in await self._signals.expire(self._clock.now_ms()):
            log.debug("signal.expired", signal_id=signal_id)

    async def cancel(self, signal_id: SignalId) -> bool:
        """Cancel an ACTIVE signal, so that no user can execute it; False if it was not ACTIVE."""
        cancelled = await self._signals.cancel(signal_id, now_ms=self._clock.now_ms())
        if cancelled:
            log.info("signal.cancelled", signal_id=signal_id)
        return cancelled
