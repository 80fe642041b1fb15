"""Sections of trading settings, valid in ``[defaults]``, in a user and in a subscription.

Each is one layer: an omitted key is taken from the layer below. Fields are named like those of
``signalbot.settings.trading``; the alias is the key in the file.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from signalbot.config.number_types import NO_LIMIT, Duration, Number
from signalbot.config.section import Section, key
from signalbot.config.validators import AllHours, Globs, Symbol, Text, TimeZone, all_different
from signalbot.domain.money import HUNDRED
from signalbot.domain.settings import (
    AiPermission,
    BelowMinimum,
    EntryType,
    OnAiError,
    OnOpposite,
    SizingMode,
    StopSource,
    TakeProfitRule,
    TargetSource,
)
from signalbot.domain.signals import Strength
from signalbot.settings.ai import MAX_CALL_S, MAX_INSTRUCTIONS

Confidence = Annotated[float, Number(kind=float, at_least=0, at_most=1)]
Percent = Annotated[Decimal, Number(above=0, at_most=100)]
Distance = Annotated[Decimal, Number(above=0, below=100)]
Count = Annotated[int | None, Number(kind=int, at_least=1, or_none=True)]
PercentLimit = Annotated[Decimal | None, Number(above=0, or_none=True)]


def _or_none(value: object) -> object:
    return None if value == NO_LIMIT else value


class FiltersSection(Section):
    """Which signals a user follows."""

    symbols: Globs = key('Globs of the markets to follow, such as ["BTC/*"].')
    exclude_symbols: Globs = key("Globs of the markets never to follow.")
    min_strength: Annotated[Strength | None, BeforeValidator(_or_none)] = key(
        "Minimum strength of a signal."
    )
    min_confidence: Annotated[
        float | None, Number(kind=float, at_least=0, at_most=1, or_none=True)
    ] = key("Minimum confidence, 0 to 1.")
    max_price_drift_percent: Annotated[Decimal | None, Number(at_least=0, or_none=True)] = key(
        "Maximum price move in percent, in either direction, since the signal."
    )
    max_signal_age_ms: Annotated[int | None, Duration(least_ms=1, or_none=True)] = key(
        "Maximum time since the signal's candle closed.", name="max_signal_age"
    )
    hours: AllHours = key(
        'Times of day in which to enter, such as ["08:00-22:00"]; empty means any.'
    )
    time_zone: TimeZone = key("IANA time zone of hours, such as Europe/Berlin.")


class SizingSection(Section):
    """How large an entry is."""

    mode: SizingMode = key(
        "Basis of the size: the loss at the stop (risk), an amount of quote currency (quote), "
        "or a share of free balance used as margin (balance)."
    )
    risk_percent: Percent = key("Percent of equity lost when the stop is hit; mode risk.")
    risk_includes_costs: Annotated[bool, Field(strict=True)] = key(
        "Whether that loss includes fees and slippage, or only the distance to the stop."
    )
    slippage_bps: Annotated[Decimal | None, Number(at_least=0, below=1_000, or_none=True)] = key(
        "Expected slippage of market orders in basis points; "
        '"none": that of the latest entries in the symbol.'
    )
    quote_amount: Annotated[Decimal, Number(above=0)] = key(
        "Notional of an entry in quote currency; mode quote."
    )
    balance_percent: Percent = key("Percent of free balance used as margin; mode balance.")
    below_minimum: BelowMinimum = key(
        "Whether an entry below the market's minimum is skipped or rounded up."
    )


class RiskSection(Section):
    """Limits; an omitted limit, or "none" over a lower layer's, does not apply."""

    max_open_positions: Count = key("Maximum open positions.")
    max_consecutive_losses: Count = key("Maximum consecutive losses within one UTC day.")
    max_trades_per_day: Count = key("Maximum entries per UTC day.")
    cooldown_ms: Annotated[int, Duration()] = key(
        "Time without entries in a symbol after a close.", name="cooldown"
    )
    max_daily_loss_percent: PercentLimit = key(
        "Maximum realized and open loss of the UTC day, in percent of equity."
    )
    max_exposure_percent: PercentLimit = key(
        "Maximum open notional in percent of equity; defaults to 300 for alert sources."
    )
    min_balance: Annotated[Decimal | None, Number(at_least=0, or_none=True)] = key(
        "Equity, in quote currency, below which entries are skipped."
    )
    symbol_priority: tuple[Symbol, ...] = key(
        "Enter only in the first of these markets that has no open position."
    )


class StopSection(Section):
    """Source of the stop loss."""

    stop_source: StopSource = key("Stop loss of the signal, own percent, or none.", name="source")
    stop_percent: Distance = key(
        "Distance of the own stop from the entry price, in percent.", name="percent"
    )


class TargetSection(Section):
    """One take profit of the user."""

    percent: Annotated[Decimal, Number(above=0)] = Field(
        description="Distance from the entry price, in percent."
    )
    share: Percent = Field(description="Percent of the position that is closed there.")


def _target_rules(targets: Sequence[TargetSection]) -> tuple[TakeProfitRule, ...]:
    total = sum(target.share for target in targets)
    if total > HUNDRED:
        raise ValueError(f"has shares that add up to {total} percent: at most 100 are possible")
    return tuple(TakeProfitRule(percent=target.percent, share=target.share) for target in targets)


class ProtectionSection(Section):
    """How a position is protected and exited."""

    stop_loss: StopSection = key("Source of the stop loss.")
    targets_from: TargetSource = key(
        "Take profits of the signal, own ones, or none.", name="take_profits_from"
    )
    targets: Annotated[tuple[TargetSection, ...], AfterValidator(_target_rules)] = key(
        "Own take profits; their shares add up to at most 100 percent.", name="take_profits"
    )
    break_even_after: Annotated[int, Number(kind=int, at_least=0)] = key(
        "Take profits filled before the stop moves to the entry price; 0 is never."
    )
    trailing_percent: Annotated[Decimal, Number(at_least=0, below=100)] = key(
        "Distance of a trailing stop behind the best price, in percent; 0 is none."
    )
    max_unprotected_ms: Annotated[int, Duration(least_ms=1)] = key(
        "Maximum time a position may be without its stop before it is closed.",
        name="max_unprotected",
    )
    on_opposite_signal: OnOpposite = key("Effect of an opposite signal on an open position.")


class EntrySection(Section):
    """How a position is entered."""

    type: EntryType = key("Type of the entry order.")
    limit_offset_percent: Annotated[Decimal, Number(at_least=0, below=100)] = key(
        "Distance of a limit entry from the current price, on the better side, in percent."
    )
    timeout_ms: Annotated[int, Duration(least_ms=1)] = key(
        "Time after which an unfilled limit entry is cancelled.", name="timeout"
    )


def _deadline(deadline_ms: int) -> int:
    if deadline_ms > MAX_CALL_S * 1000:
        raise ValueError(f"is longer than an AI call may take: at most '{MAX_CALL_S}s'")
    return deadline_ms


def _instructions(value: str) -> str:
    if len(value) > MAX_INSTRUCTIONS:
        raise ValueError(f"has {len(value)} characters: at most {MAX_INSTRUCTIONS}")
    return value


class AiRulesSection(Section):
    """AI review of every signal that passes filters and risk limits."""

    enabled: Annotated[bool, Field(strict=True)] = key("Whether an AI reviews signals.")
    min_confidence: Confidence = key(
        "Minimum confidence, 0 to 1, of an approval; below it the signal is vetoed."
    )
    deadline_ms: Annotated[int, Duration(least_ms=1), AfterValidator(_deadline)] = key(
        "Maximum wait for the response.", name="deadline"
    )
    on_error: OnAiError = key("Effect of a missing, late or invalid response: skip or follow.")
    provider: Text = key("Provider: a name of [ai.providers].")
    model: Text = key("Model of the provider.")
    may: Annotated[tuple[AiPermission, ...], AfterValidator(all_different)] = key(
        "Permissions: veto the signal, shrink the size, bring the stop closer."
    )
    least_size_percent: Percent = key("Minimum share of the planned size that remains, in percent.")
    most_stop_percent: Annotated[Decimal, Number(above=0, at_most=90)] = key(
        "Maximum reduction of the stop's distance, in percent."
    )
    instructions: Annotated[str, AfterValidator(_instructions)] = key(
        "Additional instructions to the AI, in your own words."
    )


class SettingsLayer(Section):
    """One layer of settings: defaults, a user's, or a subscription's."""

    filters: FiltersSection = key("Which signals are followed.")
    sizing: SizingSection = key("How large an entry is.")
    risk: RiskSection = key("Limits on new positions.")
    protection: ProtectionSection = key("Stop loss, take profits, and exits.")
    entry: EntrySection = key("How a position is entered.")
    ai: AiRulesSection = key("AI review of every signal.")
