"""Liquidation and bankruptcy price of an isolated linear position.

A position of quantity q, entered at E with margin M, is liquidated at the price P at which its
remaining margin equals the maintenance margin of its bracket, rate r and deduction d:

    M + s q (P - E) = r q P - d      with s = 1 for a long, -1 for a short

so a long is liquidated at ``(q E - M - d) / (q (1 - r))`` and a short at
``(q E + M + d) / (q (1 + r))``. Binance, "How to Calculate Liquidation Price of USDⓈ-M Futures
Contracts" (isolated: TMM = UPNL = 0), where the bracket is the one at the liquidation price; OKX's
margin ratio of isolated USDT-margined contracts adds the taker fee to r.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from signalbot.domain.market import BracketUnit, Instrument, MarginBracket, MarketKind
from signalbot.domain.money import ONE, ZERO
from signalbot.domain.signals import Side

FUNDING_ALLOWANCE = Decimal("0.0005")
"""Fraction of notional reserved for funding that is paid from an isolated margin.

Five payments at the usual 0.01 %: exchanges take them from the margin once the free balance is 0.
"""


def liquidation_price(
    instrument: Instrument,
    *,
    side: Side,
    entry: Decimal,
    quantity: Decimal,
    margin: Decimal,
    leverage: int,
    allowance: Decimal = ZERO,
) -> Decimal | None:
    """The first adverse price at which the position is liquidated.

    ``margin`` is the isolated margin of ``quantity`` (> 0), in quote units. ``allowance`` is a
    fraction of notional required above the maintenance margin, for fees and funding.
    None if no price liquidates it, as for a spot holding.
    """
    if instrument.kind is MarketKind.SPOT:
        return None
    if not instrument.brackets:
        rate = instrument.maintenance_margin + allowance
        only = _root(side, entry * quantity, margin, ZERO, quantity, rate)
        return only if only > 0 else None
    found = [
        price
        for bracket, low, high in _ranges(instrument, quantity, entry, leverage)
        if (price := _within(bracket, low, high, side, entry, quantity, margin, allowance))
        is not None
    ]
    nearest = max(found, default=ZERO) if side is Side.LONG else min(found, default=ZERO)
    return nearest if nearest > 0 else None


def bankruptcy_price(*, side: Side, entry: Decimal, quantity: Decimal, margin: Decimal) -> Decimal:
    """The price at which an isolated position's loss equals its margin."""
    return entry - side.sign * margin / quantity


def _within(
    bracket: MarginBracket,
    low: Decimal,
    high: Decimal | None,
    side: Side,
    entry: Decimal,
    quantity: Decimal,
    margin: Decimal,
    allowance: Decimal,
) -> Decimal | None:
    """The first liquidation price between ``low`` and ``high``; None if there is none.

    ``high`` is None for the last bracket. Where a bracket has no deduction, the requirement jumps
    at its lower bound: a short may be liquidated exactly there.
    """
    rate = bracket.rate + allowance
    price = _root(side, quantity * entry, margin, bracket.deduction, quantity, rate)
    if side is Side.LONG:
        reached = price if high is None else min(price, high)
        return reached if low <= min(entry, reached) else None
    reached = max(price, low)
    return reached if high is None or max(entry, reached) < high else None


def _root(
    side: Side, cost: Decimal, margin: Decimal, deduction: Decimal, quantity: Decimal, rate: Decimal
) -> Decimal:
    """The price at which the remaining margin equals one bracket's requirement."""
    if side is Side.LONG:
        return (cost - margin - deduction) / (quantity * (ONE - rate))
    return (cost + margin + deduction) / (quantity * (ONE + rate))


def _ranges(
    instrument: Instrument, quantity: Decimal, entry: Decimal, leverage: int
) -> Iterator[tuple[MarginBracket, Decimal, Decimal | None]]:
    """Brackets with the price range in which each applies to ``quantity``."""
    brackets = _brackets(instrument, leverage)
    if instrument.bracket_unit is BracketUnit.QUANTITY or len(brackets) == 1:
        size = quantity if instrument.bracket_unit is BracketUnit.QUANTITY else quantity * entry
        fitting = [each for each in brackets if each.least <= size]
        yield (fitting or brackets)[-1], ZERO, None
        return
    for bracket, following in pairwise((*brackets, None)):
        assert bracket is not None  # noqa: S101 - only the last is
        high = None if following is None else following.least / quantity
        yield bracket, bracket.least / quantity, high


def _brackets(instrument: Instrument, leverage: int) -> Sequence[MarginBracket]:
    """The brackets for ``leverage``, or for the next higher one that the exchange lists."""
    every = instrument.brackets
    named = [each.leverage for each in every if each.leverage is not None]
    if not named:
        return every
    most = min((each for each in named if each >= leverage), default=max(named))
    return [each for each in every if each.leverage in (None, most)]
