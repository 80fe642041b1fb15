"""Schemas of model responses; anything else is an error."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Price = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Reasoning = Annotated[str, Field(min_length=1, max_length=1_000)]


class AiResponse(BaseModel):
    """Fields of every response."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    confidence: Share = Field(description="From 0, a guess, to 1, certain.")
    reasoning: Reasoning = Field(description="Why, in one to three sentences.")


class DecisionResponse(AiResponse):
    """Your decision on the signal."""

    decision: Literal["approve", "veto"]
    size_percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = Field(
        default=100, description="What is left of the planned size, in percent."
    )
    stop_closer_percent: Annotated[float, Field(ge=0, lt=100, allow_inf_nan=False)] = Field(
        default=0, description="The part of the stop's distance to take away, in percent."
    )


class AnalysisResponse(AiResponse):
    """Your analysis of the market."""

    action: Literal["BUY", "SELL", "HOLD"]
    entry: Price | None = None
    stop_loss: Price | None = None
    take_profit: Price | None = None
    risk_reward: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
