"""How much: from equity and stop distance, a quote amount or a share of free balance."""

from dataclasses import dataclass
from decimal import Decimal

from signalbot.decision.costs import after_close, entered_at, loss_per_unit
from signalbot.decision.risk import exposure, exposure_limit
from signalbot.decision.situation import Denial, Situation
from signalbot.domain.book import Balance
from signalbot.domain.market import Fees, Instrument
from signalbot.domain.money import HUNDRED, ONE, ZERO, floor_to
from signalbot.domain.positions import Position
from signalbot.domain.reasons import Reason
from signalbot.domain.settings import BelowMinimum, Sizing, SizingMode

#: The least fraction of notional kept free for fees and the slippage of a market entry.
RESERVE = Decimal("0.002")


@dataclass(frozen=True, slots=True)
class Sized:
    quantity: Decimal  #: base units, on the lot grid, at least the minimum
    capped_by: str | None  #: what made it smaller than asked


def size(
    s: Situation, *, entry: Decimal, stop: Decimal | None, replaces: Position | None
) -> Sized | Denial:
    """The quantity to enter with at ``entry`` (> 0), within exposure and free balance.

    Where ``replaces`` is closed first, by what will be free then. Never more than asked, except
    where the user wants orders below the minimum rounded up to it.
    """
    balance = after_close(s, replaces)
    asked = _asked(s, balance, entry=entry, stop=stop)
    if isinstance(asked, Denial):
        return asked
    cap, capped_by = _cap(s, balance, entry=entry, replaces=replaces)
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
    *, equity: Decimal, risk_percent: Decimal, loss_per_unit: Decimal, lot: Decimal
) -> Decimal:
    """The quantity that loses ``risk_percent`` of ``equity`` at the stop.

    ``loss_per_unit`` (> 0) is what one base unit loses there, in quote units. Rounds down to
    ``lot``: never risks more.
    """
    return floor_to(lot, equity * risk_percent / HUNDRED / loss_per_unit)


def affordable(
    rules: Sizing,
    instrument: Instrument,
    *,
    free: Decimal,
    leverage: int,
    price: Decimal,
    entered: Decimal,
    fees: Fees,
) -> Decimal:
    """The most to enter with when ``free`` is all there is, on the lot grid.

    ``price`` (> 0) values the entry, ``entered`` is where it is expected to fill. Sizing by balance
    takes its share of what is free; every other way may use it all.
    """
    most = _carried(max(free, ZERO), leverage, price=price, entered=entered, fees=fees)
    if rules.mode is SizingMode.BALANCE:
        margin = max(free, ZERO) * rules.balance_percent / HUNDRED
        most = min(most, margin * leverage / price)
    return instrument.floor_quantity(most)


def _carried(
    free: Decimal, leverage: int, *, price: Decimal, entered: Decimal, fees: Fees
) -> Decimal:
    """What ``free`` pays the margin and the fee of; some is always kept back."""
    share = ONE / leverage
    return min(free / (share + RESERVE) / price, free / (share + fees.taker) / entered)


def _asked(
    s: Situation, balance: Balance, *, entry: Decimal, stop: Decimal | None
) -> Decimal | Denial:
    rules = s.settings.sizing
    match rules.mode:
        case SizingMode.RISK:
            if stop is None:
                return Denial(Reason.NO_STOP_LOSS, {"sizing": rules.mode})
            return size_by_risk(
                equity=max(balance.equity, ZERO),
                risk_percent=rules.risk_percent,
                loss_per_unit=loss_per_unit(s, side=s.signal.action.side, entry=entry, stop=stop),
                lot=s.instrument.lot,
            )
        case SizingMode.QUOTE:
            return rules.quote_amount / entry
        case SizingMode.BALANCE:
            margin = max(balance.free, ZERO) * rules.balance_percent / HUNDRED
            return margin * s.user.account.leverage / entry


def _cap(
    s: Situation, balance: Balance, *, entry: Decimal, replaces: Position | None
) -> tuple[Decimal, str]:
    """The most that free balance and exposure allow, in base units, and which of them it is."""
    by_balance = _carried(
        max(balance.free, ZERO),
        s.user.account.leverage,
        price=entry,
        entered=entered_at(s, side=s.signal.action.side, entry=entry),
        fees=s.fees,
    )
    limit = exposure_limit(s, equity=balance.equity)
    if limit is None:
        return by_balance, "balance"
    by_exposure = (limit - exposure(s, replaces)) / entry
    return min((by_balance, "balance"), (by_exposure, "exposure"))
