"""Checks of an order before the venue accepts it, and their rejections."""

from decimal import Decimal

from signalbot.domain.errors import OrderRejected, RejectionReason
from signalbot.domain.liquidation import liquidation_price
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import text
from signalbot.domain.orders import OrderRequest, OrderSide, OrderType
from signalbot.domain.signals import Side
from signalbot.exchange.simulated.accounts import AccountPosition
from signalbot.exchange.simulated.netting import closable, leverage_of


def check_form(request: OrderRequest) -> None:
    """Check that an order has a quantity and the prices of its type.

    Raises:
        OrderRejected: a quantity, price or trigger price is missing or not above zero.
    """
    if not request.quantity > 0:
        raise OrderRejected(f"quantity {request.quantity} is not above zero")
    match request.type:
        case OrderType.MARKET:
            return
        case OrderType.LIMIT:
            name, price = "price", request.price
        case OrderType.STOP | OrderType.TAKE_PROFIT:
            name, price = "trigger_price", request.trigger_price
    if price is None or not price > 0:
        raise OrderRejected(f"a {request.type} order needs a {name} above zero, not {price}")


def check_trigger(request: OrderRequest, last: Decimal) -> None:
    """Check that a stop or take profit has not been reached yet.

    Raises:
        OrderRejected: WOULD_TRIGGER when the last price is at or past the trigger.
    """
    trigger = request.trigger_price
    if trigger is None or request.type not in (OrderType.STOP, OrderType.TAKE_PROFIT):
        return
    falls = (request.side is OrderSide.BUY) is (request.type is OrderType.TAKE_PROFIT)
    if (last <= trigger) if falls else (last >= trigger):
        raise OrderRejected(
            f"order would trigger immediately: trigger {text(trigger)}, last price {text(last)}",
            rejection_reason=RejectionReason.WOULD_TRIGGER,
        )


def check_limits(request: OrderRequest, instrument: Instrument, price: Decimal) -> None:
    """Check an entry against the instrument's grid and minimums at ``price``.

    Raises:
        OrderRejected: it violates a limit; the text has the limit and a valid value.
    """
    quantity = request.quantity
    if quantity % instrument.lot:
        raise OrderRejected(f"quantity {text(quantity)} is not on the lot of {instrument.lot:f}")
    for name, value in (("price", request.price), ("trigger_price", request.trigger_price)):
        if value is not None and value % instrument.tick:
            raise OrderRejected(f"{name} {text(value)} is not on the tick of {instrument.tick:f}")
    if quantity < instrument.min_quantity:
        raise OrderRejected(
            f"quantity {text(quantity)} is below the minimum of {instrument.min_quantity:f}"
        )
    if quantity * price < instrument.min_notional:
        raise OrderRejected(
            f"notional {quantity * price:f} is below the minimum of {instrument.min_notional:f}"
        )
    check_leverage(request, instrument, price)


def check_leverage(request: OrderRequest, instrument: Instrument, price: Decimal) -> None:
    """Check that a new position is not liquidated at once.

    Raises:
        OrderRejected: the leverage is below one, or leaves no margin above maintenance.
    """
    leverage = leverage_of(request, instrument)
    if leverage < 1:
        raise OrderRejected(f"leverage {leverage} is below 1")
    side = Side.LONG if request.side is OrderSide.BUY else Side.SHORT
    liquidated = liquidation_price(
        instrument,
        side=side,
        entry=price,
        quantity=request.quantity,
        margin=price * request.quantity / leverage,
        leverage=leverage,
    )
    if liquidated is not None and (price - liquidated) * side.sign <= 0:
        raise OrderRejected(
            f"leverage {leverage} leaves no margin above the maintenance margin: a position of "
            f"{text(request.quantity)} would be liquidated at {liquidated:.8g}"
        )


def insufficient_margin(
    account_position: AccountPosition,
    request: OrderRequest,
    *,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal,
) -> str | None:
    """Why the account cannot trade ``quantity`` at ``price`` now; None if it can.

    An order that only closes a position always passes.
    """
    closing = min(quantity, closable(account_position.position, request.side))
    opening = quantity - closing
    if not opening:
        return None
    instrument = account_position.market.instrument
    if instrument.kind is MarketKind.SPOT and request.side is OrderSide.SELL:
        return f"insufficient balance: sells {quantity:f} {instrument.base}, holds {closing:f}"
    held = account_position.position if not closing else None
    leverage = held.leverage if held is not None else leverage_of(request, instrument)
    need = opening * price / leverage + fee
    free = account_position.account.free_after_closing(account_position, closing, price)
    if need > free:
        return f"insufficient margin: need {need:.2f}, free {free:.2f}"
    return None
