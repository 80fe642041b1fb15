"""A user's decision on a signal, the execution that follows, and its slippage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import to_cents
from signalbot.domain.signals import Action, PositionId, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Mode, UserId

DecisionFacts = Mapping[str, object]
"""The numbers behind a decision: JSON scalars, decimals as text."""


class DecisionOutcome(StrEnum):
    """EXECUTE: the signal is traded; SKIP: it is not."""

    EXECUTE = "EXECUTE"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One listener's decision for its user on one signal, with the facts behind it."""

    signal_id: SignalId
    user_id: UserId
    outcome: DecisionOutcome
    code: DecisionCode
    detail: DecisionFacts
    decided_at_ms: Ms


class ExecutionStatus(StrEnum):
    """PENDING at startup and UNKNOWN are unresolved: resolved by lookup, never by sending."""

    PENDING = "pending"
    EXECUTED = "executed"
    PARTIAL = "partial"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_settled(self) -> bool:
        return self in (ExecutionStatus.EXECUTED, ExecutionStatus.PARTIAL, ExecutionStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One row of ``signal_executions``: the exclusive claim of one user on one signal."""

    signal_id: SignalId
    user_id: UserId
    subscription_id: str
    mode: Mode
    status: ExecutionStatus
    claimed_at_ms: Ms
    executed_at_ms: Ms | None = None
    actual_entry_price: Decimal | None = None
    quantity: Decimal | None = None
    leverage: int | None = None
    order_id: str | None = None
    client_order_id: str | None = None
    position_id: PositionId | None = None
    slippage_bps: Decimal | None = None  #: against the signal's price; positive is worse
    latency_ms: int | None = None  #: signal created to entry acknowledged
    failed_at_ms: Ms | None = None
    failure_reason: str | None = None  #: a FailureCode, or a DecisionCode found after the claim
    error_details: str | None = None
    ai_decision_applied: bool = False
    ai_confidence: float | None = None
    ai_skip_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalStatistics:
    """Statistics of all executions of one signal."""

    signal_id: SignalId
    executions: int
    by_status: Mapping[str, int] = field(default_factory=dict)
    average_slippage_bps: Mapping[str, Decimal] = field(default_factory=dict)  #: by status
    average_latency_ms: Mapping[str, Decimal] = field(default_factory=dict)  #: by status
    decisions_by_code: Mapping[str, int] = field(default_factory=dict)


_MAX_SLIPPAGE_BPS = 1_000_000


def slippage_bps(*, action: Action, requested: Decimal, filled: Decimal) -> Decimal | None:
    """Basis points by which ``filled`` is worse than ``requested``; negative when it is better.

    Entering long and exiting short are buys: a higher price is worse. The others are sells.
    None, never an error, if the prices are implausibly far apart: a booking must not fail because
    of a statistic.
    """
    is_buy = action in (Action.LONG, Action.EXIT_SHORT)
    try:
        worse_bps = (filled - requested if is_buy else requested - filled) / requested * 10_000
        return to_cents(worse_bps) if abs(worse_bps) <= _MAX_SLIPPAGE_BPS else None
    except ArithmeticError:
        return None
