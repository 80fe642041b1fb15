"""Plausibility of external prices: detects prices that are off by a digit or of another market."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.signals import Signal


@dataclass(frozen=True, slots=True)
class PriceTolerance:
    """Maximum factor, up or down, between a price and the market price."""

    price: int
    level: int  #: of stops and targets


SENDER_TOLERANCE = PriceTolerance(price=2, level=5)
"""For incoming signals: well below 10, the error of one missing or doubled digit."""

MAX_TOLERANCE = PriceTolerance(price=10, level=100)
"""For every signal, whatever its source: prices beyond it are never used."""


def is_within_factor(value: Decimal, market: Decimal, *, factor: int) -> bool:
    """Whether ``value`` and ``market`` (> 0) differ by less than ``factor`` either way."""
    if not value.is_finite() or value <= 0:
        return False
    return market < value * factor and value < market * factor


def implausible_prices(
    signal: Signal, market: Decimal | None, limits: PriceTolerance
) -> Iterator[tuple[str, Decimal]]:
    """Name and value of every price in ``signal`` that is implausible for its market.

    ``market`` is the last known price; without one, levels are compared with the signal's price.
    """
    reference = market if market is not None else signal.price
    if reference is None:
        return
    checked = [("price", signal.price, limits.price), ("stop_loss", signal.stop_loss, limits.level)]
    checked += [("take_profit", target, limits.level) for target in signal.take_profits]
    for name, value, factor in checked:
        if value is not None and not is_within_factor(value, reference, factor=factor):
            yield name, value
