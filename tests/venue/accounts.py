"""What an account has: balances, positions, orders, trades, and every change of a balance."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.venue.enums import ZERO, MarginMode, PositionSide, Side
from tests.venue.orders import Order, Trade


@dataclass(slots=True, kw_only=True)
class Position:
    """Holding of one symbol, net or of one side; ``quantity`` is negative when short."""

    symbol: str
    quantity: Decimal = ZERO
    entry: Decimal = ZERO
    updated_ms: int = 0
    opened_ms: int = 0
    side: PositionSide = PositionSide.BOTH
    margin: Decimal = ZERO  #: the isolated wallet behind it, in isolated mode
    dust: Decimal = ZERO  #: less than this is not worth a stop

    @property
    def closing(self) -> Side:
        """The side that makes it smaller."""
        return Side.SELL if self.quantity > 0 else Side.BUY


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """A change of the wallet that is no trade."""

    id: int
    kind: str  #: FUNDING_FEE, TRANSFER
    symbol: str
    amount: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One change of a balance, trades included: what ledgers of an account list."""

    id: int
    kind: str  #: TRADE, FUNDING_FEE, TRANSFER, INSURANCE_CLEAR
    symbol: str
    coin: str
    change: Decimal  #: fee and result included
    balance: Decimal  #: of the coin, afterwards
    at_ms: int
    side: Side | None = None
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    rate: Decimal = ZERO  #: of the funding
    held: Decimal = ZERO  #: signed, afterwards
    trade: Trade | None = None


@dataclass(slots=True, kw_only=True)
class Account:
    """One account and the one key that trades it."""

    key: str
    secret: str
    password: str = ""  #: the passphrase, where keys have one
    currency: str = "USDT"
    wallet: Decimal = Decimal(10_000)
    is_revoked: bool = False
    can_trade: bool = True
    can_withdraw: bool = False
    is_ip_bound: bool = True
    is_hedged: bool = False  #: long and short positions of a symbol stand side by side
    is_multi_asset: bool = False
    loses_attached: bool = False  #: takes entries and forgets the stops they bring along
    keeps_leverage: bool = False  #: says yes to another leverage and keeps the old one
    leverage: dict[str, int] = field(default_factory=dict)
    margin_mode: dict[str, MarginMode] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    open: dict[int, Order] = field(default_factory=dict)
    by_client_id: dict[tuple[bool, str], list[Order]] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    incomes: list[Income] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    coins: dict[str, Decimal] = field(default_factory=dict)  #: but ``currency``: ``wallet``
    holdings: dict[str, Position] = field(default_factory=dict)  #: what spot trades have bought
    hedged_symbols: dict[str, bool] = field(default_factory=dict)  #: where modes are per symbol
    pays_fees_in: str = ""  #: the exchange's own coin, as long as there is enough of it

    def position(self, symbol: str, side: PositionSide = PositionSide.BOTH) -> Position:
        """The holding of ``symbol``, empty if there never was one."""
        place = symbol if side is PositionSide.BOTH else f"{symbol}/{side.value}"
        if place not in self.positions:
            self.positions[place] = Position(symbol=symbol, side=side)
        return self.positions[place]

    def of_symbol(self, symbol: str) -> list[Position]:
        """Its positions that are not empty: one net, or one of each side."""
        places = (symbol, f"{symbol}/long", f"{symbol}/short")
        found = (self.positions.get(place) for place in places)
        return [each for each in found if each is not None and each.quantity]

    def held(self, symbol: str, side: PositionSide | None = None) -> Decimal:
        """The signed quantity held: of one position, or of all of the symbol together."""
        if side is not None:
            return self.position(symbol, side).quantity
        return sum((each.quantity for each in self.of_symbol(symbol)), ZERO)

    def holding(self, symbol: str) -> Position:
        """What spot trades of a pair have bought and not sold again."""
        if symbol not in self.holdings:
            self.holdings[symbol] = Position(symbol=symbol)
        return self.holdings[symbol]

    def hedges(self, symbol: str) -> bool:
        """Whether positions of a symbol have two sides."""
        return self.hedged_symbols.get(symbol, self.is_hedged)

    def balance(self, coin: str) -> Decimal:
        """All there is of a coin."""
        return self.wallet if coin == self.currency else self.coins.get(coin, ZERO)

    def add(self, coin: str, change: Decimal) -> None:
        if coin == self.currency:
            self.wallet += change
        else:
            self.coins[coin] = self.coins.get(coin, ZERO) + change
