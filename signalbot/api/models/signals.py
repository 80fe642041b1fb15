"""Signals, decisions and statistics in requests and responses."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from signalbot.api.models.fields import Instant, LedgerRow, Money
from signalbot.api.models.requests import Body, Name
from signalbot.control.signal_intake import MAX_REASON_LENGTH, MAX_TARGETS
from signalbot.domain.money import HUNDRED
from signalbot.domain.signals import Action, Strength

Price = Annotated[Decimal, Field(gt=0, max_digits=40, examples=["60486.6"])]


class NewSignal(Body):
    strategy: Name
    symbol: Annotated[str, Field(max_length=60, examples=["BTC/USDT:USDT"])]
    action: Action
    price: Price | None = None
    stop_loss: Price | None = None
    take_profits: Annotated[tuple[Price, ...], Field(max_length=MAX_TARGETS)] = ()
    exit_percent: Annotated[Decimal, Field(gt=0, le=100, max_digits=20)] = Field(
        default=HUNDRED, description="Percent of the position that an exit closes."
    )
    strength: Strength = Strength.MODERATE
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    reason: Annotated[str, Field(max_length=MAX_REASON_LENGTH)] = ""
    key: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="Idempotency key of the sender: one signal per key."
    )


class SentSignal(Body):
    signal_id: str = Field(examples=["sig_1cb28400431dbdbd"])
    is_new: bool = Field(description="False: a duplicate, without effect.")


class SignalRow(LedgerRow):
    signal_id: str = Field(examples=["sig_1cb28400431dbdbd"])
    strategy: str = Field(examples=["btc-trend"])
    source: str = Field(examples=["strategy"])
    exchange: str = Field(examples=["binance"])
    symbol: str = Field(examples=["BTC/USDT:USDT"])
    timeframe: str | None
    action: str = Field(examples=["LONG"])
    strength: str = Field(examples=["STRONG"])
    confidence: float = Field(examples=[0.72])
    price: Money | None
    stop_loss: Money | None
    take_profits: list[Money]
    take_profit_shares: list[Money] = Field(
        description="Percent of the position to close at each; empty: the user's setting."
    )
    trailing_percent: Money | None = Field(description="Distance of a trailing stop, in percent.")
    exit_percent: Money = Field(description="Percent of the position that an exit closes.")
    reason: str
    candle_close_ms: Instant | None
    created_at_ms: Instant
    expires_at_ms: Instant
    cancelled_at_ms: Instant | None
    status: str = Field(examples=["ACTIVE"])


class DecisionRow(LedgerRow):
    """Outcome of one user on a signal."""

    user_id: str
    mode: str
    outcome: str | None = Field(examples=["SKIP"])
    code: str | None = Field(examples=["MAX_OPEN_POSITIONS"])
    detail: dict[str, Any] | None = Field(description="Facts behind the decision.")
    decided_at_ms: Instant | None
    status: str | None = Field(description="Status of the execution, if any.")
    failure_reason: str | None
    error_details: str | None
    requested_quantity: Money | None = Field(alias="asked_quantity")
    filled_quantity: Money | None
    actual_entry_price: Money | None
    slippage_bps: Money | None
    latency_ms: int | None
    position_id: str | None
    position_status: str | None
    close_reason: str | None
    net_pnl: Money | None


class RankRow(LedgerRow):
    """Slippage and latency of fills at these ranks of the fan-out."""

    first_rank: int
    last_rank: int
    filled: int
    median_slippage_bps: Money | None
    worst_slippage_bps: Money | None
    median_latency_ms: int | None
    worst_latency_ms: int | None


class SignalStats(LedgerRow):
    """Executions of one signal, in total and by status."""

    signal_id: str
    executions: int
    by_status: dict[str, int]
    average_slippage_bps: dict[str, Money] = Field(description="By status.")
    average_latency_ms: dict[str, Money] = Field(description="By status.")
    decisions_by_code: dict[str, int]
    by_rank: list[RankRow] = Field(description="By rank in the fan-out; 0 is first.")
