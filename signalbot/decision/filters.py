"""Which signals pass to a user: age, standing, symbol, strength, confidence, drift, hours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from signalbot.decision.situation import Denial, Situation
from signalbot.domain.globs import matches_any
from signalbot.domain.money import HUNDRED, brief
from signalbot.domain.plausible import OF_ANYBODY, far_from_market
from signalbot.domain.reasons import Reason
from signalbot.domain.signals import Strength
from signalbot.domain.users import SubscriptionStatus, UserStatus

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_signal(s: Situation) -> Denial | None:
    """The signal can still be executed; an entry's candle closed recently enough."""
    if not s.signal.is_open(s.now_ms):
        facts = {"status": s.signal.status, "late_ms": s.now_ms - s.signal.expires_at_ms}
        return Denial(Reason.SIGNAL_NOT_ACTIVE, facts)
    age_ms, limit_ms = s.now_ms - s.signal.event_ms, s.settings.filters.max_signal_age_ms
    if s.signal.action.is_entry and limit_ms is not None and age_ms > limit_ms:
        return Denial(Reason.SIGNAL_TOO_OLD, {"age_ms": age_ms, "limit_ms": limit_ms})
    return None


def check_standing(s: Situation) -> Denial | None:
    """Entries need everybody's consent; exits are never held back."""
    if not s.signal.action.is_entry:
        return None
    if s.halted:
        return Denial(Reason.TRADING_HALTED, {"scope": "all"})
    match s.user.status:
        case UserStatus.HALTED:
            return Denial(
                Reason.TRADING_HALTED, {"scope": s.user.user_id, "why": s.user.status_reason}
            )
        case UserStatus.PAUSED | UserStatus.REMOVED:
            return Denial(Reason.USER_PAUSED)
        case UserStatus.ACTIVE:
            pass
    if s.subscription.status is not SubscriptionStatus.ACTIVE:
        return Denial(Reason.SUBSCRIPTION_NOT_ACTIVE, {"status": s.subscription.status})
    return s.obstacle


def check_filters(s: Situation) -> Denial | None:
    """The user's own filters; they hold for entries only."""
    if not s.signal.action.is_entry:
        return None
    return (
        check_symbol(s) or _check_strength(s) or _check_confidence(s) or _check_numbers(s)
        or _check_drift(s) or _check_hours(s)
    )  # fmt: skip


def check_symbol(s: Situation) -> Denial | None:
    """The user wants to hear of this market at all."""
    rules, symbol = s.settings.filters, s.signal.symbol
    if matches_any(symbol, rules.symbols) and not matches_any(symbol, rules.exclude_symbols):
        return None
    facts = {"symbol": symbol, "symbols": rules.symbols, "exclude": rules.exclude_symbols}
    return Denial(Reason.SYMBOL_FILTERED, facts)


def _check_strength(s: Situation) -> Denial | None:
    least = s.settings.filters.min_strength
    if least is None or s.signal.strength.rank >= Strength(least).rank:
        return None
    return Denial(Reason.STRENGTH_BELOW_MINIMUM, {"strength": s.signal.strength, "limit": least})


def _check_confidence(s: Situation) -> Denial | None:
    least = s.settings.filters.min_confidence
    if least is None or s.signal.confidence >= least:
        return None
    facts = {"confidence": s.signal.confidence, "limit": least}
    return Denial(Reason.CONFIDENCE_BELOW_MINIMUM, facts)


def _check_numbers(s: Situation) -> Denial | None:
    """Nothing is computed from a price that cannot be meant, whatever it came with."""
    for name, value in far_from_market(s.signal, s.price, OF_ANYBODY):
        return Denial(Reason.FAR_FROM_MARKET, {name: brief(value), "price": s.price})
    return None


def drift_percent(price: Decimal, asked: Decimal) -> Decimal:
    """How far ``price`` is from the signal's price (> 0), either way, in percent."""
    return abs(price - asked) / asked * HUNDRED


def _check_drift(s: Situation) -> Denial | None:
    limit, asked = s.settings.filters.max_price_drift_percent, s.signal.price
    if limit is None or asked is None or s.price is None:
        return None
    drift = drift_percent(s.price, asked)
    if drift <= limit:
        return None
    facts = {"signal_price": asked, "price": s.price, "drift": round(drift, 4), "limit": limit}
    return Denial(Reason.PRICE_DRIFTED, facts)


def _check_hours(s: Situation) -> Denial | None:
    rules = s.settings.filters
    if not rules.hours:
        return None
    moment = (_EPOCH + timedelta(milliseconds=s.now_ms)).astimezone(_zone(rules.time_zone))
    if any(hours.contains(moment.time()) for hours in rules.hours):
        return None
    facts = {"time": f"{moment:%H:%M}", "time_zone": rules.time_zone}
    return Denial(Reason.OUTSIDE_HOURS, facts)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
