"""What makes an alert itself: whether it has come before, and which signals are its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from signalbot.config.settings import StrategySettings
from signalbot.config.webhook import OnMissed
from signalbot.domain.signals import Action, SignalId, signal_id_of_key
from signalbot.domain.timeframe import Ms
from signalbot.ledger.alert_deliveries import AlertDeliveries, AlertDelivery
from signalbot.ledger.signals import Signals
from signalbot.webhooks.alert import Alert
from signalbot.webhooks.signature import is_signed


@dataclass(frozen=True, slots=True)
class AlertIdentity:
    """What an alert is known by."""

    key: str
    is_repeat: bool  #: it has come before
    is_content_key: bool  #: equal keys have equal content
    delivery: AlertDelivery | None = None  #: in its market, if it has no key of its own

    def signal_key(self, step: Action) -> str:
        """Each step of an alert is a signal of its own."""
        return f"{self.key}/{step.value}"


UNIDENTIFIED = AlertIdentity(key="", is_repeat=False, is_content_key=True)


class AlertDeduplicator:
    def __init__(self, signals: Signals, deliveries: AlertDeliveries) -> None:
        self._signals = signals
        self._deliveries = deliveries

    async def identify(
        self,
        terms: StrategySettings,
        alert: Alert,
        headers: Mapping[str, str],
        now_ms: Ms,
        *,
        is_dry_run: bool = False,
    ) -> AlertIdentity:
        """What an alert is known by; of a dry run nothing is remembered.

        The key of a delivery counts whenever it comes again: of a signed alert the ``webhook-id``
        that is signed with it, else an idempotency key. An id or the time of a bar is not one:
        strategies use them again. Without a key an alert is a repeat while it is literally the
        last one of its market.
        """
        if is_signed(headers):
            given = headers.get("webhook-id")
        else:
            given = headers.get("idempotency-key") or headers.get("webhook-id") or alert.key
        if given is not None:
            identity = AlertIdentity(key=given, is_repeat=False, is_content_key=False)
            matches = [
                await self._signal_exists(terms, identity.signal_key(step))
                for step in _steps(alert)
            ]
            return AlertIdentity(key=given, is_repeat=any(matches), is_content_key=False)
        delivery = AlertDelivery(
            strategy=terms.name,
            symbol=alert.symbol,
            digest=alert.digest,
            is_named=alert.has_unique_id,
            signals=_max_signals(terms, alert),
        )
        read = self._deliveries.peek if is_dry_run else self._deliveries.record
        place = await read(delivery, now_ms)
        key = f"{alert.digest}.{place.number}"
        return AlertIdentity(
            key=key, is_repeat=place.is_repeat, is_content_key=True, delivery=delivery
        )

    async def record_signal_count(self, identity: AlertIdentity, signals: int) -> None:
        """Correct how many signals an alert has led to: missed and overtaken ones change that."""
        delivery = identity.delivery
        if delivery is not None and not identity.is_repeat and signals != delivery.signals:
            await self._deliveries.correct_signal_count(delivery, signals)

    async def _signal_exists(self, terms: StrategySettings, key: str) -> bool:
        signal_id: SignalId = signal_id_of_key(strategy=terms.name, key=key)
        return await self._signals.signal(signal_id) is not None


def _steps(alert: Alert) -> list[Action]:
    return [step for step in alert.steps if isinstance(step, Action)]


def _max_signals(terms: StrategySettings, alert: Alert) -> int:
    """How many signals an alert may lead to: its steps, and an exit that was missed before."""
    webhook = terms.webhook
    is_aligned = webhook is not None and webhook.on_missed is OnMissed.EXIT
    return len(_steps(alert)) + (is_aligned and alert.previous_position is not None)
