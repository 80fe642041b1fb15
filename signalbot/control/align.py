"""Notices that an alert was lost or overtaken, and keeps what follows from it safe.

Leaving late is safe: nobody should hold what its strategy has left. Entering late is not: the price
has moved on, and so perhaps has the strategy.
"""

from dataclasses import replace

import structlog

from signalbot.config.terms import StrategyTerms
from signalbot.config.webhook import OnMissed, WebhookTable
from signalbot.domain.alignment import Heard
from signalbot.domain.signals import Action
from signalbot.intake.alert import Alert
from signalbot.intake.stances import told_by
from signalbot.ledger.alignments import Alignments
from signalbot.ports import Clock

log = structlog.get_logger()

_ENTRIES = (Action.LONG, Action.SHORT)


class Aligner:
    def __init__(self, alignments: Alignments, clock: Clock) -> None:
        self._alignments = alignments
        self._clock = clock

    async def heed(
        self,
        terms: StrategyTerms,
        webhook: WebhookTable,
        alert: Alert,
        key: str,
        *,
        is_repeat: bool,
    ) -> list[Alert]:
        """What is to be done in place of an alert: one after the other, as alerts of its key."""
        heard = await self._alignments.hear(
            told_by(alert, key=key, is_repeat=is_repeat),
            strategy=terms.name,
            symbol=alert.symbol,
            now_ms=self._clock.now_ms(),
        )
        if heard.is_overtaken:
            log.warning("alert.overtaken", strategy=terms.name, symbol=alert.symbol)
            return [replace(alert, steps=tuple(s for s in alert.steps if s not in _ENTRIES))]
        if heard.gap is None or heard.alignment is None:
            return [alert]
        owed = heard.owed
        if owed not in webhook.actions or owed in alert.steps:
            owed = None
        leaves = owed is not None and webhook.on_missed is OnMissed.EXIT
        if not is_repeat:
            _tell(terms, alert, heard, owed, leaves=leaves)
        if owed is None or not leaves:
            return [alert]
        reason = f"an alert was missed: its strategy is {heard.alignment.position} now"
        return [replace(alert, steps=(owed,), reason=reason), alert]


def _tell(
    terms: StrategyTerms, alert: Alert, heard: Heard, owed: Action | None, *, leaves: bool
) -> None:
    assert heard.gap is not None  # noqa: S101 - the caller has looked
    assert heard.alignment is not None  # noqa: S101
    if owed is None:
        cure = "none is needed: what it opened is over, or entering late would not be safe"
    elif leaves:
        cure = f"{owed.value} is sent"
    else:
        cure = f"signalbot send {terms.name} {alert.symbol} {owed.value}"
    log.warning(
        "alert.missed",
        strategy=terms.name,
        symbol=alert.symbol,
        known=heard.gap.known.value,
        told=heard.gap.told.value,
        now=heard.alignment.position.value,
        cure=cure,
    )
