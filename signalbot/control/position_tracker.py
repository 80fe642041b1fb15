"""Notices that an alert was lost or overtaken, and keeps what follows from it safe.

Leaving late is safe: nobody should hold what its strategy has left. Entering late is not: the price
has moved on, and so perhaps has the strategy.
"""

from dataclasses import replace

import structlog

from signalbot.config.settings import StrategySettings
from signalbot.config.webhook import OnMissed, WebhookSection
from signalbot.domain.position_tracking import TrackResult
from signalbot.domain.signals import Action
from signalbot.ledger.tracked_positions import TrackedPositions
from signalbot.ports import Clock
from signalbot.webhooks.alert import Alert, reported_position

log = structlog.get_logger()

_ENTRIES = (Action.LONG, Action.SHORT)


class PositionTracker:
    def __init__(self, tracked_positions: TrackedPositions, clock: Clock) -> None:
        self._tracked_positions = tracked_positions
        self._clock = clock

    async def observe(
        self,
        terms: StrategySettings,
        webhook: WebhookSection,
        alert: Alert,
        key: str,
        *,
        is_repeat: bool,
    ) -> list[Alert]:
        """What is to be done in place of an alert: one after the other, as alerts of its key."""
        result = await self._tracked_positions.track(
            reported_position(alert, key=key, is_repeat=is_repeat),
            strategy=terms.name,
            symbol=alert.symbol,
            now_ms=self._clock.now_ms(),
        )
        if result.is_out_of_order:
            log.warning("alert.out_of_order", strategy=terms.name, symbol=alert.symbol)
            return [replace(alert, steps=tuple(s for s in alert.steps if s not in _ENTRIES))]
        if result.gap is None or result.tracked is None:
            return [alert]
        missed_exit = result.missed_exit
        if missed_exit not in webhook.actions or missed_exit in alert.steps:
            missed_exit = None
        exits = missed_exit is not None and webhook.on_missed is OnMissed.EXIT
        if not is_repeat:
            _log_missed(terms, alert, result, missed_exit, exits=exits)
        if missed_exit is None or not exits:
            return [alert]
        reason = f"an alert was missed: its strategy is {result.tracked.position} now"
        return [replace(alert, steps=(missed_exit,), reason=reason), alert]


def _log_missed(
    terms: StrategySettings,
    alert: Alert,
    result: TrackResult,
    missed_exit: Action | None,
    *,
    exits: bool,
) -> None:
    assert result.gap is not None  # noqa: S101 - the caller has looked
    assert result.tracked is not None  # noqa: S101
    if missed_exit is None:
        cure = "none is needed: what it opened is over, or entering late would not be safe"
    elif exits:
        cure = f"{missed_exit.value} is sent"
    else:
        cure = f"signalbot send {terms.name} {alert.symbol} {missed_exit.value}"
    log.warning(
        "alert.missed",
        strategy=terms.name,
        symbol=alert.symbol,
        known=result.gap.expected.value,
        told=result.gap.reported.value,
        now=result.tracked.position.value,
        cure=cure,
    )
