"""Executions, orders, positions, skips and profit in responses."""

from pydantic import ConfigDict, Field

from signalbot.api.models.fields import Instant, LedgerRow, Money


class ExecutionRow(LedgerRow):
    signal_id: str
    user_id: str
    subscription_id: str
    strategy: str
    exchange: str
    symbol: str
    action: str
    mode: str
    status: str = Field(examples=["executed"])
    signal_price: Money | None
    actual_entry_price: Money | None
    quantity: Money | None
    leverage: int | None
    slippage_bps: Money | None = Field(description="From the signal's price; positive is worse.")
    latency_ms: int | None = Field(description="Time from signal to fill.")
    order_id: str | None
    client_order_id: str | None
    position_id: str | None
    claimed_at_ms: Instant
    executed_at_ms: Instant | None
    failed_at_ms: Instant | None
    failure_reason: str | None
    error_details: str | None
    ai_decision_applied: bool
    ai_confidence: float | None
    ai_skip_reason: str | None


class OrderRow(LedgerRow):
    client_order_id: str
    user_id: str
    signal_id: str | None
    position_id: str | None
    strategy: str | None
    leg: str = Field(examples=["stop_loss"])
    exchange: str
    symbol: str
    side: str = Field(examples=["sell"])
    type: str = Field(examples=["stop"])
    quantity: Money
    price: Money | None
    trigger_price: Money | None
    reduce_only: bool
    leverage: int
    status: str = Field(examples=["open"])
    exchange_order_id: str | None
    filled: Money
    average_price: Money | None
    fee: Money
    fee_currency: str | None
    intended_at_ms: Instant
    updated_at_ms: Instant
    error: str | None


class TargetRow(LedgerRow):
    price: Money
    quantity: Money


class PositionRow(LedgerRow):
    position_id: str
    user_id: str
    signal_id: str
    strategy: str
    exchange: str
    symbol: str
    side: str = Field(examples=["LONG"])
    mode: str
    status: str = Field(examples=["OPEN"])
    quantity: Money
    entry_quantity: Money
    entry_price: Money
    stop_loss: Money | None
    stop_kind: str
    take_profits: list[TargetRow]
    targets_hit: int
    leverage: int
    opened_at_ms: Instant
    protected_at_ms: Instant | None = Field(
        description="First confirmation of the stop by the exchange; null: none."
    )
    protection: str | None = Field(
        description="Protection of an open position: confirmed, PARTIAL (stops cover a part), "
        "MISSING or no stop wanted.",
        examples=["confirmed"],
    )
    protected_quantity: Money | None = Field(
        description="Quantity covered by resting stops; null once closed."
    )
    held_otherwise: str | None = Field(
        description="Side and quantity at the exchange, if different; else null.",
        examples=["LONG 0.02"],
    )
    stop_confirmed_at_ms: Instant | None = Field(
        description="Since when a stop rests at the exchange; null: none."
    )
    unprotected_since_ms: Instant | None = Field(description="Since when a wanted stop is missing.")
    unprotected_ms: int | None = Field(description="Total earlier time without a wanted stop.")
    reconciled_at_ms: Instant | None = Field(
        description="Last reconciliation of the account with the exchange."
    )
    closed_at_ms: Instant | None
    exit_price: Money | None
    close_reason: str | None
    realized_pnl: Money
    fees: Money
    funding: Money
    net_pnl: Money | None


class ProfitRow(LedgerRow):
    model_config = ConfigDict(extra="allow")

    mode: str
    currency: str
    trades: int
    wins: int
    win_rate_percent: Money | None
    gross_pnl: Money
    fees: Money
    funding: Money
    net_pnl: Money
    best: Money | None
    worst: Money | None
    open_positions: int | None  #: None in groups by day


class SkipRow(LedgerRow):
    """Signals of one user skipped for one reason."""

    user_id: str
    code: str = Field(examples=["MAX_OPEN_POSITIONS"])
    signals: int
    last_at_ms: Instant
    cause: str | None = Field(description="Meaning of the code.")
    fix: str | None = Field(alias="cure", description="Fix.")
