"""What is asked for, what became of it, and what it traded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.venue.enums import ZERO, Kind, Origin, PositionSide, Side, Status, TriggerBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A stop or target that an entry brings along."""

    kind: Kind
    trigger: Decimal
    trigger_by: TriggerBy = TriggerBy.LAST
    client_id: str = ""
    price: Decimal | None = None  #: of the limit order it becomes
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
    position_side: PositionSide = PositionSide.BOTH
    is_spot: bool = False
    quote_quantity: Decimal | None = None  #: what a spot market buy spends
    holds: bool = True  #: whether a spot stop holds its coins while it waits
    shrinks: bool = False  #: a spot stop trades what there is when it triggers
    expires_ms: int = 0  #: ends then by itself; 0 for never
    was: Kind | None = None  #: the conditional kind it had before it triggered

    @property
    def leg(self) -> str:
        """What it is for: entry, exit, stop or target."""
        match self.was or self.kind:
            case Kind.STOP:
                return "stop"
            case Kind.TAKE_PROFIT:
                return "target"
            case _:
                return "exit" if self.reduces else "entry"

    @property
    def reduces(self) -> bool:
        """Whether it can only make a position smaller; a spot sale counts as one."""
        if self.reduce_only or self.close_position:
            return True
        if self.is_spot:
            return self.side is Side.SELL
        return self.position_side.closing is self.side


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
    fees: dict[str, Decimal] = field(default_factory=dict)  #: by coin
    why: str = ""  #: what ended it: a ``Reason``, or a word of its dialect
    by_user: bool = True  #: whether its owner or his program cancelled it

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
    fee: Decimal  #: in ``fee_coin``
    realized: Decimal
    is_maker: bool
    origin: Origin
    at_ms: int
    fee_coin: str = "USDT"
    position_side: PositionSide = PositionSide.BOTH
    is_spot: bool = False
