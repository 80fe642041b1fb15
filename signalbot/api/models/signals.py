"""Signals sent through the API."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

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
