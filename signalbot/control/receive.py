"""Takes in alerts that are known to come from their source: understood, and carried out once."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from signalbot.config.terms import StrategyTerms
from signalbot.control.align import Aligner
from signalbot.control.door import Door, Draft
from signalbot.control.heartbeat import Heartbeats
from signalbot.control.tally import Tally
from signalbot.domain.errors import BadSignal
from signalbot.domain.signals import Action, SignalId, SignalSource, signal_id_of_key
from signalbot.domain.timeframe import Ms
from signalbot.intake.alert import Alert, understand
from signalbot.intake.verbs import Cancel
from signalbot.ledger.signals import Signals
from signalbot.pipeline.expire import Expirer
from signalbot.ports import Clock

REPEAT_MS = 60_000
"""An alert without id or time is the same as an equal one that came so shortly before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one step of an alert."""

    signal_id: SignalId
    is_new: bool  #: False: it had come before, and nothing happened now


class Receiver:
    def __init__(
        self,
        *,
        door: Door,
        signals: Signals,
        expirer: Expirer,
        aligner: Aligner,
        heartbeats: Heartbeats,
        tally: Tally,
        clock: Clock,
    ) -> None:
        self._door = door
        self._signals = signals
        self._expirer = expirer
        self._aligner = aligner
        self._heartbeats = heartbeats
        self._tally = tally
        self._clock = clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def receive(
        self, terms: StrategyTerms, body: bytes, *, headers: Mapping[str, str]
    ) -> list[Taken]:
        """Take in one alert of a source: what it asks for is in the ledger when this returns.

        Raises:
            BadSignal: it cannot be understood, or asks for what this source may not.
            Conflict: its key came before with something else.
        """
        source = terms.name
        assert terms.webhook is not None  # noqa: S101 - it is a source
        self._heartbeats.heard(source)
        now_ms = self._clock.now_ms()
        try:
            alert = understand(body, terms.webhook.meaning(terms.symbols), now_ms=now_ms)
        except BadSignal as e:
            self._tally.refused(source, str(e))
            raise
        async with self._locks[source]:  # what a source says later must not be sent before
            key = await self._key(terms, alert, headers, now_ms)
            is_repeat = await self._is_known(terms, alert, key)
            return [
                taken
                for each in await self._aligner.heed(
                    terms, terms.webhook, alert, key, is_repeat=is_repeat
                )
                for step in each.steps
                for taken in await self._carry_out(terms, each, step, key)
            ]

    async def _key(
        self, terms: StrategyTerms, alert: Alert, headers: Mapping[str, str], now_ms: Ms
    ) -> str:
        """The alert's identity. One that has none is the same as an equal one just before."""
        given = headers.get("idempotency-key") or headers.get("webhook-id") or alert.key
        if given is not None:
            return given
        slot = now_ms // REPEAT_MS
        for earlier in (slot, slot - 1):
            key = f"{alert.digest}.{earlier}"
            for step in alert.steps:
                known = await self._signals.signal(_signal_id(terms, key, step))
                if known is not None and now_ms - known.created_at_ms < REPEAT_MS:
                    return key
        return f"{alert.digest}.{slot}"

    async def _is_known(self, terms: StrategyTerms, alert: Alert, key: str) -> bool:
        """Whether the alert has led to a signal before."""
        for step in alert.steps:
            if await self._signals.signal(_signal_id(terms, key, step)) is not None:
                return True
        return False

    async def _carry_out(
        self, terms: StrategyTerms, alert: Alert, step: Action | Cancel, key: str
    ) -> list[Taken]:
        if isinstance(step, Cancel):
            return await self._cancel(terms, alert.symbol)
        is_entry = step in (Action.LONG, Action.SHORT)
        receipt = await self._door.send(
            Draft(
                strategy=terms.name,
                symbol=alert.symbol,
                action=step,
                source=SignalSource.WEBHOOK,
                key=_step_key(key, step),
                price=alert.price,
                stop_loss=alert.stop_loss if is_entry else None,
                take_profits=alert.take_profits if is_entry else (),
                strength=alert.strength,
                confidence=alert.confidence,
                reason=alert.reason,
            )
        )
        return [Taken(signal_id=receipt.signal_id, is_new=receipt.is_new)]

    async def _cancel(self, terms: StrategyTerms, symbol: str) -> list[Taken]:
        """Withdraw what this source has said about a market and may still be acted on."""
        return [
            Taken(signal_id=signal.signal_id, is_new=await self._expirer.cancel(signal.signal_id))
            for signal in await self._signals.active(self._clock.now_ms())
            if signal.strategy == terms.name and signal.symbol == symbol
        ]


def _step_key(key: str, step: Action | Cancel) -> str:
    """Each step of an alert is a signal of its own."""
    return f"{key}/{step.value}"


def _signal_id(terms: StrategyTerms, key: str, step: Action | Cancel) -> SignalId:
    return signal_id_of_key(strategy=terms.name, key=_step_key(key, step))
