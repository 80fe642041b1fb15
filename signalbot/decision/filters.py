"""Signal filters of a user: age, status, symbol, strength, confidence, drift, hours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from signalbot.decision.decision_input import DecisionInput, Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.globs import matches_any
from signalbot.domain.money import HUNDRED, short_text
from signalbot.domain.price_plausibility import MAX_TOLERANCE, implausible_prices
from signalbot.domain.signals import Strength
from signalbot.domain.users import SubscriptionStatus, UserStatus

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_signal(s: DecisionInput) -> Skip | None:
    """Check that the signal is active and, for entries, not older than ``max_signal_age``."""
    if not s.signal.is_open(s.now_ms):
        facts = {"status": s.signal.status, "late_ms": s.now_ms - s.signal.expires_at_ms}
        return Skip(DecisionCode.SIGNAL_NOT_ACTIVE, facts)
    age_ms, limit_ms = s.now_ms - s.signal.event_ms, s.settings.filters.max_signal_age_ms
    if s.signal.action.is_entry and limit_ms is not None and age_ms > limit_ms:
        return Skip(DecisionCode.SIGNAL_TOO_OLD, {"age_ms": age_ms, "limit_ms": limit_ms})
    return None


def check_status(s: DecisionInput) -> Skip | None:
    """Check that daemon, user and subscription are active; exits are never blocked."""
    if not s.signal.action.is_entry:
        return None
    if s.halted:
        return Skip(DecisionCode.TRADING_HALTED, {"scope": "all"})
    match s.user.status:
        case UserStatus.HALTED:
            return Skip(
                DecisionCode.TRADING_HALTED, {"scope": s.user.user_id, "why": s.user.status_reason}
            )
        case UserStatus.PAUSED | UserStatus.REMOVED:
            return Skip(DecisionCode.USER_PAUSED)
        case UserStatus.ACTIVE:
            pass
    if s.subscription.status is not SubscriptionStatus.ACTIVE:
        return Skip(DecisionCode.SUBSCRIPTION_NOT_ACTIVE, {"status": s.subscription.status})
    return s.entry_block


def check_filters(s: DecisionInput) -> Skip | None:
    """Check the user's filters; they apply to entries only."""
    if not s.signal.action.is_entry:
        return None
    return (
        check_symbol(s) or _check_strength(s) or _check_confidence(s) or _check_plausibility(s)
        or _check_drift(s) or _check_hours(s)
    )  # fmt: skip


def check_symbol(s: DecisionInput) -> Skip | None:
    """Check the symbol against ``filters.symbols`` and ``filters.exclude_symbols``."""
    rules, symbol = s.settings.filters, s.signal.symbol
    if matches_any(symbol, rules.symbols) and not matches_any(symbol, rules.exclude_symbols):
        return None
    facts = {"symbol": symbol, "symbols": rules.symbols, "exclude": rules.exclude_symbols}
    return Skip(DecisionCode.SYMBOL_FILTERED, facts)


def _check_strength(s: DecisionInput) -> Skip | None:
    least = s.settings.filters.min_strength
    if least is None or s.signal.strength.rank >= Strength(least).rank:
        return None
    return Skip(
        DecisionCode.STRENGTH_BELOW_MINIMUM, {"strength": s.signal.strength, "limit": least}
    )


def _check_confidence(s: DecisionInput) -> Skip | None:
    least = s.settings.filters.min_confidence
    if least is None or s.signal.confidence >= least:
        return None
    facts = {"confidence": s.signal.confidence, "limit": least}
    return Skip(DecisionCode.CONFIDENCE_BELOW_MINIMUM, facts)


def _check_plausibility(s: DecisionInput) -> Skip | None:
    """Skip signals with an implausible price, whatever their source."""
    for name, value in implausible_prices(s.signal, s.price, MAX_TOLERANCE):
        return Skip(DecisionCode.FAR_FROM_MARKET, {name: short_text(value), "price": s.price})
    return None


def drift_percent(price: Decimal, signal_price: Decimal) -> Decimal:
    """Absolute distance of ``price`` from the signal's price (> 0), in percent."""
    return abs(price - signal_price) / signal_price * HUNDRED


def _check_drift(s: DecisionInput) -> Skip | None:
    limit, signal_price = s.settings.filters.max_price_drift_percent, s.signal.price
    if limit is None or signal_price is None or s.price is None:
        return None
    drift = drift_percent(s.price, signal_price)
    if drift <= limit:
        return None
    facts = {
        "signal_price": signal_price,
        "price": s.price,
        "drift": round(drift, 4),
        "limit": limit,
    }
    return Skip(DecisionCode.PRICE_DRIFTED, facts)


def _check_hours(s: DecisionInput) -> Skip | None:
    rules = s.settings.filters
    if not rules.hours:
        return None
    moment = (_EPOCH + timedelta(milliseconds=s.now_ms)).astimezone(_zone(rules.time_zone))
    if any(hours.contains(moment.time()) for hours in rules.hours):
        return None
    facts = {"time": f"{moment:%H:%M}", "time_zone": rules.time_zone}
    return Skip(DecisionCode.OUTSIDE_HOURS, facts)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
