"""Identifies alerts: detects repeats and derives the keys of their signals."""

from collections.abc import Mapping
from dataclasses import dataclass

from signalbot.domain.signals import Action, SignalId, signal_id_of_key
from signalbot.domain.timeframe import Ms
from signalbot.ledger.alert_deliveries import AlertDeliveries, AlertDelivery
from signalbot.ledger.signals import Signals
from signalbot.settings.strategy import StrategySettings
from signalbot.settings.webhook import OnMissedExit
from signalbot.webhooks.alert import Alert
from signalbot.webhooks.signature import is_signed


@dataclass(frozen=True, slots=True)
class AlertIdentity:
    """The key of an alert, and whether the alert is a repeat."""

    key: str
    is_repeat: bool  #: the same alert was received before
    is_content_key: bool  #: equal keys have equal content
    delivery: AlertDelivery | None = None  #: the record of its delivery, if it has no key

    def signal_key(self, step: Action) -> str:
        """The signal key of one step of the alert."""
        return f"{self.key}/{step.value}"


UNIDENTIFIED = AlertIdentity(key="", is_repeat=False, is_content_key=True)


class AlertDeduplicator:
    """Recognizes alerts that were received before."""

    def __init__(self, signals: Signals, deliveries: AlertDeliveries) -> None:
        self._signals = signals
        self._deliveries = deliveries

    async def identify(
        self,
        strategy: StrategySettings,
        alert: Alert,
        headers: Mapping[str, str],
        now_ms: Ms,
        *,
        is_dry_run: bool = False,
    ) -> AlertIdentity:
        """Identify an alert; a dry run records nothing.

        A key identifies an alert permanently: the signed ``webhook-id`` of a signed alert, else an
        idempotency key. Order ids and bar times are no keys: strategies reuse them. Without a key
        an alert is a repeat while its content equals the last alert of its market.
        """
        if is_signed(headers):
            given = headers.get("webhook-id")
        else:
            given = headers.get("idempotency-key") or headers.get("webhook-id") or alert.key
        if given is not None:
            identity = AlertIdentity(key=given, is_repeat=False, is_content_key=False)
            matches = [
                await self._signal_exists(strategy, identity.signal_key(step))
                for step in _steps(alert)
            ]
            return AlertIdentity(key=given, is_repeat=any(matches), is_content_key=False)
        delivery = AlertDelivery(
            strategy=strategy.name,
            symbol=alert.symbol,
            digest=alert.digest,
            is_named=alert.has_unique_id,
            signals=_max_signals(strategy, alert),
        )
        read = self._deliveries.peek if is_dry_run else self._deliveries.record
        place = await read(delivery, now_ms)
        key = f"{alert.digest}.{place.number}"
        return AlertIdentity(
            key=key, is_repeat=place.is_repeat, is_content_key=True, delivery=delivery
        )

    async def record_signal_count(self, identity: AlertIdentity, signals: int) -> None:
        """Correct the recorded number of signals: lost and late alerts change it."""
        delivery = identity.delivery
        if delivery is not None and not identity.is_repeat and signals != delivery.signals:
            await self._deliveries.correct_signal_count(delivery, signals)

    async def _signal_exists(self, strategy: StrategySettings, key: str) -> bool:
        signal_id: SignalId = signal_id_of_key(strategy=strategy.name, key=key)
        return await self._signals.signal(signal_id) is not None


def _steps(alert: Alert) -> list[Action]:
    return [step for step in alert.steps if isinstance(step, Action)]


def _max_signals(strategy: StrategySettings, alert: Alert) -> int:
    """Maximum number of signals of an alert: its steps, and the exit of a lost alert."""
    webhook = strategy.webhook
    is_aligned = webhook is not None and webhook.on_missed is OnMissedExit.EXIT
    return len(_steps(alert)) + (is_aligned and alert.previous_position is not None)
