"""Every call to an AI."""

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
    DECISION = "decision"
    ANALYSIS = "analysis"


class CallOutcome(StrEnum):
    ANSWERED = "answered"
    FAILED = "failed"
    NOT_CALLED = "not_asked"  #: the day's money was spent


class PriceOutcome(StrEnum):
    """Where the price went after a signal: to its stop or its target first, or neither in time."""

    STOP = "stop"
    TARGET = "target"
    TIME = "time"
    UNKNOWN = "unknown"  #: it cannot be said: no stop, or no candles of that time


@dataclass(frozen=True, slots=True, kw_only=True)
class AiOutcome:
    signal_id: SignalId
    ended: PriceOutcome
    move_percent: Decimal | None  #: of the signal's price, in its direction, before all costs
    judged_at_ms: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class AiCall:
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
    answer: str | None  #: JSON, as it was checked
    error: str | None
    input_tokens: int
    output_tokens: int
    cost: Decimal  #: in the currency of the provider's prices
    cost_is_estimate: bool  #: the most it can have cost: the provider did not say
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
        """Keep a call; it is written with whatever is written next."""
        values = CALLS.encode(call)
        self._database.write_later(lambda c: c.execute(_INSERT, values))

    async def spent_since(self, at_ms: Ms) -> Decimal:
        """What calls begun since then have cost."""
        rows = await self._database.query(_SQL["costs_since"], (at_ms,))
        return sum((Decimal(row["cost"]) for row in rows), Decimal(0))

    async def since(self, at_ms: Ms) -> Sequence[AiCall]:
        """Calls begun since then, oldest first."""
        rows = await self._database.query(_SQL["calls_since"], (at_ms,))
        return [CALLS.decode(row) for row in rows]

    async def without_outcome(self, *, expired_before_ms: Ms, limit: int) -> Sequence[Signal]:
        """Signals that were answered on and whose outcome is not known yet, oldest first."""
        rows = await self._database.query(
            _SQL["signals_without_outcome"], (expired_before_ms, limit)
        )
        return [SIGNALS.decode(row) for row in rows]

    async def record_outcome(self, outcome: AiOutcome) -> None:
        """Keep what became of a signal; the first word is the last."""
        await self._database.execute(_INSERT_OUTCOME, OUTCOMES.encode(outcome))
