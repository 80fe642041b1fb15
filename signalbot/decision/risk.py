"""A user's risk limits, checked against the account snapshot in a fixed order."""

from decimal import Decimal

from signalbot.decision.costs import balance_after_close
from signalbot.decision.decision_input import DecisionInput, Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.positions import Position


def check_risk(s: DecisionInput, *, replaces: Position | None = None) -> Skip | None:
    """The first limit that one more entry would violate; ``replaces`` is closed before it."""
    return (
        _check_unresolved(s) or _check_pending_entry(s, replaces) or _check_priority(s, replaces)
        or _check_open_positions(s, replaces) or _check_losses(s) or _check_trades(s)
        or _check_cooldown(s, replaces) or _check_daily_loss(s) or _check_balance(s, replaces)
        or _check_exposure(s, replaces)
    )  # fmt: skip


def _check_unresolved(s: DecisionInput) -> Skip | None:
    if s.signal.symbol not in s.snapshot.unresolved_symbols:
        return None
    return Skip(DecisionCode.SYMBOL_IN_DOUBT, {"symbol": s.signal.symbol})


def _check_pending_entry(s: DecisionInput, replaces: Position | None) -> Skip | None:
    if replaces is not None or s.signal.symbol not in s.snapshot.pending_entries:
        return None
    return Skip(DecisionCode.ENTRY_PENDING, {"symbol": s.signal.symbol})


def _check_priority(s: DecisionInput, replaces: Position | None) -> Skip | None:
    order = s.settings.risk.symbol_priority
    if not order or replaces is not None:
        return None
    first = next((symbol for symbol in order if symbol not in s.snapshot.positions), None)
    if first is None or first == s.signal.symbol:
        return None
    return Skip(DecisionCode.SYMBOL_NOT_FIRST, {"symbol": s.signal.symbol, "first": first})


def _check_open_positions(s: DecisionInput, replaces: Position | None) -> Skip | None:
    limit = s.settings.risk.max_open_positions
    taken = s.snapshot.positions.keys() | s.snapshot.pending_entries.keys()
    open_now = len(taken) - (replaces is not None)
    if limit is None or open_now < limit:
        return None
    return Skip(DecisionCode.MAX_OPEN_POSITIONS, {"open": open_now, "limit": limit})


def _check_losses(s: DecisionInput) -> Skip | None:
    limit, losses = s.settings.risk.max_consecutive_losses, s.snapshot.day.consecutive_losses
    if limit is None or losses < limit:
        return None
    return Skip(DecisionCode.MAX_CONSECUTIVE_LOSSES, {"losses": losses, "limit": limit})


def _check_trades(s: DecisionInput) -> Skip | None:
    limit, trades = s.settings.risk.max_trades_per_day, s.snapshot.day.trades
    if limit is None or trades < limit:
        return None
    return Skip(DecisionCode.MAX_TRADES_PER_DAY, {"trades": trades, "limit": limit})


def _check_cooldown(s: DecisionInput, replaces: Position | None) -> Skip | None:
    closed_ms = s.snapshot.last_close_ms.get(s.signal.symbol)
    if closed_ms is None or replaces is not None:
        return None
    left_ms = closed_ms + s.settings.risk.cooldown_ms - s.now_ms
    if left_ms <= 0:
        return None
    return Skip(DecisionCode.COOLDOWN, {"closed_at_ms": closed_ms, "left_ms": left_ms})


def _check_daily_loss(s: DecisionInput) -> Skip | None:
    """Compare today's realized and unrealized loss with the equity at the start of the day."""
    limit = s.settings.risk.max_daily_loss_percent
    if limit is None:
        return None
    earned = s.snapshot.day.net_pnl + s.snapshot.open_pnl
    start = s.snapshot.balance.equity - earned
    allowed = start * limit / HUNDRED
    if -earned < allowed or earned >= 0:
        return None
    facts = {"loss": _rounded(-earned), "limit": _rounded(allowed), "percent": limit}
    return Skip(DecisionCode.MAX_DAILY_LOSS, facts)


def _check_balance(s: DecisionInput, replaces: Position | None) -> Skip | None:
    least, equity = s.settings.risk.min_balance, balance_after_close(s, replaces).equity
    if least is None or equity >= least:
        return None
    return Skip(DecisionCode.BALANCE_TOO_LOW, {"equity": _rounded(equity), "limit": least})


def _check_exposure(s: DecisionInput, replaces: Position | None) -> Skip | None:
    limit = exposure_limit(s, equity=balance_after_close(s, replaces).equity)
    if limit is None:
        return None
    notional = exposure(s, replaces)
    if notional < limit:
        return None
    return Skip(
        DecisionCode.MAX_EXPOSURE, {"notional": _rounded(notional), "limit": _rounded(limit)}
    )


def exposure_limit(s: DecisionInput, *, equity: Decimal) -> Decimal | None:
    """Maximum open notional at ``equity``, in quote units; None without a limit."""
    percent = s.settings.risk.max_exposure_percent
    return None if percent is None else equity * percent / HUNDRED


def exposure(s: DecisionInput, replaces: Position | None) -> Decimal:
    """Open and pending notional in quote units, without the position to be closed."""
    notional = s.snapshot.notional + sum(s.snapshot.pending_entries.values(), ZERO)
    if replaces is None:
        return notional
    return notional - replaces.notional(s.price or replaces.entry_price)


def _rounded(value: Decimal) -> Decimal:
    return round(value, 2)
