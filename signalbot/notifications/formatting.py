"""Formats money, quantities, durations and times for short messages. Pure."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from signalbot.domain.money import HUNDRED, short_text, to_cents
from signalbot.domain.timeframe import Ms
from signalbot.ledger.profit import settlement_currency

_CENTS = Decimal("0.01")
_UNITS_S = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def market(symbol: str) -> str:
    """``BTC/USDT`` for spot, ``BTC/USDT perp`` for the ccxt symbol ``BTC/USDT:USDT``."""
    pair, _, settled = symbol.partition(":")
    return f"{pair} perp" if settled else pair


def price(value: str | Decimal) -> str:
    """All significant digits, in groups of three: ``61,234.5``."""
    return _grouped(Decimal(value))


def quantity(value: str | Decimal, symbol: str) -> str:
    """With the base currency: ``0.168 BTC``."""
    return f"{_grouped(Decimal(value))} {symbol.partition('/')[0]}"


def money(value: str | Decimal, symbol: str) -> str:
    """Two decimals, or as many as a small amount needs: ``1,234.50 USDT``."""
    return f"{_money(Decimal(value))} {settlement_currency(symbol)}"


def signed(value: str | Decimal, currency: str) -> str:
    """A gain or a loss: ``+12.34 USDT``, ``-3.10 USDT``."""
    number = Decimal(value)
    return f"{_sign(number)}{_money(abs(number))} {currency}"


def percent(value: Decimal) -> str:
    """With its sign and two decimals: ``+1.25 %``."""
    rounded = to_cents(value)
    return f"{_sign(rounded)}{abs(rounded)} %"


def price_with_distance(value: str | Decimal, origin: str | Decimal | None) -> str:
    """A price, and its distance from ``origin``: ``59,000 (-2.06 %)``."""
    if origin is None or not Decimal(origin):
        return price(value)
    distance = (Decimal(value) / Decimal(origin) - 1) * HUNDRED
    return f"{price(value)} ({percent(distance)})"


def duration(ms: int) -> str:
    """The two largest units of a duration: ``2h 5m``."""
    left = max(ms, 0) // 1000
    parts: list[str] = []
    for unit, seconds in _UNITS_S:
        count, left = divmod(left, seconds)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def time_of_day(at_ms: Ms, zone: ZoneInfo) -> str:
    """The time of day in ``zone``: ``14:05``."""
    return f"{datetime.fromtimestamp(at_ms / 1000, zone):%H:%M}"


def weekday_and_time(at_ms: Ms, zone: ZoneInfo) -> str:
    """The day and time in ``zone``: ``Mon 3 Nov 08:00``."""
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _grouped(value: Decimal) -> str:
    integer, point, rest = short_text(value).partition(".")
    return f"{int(integer):,}{point}{rest}"


def _money(value: Decimal) -> str:
    return _grouped(value) if 0 < abs(value) < _CENTS else f"{value:,.2f}"


def _sign(value: Decimal) -> str:
    return "+" if value > 0 else "-" if value < 0 else ""
