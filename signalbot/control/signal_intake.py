"""Accepts signals from outside: checks, stores and broadcasts them, and cancels them."""

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
from signalbot.pipeline.signals.expiry import SignalExpirer
from signalbot.ports import Clock, Exchange, Market
from signalbot.settings.strategy import StrategySettings
from signalbot.webhooks.levels import AlertLevels

log = structlog.get_logger()

MAX_REASON_LENGTH = 1_000
_MAX_EXPONENT = 25  # decimal exponent of any price
MAX_TARGETS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRequest:
    """A signal as its sender submits it."""

    strategy: str
    symbol: str
    action: Action
    source: SignalSource
    key: str | None = None  #: the sender's idempotency key; None: every request is a new signal
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profits: tuple[Decimal, ...] = ()  #: nearest first
    exit_percent: Decimal = HUNDRED  #: the part of the position that an exit closes
    strength: Strength = Strength.MODERATE
    confidence: float = 1.0  #: 0 to 1
    reason: str = ""
    levels: AlertLevels | None = None  #: levels of an alert, instead of stop_loss and take_profits
    is_content_key: bool = False  #: the key is a digest of the whole content


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReceipt:
    """A signal that is stored in the ledger."""

    signal: Signal
    is_new: bool  #: False: the same signal was stored before; nothing was done

    @property
    def signal_id(self) -> SignalId:
        return self.signal.signal_id


class SignalIntake:
    """The entry point of signals from API and webhooks."""

    def __init__(
        self,
        *,
        strategies: Mapping[str, StrategySettings],
        exchanges: Mapping[str, Exchange],
        signals: Signals,
        emitter: Emitter,
        expirer: SignalExpirer,
        clock: Clock,
    ) -> None:
        self._strategies = strategies
        self._exchanges = exchanges
        self._signals = signals
        self._emitter = emitter
        self._expirer = expirer
        self._clock = clock

    async def send(self, request: SignalRequest) -> SignalReceipt:
        """Store a signal durably and broadcast it; the same key again is the same signal.

        Raises:
            NotFound: there is no such strategy.
            InvalidSignal: the symbol is not the strategy's, or the prices contradict each other.
            Conflict: the key was used before for another signal.
        """
        signal = self.preview(request)
        if await self._emitter.accept(signal):
            return SignalReceipt(signal=signal, is_new=True)
        stored = await self._signals.signal(signal.signal_id)
        if stored is None or not (
            request.is_content_key or _has_same_content(stored, signal, request)
        ):
            log.warning("signal.conflicted", strategy=request.strategy, signal_id=signal.signal_id)
            raise Conflict("this key was used before for another signal: nothing was done")
        return SignalReceipt(signal=stored, is_new=False)

    def preview(self, request: SignalRequest) -> Signal:
        """The signal that ``send`` would store.

        Raises:
            NotFound, InvalidSignal: as ``send``.
        """
        strategy = self._strategies.get(request.strategy)
        if strategy is None:
            raise NotFound("no such strategy")
        if request.symbol not in strategy.symbols:
            raise InvalidSignal("the symbol is none of the strategy's")
        market = self._exchanges[strategy.exchange].market
        return _signal(request, strategy, market, now_ms=self._clock.now_ms())

    async def is_stored(self, signal_id: SignalId) -> bool:
        """Whether the ledger has this signal, active or not."""
        return await self._signals.signal(signal_id) is not None

    async def open_entries(self, strategy: str, symbol: str) -> list[Signal]:
        """Active entry signals of a strategy in one symbol."""
        return [
            signal
            for signal in await self._signals.active(self._clock.now_ms())
            if signal.strategy == strategy and signal.symbol == symbol and signal.action.is_entry
        ]

    async def cancel(self, signal_id: SignalId) -> bool:
        """Cancel a signal: it can no longer be executed. False if it is not ACTIVE.

        Executions that have begun are not affected.
        """
        return await self._expirer.cancel(signal_id)


def _signal(
    request: SignalRequest, strategy: StrategySettings, market: Market, *, now_ms: Ms
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
        exchange=strategy.exchange,
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
        expires_at_ms=Ms(now_ms + strategy.signal_ttl_ms),
    )
    signal = without_implausible_price(signal, last)
    check_levels(signal, last)
    return signal


def _on_tick(instrument: Instrument, price: Decimal | None) -> Decimal | None:
    return None if price is None else instrument.round_price(price)


def _can_be_price(price: Decimal) -> bool:
    return price.is_finite() and price > 0


def _check_numbers(request: SignalRequest) -> None:
    """Check the numbers of a request before anything is computed from them.

    Raises:
        InvalidSignal: one of them is out of range.
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
    """Whether two signals of one key have the same content, apart from their time.

    Levels of alerts do not count: distances are measured from a price that has changed since.
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
