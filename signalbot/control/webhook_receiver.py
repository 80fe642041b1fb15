"""Takes in alerts: known to come from their source, understood, and carried out once."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from signalbot.config.settings import StrategySettings
from signalbot.config.webhook import WebhookSection
from signalbot.control.alert_deduplication import UNIDENTIFIED, AlertDeduplicator, AlertIdentity
from signalbot.control.discarded_alerts import DiscardedAlertLog
from signalbot.control.heartbeat_monitor import HeartbeatMonitor
from signalbot.control.position_tracker import PositionTracker
from signalbot.control.signal_intake import SignalIntake, SignalRequest
from signalbot.domain.errors import InvalidSignal
from signalbot.domain.money import HUNDRED
from signalbot.domain.signals import Action, Signal, SignalSource
from signalbot.domain.timeframe import Ms
from signalbot.ledger.alert_deliveries import AlertDeliveries
from signalbot.ledger.signals import Signals
from signalbot.pipeline.signals.expiry import SignalExpirer
from signalbot.ports import Clock
from signalbot.webhooks.alert import Alert
from signalbot.webhooks.parser import parse_alert
from signalbot.webhooks.resolution import CancelRequest

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSignalResult:
    """What became of one step of an alert."""

    signal: Signal
    is_new: bool  #: False: it had come before, and nothing happened now


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResult:
    """What an alert has led to; or would lead to, where nothing was to be done."""

    sent: list[AlertSignalResult]
    withdrawn: list[AlertSignalResult]  #: entries that the alert has withdrawn
    ignored: tuple[str, ...]  #: names of fields that did not count
    refused: str | None  #: why the entry of an alert was left out beside its exit
    is_dry_run: bool


class WebhookReceiver:
    def __init__(
        self,
        *,
        signal_intake: SignalIntake,
        signals: Signals,
        expirer: SignalExpirer,
        deliveries: AlertDeliveries,
        position_tracker: PositionTracker,
        heartbeat_monitor: HeartbeatMonitor,
        discarded_alerts: DiscardedAlertLog,
        clock: Clock,
    ) -> None:
        self._signal_intake = signal_intake
        self._signals = signals
        self._expirer = expirer
        self._deduplicator = AlertDeduplicator(signals, deliveries)
        self._position_tracker = position_tracker
        self._heartbeat_monitor = heartbeat_monitor
        self._discarded_alerts = discarded_alerts
        self._clock = clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def receive(
        self,
        terms: StrategySettings,
        body: bytes,
        *,
        headers: Mapping[str, str],
        is_dry_run: bool = False,
    ) -> AlertResult:
        """Take in one alert of a source: what it asks for is in the ledger when this returns.

        Nothing remains of a dry run.

        Raises:
            BadSignal: it cannot be understood, or asks for what this source may not.
            Conflict: its key came before with something else.
        """
        source = terms.name
        assert terms.webhook is not None  # noqa: S101 - it is a source
        if not is_dry_run:
            self._heartbeat_monitor.record_alert(source)
        now_ms = self._clock.now_ms()
        try:
            alert = parse_alert(body, terms.webhook.alert_rules(terms.symbols), now_ms=now_ms)
            if is_dry_run or alert.is_test:
                return await self._dry_run(terms, alert, headers, now_ms)
            async with self._locks[source]:  # what a source says later must not be sent before
                return await self._carry_out(terms, terms.webhook, alert, headers, now_ms)
        except InvalidSignal as e:
            self._discarded_alerts.refused(source, str(e))
            raise

    async def _carry_out(
        self,
        terms: StrategySettings,
        webhook: WebhookSection,
        alert: Alert,
        headers: Mapping[str, str],
        now_ms: Ms,
    ) -> AlertResult:
        alert = self._with_possible_entry(terms, alert)
        identity = await self._deduplicator.identify(terms, alert, headers, now_ms)
        sent: list[AlertSignalResult] = []
        withdrawn: list[AlertSignalResult] = []
        for each in await self._position_tracker.observe(
            terms, webhook, alert, identity.key, is_repeat=identity.is_repeat
        ):
            for step in each.steps:
                if isinstance(step, CancelRequest):
                    withdrawn += await self._cancel_open_entries(terms, alert.symbol)
                else:
                    receipt = await self._signal_intake.send(
                        _signal_request(terms, each, step, identity)
                    )
                    sent.append(AlertSignalResult(signal=receipt.signal, is_new=receipt.is_new))
        await self._deduplicator.record_signal_count(identity, len(sent))
        if sent and not any(each.is_new for each in sent):
            log.info(
                "alert.duplicate_ignored",
                strategy=terms.name,
                symbol=alert.symbol,
                signal_id=sent[0].signal.signal_id,
            )
        if alert.entry_rejection is not None:
            self._discarded_alerts.refused(terms.name, alert.entry_rejection)
        return _alert_result(alert, sent, withdrawn, is_dry_run=False)

    def _with_possible_entry(self, terms: StrategySettings, alert: Alert) -> Alert:
        """The alert, without its entry if that cannot be made and there is an exit to carry out.

        Raises:
            BadSignal: the entry is all there is.
        """
        entries = [step for step in alert.steps if isinstance(step, Action) and step.is_entry]
        try:
            for step in entries:
                self._signal_intake.preview(_signal_request(terms, alert, step, UNIDENTIFIED))
        except InvalidSignal as e:
            exits = tuple(step for step in alert.steps if step not in entries)
            if not exits:
                raise
            return replace(alert, steps=exits, entry_rejection=str(e))
        return alert

    async def _dry_run(
        self, terms: StrategySettings, alert: Alert, headers: Mapping[str, str], now_ms: Ms
    ) -> AlertResult:
        """What would become of an alert; nothing is stored, sent or remembered."""
        alert = self._with_possible_entry(terms, alert)
        identity = await self._deduplicator.identify(terms, alert, headers, now_ms, is_dry_run=True)
        sent = []
        for step in alert.steps:
            if isinstance(step, Action):
                signal = self._signal_intake.preview(_signal_request(terms, alert, step, identity))
                is_new = await self._signals.signal(signal.signal_id) is None
                sent.append(AlertSignalResult(signal=signal, is_new=is_new))
        withdrawn = [
            AlertSignalResult(signal=each, is_new=True)
            for each in (await self._open_entries(terms, alert.symbol))
            if CancelRequest.OPEN_SIGNALS in alert.steps
        ]
        return _alert_result(alert, sent, withdrawn, is_dry_run=True)

    async def _cancel_open_entries(
        self, terms: StrategySettings, symbol: str
    ) -> list[AlertSignalResult]:
        """Withdraw the entries that this source has asked for and that may still be acted on."""
        return [
            AlertSignalResult(signal=signal, is_new=await self._expirer.cancel(signal.signal_id))
            for signal in await self._open_entries(terms, symbol)
        ]

    async def _open_entries(self, terms: StrategySettings, symbol: str) -> list[Signal]:
        return [
            signal
            for signal in await self._signals.active(self._clock.now_ms())
            if signal.strategy == terms.name and signal.symbol == symbol and signal.action.is_entry
        ]


def _alert_result(
    alert: Alert,
    sent: list[AlertSignalResult],
    withdrawn: list[AlertSignalResult],
    *,
    is_dry_run: bool,
) -> AlertResult:
    return AlertResult(
        sent=sent,
        withdrawn=withdrawn,
        ignored=alert.ignored,
        refused=alert.entry_rejection,
        is_dry_run=is_dry_run,
    )


def _signal_request(
    terms: StrategySettings, alert: Alert, step: Action, identity: AlertIdentity
) -> SignalRequest:
    return SignalRequest(
        strategy=terms.name,
        symbol=alert.symbol,
        action=step,
        source=SignalSource.WEBHOOK,
        key=identity.signal_key(step),
        price=alert.price,
        levels=alert.levels if step.is_entry else None,
        exit_percent=HUNDRED if step.is_entry else alert.exit_percent,
        strength=alert.strength,
        confidence=alert.confidence,
        reason=alert.reason,
        is_content_key=identity.is_content_key,
    )
