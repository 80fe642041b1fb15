"""The way in for signals from outside, whoever brings them: checked, durable, then broadcast."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from signalbot.control.level_pricing import (
    EntryPrices,
    check_levels,
    price_levels,
    without_implausible_price,
)
from signalbot.control.registry import TradingRegistry
from signalbot.domain.errors import Conflict, InvalidSignal, NotFound
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
from signalbot.pipeline.signals.emitter import Emitter
from signalbot.ports import Clock, Exchange, Market
from signalbot.settings.strategy import StrategySettings
from signalbot.webhooks.levels import AlertLevels

log = structlog.get_logger()

MAX_REASON_LENGTH = 1_000
_MAX_EXPONENT = 25  # of any price that can be computed with
MAX_TARGETS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRequest:
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
    levels: AlertLevels | None = None  #: as an alert asks for them; in place of the two above
    is_content_key: bool = False  #: the key is made of the whole content


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReceipt:
    """What became of a draft. It is in the ledger when this is given."""

    signal: Signal
    is_new: bool  #: False: the same had come before, and nothing happened now

    @property
    def signal_id(self) -> SignalId:
        return self.signal.signal_id


class SignalIntake:
    def __init__(
        self,
        *,
        registry: TradingRegistry,
        exchanges: Mapping[str, Exchange],
        signals: Signals,
        emitter: Emitter,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._exchanges = exchanges
        self._signals = signals
        self._emitter = emitter
        self._clock = clock

    async def send(self, request: SignalRequest) -> SignalReceipt:
        """Store a signal durably and broadcast it; the same key again is the same signal.

        Raises:
            NotFound: no strategy has that name.
            BadSignal: the symbol is not the strategy's, or its prices contradict each other.
            Conflict: the key came before with something else.
        """
        signal = self.preview(request)
        if await self._emitter.accept(signal):
            return SignalReceipt(signal=signal, is_new=True)
        stored = await self._signals.signal(signal.signal_id)
        if stored is None or not (
            request.is_content_key or _has_same_content(stored, signal, request)
        ):
            log.warning("signal.conflicted", strategy=request.strategy, signal_id=signal.signal_id)
            raise Conflict("this key came before with another signal: nothing was done")
        return SignalReceipt(signal=stored, is_new=False)

    def preview(self, request: SignalRequest) -> Signal:
        """The signal that a draft would be; nothing is stored.

        Raises:
            NotFound, BadSignal: as ``send``.
        """
        terms = self._registry.strategies.get(request.strategy)
        if terms is None:
            raise NotFound("no such strategy")
        if request.symbol not in terms.symbols:
            raise InvalidSignal("the symbol is none of the strategy's")
        market = self._exchanges[terms.exchange].market
        return _signal(request, terms, market, now_ms=self._clock.now_ms())


def _signal(
    request: SignalRequest, terms: StrategySettings, market: Market, *, now_ms: Ms
) -> Signal:
    _check_numbers(request)
    instrument = market.instrument(request.symbol)
    last = market.last_price(request.symbol)
    reference = request.price if request.price is not None and request.price > 0 else last
    levels = EntryPrices()
    if request.action.is_entry and request.levels is not None:
        levels = price_levels(
            request.levels, request.action, reference=reference, instrument=instrument
        )
    key = request.key if request.key is not None else secrets.token_hex(16)
    price = request.price
    if not request.action.is_entry and price is not None and not _can_be_price(price):
        price = None
    signal = Signal(
        signal_id=signal_id_of_key(strategy=request.strategy, key=key),
        strategy=request.strategy,
        source=request.source,
        exchange=terms.exchange,
        symbol=request.symbol,
        timeframe=None,
        action=request.action,
        strength=request.strength,
        confidence=round(request.confidence, 4),
        price=price,
        stop_loss=_on_tick(instrument, request.stop_loss) or levels.stop_loss,
        take_profits=tuple(map(instrument.round_price, request.take_profits))
        or levels.take_profits,
        take_profit_shares=levels.shares,
        trailing_percent=levels.trailing_percent,
        exit_percent=request.exit_percent,
        reason=request.reason[:MAX_REASON_LENGTH],
        candle_close_ms=None,
        created_at_ms=now_ms,
        expires_at_ms=Ms(now_ms + terms.signal_ttl_ms),
    )
    signal = without_implausible_price(signal, last)
    check_levels(signal, last)
    return signal


def _on_tick(instrument: Instrument, price: Decimal | None) -> Decimal | None:
    return None if price is None else instrument.round_price(price)


def _can_be_price(price: Decimal) -> bool:
    return price.is_finite() and price > 0


def _check_numbers(request: SignalRequest) -> None:
    """See that the numbers of a draft can be, before anything is computed from them.

    Raises:
        BadSignal: one of them cannot.
    """
    levels = [("stop loss", request.stop_loss)]
    levels += [("take profit", each) for each in request.take_profits]
    if request.action.is_entry:
        levels.append(("price", request.price))
    for name, level in levels:
        if level is not None and not (
            _can_be_price(level) and abs(level.adjusted()) <= _MAX_EXPONENT
        ):
            raise InvalidSignal(f"{name} {level}: every price must be a number above 0")
    if len(request.take_profits) > MAX_TARGETS:
        raise InvalidSignal(f"more than {MAX_TARGETS} take profits")
    if not 0 <= request.confidence <= 1:
        raise InvalidSignal("the confidence must be between 0 and 1")
    if not 0 < request.exit_percent <= HUNDRED:
        raise InvalidSignal("exit_percent must be above 0 and at most 100")
    if request.action.is_entry and request.exit_percent != HUNDRED:
        raise InvalidSignal(
            "exit_percent is for exits: how much an entry buys is the user's setting"
        )


def _has_same_content(stored: Signal, again: Signal, request: SignalRequest) -> bool:
    """Whether two signals of one key have the same content; when they came does not count.

    Levels that are distances are measured from a price that has moved on since.
    """
    if request.levels is not None:
        again = replace(
            again,
            stop_loss=stored.stop_loss,
            take_profits=stored.take_profits,
            take_profit_shares=stored.take_profit_shares,
            trailing_percent=stored.trailing_percent,
        )
    if not stored.action.is_entry:
        again = replace(again, price=stored.price)
    return again == replace(
        stored,
        created_at_ms=again.created_at_ms,
        expires_at_ms=again.expires_at_ms,
        status=SignalStatus.ACTIVE,
        cancelled_at_ms=None,
    )
