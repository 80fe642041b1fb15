"""When an order triggers or trades, and in how many parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from tests.venue.model import ZERO, Kind, Order, Side, Ticket


def is_past(ask: Ticket, price: Decimal) -> bool:
    """Whether the price has reached a conditional order's trigger."""
    if ask.trigger is None:
        return False
    falls = (ask.side is Side.SELL) == (ask.kind is Kind.STOP)
    return price <= ask.trigger if falls else price >= ask.trigger


def would_take(ask: Ticket, last: Decimal) -> bool:
    """Whether a limit order meets the price."""
    return ask.price is not None and (ask.price - last) * ask.side.sign >= 0


def adverse(price: Decimal, side: Side, slippage: Decimal | None) -> Decimal:
    """The price a taker gets."""
    return price if slippage is None else price * (1 + side.sign * slippage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """How the next taking order that fits fills: not at all, in parts, late.

    ``shares`` are fractions of the order. The first part fills at once, or after
    ``first_after_s``; each further one ``pause_s`` after the one before, or when a test calls
    ``Engine.fill`` if ``pause_s`` is None. What is left then rests, or expires.
    """

    shares: Sequence[Decimal] = ()
    pause_s: float | None = None
    first_after_s: float = 0.0
    expires: bool = False
    key: str = ""  #: of one account only
    leg: str = "entry"  #: entry, exit, stop or target: what triggered counts as what it was
    where: Callable[[Order], bool] | None = None  #: instead of ``leg``

    def fits(self, order: Order) -> bool:
        if self.key not in ("", order.key):
            return False
        if self.where is not None:
            return self.where(order)
        return order.ask.leg == self.leg

    def parts(self, order: Order, lot: Decimal) -> list[Decimal]:
        """Quantities on the lot grid; shares that add up to one leave no rest."""
        parts = [
            (order.ask.quantity * share / lot).to_integral_value(ROUND_DOWN) * lot
            for share in self.shares
        ]
        if parts and sum(self.shares, ZERO) == 1:
            parts[-1] += order.ask.quantity - sum(parts, ZERO)
        return parts
