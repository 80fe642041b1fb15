"""The way in for signals from outside, whoever brings them: checked, durable, then broadcast."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from signalbot.config.terms import StrategyTerms
from signalbot.control.pricing import Prices, check_levels, priced, without_far_price
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
from signalbot.intake.levels import Levels
from signalbot.ledger.signals import Signals
from signalbot.pipeline.emit import Emitter
from signalbot.ports import Clock, Exchange, Market

log = structlog.get_logger()

LONGEST_REASON = 1_000
_EXPONENT = 25  # of any price that can be computed with
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
    levels: Levels | None = None  #: as an alert asks for them; in place of the two above
    is_certain: bool = False  #: the key is made of the whole content


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a draft. It is in the ledger when this is given."""

    signal: Signal
    is_new: bool  #: False: the same had come before, and nothing happened now

    @property
    def signal_id(self) -> SignalId:
        return self.signal.signal_id


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
        signal = self.preview(draft)
        if await self._emitter.accept(signal):
            return Receipt(signal=signal, is_new=True)
        known = await self._signals.signal(signal.signal_id)
        if known is None or not (draft.is_certain or _same(known, signal, draft)):
            log.warning("signal.conflict", strategy=draft.strategy, signal_id=signal.signal_id)
            raise Conflict("this key came before with another signal: nothing was done")
        return Receipt(signal=known, is_new=False)

    def preview(self, draft: Draft) -> Signal:
        """The signal that a draft would be; nothing is stored.

        Raises:
            NotFound, BadSignal: as ``send``.
        """
        terms = self._roster.strategies.get(draft.strategy)
        if terms is None:
            raise NotFound("no such strategy")
        if draft.symbol not in terms.symbols:
            raise BadSignal("the symbol is none of the strategy's")
        market = self._exchanges[terms.exchange].market
        return _signal(draft, terms, market, now_ms=self._clock.now_ms())


def _signal(draft: Draft, terms: StrategyTerms, market: Market, *, now_ms: Ms) -> Signal:
    _check_terms(draft)
    instrument = market.instrument(draft.symbol)
    last = market.last_price(draft.symbol)
    reference = draft.price if draft.price is not None and draft.price > 0 else last
    levels = Prices()
    if draft.action.is_entry and draft.levels is not None:
        levels = priced(draft.levels, draft.action, reference=reference, instrument=instrument)
    key = draft.key if draft.key is not None else secrets.token_hex(16)
    price = draft.price
    if not draft.action.is_entry and price is not None and not _can_be_price(price):
        price = None
    signal = Signal(
        signal_id=signal_id_of_key(strategy=draft.strategy, key=key),
        strategy=draft.strategy,
        source=draft.source,
        exchange=terms.exchange,
        symbol=draft.symbol,
        timeframe=None,
        action=draft.action,
        strength=draft.strength,
        confidence=round(draft.confidence, 4),
        price=price,
        stop_loss=_on_tick(instrument, draft.stop_loss) or levels.stop_loss,
        take_profits=tuple(map(instrument.round_price, draft.take_profits)) or levels.take_profits,
        take_profit_shares=levels.shares,
        trailing_percent=levels.trailing_percent,
        exit_percent=draft.exit_percent,
        reason=draft.reason[:LONGEST_REASON],
        candle_close_ms=None,
        created_at_ms=now_ms,
        expires_at_ms=Ms(now_ms + terms.signal_ttl_ms),
    )
    signal = without_far_price(signal, last)
    check_levels(signal, last)
    return signal


def _on_tick(instrument: Instrument, price: Decimal | None) -> Decimal | None:
    return None if price is None else instrument.round_price(price)


def _can_be_price(price: Decimal) -> bool:
    return price.is_finite() and price > 0


def _check_terms(draft: Draft) -> None:
    """See that the numbers of a draft can be, before anything is computed from them.

    Raises:
        BadSignal: one of them cannot.
    """
    levels = [("stop loss", draft.stop_loss)]
    levels += [("take profit", each) for each in draft.take_profits]
    if draft.action.is_entry:
        levels.append(("price", draft.price))
    for name, level in levels:
        if level is not None and not (_can_be_price(level) and abs(level.adjusted()) <= _EXPONENT):
            raise BadSignal(f"{name} {level}: every price must be a number above 0")
    if len(draft.take_profits) > MOST_TARGETS:
        raise BadSignal(f"more than {MOST_TARGETS} take profits")
    if not 0 <= draft.confidence <= 1:
        raise BadSignal("the confidence must be between 0 and 1")
    if not 0 < draft.exit_percent <= HUNDRED:
        raise BadSignal("exit_percent must be above 0 and at most 100")
    if draft.action.is_entry and draft.exit_percent != HUNDRED:
        raise BadSignal("exit_percent is for exits: how much an entry buys is the user's setting")


def _same(known: Signal, again: Signal, draft: Draft) -> bool:
    """Whether two signals of one key have the same content; when they came does not count.

    Levels that are distances are measured from a price that has moved on since.
    """
    if draft.levels is not None:
        again = replace(
            again,
            stop_loss=known.stop_loss,
            take_profits=known.take_profits,
            take_profit_shares=known.take_profit_shares,
            trailing_percent=known.trailing_percent,
        )
    if not known.action.is_entry:
        again = replace(again, price=known.price)
    return again == replace(
        known,
        created_at_ms=again.created_at_ms,
        expires_at_ms=again.expires_at_ms,
        status=SignalStatus.ACTIVE,
        cancelled_at_ms=None,
    )
