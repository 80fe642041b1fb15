"""One-way mode: how a fill changes the one net position, and what that position can bear."""

from dataclasses import dataclass, replace
from decimal import Decimal

from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ONE, ZERO, average
from signalbot.domain.orders import OrderRequest, OrderSide
from signalbot.domain.signals import Side
from signalbot.ledger.simulated import SimulatedPosition


@dataclass(frozen=True, slots=True)
class Netted:
    """What a fill leaves of a position, and the gross profit of the part it closed."""

    position: SimulatedPosition | None
    realized: Decimal = ZERO


def net(
    position: SimulatedPosition | None,
    *,
    symbol: str,
    side: OrderSide,
    quantity: Decimal,
    price: Decimal,
    leverage: int,
) -> Netted:
    """The position after a fill: what is against it closes first, the rest opens.

    ``leverage`` holds for a position the fill opens; an open one keeps its own.
    """
    facing = Side.LONG if side is OrderSide.BUY else Side.SHORT
    if position is None:
        return Netted(_opened(symbol, facing, quantity, price, leverage))
    if position.side is facing:
        held = position.quantity + quantity
        cost = position.entry_price * position.quantity + price * quantity
        return Netted(replace(position, quantity=held, entry_price=average(cost, held)))
    closing = min(quantity, position.quantity)
    realized = (price - position.entry_price) * closing * position.side.sign
    if quantity > closing:
        return Netted(_opened(symbol, facing, quantity - closing, price, leverage), realized)
    if closing == position.quantity:
        return Netted(None, realized)
    return Netted(replace(position, quantity=position.quantity - closing), realized)


def _opened(
    symbol: str, side: Side, quantity: Decimal, price: Decimal, leverage: int
) -> SimulatedPosition:
    return SimulatedPosition(
        symbol=symbol, side=side, quantity=quantity, entry_price=price, leverage=leverage
    )


def leverage_of(request: OrderRequest, instrument: Instrument) -> int:
    """The leverage of a position that ``request`` opens; coins are always paid in full."""
    return 1 if instrument.kind is MarketKind.SPOT else request.leverage


def closable(position: SimulatedPosition | None, side: OrderSide) -> Decimal:
    """How much of ``position`` an order of ``side`` can close."""
    if position is None or (position.side is Side.LONG) == (side is OrderSide.BUY):
        return ZERO
    return position.quantity


def margin_of(position: SimulatedPosition) -> Decimal:
    """Isolated margin: the entry notional over the leverage. No more can be lost."""
    return position.entry_price * position.quantity / position.leverage


def unrealized_of(position: SimulatedPosition, price: Decimal) -> Decimal:
    return (price - position.entry_price) * position.quantity * position.side.sign


def liquidation_price(position: SimulatedPosition, instrument: Instrument) -> Decimal | None:
    """Where margin plus unrealized loss equals the maintenance margin, on the tick before it.

    With entry E, leverage L and maintenance fraction m: E (1 - 1/L) / (1 - m) for a long,
    E (1 + 1/L) / (1 + m) for a short. None when no price can liquidate the position.
    """
    if instrument.kind is MarketKind.SPOT:
        return None
    share = ONE / position.leverage
    if position.side is Side.SHORT:
        price = position.entry_price * (1 + share) / (1 + instrument.maintenance_margin)
        return instrument.floor_price(price)
    price = position.entry_price * (1 - share) / (1 - instrument.maintenance_margin)
    return instrument.ceil_price(price) or None
