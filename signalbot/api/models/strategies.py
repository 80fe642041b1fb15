"""Strategies and subscriptions in responses."""

from typing import Any

from pydantic import Field

from signalbot.api.models.fields import Instant, LedgerRow
from signalbot.api.models.ledger import ProfitRow


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


class StrategyStats(LedgerRow):
    """Results of a strategy's signals."""

    strategy: str
    subscribers: int
    signals: int = Field(description="Signals in the requested period.")
    profit: list[ProfitRow] = Field(description="By mode and currency.")


class SubscriptionRow(LedgerRow):
    subscription_id: str = Field(examples=["alice/btc-trend"])
    user_id: str = Field(examples=["alice"])
    strategy: str = Field(examples=["btc-trend"])
    status: str = Field(examples=["ACTIVE"])
    origin: str = Field(examples=["config"])
    updated_at_ms: Instant


class SubscriptionStats(LedgerRow):
    """Profit of a subscription."""

    subscription_id: str
    profit: list[ProfitRow] = Field(description="By mode and currency.")
