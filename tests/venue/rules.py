"""What an order must satisfy before the exchange takes it."""

from decimal import Decimal
from typing import Protocol

from tests.venue.matching import is_past, would_take
from tests.venue.model import (
    ZERO,
    Account,
    Kind,
    Market,
    Order,
    Origin,
    PositionSide,
    Reason,
    Refused,
    Rules,
    Side,
    Ticket,
    TriggerBy,
)
from tests.venue.switches import Switches

_FORCED = (Origin.LIQUIDATION, Origin.ADL)


class Exchange(Protocol):
    """What the rules must know of the engine."""

    rules: Rules
    switches: Switches
    prices: dict[str, Decimal]
    marks: dict[str, Decimal]

    def market_of(self, symbol: str) -> Market: ...

    def leverage(self, account: Account, symbol: str) -> int: ...

    def available(self, account: Account) -> Decimal: ...

    def free(self, account: Account, coin: str) -> Decimal: ...

    def hold_of(self, order: Order) -> tuple[str, Decimal]: ...

    def held_by(self, account: Account, group: str, coin: str) -> Decimal: ...


def check(
    exchange: Exchange, account: Account, ask: Ticket, *, instead_of: Order | None = None
) -> None:
    """Raise ``Refused`` with the first rule that ``ask`` breaks."""
    market = exchange.market_of(ask.symbol)
    check_form(exchange, account, ask, is_new=instead_of is None)
    if not ask.is_spot:
        _position(account, ask)
    check_trigger(exchange, ask)
    _notional(exchange, market, ask)
    afford(exchange, account, ask, instead_of=instead_of)


def check_form(exchange: Exchange, account: Account, ask: Ticket, *, is_new: bool) -> None:
    """Client id, quantity and prices, whatever the account holds."""
    market = exchange.market_of(ask.symbol)
    if is_new:
        _client_id(exchange, account, ask)
    if not ask.close_position:
        _quantity(market, ask)
    _prices(market, ask)


def afford(
    exchange: Exchange, account: Account, ask: Ticket, *, instead_of: Order | None = None
) -> None:
    """Raise ``Refused`` when there is too little margin, or too few coins, for ``ask``.

    What waits for its trigger is looked at then, but for a spot order that holds its coins.
    """
    if ask.origin in _FORCED:
        return
    if ask.is_spot:
        if ask.trigger is None or ask.holds:
            _coins(exchange, account, ask, instead_of)
    elif not ask.reduces and ask.trigger is None:
        _margin(exchange, account, ask)


def _client_id(exchange: Exchange, account: Account, ask: Ticket) -> None:
    if not ask.client_id or ask.origin in _FORCED or exchange.rules.ids_may_repeat:
        return
    for_good = exchange.rules.ids_unique_forever and not exchange.switches.reuses_client_ids
    conditional = exchange.rules.separate_conditional_ids and ask.trigger is not None
    for other in account.by_client_id.get((conditional, ask.client_id), ()):
        if for_good or other.is_open:
            raise Refused(Reason.DUPLICATE)


def _quantity(market: Market, ask: Ticket) -> None:
    by_quote = ask.quote_quantity is not None
    if ask.quantity % ((by_quote and market.quote_lot) or market.lot):
        raise Refused(Reason.QUANTITY_STEP)
    if ask.quantity < market.min_quantity:
        raise Refused(Reason.QUANTITY_TOO_SMALL)
    is_market = ask.kind is Kind.MARKET or ask.price is None
    most = market.max_market_quantity if is_market else market.max_quantity
    if ask.quantity > most and ask.origin not in _FORCED:
        raise Refused(Reason.QUANTITY_TOO_LARGE)


def _prices(market: Market, ask: Ticket) -> None:
    attached = (price for each in ask.attached for price in (each.trigger, each.price))
    for price in (ask.price, ask.trigger, *attached):
        if price is not None and (price <= 0 or price % market.tick):
            raise Refused(Reason.PRICE_STEP)


def _position(account: Account, ask: Ticket) -> None:
    """A plain reduce-only order needs something to reduce; a conditional one may wait for it."""
    position = account.position(ask.symbol, ask.position_side)
    fits = bool(position.quantity) and position.closing is ask.side
    if (ask.close_position or ask.time_in_force == "GTE_GTC") and not fits:
        raise Refused(Reason.NO_POSITION)
    if not ask.reduces or ask.trigger is not None:
        return
    hedged = ask.position_side is not PositionSide.BOTH
    if not fits or (hedged and ask.quantity > abs(position.quantity)):
        raise Refused(Reason.REDUCE_ONLY)


def check_trigger(exchange: Exchange, ask: Ticket) -> None:
    """A trigger that is not passed yet; a post-only order that does not take."""
    by_mark = ask.trigger_by is TriggerBy.MARK
    watched = (exchange.marks if by_mark else exchange.prices)[ask.symbol]
    if ask.trigger is not None and is_past(ask, watched) and not exchange.rules.triggers_at_once:
        raise Refused(Reason.WOULD_TRIGGER)
    if ask.time_in_force == "GTX" and would_take(ask, exchange.prices[ask.symbol]):
        raise Refused(Reason.POST_ONLY)


def _notional(exchange: Exchange, market: Market, ask: Ticket) -> None:
    """Of futures only what opens has a least value, of spot everything."""
    if ask.origin in _FORCED or (ask.reduces and not ask.is_spot):
        return
    price = ask.price or (ask.trigger if ask.is_spot else None) or exchange.prices[ask.symbol]
    if ask.quantity * price < market.min_notional:
        raise Refused(Reason.NOTIONAL)


def _margin(exchange: Exchange, account: Account, ask: Ticket) -> None:
    """Margin for what the order adds to the position."""
    price, leverage = (
        ask.price or exchange.prices[ask.symbol],
        exchange.leverage(account, ask.symbol),
    )
    held = account.position(ask.symbol, ask.position_side).quantity
    closes = min(abs(held), ask.quantity) if held * ask.side.sign < 0 else ZERO
    added = (ask.quantity - closes) * price
    needed = added / leverage + added * exchange.rules.taker_fee
    if needed > exchange.available(account) + closes * price / leverage:
        raise Refused(Reason.MARGIN)
    if exchange.switches.limits_positions:
        _size(exchange, ask, leverage, abs(held) * price + added)


def _size(exchange: Exchange, ask: Ticket, leverage: int, notional: Decimal) -> None:
    """Binance -2027: the most notional that any bracket allows at this leverage."""
    brackets = exchange.market_of(ask.symbol).brackets
    most = max((each.cap for each in brackets if each.leverage >= leverage), default=ZERO)
    if notional > most:
        raise Refused(Reason.QUANTITY_TOO_LARGE, "leverage")


def _coins(exchange: Exchange, account: Account, ask: Ticket, instead_of: Order | None) -> None:
    """What a spot order would hold must be free, or held by the order it replaces."""
    market = exchange.market_of(ask.symbol)
    price = ask.price or ask.trigger or exchange.prices[ask.symbol]
    coin, needed = market.quote, ask.quote_quantity or ask.quantity * price
    if ask.side is Side.SELL:
        coin, needed = market.base, ask.quantity
    own = ZERO
    if instead_of is not None and instead_of.is_open:
        held = not instead_of.is_waiting or instead_of.ask.holds
        own = exchange.hold_of(instead_of)[1] if held else ZERO
    elif ask.group:
        own = exchange.held_by(account, ask.group, coin)
    if needed > exchange.free(account, coin) + own:
        raise Refused(Reason.MARGIN, coin)
