"""Signals, their actions and sides, and the ids derived from them."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from signalbot.domain.money import HUNDRED
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId

SignalId = NewType("SignalId", str)
PositionId = NewType("PositionId", str)


class Side(StrEnum):
    """The side of a position."""

    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def sign(self) -> int:
        """+1 for LONG, -1 for SHORT: the sign of the PnL of a rising price."""
        return 1 if self is Side.LONG else -1

    @property
    def opposite(self) -> "Side":
        return Side.SHORT if self is Side.LONG else Side.LONG


class Action(StrEnum):
    """The action that a signal requests."""

    LONG = "LONG"
    SHORT = "SHORT"
    EXIT_LONG = "EXIT_LONG"
    EXIT_SHORT = "EXIT_SHORT"

    @property
    def is_entry(self) -> bool:
        return self in (Action.LONG, Action.SHORT)

    @property
    def side(self) -> Side:
        """The side of the position that is opened or closed."""
        return Side.LONG if self in (Action.LONG, Action.EXIT_LONG) else Side.SHORT


class Strength(StrEnum):
    """Strength of a signal; each strategy defines the levels for itself."""

    WEAK = "WEAK"
    MODERATE = "MODERATE"
    STRONG = "STRONG"
    VERY_STRONG = "VERY_STRONG"

    @property
    def rank(self) -> int:
        """0 for WEAK to 3 for VERY_STRONG."""
        return _STRENGTHS.index(self)


_STRENGTHS = tuple(Strength)


class SignalStatus(StrEnum):
    """Status of a signal for all its users; one user's execution does not change it."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class SignalSource(StrEnum):
    """The origin of a signal."""

    STRATEGY = "strategy"
    WEBHOOK = "webhook"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One signal of a strategy; every subscriber may execute it once until it expires."""

    signal_id: SignalId
    strategy: str
    source: SignalSource
    exchange: str  #: the name in the configuration, not the ccxt id
    symbol: str
    timeframe: Timeframe | None
    action: Action
    strength: Strength
    confidence: float  #: 0 to 1
    price: Decimal | None  #: reference price of the sender, for slippage and drift
    stop_loss: Decimal | None
    take_profits: tuple[Decimal, ...]  #: nearest first
    take_profit_shares: tuple[Decimal, ...] = ()  #: percent of the position; empty: not given
    trailing_percent: Decimal | None = None  #: the stop trails the price at this distance
    exit_percent: Decimal = HUNDRED  #: the part of the position that an exit closes
    reason: str
    candle_close_ms: Ms | None
    created_at_ms: Ms
    expires_at_ms: Ms  #: exclusive: at this instant it can no longer be executed
    status: SignalStatus = SignalStatus.ACTIVE
    cancelled_at_ms: Ms | None = None  #: when it was withdrawn

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence {self.confidence} is not between 0 and 1")
        if self.expires_at_ms <= self.created_at_ms:
            raise ValueError("a signal must expire after it was created")
        prices = (self.price, self.stop_loss, *self.take_profits)
        if not all(price.is_finite() for price in prices if price is not None):
            raise ValueError("a price of the signal is not a finite number")
        if self.price is not None and self.price <= 0:
            raise ValueError(f"price {self.price} is not above zero")
        if not 0 < self.exit_percent <= HUNDRED:
            raise ValueError(f"exit_percent {self.exit_percent} is not above 0 and at most 100")
        if self.take_profit_shares and len(self.take_profit_shares) != len(self.take_profits):
            raise ValueError("there must be one share for each take profit")

    @property
    def is_partial(self) -> bool:
        """Whether it closes only a part of a position."""
        return not self.action.is_entry and self.exit_percent < HUNDRED

    @property
    def event_ms(self) -> Ms:
        """The close of the signal's candle, or its creation time if it has no candle."""
        return self.created_at_ms if self.candle_close_ms is None else self.candle_close_ms

    def is_open(self, now_ms: Ms) -> bool:
        """Whether it can still be executed."""
        return self.status is SignalStatus.ACTIVE and now_ms < self.expires_at_ms


def signal_id_of_candle(
    *, strategy: str, exchange: str, symbol: str, timeframe: Timeframe, close_ms: Ms, action: Action
) -> SignalId:
    """The deterministic id of a strategy's signal at one candle's close."""
    return _signal_id("candle", strategy, exchange, symbol, timeframe, str(close_ms), action)


def signal_id_of_key(*, strategy: str, key: str) -> SignalId:
    """The id of a signal with its sender's idempotency key."""
    return _signal_id("key", strategy, key)


def position_id_of(*, signal_id: SignalId, user_id: UserId) -> PositionId:
    """The id of the position that one user opens on one signal."""
    return PositionId(f"pos_{digest(signal_id, user_id)[:16]}")


def digest(*parts: str) -> str:
    """Hex SHA-256 of the parts, joined by a separator that no part contains."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _signal_id(*parts: str) -> SignalId:
    return SignalId(f"sig_{digest(*parts)[:16]}")
