"""A user's risk limits, checked against the book in a fixed order; the first refusal counts."""

from decimal import Decimal

from signalbot.decision.costs import after_close
from signalbot.decision.situation import Denial, Situation
from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.positions import Position
from signalbot.domain.reasons import Reason


def check_risk(s: Situation, *, replaces: Position | None = None) -> Denial | None:
    """Whether one more entry is within every limit; ``replaces`` is closed before it."""
    return (
        _check_doubt(s) or _check_entering(s, replaces) or _check_priority(s, replaces)
        or _check_open_positions(s, replaces) or _check_losses(s) or _check_trades(s)
        or _check_cooldown(s, replaces) or _check_daily_loss(s) or _check_balance(s, replaces)
        or _check_exposure(s, replaces)
    )  # fmt: skip


def _check_doubt(s: Situation) -> Denial | None:
    if s.signal.symbol not in s.book.in_doubt:
        return None
    return Denial(Reason.SYMBOL_IN_DOUBT, {"symbol": s.signal.symbol})


def _check_entering(s: Situation, replaces: Position | None) -> Denial | None:
    if replaces is not None or s.signal.symbol not in s.book.entering:
        return None
    return Denial(Reason.ENTRY_PENDING, {"symbol": s.signal.symbol})


def _check_priority(s: Situation, replaces: Position | None) -> Denial | None:
    order = s.settings.risk.symbol_priority
    if not order or replaces is not None:
        return None
    first = next((symbol for symbol in order if symbol not in s.book.positions), None)
    if first is None or first == s.signal.symbol:
        return None
    return Denial(Reason.SYMBOL_NOT_FIRST, {"symbol": s.signal.symbol, "first": first})


def _check_open_positions(s: Situation, replaces: Position | None) -> Denial | None:
    limit = s.settings.risk.max_open_positions
    taken = s.book.positions.keys() | s.book.entering.keys()
    open_now = len(taken) - (replaces is not None)
    if limit is None or open_now < limit:
        return None
    return Denial(Reason.MAX_OPEN_POSITIONS, {"open": open_now, "limit": limit})


def _check_losses(s: Situation) -> Denial | None:
    limit, losses = s.settings.risk.max_consecutive_losses, s.book.day.consecutive_losses
    if limit is None or losses < limit:
        return None
    return Denial(Reason.MAX_CONSECUTIVE_LOSSES, {"losses": losses, "limit": limit})


def _check_trades(s: Situation) -> Denial | None:
    limit, trades = s.settings.risk.max_trades_per_day, s.book.day.trades
    if limit is None or trades < limit:
        return None
    return Denial(Reason.MAX_TRADES_PER_DAY, {"trades": trades, "limit": limit})


def _check_cooldown(s: Situation, replaces: Position | None) -> Denial | None:
    closed_ms = s.book.last_close_ms.get(s.signal.symbol)
    if closed_ms is None or replaces is not None:
        return None
    left_ms = closed_ms + s.settings.risk.cooldown_ms - s.now_ms
    if left_ms <= 0:
        return None
    return Denial(Reason.COOLDOWN, {"closed_at_ms": closed_ms, "left_ms": left_ms})


def _check_daily_loss(s: Situation) -> Denial | None:
    """Today's closed PnL and the open one, against what the equity would be without them."""
    limit = s.settings.risk.max_daily_loss_percent
    if limit is None:
        return None
    earned = s.book.day.net_pnl + s.book.open_pnl
    start = s.book.balance.equity - earned
    allowed = start * limit / HUNDRED
    if -earned < allowed or earned >= 0:
        return None
    facts = {"loss": _shown(-earned), "limit": _shown(allowed), "percent": limit}
    return Denial(Reason.MAX_DAILY_LOSS, facts)


def _check_balance(s: Situation, replaces: Position | None) -> Denial | None:
    least, equity = s.settings.risk.min_balance, after_close(s, replaces).equity
    if least is None or equity >= least:
        return None
    return Denial(Reason.BALANCE_TOO_LOW, {"equity": _shown(equity), "limit": least})


def _check_exposure(s: Situation, replaces: Position | None) -> Denial | None:
    limit = exposure_limit(s, equity=after_close(s, replaces).equity)
    if limit is None:
        return None
    notional = exposure(s, replaces)
    if notional < limit:
        return None
    return Denial(Reason.MAX_EXPOSURE, {"notional": _shown(notional), "limit": _shown(limit)})


def exposure_limit(s: Situation, *, equity: Decimal) -> Decimal | None:
    """The most open notional the user allows at ``equity``, in quote units."""
    percent = s.settings.risk.max_exposure_percent
    return None if percent is None else equity * percent / HUNDRED


def exposure(s: Situation, replaces: Position | None) -> Decimal:
    """Notional open or about to be, in quote units, without the position that is to be closed."""
    notional = s.book.notional + sum(s.book.entering.values(), ZERO)
    if replaces is None:
        return notional
    return notional - replaces.notional(s.price or replaces.entry_price)


def _shown(value: Decimal) -> Decimal:
    return round(value, 2)
