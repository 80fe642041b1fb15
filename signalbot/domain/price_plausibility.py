"""Whether a price from outside can be one of its market: a digit too many or too few is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.signals import Signal


@dataclass(frozen=True, slots=True)
class PriceTolerance:
    """By which factor, up or down, numbers may differ from the market."""

    price: int
    level: int  #: of stops and targets


SENDER_TOLERANCE = PriceTolerance(price=2, level=5)
"""One digit more or less makes ten times or a tenth: less than that is refused at the door."""

MAX_TOLERANCE = PriceTolerance(price=10, level=100)
"""Whatever brought a signal: beyond this nothing is computed from it."""


def is_within_factor(value: Decimal, market: Decimal, *, factor: int) -> bool:
    """Whether ``value`` is less than ``times`` above and below ``market`` (> 0)."""
    if not value.is_finite() or value <= 0:
        return False
    return market < value * factor and value < market * factor


def implausible_prices(
    signal: Signal, market: Decimal | None, limits: PriceTolerance
) -> Iterator[tuple[str, Decimal]]:
    """Name and value of everything in ``signal`` that cannot be a price of its market.

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
