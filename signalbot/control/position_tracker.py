"""Detects lost and late alerts, and corrects the actions that follow.

A late exit is safe: no user should hold what the strategy has closed. A late entry is not: price
and strategy may have moved on.
"""

from dataclasses import replace

import structlog

from signalbot.domain.position_tracking import TrackResult
from signalbot.domain.signals import Action
from signalbot.ledger.tracked_positions import TrackedPositions
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings
from signalbot.settings.webhook import OnMissedExit, WebhookSettings
from signalbot.webhooks.alert import Alert, reported_position

log = structlog.get_logger()

_ENTRIES = (Action.LONG, Action.SHORT)


class PositionTracker:
    """Tracks the positions that sources report, and adds missed exits."""

    def __init__(self, tracked_positions: TrackedPositions, clock: Clock) -> None:
        self._tracked_positions = tracked_positions
        self._clock = clock

    async def observe(
        self,
        strategy: StrategySettings,
        webhook: WebhookSettings,
        alert: Alert,
        key: str,
        *,
        is_repeat: bool,
    ) -> list[Alert]:
        """The alerts to carry out instead of ``alert``, in order; all have its key."""
        result = await self._tracked_positions.track(
            reported_position(alert, key=key, is_repeat=is_repeat),
            strategy=strategy.name,
            symbol=alert.symbol,
            now_ms=self._clock.now_ms(),
        )
        if result.is_out_of_order:
            log.warning("alert.out_of_order", strategy=strategy.name, symbol=alert.symbol)
            return [replace(alert, steps=tuple(s for s in alert.steps if s not in _ENTRIES))]
        if result.gap is None or result.tracked is None:
            return [alert]
        missed_exit = result.missed_exit
        if missed_exit not in webhook.actions or missed_exit in alert.steps:
            missed_exit = None
        exits = missed_exit is not None and webhook.on_missed is OnMissedExit.EXIT
        if not is_repeat:
            _log_missed(strategy, alert, result, missed_exit, exits=exits)
        if missed_exit is None or not exits:
            return [alert]
        reason = f"an alert was missed: its strategy is {result.tracked.position} now"
        return [replace(alert, steps=(missed_exit,), reason=reason), alert]


def _log_missed(
    strategy: StrategySettings,
    alert: Alert,
    result: TrackResult,
    missed_exit: Action | None,
    *,
    exits: bool,
) -> None:
    assert result.gap is not None  # noqa: S101 - checked by the caller
    assert result.tracked is not None  # noqa: S101
    if missed_exit is None:
        fix = "none needed: the missed position is closed, or a late entry would not be safe"
    elif exits:
        fix = f"{missed_exit.value} is sent"
    else:
        fix = f"signalbot send {strategy.name} {alert.symbol} {missed_exit.value}"
    log.warning(
        "alert.missed",
        strategy=strategy.name,
        symbol=alert.symbol,
        known=result.gap.expected.value,
        told=result.gap.reported.value,
        now=result.tracked.position.value,
        cure=fix,
    )
