"""Formats values for tables: instants, numbers, durations, facts. JSON keeps raw values."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from signalbot.config.duration import duration_text
from signalbot.domain.money import text, to_cents
from signalbot.domain.timeframe import to_datetime

_DISPLAY_CONTEXT: Final = Context(prec=8, rounding=ROUND_HALF_EVEN)
_CENT: Final = Decimal("0.01")


def plain(value: Any) -> str:
    """Format text and numbers unchanged, flags as the configuration writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def utc(at_ms: int) -> str:
    """``2022-01-05 14:35:00``, in UTC."""
    return f"{to_datetime(at_ms):%Y-%m-%d %H:%M:%S}"


def number(value: str) -> str:
    """Format a price or quantity to eight significant digits, without trailing zeros."""
    return text(Decimal(value).normalize(_DISPLAY_CONTEXT))


def signed_money(value: str) -> str:
    """Format an amount with its sign: to the cent, or four digits below one cent."""
    amount = Decimal(value)
    if abs(amount) >= _CENT or amount.is_zero():
        return f"{to_cents(amount):+f}"
    return f"{amount.normalize(Context(prec=4)):+f}"


def money(value: str) -> str:
    """Format an amount like ``signed_money``, without a plus."""
    return signed_money(value).removeprefix("+")


def duration(ms: int) -> str:
    """``5m``, ``1h30m``."""
    return duration_text(ms)


def seconds(ms: int) -> str:
    """Format a duration in seconds: ``0.18 s``."""
    return f"{ms / 1000:.2f} s"


def comma_list(values: list[Any]) -> str:
    """Join values with commas."""
    return ", ".join(map(plain, values))


def action_of(signal: Mapping[str, Any]) -> str:
    """Format a signal's action: ``EXIT_LONG 50 %`` for a partial exit, else the action alone."""
    percent = number(signal["exit_percent"])
    return str(signal["action"]) if percent == "100" else f"{signal['action']} {percent} %"


def targets(values: list[Mapping[str, str]]) -> str:
    """Format the take-profit prices of a position."""
    return ", ".join(number(each["price"]) for each in values)


def facts(detail: Mapping[str, Any]) -> str:
    """Format the facts behind a decision: ``open=3 limit=3``."""
    return " ".join(f"{name}={_fact(value)}" for name, value in detail.items() if value is not None)


def _fact(value: Any) -> str:
    return ",".join(map(plain, value)) if isinstance(value, list) else plain(value)
