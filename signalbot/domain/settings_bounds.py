"""Checks a user's settings against the operator's bounds: users may only tighten them. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from signalbot.domain.settings import (
    AiRules,
    BelowMinimum,
    Protection,
    RiskLimits,
    Settings,
    Sizing,
    SizingMode,
    StopSource,
)

Number = Decimal | int | None

#: Limits that are tighter when lower; None is no limit.
_UPPER = (
    "max_open_positions", "max_consecutive_losses", "max_trades_per_day",
    "max_daily_loss_percent", "max_exposure_percent",
)  # fmt: skip
#: Limits that are tighter when higher.
_LOWER = ("min_balance", "cooldown_ms")
#: When a stop moves: tighter when lower; 0 is never.
_FROM_ZERO = ("trailing_percent", "break_even_after")
_KEYS = {"cooldown_ms": "cooldown", "max_unprotected_ms": "max_unprotected"}
_SIZES = {
    SizingMode.RISK: "risk_percent",
    SizingMode.QUOTE: "quote_amount",
    SizingMode.BALANCE: "balance_percent",
}


def loosened_fields(bounds: Settings, requested: Settings) -> tuple[str, ...]:
    """Configuration keys in which ``requested`` allows more than ``bounds``.

    Compares risk limits, sizing, stop and stop moves, and the AI's provider and model.
    """
    return (
        *_risk(bounds.risk, requested.risk),
        *_sizing(bounds.sizing, requested.sizing),
        *_protection(bounds.protection, requested.protection),
        *_ai(bounds.ai, requested.ai),
    )


def _risk(bounds: RiskLimits, requested: RiskLimits) -> Iterator[str]:
    for name in _UPPER:
        if _exceeds(getattr(requested, name), getattr(bounds, name)):
            yield f"risk.{name}"
    for name in _LOWER:
        least: Number = getattr(bounds, name)
        given: Number = getattr(requested, name)
        if least is not None and (given is None or given < least):
            yield f"risk.{_KEYS.get(name, name)}"
    if bounds.symbol_priority and requested.symbol_priority != bounds.symbol_priority:
        yield "risk.symbol_priority"


def _sizing(bounds: Sizing, requested: Sizing) -> Iterator[str]:
    """Sizes of different modes cannot be compared, so the mode is the operator's."""
    if requested.mode is not bounds.mode:
        yield "sizing.mode"
    name = _SIZES[bounds.mode]
    if getattr(requested, name) > getattr(bounds, name):
        yield f"sizing.{name}"
    if bounds.risk_includes_costs and not requested.risk_includes_costs:
        yield "sizing.risk_includes_costs"
    if _expects_less(requested.slippage_bps, bounds.slippage_bps):
        yield "sizing.slippage_bps"
    if requested.below_minimum is BelowMinimum.ROUND_UP is not bounds.below_minimum:
        yield "sizing.below_minimum"


def _protection(bounds: Protection, requested: Protection) -> Iterator[str]:
    if requested.stop_source is StopSource.NONE is not bounds.stop_source:
        yield "protection.stop_loss.source"
    if requested.stop_percent > bounds.stop_percent:
        yield "protection.stop_loss.percent"
    for name in _FROM_ZERO:
        if _is_farther(getattr(requested, name), getattr(bounds, name)):
            yield f"protection.{name}"
    if requested.max_unprotected_ms > bounds.max_unprotected_ms:
        yield "protection.max_unprotected"


def _ai(bounds: AiRules, requested: AiRules) -> Iterator[str]:
    for name in ("provider", "model"):
        if getattr(requested, name) != getattr(bounds, name):
            yield f"ai.{name}"


def _expects_less(given: Number, least: Number) -> bool:
    """Whether orders are sized with less slippage; None (measured slippage) is not comparable."""
    if given is None or least is None:
        return given is not least
    return given < least


def _is_farther(given: Decimal | int, most: Decimal | int) -> bool:
    """Whether a stop moves later than ``most``, or never."""
    return most > 0 and not 0 < given <= most


def _exceeds(given: Number, most: Number) -> bool:
    return most is not None and (given is None or given > most)
