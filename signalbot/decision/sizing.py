"""How much: from equity and stop distance, a quote amount or a share of free balance."""

from dataclasses import dataclass
from decimal import Decimal

from signalbot.decision.risk import exposure, exposure_limit
from signalbot.decision.situation import Denial, Situation
from signalbot.domain.money import HUNDRED, ONE, floor_to
from signalbot.domain.positions import Position
from signalbot.domain.reasons import Reason
from signalbot.domain.settings import BelowMinimum, SizingMode

#: Fraction of notional kept free for fees and the slippage of a market entry.
RESERVE = Decimal("0.002")


@dataclass(frozen=True, slots=True)
class Sized:
    quantity: Decimal  #: base units, on the lot grid, at least the minimum
    capped_by: str | None  #: what made it smaller than asked


def size(
    s: Situation, *, entry: Decimal, stop: Decimal | None, replaces: Position | None
) -> Sized | Denial:
    """The quantity to enter with at ``entry`` (> 0), within exposure and free balance.

    Never more than asked, except where the user wants orders below the minimum rounded up to it.
    """
    asked = _asked(s, entry=entry, stop=stop)
    if isinstance(asked, Denial):
        return asked
    cap, capped_by = _cap(s, entry=entry, replaces=replaces)
    quantity = s.instrument.floor_quantity(min(asked, cap))
    least = s.instrument.smallest_quantity(entry)
    if quantity >= least:
        return Sized(quantity, capped_by if asked > cap else None)
    if cap < least:
        reason = Reason.MAX_EXPOSURE if capped_by == "exposure" else Reason.INSUFFICIENT_BALANCE
        return Denial(reason, {"most": round(cap, 8), "minimum": least})
    if s.settings.sizing.below_minimum is BelowMinimum.ROUND_UP:
        return Sized(least, None)
    return Denial(Reason.BELOW_MINIMUM, {"quantity": quantity, "minimum": least})


def size_by_risk(
    *, equity: Decimal, risk_percent: Decimal, stop_distance: Decimal, lot: Decimal
) -> Decimal:
    """The quantity that loses ``risk_percent`` of ``equity`` at a stop ``stop_distance`` away.

    ``stop_distance`` (> 0) is in quote units. Rounds down to ``lot``: never risks more.
    """
    return floor_to(lot, equity * risk_percent / HUNDRED / stop_distance)


def _asked(s: Situation, *, entry: Decimal, stop: Decimal | None) -> Decimal | Denial:
    rules, balance = s.settings.sizing, s.book.balance
    match rules.mode:
        case SizingMode.RISK:
            if stop is None:
                return Denial(Reason.NO_STOP_LOSS, {"sizing": rules.mode})
            return size_by_risk(
                equity=max(balance.equity, Decimal(0)),
                risk_percent=rules.risk_percent,
                stop_distance=abs(entry - stop),
                lot=s.instrument.lot,
            )
        case SizingMode.QUOTE:
            return rules.quote_amount / entry
        case SizingMode.BALANCE:
            margin = max(balance.free, Decimal(0)) * rules.balance_percent / HUNDRED
            return margin * s.user.account.leverage / entry


def _cap(s: Situation, *, entry: Decimal, replaces: Position | None) -> tuple[Decimal, str]:
    """The most that free balance and exposure allow, in base units, and which of them it is."""
    leverage, free = s.user.account.leverage, s.book.balance.free
    if replaces is not None:
        free += replaces.entry_price * replaces.quantity / replaces.leverage
    by_balance = max(free, Decimal(0)) / (ONE / leverage + RESERVE) / entry
    limit = exposure_limit(s)
    if limit is None:
        return by_balance, "balance"
    by_exposure = (limit - exposure(s, replaces)) / entry
    return min((by_balance, "balance"), (by_exposure, "exposure"))
