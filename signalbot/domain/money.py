"""Decimal text and rounding to a grid. Binary floats never carry money or quantities."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Context, Decimal

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)
TEN_THOUSAND = Decimal(10_000)

_CENT = Decimal("0.01")

_EXACT = Context(prec=100)
_SHORT = Context(prec=8, rounding=ROUND_HALF_EVEN)
_AVERAGE = Context(prec=18, rounding=ROUND_HALF_EVEN)


def text(value: Decimal) -> str:
    """Plain decimal digits, never an exponent: ``str(Decimal("0.00000001"))`` would be ``1E-8``."""
    return format(value, "f")


def short_text(value: Decimal) -> str:
    """Plain digits, at most eight of them significant: for display, not for the ledger."""
    return text(value.normalize(_SHORT))


def trimmed(value: Decimal) -> Decimal:
    """The same value without trailing zeros: exchanges write one price in several ways."""
    is_integer = value == value.to_integral_value()
    return value.quantize(ONE, context=_EXACT) if is_integer else value.normalize(_EXACT)


def to_cents(value: Decimal) -> Decimal:
    """Round half-even to two decimals, independent of the global context, which ccxt changes."""
    return value.quantize(_CENT, ROUND_HALF_EVEN)


def floor_to(step: Decimal, value: Decimal) -> Decimal:
    """Largest multiple of ``step`` (> 0) not above ``value`` (>= 0)."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def ceil_to(step: Decimal, value: Decimal) -> Decimal:
    """Smallest multiple of ``step`` (> 0) not below ``value`` (>= 0)."""
    return (value / step).to_integral_value(ROUND_UP) * step


def round_to(step: Decimal, value: Decimal) -> Decimal:
    """Multiple of ``step`` (> 0) nearest to ``value``; a tie goes to the even multiple."""
    return (value / step).to_integral_value(ROUND_HALF_EVEN) * step


def average(cost: Decimal, quantity: Decimal) -> Decimal:
    """``cost / quantity`` (> 0) to 18 significant digits, independent of the global context."""
    return _AVERAGE.divide(cost, quantity).normalize(_AVERAGE)
