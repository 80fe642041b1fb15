"""The way in for signals from outside, whoever brings them: checked, durable, then broadcast."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from signalbot.config.terms import StrategyTerms
from signalbot.control.roster import Roster
from signalbot.domain.errors import BadSignal, Conflict, NotFound
from signalbot.domain.market import Instrument
from signalbot.domain.money import HUNDRED
from signalbot.domain.signals import (
    Action,
    Signal,
    SignalId,
    SignalSource,
    SignalStatus,
    Strength,
    signal_id_of_key,
)
from signalbot.domain.timeframe import Ms
from signalbot.ledger.signals import Signals
from signalbot.pipeline.emit import Emitter
from signalbot.ports import Clock, Exchange

log = structlog.get_logger()

LONGEST_REASON = 1_000
MOST_TARGETS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A signal as its sender has it."""

    strategy: str
    symbol: str
    action: Action
    source: SignalSource
    key: str | None = None  #: the sender's idempotency key; None: the signal stands for itself
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profits: tuple[Decimal, ...] = ()  #: nearest first
    exit_percent: Decimal = HUNDRED  #: the part of the position that an exit closes
    strength: Strength = Strength.MODERATE
    confidence: float = 1.0  #: 0 to 1
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a draft. It is in the ledger when this is given."""

    signal_id: SignalId
    is_new: bool  #: False: the same had come before, and nothing happened now


class Door:
    def __init__(
        self,
        *,
        roster: Roster,
        exchanges: Mapping[str, Exchange],
        signals: Signals,
        emitter: Emitter,
        clock: Clock,
    ) -> None:
        self._roster = roster
        self._exchanges = exchanges
        self._signals = signals
        self._emitter = emitter
        self._clock = clock

    async def send(self, draft: Draft) -> Receipt:
        """Store a signal durably and broadcast it; the same key again is the same signal.

        Raises:
            NotFound: no strategy has that name.
            BadSignal: the symbol is not the strategy's, or its prices contradict each other.
            Conflict: the key came before with something else.
        """
        terms = self._roster.strategies.get(draft.strategy)
        if terms is None:
            raise NotFound("no such strategy")
        if draft.symbol not in terms.symbols:
            raise BadSignal("the symbol is none of the strategy's")
        instrument = self._exchanges[terms.exchange].market.instrument(draft.symbol)
        signal = _signal(draft, terms, instrument, now_ms=self._clock.now_ms())
        if await self._emitter.accept(signal):
            return Receipt(signal_id=signal.signal_id, is_new=True)
        known = await self._signals.signal(signal.signal_id)
        if known is None or not _same(known, signal):
            log.warning("signal.conflict", strategy=draft.strategy, signal_id=signal.signal_id)
            raise Conflict("this key came before with another signal: nothing was done")
        return Receipt(signal_id=signal.signal_id, is_new=False)


def _signal(draft: Draft, terms: StrategyTerms, instrument: Instrument, *, now_ms: Ms) -> Signal:
    _check_levels(draft)
    key = draft.key if draft.key is not None else secrets.token_hex(16)

    def tick(price: Decimal) -> Decimal:
        return instrument.round_price(price)

    return Signal(
        signal_id=signal_id_of_key(strategy=draft.strategy, key=key),
        strategy=draft.strategy,
        source=draft.source,
        exchange=terms.exchange,
        symbol=draft.symbol,
        timeframe=None,
        action=draft.action,
        strength=draft.strength,
        confidence=round(draft.confidence, 4),
        price=draft.price,
        stop_loss=None if draft.stop_loss is None else tick(draft.stop_loss),
        take_profits=tuple(tick(each) for each in draft.take_profits),
        exit_percent=draft.exit_percent,
        reason=draft.reason[:LONGEST_REASON],
        candle_close_ms=None,
        created_at_ms=now_ms,
        expires_at_ms=Ms(now_ms + terms.signal_ttl_ms),
    )


def _check_levels(draft: Draft) -> None:
    """See that stop and targets lie on their own sides of the price.

    Raises:
        BadSignal: they do not, or one of them is no price.
    """
    levels = (draft.price, draft.stop_loss, *draft.take_profits)
    if not all(level.is_finite() and level > 0 for level in levels if level is not None):
        raise BadSignal("every price must be a number above 0")
    if len(draft.take_profits) > MOST_TARGETS:
        raise BadSignal(f"more than {MOST_TARGETS} take profits")
    if not 0 <= draft.confidence <= 1:
        raise BadSignal("the confidence must be between 0 and 1")
    if not 0 < draft.exit_percent <= HUNDRED:
        raise BadSignal("exit_percent must be above 0 and at most 100")
    if draft.action.is_entry and draft.exit_percent != HUNDRED:
        raise BadSignal("exit_percent is for exits: how much an entry buys is the user's setting")
    sign = {Action.LONG: 1, Action.SHORT: -1}.get(draft.action)
    if sign is None:
        return
    for target in draft.take_profits:
        below = draft.price if draft.price is not None else draft.stop_loss
        if below is not None and (target - below) * sign <= 0:
            raise BadSignal("a take profit lies on the losing side")
    price, stop = draft.price, draft.stop_loss
    if price is not None and stop is not None and (price - stop) * sign <= 0:
        raise BadSignal("the stop loss lies on the winning side of the price")


def _same(known: Signal, again: Signal) -> bool:
    """Whether two signals of one key say the same; when they came does not count."""
    return again == replace(
        known,
        created_at_ms=again.created_at_ms,
        expires_at_ms=again.expires_at_ms,
        status=SignalStatus.ACTIVE,
        cancelled_at_ms=None,
    )
