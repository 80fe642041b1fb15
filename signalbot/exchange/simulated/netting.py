"""One-way mode: the effect of a fill on the net position, and its liquidation price."""

from dataclasses import dataclass, replace
from decimal import Decimal

from signalbot.domain.liquidation import bankruptcy_price, liquidation_price
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ZERO, average
from signalbot.domain.orders import OrderRequest, OrderSide
from signalbot.domain.signals import Side
from signalbot.ledger.simulated_store import SimulatedPosition


@dataclass(frozen=True, slots=True)
class NettingResult:
    """The position after a fill, and the gross profit of the closed part."""

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
) -> NettingResult:
    """The position after a fill: an opposite fill closes first, the rest opens.

    ``leverage`` holds for a position the fill opens; an open one keeps its own.
    """
    facing = Side.LONG if side is OrderSide.BUY else Side.SHORT
    if position is None:
        return NettingResult(_open_position(symbol, facing, quantity, price, leverage))
    if position.side is facing:
        held = position.quantity + quantity
        cost = position.entry_price * position.quantity + price * quantity
        return NettingResult(replace(position, quantity=held, entry_price=average(cost, held)))
    closing = min(quantity, position.quantity)
    realized = (price - position.entry_price) * closing * position.side.sign
    if quantity > closing:
        return NettingResult(
            _open_position(symbol, facing, quantity - closing, price, leverage), realized
        )
    if closing == position.quantity:
        return NettingResult(None, realized)
    remaining = position.quantity - closing
    paid = position.margin_paid and average(position.margin_paid * remaining, position.quantity)
    return NettingResult(replace(position, quantity=remaining, margin_paid=paid), realized)


def _open_position(
    symbol: str, side: Side, quantity: Decimal, price: Decimal, leverage: int
) -> SimulatedPosition:
    return SimulatedPosition(
        symbol=symbol, side=side, quantity=quantity, entry_price=price, leverage=leverage
    )


def leverage_of(request: OrderRequest, instrument: Instrument) -> int:
    """The leverage of a position that ``request`` opens; coins are always paid in full."""
    return 1 if instrument.kind is MarketKind.SPOT else request.leverage


def closable(position: SimulatedPosition | None, side: OrderSide) -> Decimal:
    """The quantity of ``position`` that an order of ``side`` can close."""
    if position is None or (position.side is Side.LONG) == (side is OrderSide.BUY):
        return ZERO
    return position.quantity


def margin_of(position: SimulatedPosition) -> Decimal:
    """Isolated margin: entry notional over leverage, less the funding it paid; the maximum loss."""
    return position.entry_price * position.quantity / position.leverage - position.margin_paid


def unrealized_of(position: SimulatedPosition, price: Decimal) -> Decimal:
    return (price - position.entry_price) * position.quantity * position.side.sign


def liquidation_of(position: SimulatedPosition, instrument: Instrument) -> Decimal | None:
    """The liquidation price, on the tick before it; None: there is none."""
    price = liquidation_price(
        instrument,
        side=position.side,
        entry=position.entry_price,
        quantity=position.quantity,
        margin=margin_of(position),
        leverage=position.leverage,
    )
    if price is None:
        return None
    is_short = position.side is Side.SHORT
    return instrument.floor_price(price) if is_short else instrument.ceil_price(price)


def bankruptcy_of(position: SimulatedPosition, instrument: Instrument) -> Decimal:
    """The last tick at which the loss does not exceed the margin; above zero."""
    price = bankruptcy_price(
        side=position.side,
        entry=position.entry_price,
        quantity=position.quantity,
        margin=margin_of(position),
    )
    if position.side is Side.SHORT:
        return instrument.floor_price(price)
    return max(instrument.ceil_price(max(price, ZERO)), instrument.tick)
