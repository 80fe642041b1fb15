"""Trading costs: fees and slippage, at the stop and in a reversal."""

from decimal import Decimal

from signalbot.decision.decision_input import DecisionInput
from signalbot.domain.account_snapshot import Balance
from signalbot.domain.market import Instrument
from signalbot.domain.money import ONE, TEN_THOUSAND, ZERO
from signalbot.domain.positions import Position
from signalbot.domain.settings import EntryType
from signalbot.domain.signals import Side


def market_fill_price(
    instrument: Instrument, *, side: Side, price: Decimal, slippage_bps: Decimal
) -> Decimal:
    """Expected fill of a market order towards ``side``: ``price`` plus slippage, on the tick."""
    worse = price * (ONE + side.sign * slippage_bps / TEN_THOUSAND)
    if side is Side.LONG:
        return instrument.ceil_price(worse)
    return max(instrument.tick, instrument.floor_price(worse))


def expected_entry_price(s: DecisionInput, *, side: Side, entry: Decimal) -> Decimal:
    """Expected fill of an entry planned at ``entry``; limit entries fill at their limit."""
    if s.settings.entry.type is EntryType.LIMIT:
        return entry
    return _expected_fill(s, side=side, price=entry)


def loss_per_unit(s: DecisionInput, *, side: Side, entry: Decimal, stop: Decimal) -> Decimal:
    """Loss of one base unit from entry to stop, in quote units, with fees and slippage.

    Limit entries also count with the taker fee. Without ``sizing.risk_includes_costs`` it is the
    plain distance.
    """
    plain = abs(entry - stop)
    if not s.settings.sizing.risk_includes_costs:
        return plain
    entered = expected_entry_price(s, side=side, entry=entry)
    exit_price = _expected_fill(s, side=side.opposite, price=stop)
    return max(plain, (entered - exit_price) * side.sign) + (entered + exit_price) * s.fees.taker


def balance_after_close(s: DecisionInput, replaces: Position | None) -> Balance:
    """Equity and free balance after ``replaces`` is closed at market.

    Exchanges differ in whether unrealized PnL changes the free balance. The free balance is the
    smaller of two estimates: equity minus the margin of the other positions, and the current free
    balance plus what the closed position releases.
    """
    balance = s.snapshot.balance
    if replaces is None:
        return balance
    price = s.price or replaces.entry_price
    exit_price = _expected_fill(s, side=replaces.side.opposite, price=price)
    costs = replaces.quantity * (abs(price - exit_price) + exit_price * s.fees.taker)
    earned = replaces.unrealized_pnl(price)
    others = [each for each in s.snapshot.positions.values() if each.symbol != replaces.symbol]
    margins = sum(map(_margin, others), ZERO)
    settled = sum((each.net_pnl for each in s.snapshot.positions.values()), ZERO)
    unsettled = s.snapshot.open_pnl - settled - earned  # unrealized PnL of the other positions
    by_equity = balance.equity - margins - max(ZERO, unsettled)
    by_free = balance.free + _margin(replaces) + max(ZERO, earned)
    return Balance(
        equity=balance.equity - costs,
        free=min(by_equity, by_free) - costs,
        as_of_ms=balance.as_of_ms,
    )


def _margin(position: Position) -> Decimal:
    return position.entry_price * position.quantity / position.leverage


def _expected_fill(s: DecisionInput, *, side: Side, price: Decimal) -> Decimal:
    return market_fill_price(s.instrument, side=side, price=price, slippage_bps=s.slippage_bps)
