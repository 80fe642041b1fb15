"""Order requests, order reports, and the states an order can move through."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from signalbot.domain.errors import IllegalTransition
from signalbot.domain.money import ZERO
from signalbot.domain.signals import PositionId, Side, SignalId, digest
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId

ClientOrderId = NewType("ClientOrderId", str)
"""Our own order id, fixed before the order is sent: 32 hex digits."""

_ID_LENGTH = 32
_HEX_DIGITS = frozenset("0123456789abcdef")


class OrderSide(StrEnum):
    """The side of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is OrderSide.BUY else -1


class OrderType(StrEnum):
    """``stop`` and ``take_profit`` become market orders when their trigger price is reached."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"


class Leg(StrEnum):
    """The purpose of an order."""

    ENTRY = "entry"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    EXIT = "exit"


class OrderStatus(StrEnum):
    """INTENDED is stored before the order is sent; UNKNOWN may be live until it is looked up."""

    INTENDED = "intended"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        return self in _FINAL

    @property
    def is_live(self) -> bool:
        """Whether the exchange reports it as working."""
        return self in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)

    def can_become(self, after: "OrderStatus") -> bool:
        """Whether ``after`` may follow; a repeated state is always allowed."""
        return after is self or after in _NEXT[self]


_FINAL = frozenset((OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED))
_REPORTED = frozenset((OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)) | _FINAL
_NEXT: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.INTENDED: _REPORTED | {OrderStatus.UNKNOWN},
    OrderStatus.UNKNOWN: _REPORTED,
    OrderStatus.OPEN: frozenset(
        (OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED, OrderStatus.CANCELLED,
         OrderStatus.REJECTED)
    ),
    OrderStatus.PARTIALLY_FILLED: frozenset((OrderStatus.FILLED, OrderStatus.CANCELLED)),
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELLED: frozenset((OrderStatus.FILLED,)),  # filled during the cancel
    OrderStatus.REJECTED: frozenset(),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to place. Stored as an intent before it is sent."""

    client_order_id: ClientOrderId
    user_id: UserId
    exchange: str
    symbol: str
    leg: Leg
    side: OrderSide
    type: OrderType
    quantity: Decimal  #: base units, on the lot grid
    price: Decimal | None = None  #: limit price
    decided_price: Decimal | None = None  #: of an entry: reference price of its levels
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    leverage: int = 1
    signal_id: SignalId | None = None
    position_id: PositionId | None = None
    intended_at_ms: Ms = EPOCH

    @property
    def is_initial_stop(self) -> bool:
        """Whether this is the stop planned with its entry, which may be attached to it."""
        if self.leg is not Leg.STOP_LOSS or self.signal_id is None:
            return False
        return self.client_order_id == client_order_id_of(
            signal_id=self.signal_id, user_id=self.user_id, leg=self.leg
        )


class ForcedClose(StrEnum):
    """Why the exchange closed a position by itself.

    LIQUIDATION: the margin was exhausted. DELEVERAGING: auto-deleveraging for another account.
    """

    LIQUIDATION = "liquidation"
    DELEVERAGING = "deleveraging"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of an order. ``trade_id`` is unique within one market of one account."""

    trade_id: str
    client_order_id: ClientOrderId
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal  #: positive is paid
    fee_currency: str
    filled_at_ms: Ms
    forced: ForcedClose | None = None

    @property
    def is_liquidation(self) -> bool:
        return self.forced is ForcedClose.LIQUIDATION

    @property
    def foreign_fee_currency(self) -> str | None:
        """Currency of a fee paid in neither base nor quote nor settlement currency; else None."""
        base, _, rest = self.symbol.partition("/")
        sides = (base, rest.partition(":")[0], "")
        return self.fee_currency if self.fee and self.fee_currency not in sides else None


class Confirmation(StrEnum):
    """How a report of a placed order was confirmed.

    ACKNOWLEDGED: the exchange accepted the order; a read-back failed. NOT_FOUND: it accepted the
    order, and the read-back does not show it.
    """

    READ_BACK = "read_back"
    ACKNOWLEDGED = "acknowledged"
    NOT_FOUND = "not_shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """The state of an order as reported by the exchange, with every reported fill."""

    client_order_id: ClientOrderId
    exchange_order_id: str | None
    symbol: str
    status: OrderStatus
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    fills: tuple[Fill, ...] = ()
    updated_at_ms: Ms
    error: str | None = None
    confirmation: Confirmation = Confirmation.READ_BACK  #: of stops and targets only


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order request and its current state: one row of ``orders``."""

    request: OrderRequest
    status: OrderStatus = OrderStatus.INTENDED
    exchange_order_id: str | None = None
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    fee: Decimal = ZERO
    fee_currency: str | None = None
    updated_at_ms: Ms = EPOCH
    error: str | None = None

    @property
    def client_order_id(self) -> ClientOrderId:
        return self.request.client_order_id

    def report(self) -> OrderReport:
        """A report of its current state, without fills."""
        return OrderReport(
            client_order_id=self.client_order_id,
            exchange_order_id=self.exchange_order_id,
            symbol=self.request.symbol,
            status=self.status,
            filled=self.filled,
            average_price=self.average_price,
            updated_at_ms=self.updated_at_ms,
        )

    def apply(self, report: OrderReport) -> "Order":
        """The order after ``report``. An older or repeated report changes nothing.

        Raises:
            IllegalTransition: the reported state cannot follow the current one.
        """
        if self.status.is_final and report.status.is_live:
            return self  # a late snapshot of an order that has already ended
        if report.filled < self.filled:
            return self
        if not self.status.can_become(report.status):
            raise IllegalTransition(
                f"order {self.client_order_id}: {self.status} cannot become {report.status}"
            )
        fees = sum((fill.fee for fill in report.fills), ZERO)
        return replace(
            self,
            status=report.status,
            exchange_order_id=report.exchange_order_id or self.exchange_order_id,
            filled=report.filled,
            average_price=report.average_price or self.average_price,
            fee=fees if report.fills else self.fee,
            fee_currency=report.fills[0].fee_currency if report.fills else self.fee_currency,
            updated_at_ms=max(report.updated_at_ms, self.updated_at_ms),
            error=report.error or self.error,
        )


def client_order_id_of(
    *, signal_id: SignalId, user_id: UserId, leg: Leg, attempt: int = 0
) -> ClientOrderId:
    """The client order id of one leg of one execution; deterministic for leg and attempt."""
    return ClientOrderId(digest(signal_id, user_id, leg, str(attempt))[:_ID_LENGTH])


def is_client_order_id(text: str) -> bool:
    """Whether ``text`` has the form of the ids that ``client_order_id_of`` makes."""
    return len(text) == _ID_LENGTH and _HEX_DIGITS.issuperset(text)


def entry_side(side: Side) -> OrderSide:
    """The order side that opens a position of ``side``."""
    return OrderSide.BUY if side is Side.LONG else OrderSide.SELL


def exit_side(side: Side) -> OrderSide:
    """The order side that closes a position of ``side``."""
    return OrderSide.SELL if side is Side.LONG else OrderSide.BUY
