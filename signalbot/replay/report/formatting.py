"""Formats numbers and instants of reports; undefined values are a dash."""

from decimal import Decimal
from typing import Final

from signalbot.domain.money import text
from signalbot.domain.timeframe import DAY_MS, Ms, to_datetime

NO_VALUE: Final = "-"

_CENT: Final = Decimal("0.01")
_HALF_CENT: Final = 0.005  # smaller values are shown as zero, without sign
_PRICE_DIGITS: Final = 8
_HOUR_MS, _MINUTE_MS, _SECOND_MS = 3_600_000, 60_000, 1_000


def format_money(value: Decimal | None) -> str:
    """Two decimals with thousands separators; below one cent, two significant digits."""
    if value is None:
        return NO_VALUE
    if value and abs(value) < _CENT:
        return text(_significant_digits(value, 2))
    return f"{value:,.2f}"


def format_profit(value: Decimal | None) -> str:
    """Money with a sign for gains."""
    return f"+{format_money(value)}" if value is not None and value > 0 else format_money(value)


def format_change(percent: float | None) -> str:
    """Percent with sign, without percent mark."""
    if percent is None:
        return NO_VALUE
    return f"{percent:+,.2f}" if abs(percent) >= _HALF_CENT else "0.00"


def format_ratio(value: float | None) -> str:
    if value is None:
        return NO_VALUE
    return f"{value:,.2f}" if abs(value) >= _HALF_CENT else "0.00"


def format_share(value: float | None) -> str:
    """A fraction of one as percent, without percent mark."""
    return NO_VALUE if value is None else f"{value * 100:.1f}"


def format_price(value: Decimal | None) -> str:
    """At most eight significant digits, without trailing zeros."""
    return NO_VALUE if value is None else text(_significant_digits(value, _PRICE_DIGITS))


def format_duration(length_ms: int | None) -> str:
    """The two largest units: ``2d 3h``, ``1h 05m``, ``4m 30s``, ``12s``."""
    if length_ms is None:
        return NO_VALUE
    days, rest = divmod(length_ms, DAY_MS)
    hours, rest = divmod(rest, _HOUR_MS)
    minutes, rest = divmod(rest, _MINUTE_MS)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest // _SECOND_MS:02}s" if minutes else f"{rest // _SECOND_MS}s"


def format_minute(at_ms: Ms | None) -> str:
    """UTC, to the minute: ``2022-01-31 23:59``."""
    if at_ms is None:
        return NO_VALUE
    return f"{to_datetime(at_ms):%Y-%m-%d %H:%M}"


def _significant_digits(value: Decimal, digits: int) -> Decimal:
    return round(value, max(digits - 1 - value.adjusted(), 0)).normalize()
