"""Values an account's open positions and pending entries at the last prices; pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from signalbot.domain.money import ZERO
from signalbot.domain.orders import ClientOrderId, Leg, Order
from signalbot.domain.positions import Position
from signalbot.ports import Market


def value_positions(positions: Iterable[Position], market: Market) -> tuple[Decimal, Decimal]:
    """Return notional and net PnL, including realized parts; entry prices where none is known."""
    notional = open_pnl = ZERO
    for position in positions:
        price = market.last_price(position.symbol) or position.entry_price
        notional += position.notional(price)
        open_pnl += position.net_pnl + position.unrealized_pnl(price)
    return notional, open_pnl


def pending_entry_notional(
    working_orders: Mapping[str, Mapping[ClientOrderId, Order]], market: Market
) -> dict[str, Decimal]:
    """Return the notional of the unfilled part of entries, by symbol."""
    pending: dict[str, Decimal] = {}
    for symbol, orders in working_orders.items():
        for order in orders.values():
            if order.request.leg is Leg.ENTRY:
                price = order.request.price or market.last_price(symbol) or ZERO
                unfilled = (order.request.quantity - order.filled) * price
                pending[symbol] = pending.get(symbol, ZERO) + unfilled
    return pending
