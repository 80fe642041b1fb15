"""Funding payments between holders of perpetual contracts."""

from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.timeframe import Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """One payment of one account. ``payment_id`` is unique within the account and symbol."""

    payment_id: str
    symbol: str
    amount: Decimal  #: in the contract's settlement currency; received is positive
    paid_at_ms: Ms
