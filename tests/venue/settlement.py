"""What a fill does to an account: its position or its coins, its fee, its books."""

from decimal import Decimal
from typing import NamedTuple

from tests.venue.model import (
    ZERO,
    Account,
    Market,
    Position,
    Rules,
    Side,
    Ticket,
)
from tests.venue.values import Valued


class Fee(NamedTuple):
    coin: str
    amount: Decimal


def fee_of(
    values: Valued, account: Account, ask: Ticket, quantity: Decimal, price: Decimal, *,
    is_maker: bool,
) -> Fee:  # fmt: skip
    """What a fill costs, and in which coin.

    The exchange's own coin pays if the account wants it and has enough; else a spot purchase
    pays in the bought coin, everything else in the quote coin; rebates are the other way round
    (Bybit's enum page, "Spot Fee Currency Instruction").
    """
    market, rate = values.markets[ask.symbol], rate_of(values.rules, ask, is_maker=is_maker)
    value, own = quantity * price * rate, account.pays_fees_in
    if own and value > 0:
        amount = value * values.rules.coin_fee_share / values.coin_price(own)
        if account.balance(own) >= amount:
            return Fee(own, amount)
    in_base = ask.is_spot and (ask.side is Side.BUY) == (rate >= 0)
    return Fee(market.base, quantity * rate) if in_base else Fee(market.quote, value)


def rate_of(rules: Rules, ask: Ticket, *, is_maker: bool) -> Decimal:
    if ask.is_spot:
        return rules.spot_maker_fee if is_maker else rules.spot_taker_fee
    return rules.maker_fee if is_maker else rules.taker_fee


def move_position(
    position: Position, ask: Ticket, quantity: Decimal, price: Decimal, *, leverage: int,
    now_ms: int,
) -> Decimal:  # fmt: skip
    """Change a position and return what it earned."""
    before, sign = position.quantity, ask.side.sign
    after = before + sign * quantity
    realized = ZERO
    if before * sign < 0:
        closed = min(quantity, abs(before))
        realized = (price - position.entry) * closed * -sign
        position.margin -= position.margin * closed / abs(before)
    opened = quantity if before * sign >= 0 else max(ZERO, quantity - abs(before))
    position.margin += opened * price / leverage
    if before * after <= 0:  # opened, closed, or turned round
        position.entry = price if after else ZERO
        position.opened_ms = now_ms
    elif abs(after) > abs(before):
        position.entry = (position.entry * abs(before) + price * quantity) / abs(after)
    position.quantity, position.updated_ms = after, now_ms
    return realized


def move_coins(
    account: Account, market: Market, ask: Ticket, quantity: Decimal, price: Decimal, fee: Fee, *,
    now_ms: int,
) -> None:  # fmt: skip
    """Exchange coins, and keep account of what was bought."""
    sign = ask.side.sign
    account.add(market.base, sign * quantity)
    account.add(market.quote, -sign * quantity * price)
    account.add(fee.coin, -fee.amount)
    holding = account.holding(market.id)
    before, holding.dust = holding.quantity, market.lot
    taken = fee.amount if fee.coin == market.base else ZERO
    holding.quantity = max(ZERO, before + sign * quantity - taken)
    if sign > 0 and holding.quantity:
        holding.entry = (holding.entry * before + price * quantity) / (before + quantity)
    holding.updated_ms = now_ms
    if not before:
        holding.opened_ms = now_ms
