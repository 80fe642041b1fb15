"""Bybit's spot orders: market buys by value, and two kinds of stops.

Source: "Place Order". A ``tpslOrder`` occupies its assets before it triggers, a ``StopOrder`` does
not. There is no ``triggerDirection``: what waits below the price is for a falling one, what waits
above for a rising one, whatever was meant.
"""

from decimal import Decimal

from tests.venue.bybit_errors import No, wrong
from tests.venue.bybit_params import Asked, number
from tests.venue.engine import Engine
from tests.venue.model import Attached, Kind, Market, Order, Side, Ticket

FILTERS = ("Order", "tpslOrder", "StopOrder")


def filter_of(order: Order) -> str:
    """``orderFilter``: of perpetuals a conditional order is a StopOrder."""
    if not order.is_conditional:
        return "Order"
    return str(order.ask.extra.get("filter", "tpslOrder" if order.ask.is_spot else "StopOrder"))


def spot_ticket(engine: Engine, market: Market, asked: Asked) -> Ticket:
    """What a spot order asks for; borrowing is refused."""
    if int(asked.get("isLeverage") or 0):
        raise No(170_036, "You haven't enabled Cross Margin Trading yet.")
    side, is_limit = Side(asked["side"].lower()), asked["orderType"] == "Limit"
    wanted = asked.get("orderFilter", "Order")
    if wanted not in FILTERS:
        raise No(170_201, "Invalid orderFilter parameter")
    if wanted != "Order" and "triggerPrice" not in asked:
        raise No(170_202, "Please enter the TP/SL price.")
    trigger = number(asked, "triggerPrice") if wanted != "Order" else None
    by_value = not is_limit and _by_value(asked, side)
    amount = number(asked, "qty")
    price = number(asked, "price") if is_limit else None
    return Ticket(
        client_id=str(asked.get("orderLinkId", "")), symbol=market.id, side=side,
        kind=_kind(engine, market, side, trigger, is_limit=is_limit), is_spot=True,
        quantity=_bought(engine, market, amount, trigger) if by_value else amount,
        quote_quantity=amount if by_value and trigger is None else None, price=price,
        trigger=trigger, holds=wanted != "StopOrder",
        attached=_attached(asked, is_limit=is_limit),
        extra={"filter": wanted, "value": amount if by_value else None},
        time_in_force="GTX" if asked.get("timeInForce") == "PostOnly"
        else asked.get("timeInForce", "GTC"),
    )  # fmt: skip


def _by_value(asked: Asked, side: Side) -> bool:
    unit = asked.get("marketUnit", "quoteCoin" if side is Side.BUY else "baseCoin")
    if unit not in ("baseCoin", "quoteCoin"):
        raise wrong("marketUnit invalid")
    return bool(unit == "quoteCoin")


def _bought(engine: Engine, market: Market, value: Decimal, trigger: Decimal | None) -> Decimal:
    """What a value is in coins, on the pair's grid."""
    grid = market.quote_lot or market.lot
    return value / (trigger or engine.prices[market.id]) // grid * grid


def _kind(
    engine: Engine, market: Market, side: Side, trigger: Decimal | None, *, is_limit: bool
) -> Kind:
    if trigger is None:
        return Kind.LIMIT if is_limit else Kind.MARKET
    falls = trigger < engine.prices[market.id]
    return Kind.STOP if falls == (side is Side.SELL) else Kind.TAKE_PROFIT


def _attached(asked: Asked, *, is_limit: bool) -> tuple[Attached, ...]:
    """Only limit orders bring a stop or target along."""
    found = []
    for name, kind, price in (
        ("stopLoss", Kind.STOP, "slLimitPrice"),
        ("takeProfit", Kind.TAKE_PROFIT, "tpLimitPrice"),
    ):
        if name not in asked:
            continue
        if not is_limit:
            raise No(170_130, f"Data sent for paramter '{name}' is not valid.")
        limit = number(asked, price) if price in asked else None
        found.append(Attached(kind=kind, trigger=number(asked, name), price=limit,
                              extra={"filter": "tpslOrder"}))  # fmt: skip
    return tuple(found)
