"""Stores AI calls, their cost, and the outcomes of their signals."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.signals import Signal, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.ledger.codec import Codec, insert
from signalbot.ledger.database import Database
from signalbot.ledger.signals import SIGNALS
from signalbot.ledger.sql import queries


class CallKind(StrEnum):
    """What a call is for: a user's decision, or a strategy's analysis."""

    DECISION = "decision"
    ANALYSIS = "analysis"


class CallOutcome(StrEnum):
    """Whether a call returned a valid response."""

    ANSWERED = "answered"
    FAILED = "failed"
    NOT_CALLED = "not_asked"  #: the daily budget was spent


class PriceOutcome(StrEnum):
    """What the price reached first after a signal: stop, target, or neither in time."""

    STOP = "stop"
    TARGET = "target"
    TIME = "time"
    UNKNOWN = "unknown"  #: no stop, or no candles of that time


@dataclass(frozen=True, slots=True, kw_only=True)
class AiOutcome:
    """The price outcome of one signal."""

    signal_id: SignalId
    ended: PriceOutcome
    move_percent: Decimal | None  #: price change in the signal's direction, before costs
    judged_at_ms: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class AiCall:
    """One call to a model."""

    call_id: str
    kind: CallKind
    signal_id: SignalId | None  #: of a decision
    strategy: str
    symbol: str
    provider: str
    model: str
    started_at_ms: Ms
    latency_ms: int
    outcome: CallOutcome
    answer: str | None  #: JSON, validated
    error: str | None
    input_tokens: int
    output_tokens: int
    cost: Decimal  #: in the currency of the provider's prices
    cost_is_estimate: bool  #: an upper bound: the provider reported no usage
    prompt_hash: str  #: hex SHA-256
    answer_hash: str | None


_SQL = queries("ai_calls")
CALLS = Codec(AiCall)
OUTCOMES = Codec(AiOutcome)
_INSERT = insert("ai_calls", CALLS.columns)
_INSERT_OUTCOME = insert("ai_outcomes", OUTCOMES.columns, conflict="ON CONFLICT DO NOTHING")


class AiCalls:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, call: AiCall) -> None:
        """Store a call with the next commit."""
        values = CALLS.encode(call)
        self._database.write_later(lambda c: c.execute(_INSERT, values))

    async def spent_since(self, at_ms: Ms) -> Decimal:
        """The cost of the calls started since then."""
        rows = await self._database.query(_SQL["costs_since"], (at_ms,))
        return sum((Decimal(row["cost"]) for row in rows), Decimal(0))

    async def since(self, at_ms: Ms) -> Sequence[AiCall]:
        """Calls started since then, oldest first."""
        rows = await self._database.query(_SQL["calls_since"], (at_ms,))
        return [CALLS.decode(row) for row in rows]

    async def without_outcome(self, *, expired_before_ms: Ms, limit: int) -> Sequence[Signal]:
        """Signals with a completed call and without an outcome, oldest first."""
        rows = await self._database.query(
            _SQL["signals_without_outcome"], (expired_before_ms, limit)
        )
        return [SIGNALS.decode(row) for row in rows]

    async def record_outcome(self, outcome: AiOutcome) -> None:
        """Store the outcome of a signal; a stored outcome is final."""
        await self._database.execute(_INSERT_OUTCOME, OUTCOMES.encode(outcome))
