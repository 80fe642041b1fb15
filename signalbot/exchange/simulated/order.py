"""An order of the simulated venue, while it rests and after it has ended."""

from dataclasses import dataclass, field
from decimal import Decimal

from signalbot.domain.money import ZERO, average
from signalbot.domain.orders import (
    Fill,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
)
from signalbot.domain.timeframe import Ms
from signalbot.ledger.simulated_store import SimulatedOrder


@dataclass(slots=True, kw_only=True, eq=False)
class EngineOrder:
    """Changes as it fills; ``report`` and ``saved`` are snapshots of it."""

    request: OrderRequest
    order_id: str
    status: OrderStatus = OrderStatus.OPEN
    filled: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    updated_at_ms: Ms
    error: str | None = None

    @property
    def remaining(self) -> Decimal:
        return self.request.quantity - self.filled

    @property
    def touch_price(self) -> Decimal | None:
        """The price at which it trades or triggers; None for a market order."""
        return self.request.price if self.is_limit else self.request.trigger_price

    @property
    def is_limit(self) -> bool:
        return self.request.type is OrderType.LIMIT

    @property
    def is_stop(self) -> bool:
        return self.request.type is OrderType.STOP

    @property
    def touched_by_fall(self) -> bool:
        """Whether its price is reached from above: bids, targets of shorts, stops of longs."""
        return (self.request.side is OrderSide.BUY) is not self.is_stop

    def end(self, status: OrderStatus, at_ms: Ms, error: str | None = None) -> None:
        self.status = status
        self.updated_at_ms = at_ms
        self.error = error

    def report(self) -> OrderReport:
        """Its present report, with every fill so far."""
        cost = sum((fill.price * fill.quantity for fill in self.fills), ZERO)
        return OrderReport(
            client_order_id=self.request.client_order_id,
            exchange_order_id=self.order_id,
            symbol=self.request.symbol,
            status=self.status,
            filled=self.filled,
            average_price=average(cost, self.filled) if self.filled else None,
            fills=tuple(self.fills),
            updated_at_ms=self.updated_at_ms,
            error=self.error,
        )

    def saved(self) -> SimulatedOrder:
        """Its stored row, without its fills."""
        return SimulatedOrder(
            request=self.request,
            exchange_order_id=self.order_id,
            status=self.status,
            filled=self.filled,
            updated_at_ms=self.updated_at_ms,
            error=self.error,
        )
