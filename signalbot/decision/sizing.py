"""Position sizing: from equity and stop distance, a quote amount or a share of free balance."""

from dataclasses import dataclass
from decimal import Decimal

from signalbot.decision.costs import balance_after_close, expected_entry_price, loss_per_unit
from signalbot.decision.decision_input import DecisionInput, Skip
from signalbot.decision.risk import exposure, exposure_limit
from signalbot.domain.account_snapshot import Balance
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.market import Fees, Instrument
from signalbot.domain.money import HUNDRED, ONE, ZERO, floor_to
from signalbot.domain.positions import Position
from signalbot.domain.settings import BelowMinimum, Sizing, SizingMode

FEE_RESERVE = Decimal("0.002")
"""Minimum fraction of notional kept free for fees and slippage of a market entry."""


@dataclass(frozen=True, slots=True)
class SizeResult:
    """A computed size and what limited it."""

    quantity: Decimal  #: base units, on the lot grid, at least the minimum
    capped_by: str | None  #: the limit that reduced it


def entry_size(
    s: DecisionInput, *, entry: Decimal, stop: Decimal | None, replaces: Position | None
) -> SizeResult | Skip:
    """The quantity of an entry at ``entry`` (> 0), within exposure and free balance.

    If ``replaces`` is closed first, its released margin counts as free. Never more than requested,
    except where ``sizing.below_minimum`` rounds up to the minimum.
    """
    balance = balance_after_close(s, replaces)
    requested = _requested(s, balance, entry=entry, stop=stop)
    if isinstance(requested, Skip):
        return requested
    cap, capped_by = _cap(s, balance, entry=entry, replaces=replaces)
    quantity = s.instrument.floor_quantity(min(requested, cap))
    least = s.instrument.smallest_quantity(entry)
    if quantity >= least:
        return SizeResult(quantity, capped_by if requested > cap else None)
    if cap < least:
        reason = (
            DecisionCode.MAX_EXPOSURE
            if capped_by == "exposure"
            else DecisionCode.INSUFFICIENT_BALANCE
        )
        return Skip(reason, {"most": round(cap, 8), "minimum": least})
    if s.settings.sizing.below_minimum is BelowMinimum.ROUND_UP:
        return SizeResult(least, None)
    return Skip(DecisionCode.BELOW_MINIMUM, {"quantity": quantity, "minimum": least})


def size_by_risk(
    *, equity: Decimal, risk_percent: Decimal, loss_per_unit: Decimal, lot: Decimal
) -> Decimal:
    """The quantity that loses ``risk_percent`` of ``equity`` at the stop.

    ``loss_per_unit`` (> 0) is the loss of one base unit there, in quote units. Rounds down to
    ``lot``: never risks more.
    """
    return floor_to(lot, equity * risk_percent / HUNDRED / loss_per_unit)


def affordable_quantity(
    rules: Sizing,
    instrument: Instrument,
    *,
    free: Decimal,
    leverage: int,
    price: Decimal,
    expected_entry: Decimal,
    fees: Fees,
) -> Decimal:
    """Maximum entry quantity for a free balance of ``free``, on the lot grid.

    ``price`` (> 0) values the entry; ``expected_entry`` is its expected fill price. Sizing by
    balance uses its share of ``free``; the other modes may use all of it.
    """
    most = _max_by_margin(
        max(free, ZERO), leverage, price=price, expected_entry=expected_entry, fees=fees
    )
    if rules.mode is SizingMode.BALANCE:
        margin = max(free, ZERO) * rules.balance_percent / HUNDRED
        most = min(most, margin * leverage / price)
    return instrument.floor_quantity(most)


def _max_by_margin(
    free: Decimal, leverage: int, *, price: Decimal, expected_entry: Decimal, fees: Fees
) -> Decimal:
    """The quantity that ``free`` covers with margin and fees, less ``FEE_RESERVE``."""
    share = ONE / leverage
    return min(free / (share + FEE_RESERVE) / price, free / (share + fees.taker) / expected_entry)


def _requested(
    s: DecisionInput, balance: Balance, *, entry: Decimal, stop: Decimal | None
) -> Decimal | Skip:
    rules = s.settings.sizing
    match rules.mode:
        case SizingMode.RISK:
            if stop is None:
                return Skip(DecisionCode.NO_STOP_LOSS, {"sizing": rules.mode})
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
    s: DecisionInput, balance: Balance, *, entry: Decimal, replaces: Position | None
) -> tuple[Decimal, str]:
    """The tighter limit of free balance and exposure, in base units, and its name."""
    by_balance = _max_by_margin(
        max(balance.free, ZERO),
        s.user.account.leverage,
        price=entry,
        expected_entry=expected_entry_price(s, side=s.signal.action.side, entry=entry),
        fees=s.fees,
    )
    limit = exposure_limit(s, equity=balance.equity)
    if limit is None:
        return by_balance, "balance"
    by_exposure = (limit - exposure(s, replaces)) / entry
    return min((by_balance, "balance"), (by_exposure, "exposure"))
