"""Users, tokens and the halt state in responses."""

from pydantic import Field

from signalbot.api.models.fields import Instant, LedgerRow, Money


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


class CloseRow(LedgerRow):
    position_id: str
    symbol: str
    closed: bool = Field(
        description="False: the exchange rejected it; the position keeps its stop."
    )


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


class HaltState(LedgerRow):
    halted: str | None = Field(description="Reason for halting entries; null while trading.")
