"""Market data: Instrument, Candle, PriceRange."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.errors import InvalidCandle
from signalbot.domain.money import ZERO, ceil_to, floor_to, round_to
from signalbot.domain.timeframe import Ms, Timeframe


class MarketKind(StrEnum):
    """Spot market, or linear perpetual contract."""

    SPOT = "spot"
    SWAP = "swap"


class BracketUnit(StrEnum):
    """Unit of bracket sizes: notional value, or quantity."""

    NOTIONAL = "notional"
    QUANTITY = "quantity"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginBracket:
    """Maintenance margin from one position size upward: ``rate`` x notional - ``deduction``."""

    least: Decimal  #: lower bound of the position size, in the instrument's ``bracket_unit``
    rate: Decimal  #: fraction of notional
    deduction: Decimal = ZERO  #: quote units; makes the requirement continuous between brackets
    leverage: int | None = None  #: the leverage it applies to; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Trading fees as fractions of notional."""

    maker: Decimal
    taker: Decimal


NO_FEES = Fees(maker=ZERO, taker=ZERO)
DEFAULT_FEES = Fees(maker=Decimal("0.0002"), taker=Decimal("0.0005"))
DEFAULT_MAINTENANCE_MARGIN = Decimal("0.005")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Trading rules of one market. Quantities are base units everywhere outside ``exchange/``."""

    symbol: str  #: ccxt unified symbol, such as ``BTC/USDT:USDT``
    base: str
    quote: str
    kind: MarketKind = MarketKind.SWAP
    tick: Decimal  #: price step, > 0
    lot: Decimal  #: quantity step in base units, > 0
    min_quantity: Decimal = ZERO  #: in base units
    min_notional: Decimal = ZERO  #: in quote units
    contract_size: Decimal = Decimal(1)  #: base units per contract
    maintenance_margin: Decimal = (
        DEFAULT_MAINTENANCE_MARGIN  #: fraction of notional; ``brackets`` overrule
    )
    brackets: tuple[MarginBracket, ...] = ()  #: smallest first; empty: the exchange publishes none
    bracket_unit: BracketUnit = BracketUnit.NOTIONAL
    fees: Fees = DEFAULT_FEES  #: default fee tier

    def __post_init__(self) -> None:
        if self.tick <= 0 or self.lot <= 0 or self.contract_size <= 0:
            raise ValueError(f"{self.symbol}: tick, lot and contract_size must be above zero")

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """``quantity`` rounded down to the lot."""
        return floor_to(self.lot, quantity)

    def round_price(self, price: Decimal) -> Decimal:
        """``price`` rounded to the nearest tick."""
        return round_to(self.tick, price)

    def floor_price(self, price: Decimal) -> Decimal:
        """``price`` rounded down to the tick."""
        return floor_to(self.tick, price)

    def ceil_price(self, price: Decimal) -> Decimal:
        """``price`` rounded up to the tick."""
        return ceil_to(self.tick, price)

    def smallest_quantity(self, price: Decimal) -> Decimal:
        """Smallest tradable quantity at ``price`` (> 0): on the lot, at least both minimums."""
        by_notional = ceil_to(self.lot, self.min_notional / price)
        return max(self.lot, ceil_to(self.lot, self.min_quantity), by_notional)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One *closed* OHLCV row, validated at construction.

    Raises:
        InvalidCandle: a value is not finite or not positive, or high and low do not enclose
            open and close, or the open time is not on the timeframe's boundary.
    """

    symbol: str
    timeframe: Timeframe
    open_ms: Ms
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal  #: in the unit the exchange reports, >= 0

    def __post_init__(self) -> None:
        if not (self.open.is_finite() and self.high.is_finite() and self.low.is_finite()):
            raise InvalidCandle("price is not a finite number")
        if not (self.close.is_finite() and self.volume.is_finite()):
            raise InvalidCandle("close or volume is not a finite number")
        if not 0 < self.low <= self.open <= self.high or not self.low <= self.close <= self.high:
            raise InvalidCandle(
                f"low {self.low} and high {self.high} must be positive and enclose "
                f"open {self.open} and close {self.close}"
            )
        if self.volume < 0:
            raise InvalidCandle(f"volume {self.volume} is negative")
        if self.open_ms % self.timeframe.ms:
            raise InvalidCandle(f"open time {self.open_ms} is not on a {self.timeframe} boundary")

    @property
    def close_ms(self) -> Ms:
        """Exclusive end: the instant at which the next candle opens."""
        return Ms(self.open_ms + self.timeframe.ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRange:
    """Price range since the previous item of the same stream."""

    symbol: str
    high: Decimal
    low: Decimal
    last: Decimal
    at_ms: Ms
