"""What an order must satisfy before the exchange takes it."""

from decimal import Decimal
from typing import Protocol

from tests.venue.matching import is_past, would_take
from tests.venue.model import (
    Account,
    Kind,
    Market,
    Order,
    Origin,
    Reason,
    Refused,
    Rules,
    Ticket,
    TriggerBy,
)


class Exchange(Protocol):
    """What the rules must know of the engine."""

    rules: Rules
    prices: dict[str, Decimal]
    marks: dict[str, Decimal]

    def market_of(self, symbol: str) -> Market: ...

    def leverage(self, account: Account, symbol: str) -> int: ...

    def available(self, account: Account) -> Decimal: ...


def check(
    exchange: Exchange, account: Account, ask: Ticket, *, instead_of: Order | None = None
) -> None:
    """Raise ``Refused`` with the first rule that ``ask`` breaks."""
    market = exchange.market_of(ask.symbol)
    if instead_of is None:
        _client_id(exchange, account, ask)
    if not ask.close_position:
        _quantity(market, ask)
    _prices(market, ask)
    _position(account, ask)
    _trigger(exchange, ask)
    if ask.origin is not Origin.LIQUIDATION and not (ask.reduce_only or ask.close_position):
        _money(exchange, account, market, ask)


def _client_id(exchange: Exchange, account: Account, ask: Ticket) -> None:
    if not ask.client_id:
        return
    conditional = exchange.rules.separate_conditional_ids and ask.trigger is not None
    for other in account.by_client_id.get((conditional, ask.client_id), ()):
        if exchange.rules.ids_unique_forever or other.is_open:
            raise Refused(Reason.DUPLICATE)


def _quantity(market: Market, ask: Ticket) -> None:
    if ask.quantity % market.lot:
        raise Refused(Reason.QUANTITY_STEP)
    if ask.quantity < market.min_quantity:
        raise Refused(Reason.QUANTITY_TOO_SMALL)
    is_market = ask.kind is Kind.MARKET or ask.price is None
    most = market.max_market_quantity if is_market else market.max_quantity
    if ask.quantity > most and ask.origin is not Origin.LIQUIDATION:
        raise Refused(Reason.QUANTITY_TOO_LARGE)


def _prices(market: Market, ask: Ticket) -> None:
    for price in (ask.price, ask.trigger, *(each.trigger for each in ask.attached)):
        if price is not None and (price <= 0 or price % market.tick):
            raise Refused(Reason.PRICE_STEP)


def _position(account: Account, ask: Ticket) -> None:
    """A plain reduce-only order needs something to reduce; a conditional one may wait for it."""
    position = account.position(ask.symbol)
    fits = bool(position.quantity) and position.closing is ask.side
    if ask.close_position and not fits:
        raise Refused(Reason.NO_POSITION)
    if ask.reduce_only and ask.trigger is None and not fits:
        raise Refused(Reason.REDUCE_ONLY)


def _trigger(exchange: Exchange, ask: Ticket) -> None:
    by_mark = ask.trigger_by is TriggerBy.MARK
    watched = (exchange.marks if by_mark else exchange.prices)[ask.symbol]
    if ask.trigger is not None and is_past(ask, watched):
        raise Refused(Reason.WOULD_TRIGGER)
    if ask.time_in_force == "GTX" and would_take(ask, exchange.prices[ask.symbol]):
        raise Refused(Reason.POST_ONLY)


def _money(exchange: Exchange, account: Account, market: Market, ask: Ticket) -> None:
    """Notional, and margin for what the order adds to the position."""
    price = ask.price or exchange.prices[ask.symbol]
    if ask.quantity * price < market.min_notional:
        raise Refused(Reason.NOTIONAL)
    if ask.trigger is not None:
        return  # looked at when it triggers
    held = account.held(ask.symbol)
    closes = min(abs(held), ask.quantity) if held * ask.side.sign < 0 else Decimal(0)
    added = (ask.quantity - closes) * price
    needed = added / exchange.leverage(account, ask.symbol) + added * exchange.rules.taker_fee
    if needed > exchange.available(account) + closes * price / exchange.leverage(
        account, ask.symbol
    ):
        raise Refused(Reason.MARGIN)
