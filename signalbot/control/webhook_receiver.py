"""Receives authenticated alerts: parses, deduplicates and carries out each one once."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from signalbot.control.alert_deduplication import UNIDENTIFIED, AlertDeduplicator, AlertIdentity
from signalbot.control.discarded_alerts import DiscardedAlertLog
from signalbot.control.heartbeat_monitor import HeartbeatMonitor
from signalbot.control.position_tracker import PositionTracker
from signalbot.control.signal_intake import SignalIntake, SignalRequest
from signalbot.domain.errors import InvalidSignal
from signalbot.domain.money import HUNDRED
from signalbot.domain.signals import Action, Signal, SignalSource
from signalbot.domain.timeframe import Ms
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings
from signalbot.settings.webhook import WebhookSettings
from signalbot.webhooks.alert import Alert, AlertRules
from signalbot.webhooks.parser import parse_alert
from signalbot.webhooks.resolution import CancelRequest

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSignalResult:
    """The signal of one step of an alert."""

    signal: Signal
    is_new: bool  #: False: it was stored before; nothing was done


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResult:
    """The signals of an alert; of a dry run, those it would lead to."""

    sent: list[AlertSignalResult]
    withdrawn: list[AlertSignalResult]  #: entry signals that the alert has cancelled
    ignored: tuple[str, ...]  #: names of ignored fields
    refused: str | None  #: why only the exits of the alert were sent
    is_dry_run: bool


class WebhookReceiver:
    """Turns the alerts of sources into signals."""

    def __init__(
        self,
        *,
        signal_intake: SignalIntake,
        deduplicator: AlertDeduplicator,
        position_tracker: PositionTracker,
        heartbeat_monitor: HeartbeatMonitor,
        discarded_alerts: DiscardedAlertLog,
        clock: Clock,
    ) -> None:
        self._signal_intake = signal_intake
        self._deduplicator = deduplicator
        self._position_tracker = position_tracker
        self._heartbeat_monitor = heartbeat_monitor
        self._discarded_alerts = discarded_alerts
        self._clock = clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def receive(
        self,
        strategy: StrategySettings,
        body: bytes,
        *,
        headers: Mapping[str, str],
        is_dry_run: bool = False,
    ) -> AlertResult:
        """Carry out one alert of a source: its signals are in the ledger when this returns.

        A dry run stores nothing.

        Raises:
            InvalidSignal: it cannot be parsed, or requests what this source may not do.
            Conflict: its key was used before for another signal.
        """
        source = strategy.name
        assert strategy.webhook is not None  # noqa: S101 - it is a source
        if not is_dry_run:
            self._heartbeat_monitor.record_alert(source)
        now_ms = self._clock.now_ms()
        try:
            rules = AlertRules.of(strategy.webhook, strategy.symbols)
            alert = parse_alert(body, rules, now_ms=now_ms)
            if is_dry_run or alert.is_test:
                return await self._dry_run(strategy, alert, headers, now_ms)
            async with self._locks[source]:  # alerts of one source are sent in their order
                return await self._carry_out(strategy, strategy.webhook, alert, headers, now_ms)
        except InvalidSignal as e:
            self._discarded_alerts.refused(source, str(e))
            raise

    async def _carry_out(
        self,
        strategy: StrategySettings,
        webhook: WebhookSettings,
        alert: Alert,
        headers: Mapping[str, str],
        now_ms: Ms,
    ) -> AlertResult:
        alert = self._with_possible_entry(strategy, alert)
        identity = await self._deduplicator.identify(strategy, alert, headers, now_ms)
        sent: list[AlertSignalResult] = []
        withdrawn: list[AlertSignalResult] = []
        for each in await self._position_tracker.observe(
            strategy, webhook, alert, identity.key, is_repeat=identity.is_repeat
        ):
            for step in each.steps:
                if isinstance(step, CancelRequest):
                    withdrawn += await self._cancel_open_entries(strategy, alert.symbol)
                else:
                    receipt = await self._signal_intake.send(
                        _signal_request(strategy, each, step, identity)
                    )
                    sent.append(AlertSignalResult(signal=receipt.signal, is_new=receipt.is_new))
        await self._deduplicator.record_signal_count(identity, len(sent))
        if sent and not any(each.is_new for each in sent):
            log.info(
                "alert.duplicate_ignored",
                strategy=strategy.name,
                symbol=alert.symbol,
                signal_id=sent[0].signal.signal_id,
            )
        if alert.entry_rejection is not None:
            self._discarded_alerts.refused(strategy.name, alert.entry_rejection)
        return _alert_result(alert, sent, withdrawn, is_dry_run=False)

    def _with_possible_entry(self, strategy: StrategySettings, alert: Alert) -> Alert:
        """The alert, reduced to its exits if its entry is invalid.

        Raises:
            InvalidSignal: the entry is invalid and there is no exit.
        """
        entries = [step for step in alert.steps if isinstance(step, Action) and step.is_entry]
        try:
            for step in entries:
                self._signal_intake.preview(_signal_request(strategy, alert, step, UNIDENTIFIED))
        except InvalidSignal as e:
            exits = tuple(step for step in alert.steps if step not in entries)
            if not exits:
                raise
            return replace(alert, steps=exits, entry_rejection=str(e))
        return alert

    async def _dry_run(
        self, strategy: StrategySettings, alert: Alert, headers: Mapping[str, str], now_ms: Ms
    ) -> AlertResult:
        """The result that an alert would have; stores and sends no signal."""
        alert = self._with_possible_entry(strategy, alert)
        identity = await self._deduplicator.identify(
            strategy, alert, headers, now_ms, is_dry_run=True
        )
        sent = []
        for step in alert.steps:
            if isinstance(step, Action):
                signal = self._signal_intake.preview(
                    _signal_request(strategy, alert, step, identity)
                )
                is_new = not await self._signal_intake.is_stored(signal.signal_id)
                sent.append(AlertSignalResult(signal=signal, is_new=is_new))
        withdrawn = [
            AlertSignalResult(signal=each, is_new=True)
            for each in await self._signal_intake.open_entries(strategy.name, alert.symbol)
            if CancelRequest.OPEN_SIGNALS in alert.steps
        ]
        return _alert_result(alert, sent, withdrawn, is_dry_run=True)

    async def _cancel_open_entries(
        self, strategy: StrategySettings, symbol: str
    ) -> list[AlertSignalResult]:
        """Cancel the active entry signals of this source in one symbol."""
        intake = self._signal_intake
        return [
            AlertSignalResult(signal=signal, is_new=await intake.cancel(signal.signal_id))
            for signal in await intake.open_entries(strategy.name, symbol)
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
    strategy: StrategySettings, alert: Alert, step: Action, identity: AlertIdentity
) -> SignalRequest:
    return SignalRequest(
        strategy=strategy.name,
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
