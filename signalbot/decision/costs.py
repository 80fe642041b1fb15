"""What trading costs beside the price: fees and slippage, at the stop and in a reversal."""

from decimal import Decimal

from signalbot.decision.situation import Situation
from signalbot.domain.book import Balance
from signalbot.domain.market import Instrument
from signalbot.domain.money import ONE, TEN_THOUSAND, ZERO
from signalbot.domain.positions import Position
from signalbot.domain.settings import EntryType
from signalbot.domain.signals import Side


def filled_at(
    instrument: Instrument, *, side: Side, price: Decimal, slippage_bps: Decimal
) -> Decimal:
    """Where a market order towards ``side`` fills when the price is there: worse, on the tick."""
    worse = price * (ONE + side.sign * slippage_bps / TEN_THOUSAND)
    if side is Side.LONG:
        return instrument.ceil_price(worse)
    return max(instrument.tick, instrument.floor_price(worse))


def entered_at(s: Situation, *, side: Side, entry: Decimal) -> Decimal:
    """Where an entry planned at ``entry`` is expected to fill; a limit entry fills there."""
    if s.settings.entry.type is EntryType.LIMIT:
        return entry
    return _filled(s, side=side, price=entry)


def loss_per_unit(s: Situation, *, side: Side, entry: Decimal, stop: Decimal) -> Decimal:
    """What one base unit loses from entry to stop, in quote units, fees and slippage included.

    A limit entry fills at its price or not at all; its fee is taken to be a taker's all the same.
    The plain distance, if that is what the user wants.
    """
    plain = abs(entry - stop)
    if not s.settings.sizing.risk_includes_costs:
        return plain
    entered = entered_at(s, side=side, entry=entry)
    left = _filled(s, side=side.opposite, price=stop)
    return max(plain, (entered - left) * side.sign) + (entered + left) * s.fees.taker


def after_close(s: Situation, replaces: Position | None) -> Balance:
    """Equity and free balance once ``replaces`` has been closed at market.

    Exchanges differ in whether an open profit or loss changes the free balance. So it is found
    twice, from equity less what the other positions hold, and from what is free now and what the
    closed position gives back: the smaller one counts.
    """
    balance = s.book.balance
    if replaces is None:
        return balance
    price = s.price or replaces.entry_price
    left = _filled(s, side=replaces.side.opposite, price=price)
    costs = replaces.quantity * (abs(price - left) + left * s.fees.taker)
    earned = replaces.unrealized_pnl(price)
    others = [each for each in s.book.positions.values() if each.symbol != replaces.symbol]
    margins = sum(map(_margin, others), ZERO)
    settled = sum((each.net_pnl for each in s.book.positions.values()), ZERO)
    unsettled = s.book.open_pnl - settled - earned  # what the other positions would earn
    by_equity = balance.equity - margins - max(ZERO, unsettled)
    by_free = balance.free + _margin(replaces) + max(ZERO, earned)
    return Balance(
        equity=balance.equity - costs,
        free=min(by_equity, by_free) - costs,
        as_of_ms=balance.as_of_ms,
    )


def _margin(position: Position) -> Decimal:
    return position.entry_price * position.quantity / position.leverage


def _filled(s: Situation, *, side: Side, price: Decimal) -> Decimal:
    return filled_at(s.instrument, side=side, price=price, slippage_bps=s.slippage_bps)
