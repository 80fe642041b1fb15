"""Field types and base class of ledger rows in responses."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Money = Annotated[str, Field(examples=["60486.6"], pattern=r"^-?\d+(\.\d+)?(E[+-]?\d+)?$")]
"""A decimal number as text, without loss of digits."""
Instant = Annotated[int, Field(examples=[1795243020000])]
"""Epoch milliseconds UTC."""


class LedgerRow(BaseModel):
    model_config = ConfigDict(extra="ignore")
