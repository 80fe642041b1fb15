"""What happens on the exchange: what dialects put on their websockets."""

from dataclasses import dataclass
from decimal import Decimal

from tests.venue.candles import Candle
from tests.venue.journal import Deed
from tests.venue.model import Account, Order, Position, Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """An order was accepted, filled (then with its trade), triggered, cancelled or has expired."""

    account: Account
    order: Order
    deed: Deed
    trade: Trade | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged:
    """A position or the wallet is another now; comes before the order event of the same fill."""

    account: Account
    symbol: str
    cause: str  #: ORDER, FUNDING_FEE, TRANSFER, INSURANCE_CLEAR, LEVERAGE, MARGIN_MODE, ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCalled:
    """The margin is used up: what is liquidated next."""

    account: Account
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMoved:
    symbol: str
    price: Decimal
    mark: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleMoved:
    candle: Candle


Event = OrderChanged | AccountChanged | MarginCalled | PriceMoved | CandleMoved
