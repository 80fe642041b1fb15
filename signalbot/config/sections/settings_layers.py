"""The settings tables that may stand in ``[defaults]``, in a user and in a subscription.

Each is one layer: what it leaves out, the layer below decides. Fields are named like those of
``signalbot.domain.settings``; the alias is the key in the file.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from signalbot.ai.prompt import MAX_INSTRUCTIONS
from signalbot.ai.single_flight import MAX_CALL_S
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

Confidence = Annotated[float, Number(kind=float, at_least=0, at_most=1)]
Percent = Annotated[Decimal, Number(above=0, at_most=100)]
Distance = Annotated[Decimal, Number(above=0, below=100)]
Count = Annotated[int | None, Number(kind=int, at_least=1, or_none=True)]
PercentLimit = Annotated[Decimal | None, Number(above=0, or_none=True)]


def _or_none(value: object) -> object:
    return None if value == NO_LIMIT else value


class FiltersSection(Section):
    """Which signals may pass to this user at all."""

    symbols: Globs = key('Globs of the markets to follow, such as ["BTC/*"].')
    exclude_symbols: Globs = key("Globs of the markets never to follow.")
    min_strength: Annotated[Strength | None, BeforeValidator(_or_none)] = key(
        "The weakest signal to follow."
    )
    min_confidence: Annotated[
        float | None, Number(kind=float, at_least=0, at_most=1, or_none=True)
    ] = key("The least confidence, 0 to 1, to follow.")
    max_price_drift_percent: Annotated[Decimal | None, Number(at_least=0, or_none=True)] = key(
        "How far, in percent, the price may have moved either way since the signal's."
    )
    max_signal_age_ms: Annotated[int | None, Duration(least_ms=1, or_none=True)] = key(
        "How long ago the signal's candle may have closed.", name="max_signal_age"
    )
    hours: AllHours = key(
        'Spans of the day in which to enter, such as ["08:00-22:00"]; empty means any hour.'
    )
    time_zone: TimeZone = key("The IANA time zone of hours, such as Europe/Berlin.")


class SizingSection(Section):
    """How large an entry is."""

    mode: SizingMode = key(
        "What fixes the size: the loss at the stop (risk), an amount of quote currency (quote), "
        "or a share of free balance used as margin (balance)."
    )
    risk_percent: Percent = key("Percent of equity lost when the stop is hit; mode risk.")
    risk_includes_costs: Annotated[bool, Field(strict=True)] = key(
        "Whether fees and slippage are part of that loss; else only the way to the stop is."
    )
    slippage_bps: Annotated[Decimal | None, Number(at_least=0, below=1_000, or_none=True)] = key(
        "Basis points by which market orders are expected to fill worse than the price; "
        '"none": as the latest entries in the symbol did.'
    )
    quote_amount: Annotated[Decimal, Number(above=0)] = key(
        "Notional of an entry in quote currency; mode quote."
    )
    balance_percent: Percent = key("Percent of free balance used as margin; mode balance.")
    below_minimum: BelowMinimum = key("What becomes of an entry below the market's minimum.")


class RiskSection(Section):
    """Limits; leave one out, or write "none" over a lower layer's, and it does not apply."""

    max_open_positions: Count = key("Positions open at once.")
    max_consecutive_losses: Count = key("Losses in a row within one UTC day.")
    max_trades_per_day: Count = key("Entries per UTC day.")
    cooldown_ms: Annotated[int, Duration()] = key(
        "How long to stay out of a symbol after a close.", name="cooldown"
    )
    max_daily_loss_percent: PercentLimit = key(
        "Realized and open loss of the UTC day, in percent of equity, that ends the day."
    )
    max_exposure_percent: PercentLimit = key(
        "Open notional in percent of equity; of sources of alerts 300 where nothing is given."
    )
    min_balance: Annotated[Decimal | None, Number(at_least=0, or_none=True)] = key(
        "Equity, in quote currency, below which nothing is entered."
    )
    symbol_priority: tuple[Symbol, ...] = key(
        "Enter only in the first of these markets that has no open position."
    )


class StopSection(Section):
    """Where the stop loss comes from."""

    stop_source: StopSource = key("Whose stop loss holds.", name="source")
    stop_percent: Distance = key(
        "Distance of the own stop from the entry price, in percent.", name="percent"
    )


class TargetSection(Section):
    """One take profit of the user's own."""

    percent: Annotated[Decimal, Number(above=0)] = Field(
        description="Distance from the entry price, in percent."
    )
    share: Percent = Field(description="Percent of the position that leaves there.")


def _target_rules(targets: Sequence[TargetSection]) -> tuple[TakeProfitRule, ...]:
    total = sum(target.share for target in targets)
    if total > HUNDRED:
        raise ValueError(f"has shares that add up to {total} percent: at most 100 can leave")
    return tuple(TakeProfitRule(percent=target.percent, share=target.share) for target in targets)


class ProtectionSection(Section):
    """How a position is protected and left."""

    stop_loss: StopSection = key("Where the stop loss comes from.")
    targets_from: TargetSource = key("Whose take profits hold.", name="take_profits_from")
    targets: Annotated[tuple[TargetSection, ...], AfterValidator(_target_rules)] = key(
        "Own take profits; their shares add up to at most 100 percent.", name="take_profits"
    )
    break_even_after: Annotated[int, Number(kind=int, at_least=0)] = key(
        "Take profits hit before the stop moves to the entry price; 0 is never."
    )
    trailing_percent: Annotated[Decimal, Number(at_least=0, below=100)] = key(
        "Distance of a trailing stop behind the best price, in percent; 0 is none."
    )
    max_unprotected_ms: Annotated[int, Duration(least_ms=1)] = key(
        "How long a position may be without its stop before it is closed.", name="max_unprotected"
    )
    on_opposite_signal: OnOpposite = key("What an opposite signal does to an open position.")


class EntrySection(Section):
    """How a position is entered."""

    type: EntryType = key("The entry order's type.")
    limit_offset_percent: Annotated[Decimal, Number(at_least=0, below=100)] = key(
        "How much better than the current price a limit entry asks for, in percent."
    )
    timeout_ms: Annotated[int, Duration(least_ms=1)] = key(
        "How long a limit entry may rest unfilled before it is cancelled.", name="timeout"
    )


def _deadline(deadline_ms: int) -> int:
    if deadline_ms > MAX_CALL_S * 1000:
        raise ValueError(f"is longer than any answer is waited for: at most '{MAX_CALL_S}s'")
    return deadline_ms


def _instructions(value: str) -> str:
    if len(value) > MAX_INSTRUCTIONS:
        raise ValueError(f"has {len(value)} characters: at most {MAX_INSTRUCTIONS}")
    return value


class AiRulesSection(Section):
    """A second opinion on every signal that has passed filters and risk limits."""

    enabled: Annotated[bool, Field(strict=True)] = key("Whether to ask at all.")
    min_confidence: Confidence = key("The least confidence, 0 to 1, of an approval that counts.")
    deadline_ms: Annotated[int, Duration(least_ms=1), AfterValidator(_deadline)] = key(
        "How long to wait for the answer.", name="deadline"
    )
    on_error: OnAiError = key("What no usable answer in time means.")
    provider: Text = key("Whom to ask: a name of [ai.providers].")
    model: Text = key("Which of the provider's models to ask.")
    may: Annotated[tuple[AiPermission, ...], AfterValidator(all_different)] = key(
        "What it may do: veto the signal, shrink the size, bring the stop closer."
    )
    least_size_percent: Percent = key("How much of the planned size it must leave, in percent.")
    most_stop_percent: Annotated[Decimal, Number(above=0, at_most=90)] = key(
        "How much of the stop's distance it may take away, in percent."
    )
    instructions: Annotated[str, AfterValidator(_instructions)] = key(
        "What else the AI should heed, in your own words."
    )


class SettingsLayer(Section):
    """One layer of settings: defaults, a user's, or a subscription's."""

    filters: FiltersSection = key("Which signals may pass at all.")
    sizing: SizingSection = key("How large an entry is.")
    risk: RiskSection = key("Limits that a new position must respect.")
    protection: ProtectionSection = key("Stop loss, take profits, and how a position is left.")
    entry: EntrySection = key("How a position is entered.")
    ai: AiRulesSection = key("A second opinion on every signal.")
