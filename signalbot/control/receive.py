"""Takes in alerts: known to come from their source, understood, and carried out once."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from signalbot.config.terms import StrategyTerms
from signalbot.config.webhook import WebhookTable
from signalbot.control.align import Aligner
from signalbot.control.door import Door, Draft
from signalbot.control.heartbeat import Heartbeats
from signalbot.control.identity import NO_IDENTITY, Identities, Identity
from signalbot.control.tally import Tally
from signalbot.domain.errors import BadSignal
from signalbot.domain.money import HUNDRED
from signalbot.domain.signals import Action, Signal, SignalSource
from signalbot.domain.timeframe import Ms
from signalbot.intake.alert import Alert, understand
from signalbot.intake.direction import Cancel
from signalbot.ledger.deliveries import Deliveries
from signalbot.ledger.signals import Signals
from signalbot.pipeline.expire import Expirer
from signalbot.ports import Clock

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one step of an alert."""

    signal: Signal
    is_new: bool  #: False: it had come before, and nothing happened now


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What an alert has led to; or would lead to, where nothing was to be done."""

    taken: list[Taken]
    withdrawn: list[Taken]  #: entries that the alert has withdrawn
    ignored: tuple[str, ...]  #: names of fields that did not count
    refused: str | None  #: why the entry of an alert was left out beside its exit
    is_dry_run: bool


class Receiver:
    def __init__(
        self,
        *,
        door: Door,
        signals: Signals,
        expirer: Expirer,
        deliveries: Deliveries,
        aligner: Aligner,
        heartbeats: Heartbeats,
        tally: Tally,
        clock: Clock,
    ) -> None:
        self._door = door
        self._signals = signals
        self._expirer = expirer
        self._identities = Identities(signals, deliveries)
        self._aligner = aligner
        self._heartbeats = heartbeats
        self._tally = tally
        self._clock = clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def receive(
        self,
        terms: StrategyTerms,
        body: bytes,
        *,
        headers: Mapping[str, str],
        is_dry_run: bool = False,
    ) -> Reception:
        """Take in one alert of a source: what it asks for is in the ledger when this returns.

        Nothing remains of a dry run.

        Raises:
            BadSignal: it cannot be understood, or asks for what this source may not.
            Conflict: its key came before with something else.
        """
        source = terms.name
        assert terms.webhook is not None  # noqa: S101 - it is a source
        if not is_dry_run:
            self._heartbeats.heard(source)
        now_ms = self._clock.now_ms()
        try:
            alert = understand(body, terms.webhook.meaning(terms.symbols), now_ms=now_ms)
            if is_dry_run or alert.is_test:
                return await self._rehearse(terms, alert, headers, now_ms)
            async with self._locks[source]:  # what a source says later must not be sent before
                return await self._take(terms, terms.webhook, alert, headers, now_ms)
        except BadSignal as e:
            self._tally.refused(source, str(e))
            raise

    async def _take(
        self,
        terms: StrategyTerms,
        webhook: WebhookTable,
        alert: Alert,
        headers: Mapping[str, str],
        now_ms: Ms,
    ) -> Reception:
        alert = self._with_possible_entry(terms, alert)
        identity = await self._identities.of(terms, alert, headers, now_ms)
        taken: list[Taken] = []
        withdrawn: list[Taken] = []
        for each in await self._aligner.heed(
            terms, webhook, alert, identity.key, is_repeat=identity.is_repeat
        ):
            for step in each.steps:
                if isinstance(step, Cancel):
                    withdrawn += await self._withdraw(terms, alert.symbol)
                else:
                    receipt = await self._door.send(_draft(terms, each, step, identity))
                    taken.append(Taken(signal=receipt.signal, is_new=receipt.is_new))
        await self._identities.note(identity, len(taken))
        if taken and not any(each.is_new for each in taken):
            log.info(
                "alert.repeated",
                strategy=terms.name,
                symbol=alert.symbol,
                signal_id=taken[0].signal.signal_id,
            )
        if alert.refused is not None:
            self._tally.refused(terms.name, alert.refused)
        return _reception(alert, taken, withdrawn, is_dry_run=False)

    def _with_possible_entry(self, terms: StrategyTerms, alert: Alert) -> Alert:
        """The alert, without its entry if that cannot be made and there is an exit to carry out.

        Raises:
            BadSignal: the entry is all there is.
        """
        entries = [step for step in alert.steps if isinstance(step, Action) and step.is_entry]
        try:
            for step in entries:
                self._door.preview(_draft(terms, alert, step, NO_IDENTITY))
        except BadSignal as e:
            exits = tuple(step for step in alert.steps if step not in entries)
            if not exits:
                raise
            return replace(alert, steps=exits, refused=str(e))
        return alert

    async def _rehearse(
        self, terms: StrategyTerms, alert: Alert, headers: Mapping[str, str], now_ms: Ms
    ) -> Reception:
        """What would become of an alert; nothing is stored, sent or remembered."""
        alert = self._with_possible_entry(terms, alert)
        identity = await self._identities.of(terms, alert, headers, now_ms, is_dry_run=True)
        taken = []
        for step in alert.steps:
            if isinstance(step, Action):
                signal = self._door.preview(_draft(terms, alert, step, identity))
                is_new = await self._signals.signal(signal.signal_id) is None
                taken.append(Taken(signal=signal, is_new=is_new))
        withdrawn = [
            Taken(signal=each, is_new=True)
            for each in (await self._open_entries(terms, alert.symbol))
            if Cancel.OPEN_SIGNALS in alert.steps
        ]
        return _reception(alert, taken, withdrawn, is_dry_run=True)

    async def _withdraw(self, terms: StrategyTerms, symbol: str) -> list[Taken]:
        """Withdraw the entries that this source has asked for and that may still be acted on."""
        return [
            Taken(signal=signal, is_new=await self._expirer.cancel(signal.signal_id))
            for signal in await self._open_entries(terms, symbol)
        ]

    async def _open_entries(self, terms: StrategyTerms, symbol: str) -> list[Signal]:
        return [
            signal
            for signal in await self._signals.active(self._clock.now_ms())
            if signal.strategy == terms.name and signal.symbol == symbol and signal.action.is_entry
        ]


def _reception(
    alert: Alert, taken: list[Taken], withdrawn: list[Taken], *, is_dry_run: bool
) -> Reception:
    return Reception(
        taken=taken,
        withdrawn=withdrawn,
        ignored=alert.ignored,
        refused=alert.refused,
        is_dry_run=is_dry_run,
    )


def _draft(terms: StrategyTerms, alert: Alert, step: Action, identity: Identity) -> Draft:
    return Draft(
        strategy=terms.name,
        symbol=alert.symbol,
        action=step,
        source=SignalSource.WEBHOOK,
        key=identity.key_of(step),
        price=alert.price,
        levels=alert.levels if step.is_entry else None,
        exit_percent=HUNDRED if step.is_entry else alert.exit_percent,
        strength=alert.strength,
        confidence=alert.confidence,
        reason=alert.reason,
        is_certain=identity.is_certain,
    )
