"""Rows of the ledger in responses."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Money = Annotated[str, Field(examples=["60486.6"], pattern=r"^-?\d+(\.\d+)?(E[+-]?\d+)?$")]
"""A decimal number as text, without loss of digits."""
Instant = Annotated[int, Field(examples=[1795243020000])]
"""Epoch milliseconds UTC."""


class LedgerRow(BaseModel):
    model_config = ConfigDict(extra="ignore")


class StrategyRow(LedgerRow):
    name: str = Field(examples=["btc-trend"])
    kind: str = Field(examples=["ema_cross"])
    exchange: str = Field(examples=["binance"])
    symbols: list[str] = Field(examples=[["BTC/USDT:USDT"]])
    timeframe: str | None = Field(examples=["5m"])
    signal_ttl_ms: int = Field(examples=[300000])
    params: dict[str, Any]
    status: str = Field(examples=["ACTIVE"])
    origin: str = Field(examples=["config"])
    owner: str | None = Field(description="User who may change its settings.")
    version: int = Field(
        description="Version of the settings; increases with every change.", examples=[1]
    )
    subscribers: int = Field(description="Active subscriptions.", examples=[7])
    updated_at_ms: Instant


class UserRow(LedgerRow):
    user_id: str = Field(examples=["alice"])
    mode: str = Field(examples=["paper"])
    status: str = Field(examples=["ACTIVE"])
    status_reason: str
    exchange: str = Field(examples=["binance"])
    leverage: int = Field(examples=[5])
    margin_mode: str = Field(examples=["isolated"])
    paper_balance: Money
    origin: str = Field(examples=["config"])
    subscriptions: int = Field(examples=[1])
    open_positions: int = Field(examples=[0])
    updated_at_ms: Instant


class SubscriptionRow(LedgerRow):
    subscription_id: str = Field(examples=["alice/btc-trend"])
    user_id: str = Field(examples=["alice"])
    strategy: str = Field(examples=["btc-trend"])
    status: str = Field(examples=["ACTIVE"])
    origin: str = Field(examples=["config"])
    updated_at_ms: Instant


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
    cure: str | None = Field(description="Fix.")


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
    asked_quantity: Money | None
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


class StrategyStats(LedgerRow):
    """Results of a strategy's signals."""

    strategy: str
    subscribers: int
    signals: int = Field(description="Signals in the requested period.")
    profit: list[ProfitRow] = Field(description="By mode and currency.")


class SubscriptionStats(LedgerRow):
    """Profit of a subscription."""

    subscription_id: str
    profit: list[ProfitRow] = Field(description="By mode and currency.")


class CloseRow(LedgerRow):
    position_id: str
    symbol: str
    closed: bool = Field(
        description="False: the exchange rejected it; the position keeps its stop."
    )


class HaltState(LedgerRow):
    halted: str | None = Field(description="Reason for halting entries; null while trading.")


class TokenRow(LedgerRow):
    token_id: str = Field(examples=["tok_3fa94c0b77de"])
    scope: str = Field(examples=["user"])
    subject: str | None = Field(description="User, or webhook strategy.")
    label: str
    created_at_ms: Instant
    expires_at_ms: Instant | None
    revoked_at_ms: Instant | None


class NewTokenRow(TokenRow):
    token: str = Field(description="Returned only once.", examples=["sbt_…"])
