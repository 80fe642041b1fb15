"""What is traded and how its price went: Instrument, Candle, PriceRange."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.errors import InvalidCandle
from signalbot.domain.money import ZERO, ceil_to, floor_to, round_to
from signalbot.domain.timeframe import Ms, Timeframe


class MarketKind(StrEnum):
    """How a market settles: coins change hands, or a linear perpetual contract does."""

    SPOT = "spot"
    SWAP = "swap"


class BracketUnit(StrEnum):
    """What the size of a position is compared with: its value, or how much is held."""

    NOTIONAL = "notional"
    QUANTITY = "quantity"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginBracket:
    """The maintenance margin of positions from one size on: ``rate`` x notional - ``deduction``."""

    least: Decimal  #: the smallest size it holds for, in the instrument's ``bracket_unit``
    rate: Decimal  #: fraction of notional
    deduction: Decimal = ZERO  #: quote units; makes the requirement continuous where it is used
    leverage: int | None = None  #: the only leverage it holds for; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What a trade costs, as fractions of its notional."""

    maker: Decimal  #: of an order that rested
    taker: Decimal


NO_FEES = Fees(maker=ZERO, taker=ZERO)
DEFAULT_FEES = Fees(maker=Decimal("0.0002"), taker=Decimal("0.0005"))
DEFAULT_MAINTENANCE_MARGIN = Decimal("0.005")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A market's rules. Quantities are base units everywhere outside ``exchange/``."""

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
    brackets: tuple[MarginBracket, ...] = ()  #: smallest first; empty: the exchange tells none
    bracket_unit: BracketUnit = BracketUnit.NOTIONAL
    fees: Fees = DEFAULT_FEES  #: of the usual account

    def __post_init__(self) -> None:
        if self.tick <= 0 or self.lot <= 0 or self.contract_size <= 0:
            raise ValueError(f"{self.symbol}: tick, lot and contract_size must be above zero")

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """``quantity`` rounded down to the lot: never more than asked."""
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
        """Least tradable quantity at ``price`` (> 0): on the lot, above both minimums."""
        by_notional = ceil_to(self.lot, self.min_notional / price)
        return max(self.lot, ceil_to(self.lot, self.min_quantity), by_notional)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One *closed* OHLCV row. Constructing one proves that it can be true.

    Raises:
        BadCandle: a value is not finite or not positive, or high and low do not enclose
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
    """Where a price went since it was last looked at."""

    symbol: str
    high: Decimal
    low: Decimal
    last: Decimal
    at_ms: Ms
