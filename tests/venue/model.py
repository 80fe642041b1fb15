"""The nouns of a derivatives exchange, free of any dialect.

Quantities are base units and positions net one way: dialects translate contracts and names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Kind(StrEnum):
    """What an order does; STOP and TAKE_PROFIT wait for their trigger first."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"


class Status(StrEnum):
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    TRIGGERED = "triggered"  #: a conditional order that went on as ``child_id``


class TriggerBy(StrEnum):
    LAST = "last"
    MARK = "mark"


class MarginMode(StrEnum):
    CROSS = "cross"
    ISOLATED = "isolated"


class Origin(StrEnum):
    """Who wanted an order."""

    API = "api"
    HAND = "hand"  #: the owner, on the exchange's web page
    LIQUIDATION = "liquidation"
    VENUE = "venue"  #: follows from another order: triggered or attached


class Reason(StrEnum):
    """Why the exchange refuses; every dialect has a code for each."""

    UNKNOWN_SYMBOL = "unknown symbol"
    QUANTITY_TOO_SMALL = "quantity too small"
    QUANTITY_TOO_LARGE = "quantity too large"
    QUANTITY_STEP = "quantity is off the lot grid"
    PRICE_STEP = "price is off the tick grid"
    NOTIONAL = "notional too small"
    MARGIN = "margin is insufficient"
    DUPLICATE = "client id is duplicated"
    WOULD_TRIGGER = "order would immediately trigger"
    REDUCE_ONLY = "reduce-only order is rejected"
    NO_POSITION = "there is no position"
    NO_SUCH_ORDER = "order does not exist"
    NOT_OPEN = "order is not open any more"
    LEVERAGE = "leverage is out of range"
    POSITION_OPEN = "there is an open position"
    ORDERS_OPEN = "there are open orders"
    POST_ONLY = "post-only order would take"


class Refused(Exception):
    """The exchange does not do what was asked; nothing has changed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The rules of one linear perpetual; every quantity in base units."""

    id: str  #: as the exchange names it: BTCUSDT, BTC-USDT-SWAP
    base: str
    quote: str = "USDT"
    tick: Decimal = Decimal("0.10")
    lot: Decimal = Decimal("0.001")
    min_quantity: Decimal = Decimal("0.001")
    max_quantity: Decimal = Decimal(1000)
    max_market_quantity: Decimal = Decimal(120)
    min_notional: Decimal = Decimal(5)
    contract_size: Decimal = Decimal(1)
    max_leverage: int = 125

    @property
    def symbol(self) -> str:
        """The unified symbol."""
        return f"{self.base}/{self.quote}:{self.quote}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """In what exchanges differ, as far as the engine must know."""

    #: Client ids are unique among open orders only (Binance), or for good (Bybit, OKX).
    ids_unique_forever: bool = False
    #: Conditional orders have client ids of their own.
    separate_conditional_ids: bool = True
    #: A triggered conditional order goes on as another order; otherwise under its own id.
    trigger_spawns: bool = True
    #: Attached stops belong to the position, whatever its size; otherwise to the filled quantity.
    attached_to_position: bool = False
    #: Attached stops come to life when their entry has filled completely; else with its first fill.
    attached_when_filled: bool = False
    taker_fee: Decimal = Decimal("0.0004")
    maker_fee: Decimal = Decimal("0.0002")
    default_leverage: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A stop or target that an entry brings along."""

    kind: Kind
    trigger: Decimal
    trigger_by: TriggerBy = TriggerBy.LAST
    client_id: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What is asked for."""

    client_id: str
    symbol: str  #: the market's id
    side: Side
    kind: Kind
    quantity: Decimal = ZERO  #: ignored with ``close_position``
    price: Decimal | None = None  #: also of a conditional order: the limit it becomes
    trigger: Decimal | None = None
    trigger_by: TriggerBy = TriggerBy.LAST
    reduce_only: bool = False
    close_position: bool = False  #: whatever is held then; ends with the position
    time_in_force: str = "GTC"  #: GTC, IOC, FOK, or GTX for post-only
    attached: tuple[Attached, ...] = ()
    group: str = ""  #: once one conditional order of a group triggers, the others are cancelled
    origin: Origin = Origin.API
    extra: Mapping[str, Any] = field(default_factory=dict)  #: what a dialect must say back


@dataclass(slots=True, kw_only=True)
class Order:
    id: int
    key: str  #: of the account
    ask: Ticket
    created_ms: int
    updated_ms: int
    status: Status = Status.NEW
    filled: Decimal = ZERO
    cost: Decimal = ZERO  #: filled quantity times price
    fee: Decimal = ZERO
    realized: Decimal = ZERO
    parent_id: int | None = None  #: the conditional order, or the entry, this one follows from
    child_id: int | None = None  #: the order a conditional one went on as
    triggered_ms: int = 0
    hidden_until_s: float = 0.0  #: not shown by any read before (monotonic clock)
    unlisted: bool = False  #: never shown by any read

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for its trigger."""
        return self.ask.trigger is not None and not self.triggered_ms and self.is_open

    @property
    def is_conditional(self) -> bool:
        return self.ask.trigger is not None

    @property
    def average(self) -> Decimal:
        """The mean price of what has filled; zero before."""
        return self.cost / self.filled if self.filled else ZERO

    @property
    def remaining(self) -> Decimal:
        return self.ask.quantity - self.filled


_OPEN = (Status.NEW, Status.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    id: int
    order_id: int
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal  #: in the quote currency
    realized: Decimal
    is_maker: bool
    origin: Origin
    at_ms: int


@dataclass(slots=True, kw_only=True)
class Position:
    """Net holding of one symbol; ``quantity`` is negative when short."""

    symbol: str
    quantity: Decimal = ZERO
    entry: Decimal = ZERO
    updated_ms: int = 0
    opened_ms: int = 0

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
    is_hedged: bool = False  #: only reported: positions net one way all the same
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

    def position(self, symbol: str) -> Position:
        """The holding of ``symbol``, empty if there never was one."""
        if symbol not in self.positions:
            self.positions[symbol] = Position(symbol=symbol)
        return self.positions[symbol]

    def held(self, symbol: str) -> Decimal:
        """The signed quantity held."""
        position = self.positions.get(symbol)
        return ZERO if position is None else position.quantity
