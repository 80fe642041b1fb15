"""One user's settings for one strategy, merged from the layers of the configuration.

Percentages are numbers such as ``1.5`` for 1.5 %. A limit that is None does not apply.
"""

from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.money import ZERO


class SizingMode(StrEnum):
    """Sizing by loss at the stop, by quote amount, or by share of the free balance."""

    RISK = "risk"
    QUOTE = "quote"
    BALANCE = "balance"


class BelowMinimum(StrEnum):
    """What to do with a size below the instrument's minimum."""

    SKIP = "skip"
    ROUND_UP = "round_up"


class StopSource(StrEnum):
    """Where the stop loss comes from."""

    SIGNAL = "signal"
    PERCENT = "percent"
    SIGNAL_OR_PERCENT = "signal_or_percent"
    NONE = "none"


class TargetSource(StrEnum):
    """Where the take profits come from."""

    SIGNAL = "signal"
    OWN = "own"
    SIGNAL_OR_OWN = "signal_or_own"
    NONE = "none"


class OnOpposite(StrEnum):
    """What an opposite signal does to an open position."""

    IGNORE = "ignore"
    CLOSE = "close"
    REVERSE = "reverse"


class EntryType(StrEnum):
    """The order type of entries."""

    MARKET = "market"
    LIMIT = "limit"


class OnAiError(StrEnum):
    """What follows if the AI gives no usable advice."""

    SKIP = "skip"
    FOLLOW = "follow"


class AiPermission(StrEnum):
    """What an AI may change about a trade; everything else it may never change."""

    VETO = "veto"
    SHRINK = "shrink"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class HoursRange:
    """A span of the day, start included and end excluded; it may cross midnight."""

    start: time
    end: time

    def contains(self, at: time) -> bool:
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which signals this user trades."""

    symbols: tuple[str, ...] = ("*",)  #: globs, case-sensitive
    exclude_symbols: tuple[str, ...] = ()
    min_strength: str | None = None  #: a value of ``Strength``
    min_confidence: float | None = None
    max_price_drift_percent: Decimal | None = None  #: either way, since the signal's price
    max_signal_age_ms: int | None = None  #: since the signal's candle closed
    hours: tuple[HoursRange, ...] = ()  #: none given: any hour
    time_zone: str = "UTC"  #: IANA name, for ``hours``


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How an entry's size is computed."""

    mode: SizingMode = SizingMode.RISK
    risk_percent: Decimal = Decimal(1)  #: of equity, lost when the stop is hit
    risk_includes_costs: bool = True  #: fees and slippage count as part of that loss
    slippage_bps: Decimal | None = None  #: expected slippage of market orders; None: measured
    quote_amount: Decimal = Decimal(100)  #: notional in quote units
    balance_percent: Decimal = Decimal(10)  #: of free balance, used as margin
    below_minimum: BelowMinimum = BelowMinimum.SKIP


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Limits that block entries."""

    max_open_positions: int | None = None
    max_consecutive_losses: int | None = None  #: in a row within one UTC day
    max_trades_per_day: int | None = None  #: entries per UTC day
    cooldown_ms: int = 0  #: after a close, per symbol
    max_daily_loss_percent: Decimal | None = None  #: realized and open loss of the UTC day
    max_exposure_percent: Decimal | None = None  #: open notional against equity
    min_balance: Decimal | None = None  #: equity in quote units
    symbol_priority: tuple[
        str, ...
    ] = ()  #: entries only in the first of these that has no position


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeProfitRule:
    """One take profit of the user's settings: distance from entry and share of the position."""

    percent: Decimal  #: distance from the entry price
    share: Decimal  #: percent of the position


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Stop, take profits and stop moves."""

    stop_source: StopSource = StopSource.SIGNAL_OR_PERCENT
    stop_percent: Decimal = Decimal(2)  #: distance from the entry price
    targets_from: TargetSource = TargetSource.SIGNAL_OR_OWN
    targets: tuple[TakeProfitRule, ...] = ()
    break_even_after: int = 0  #: targets hit before the stop moves to the entry price; 0 = never
    trailing_percent: Decimal = ZERO  #: distance behind the best price; 0 = none
    max_unprotected_ms: int = 5_000
    on_opposite_signal: OnOpposite = OnOpposite.CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRules:
    """How entries are ordered."""

    type: EntryType = EntryType.MARKET
    limit_offset_percent: Decimal = ZERO  #: better than the current price by this much
    timeout_ms: int = 60_000  #: an unfilled limit entry is cancelled after this


@dataclass(frozen=True, slots=True, kw_only=True)
class AiRules:
    """Whether and how an AI advises on signals, and what it may change."""

    enabled: bool = False
    min_confidence: float = 0.0
    deadline_ms: int = 20_000
    on_error: OnAiError = OnAiError.SKIP
    provider: str = ""  #: a name of the configuration's providers
    model: str = ""
    may: tuple[AiPermission, ...] = (AiPermission.VETO, AiPermission.SHRINK)
    least_size_percent: Decimal = Decimal(25)  #: lower bound of the size, of the planned size
    most_stop_percent: Decimal = Decimal(50)  #: upper bound of the stop's move, of its distance
    instructions: str = ""  #: the user's own, added to the prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of a user's settings for one strategy."""

    filters: Filters = field(default_factory=Filters)
    sizing: Sizing = field(default_factory=Sizing)
    risk: RiskLimits = field(default_factory=RiskLimits)
    protection: Protection = field(default_factory=Protection)
    entry: EntryRules = field(default_factory=EntryRules)
    ai: AiRules = field(default_factory=AiRules)
