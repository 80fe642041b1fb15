"""Parameters of a strategy of kind "llm", and conversion of its model's response. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from signalbot.ai.schemas import AnalysisResponse
from signalbot.domain.signals import Action, Side, Strength
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import SignalProposal
from signalbot.strategies.params import BadParameter, Bounds, parse_params

_STEPS = (0.6, 0.75, 0.9)  # minimum confidence of MODERATE, STRONG, VERY_STRONG


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisParams:
    """The ``params`` of a strategy of kind "llm"."""

    provider: str = ""
    model: str = ""
    timeframes: tuple[Timeframe, ...] = ()  #: in addition to the strategy's own
    candles: Annotated[int, Bounds(60, 500)] = 100  #: of each timeframe
    min_confidence: Annotated[float, Bounds(0, 1)] = 0.6
    min_risk_reward: Annotated[float, Bounds(0, 20)] = 1.0
    deadline_s: Annotated[float, Bounds(1, 120)] = 30.0
    instructions: str = ""

    def __post_init__(self) -> None:
        for name in ("provider", "model"):
            if not getattr(self, name):
                raise BadParameter(name, f"{name} is missing")


class InconsistentAnalysis(ValueError):
    """A response that contradicts itself or the market."""


def parse_analysis_params(timeframe: Timeframe, given: Mapping[str, Any]) -> AnalysisParams:
    """Parse and validate the parameters of a strategy that runs on ``timeframe``.

    Raises:
        BadParameter: one is missing, unknown, of the wrong type or out of bounds.
    """
    params = parse_params(AnalysisParams, given)
    for other in params.timeframes:
        if other.ms < timeframe.ms:
            raise BadParameter("timeframes", f"{other} is shorter than the strategy's {timeframe}")
    return params


def proposal_from_analysis(
    response: AnalysisResponse, *, close: float, params: AnalysisParams
) -> SignalProposal | None:
    """Convert a response about a market that closed at ``close`` into a proposal.

    None for HOLD, for too little confidence, and for too low a risk/reward ratio.

    Raises:
        InconsistentAnalysis: levels are missing or on the wrong side of the price.
    """
    if response.action == "HOLD":
        return None
    side = Side.LONG if response.action == "BUY" else Side.SHORT
    stop, target = response.stop_loss, response.take_profit
    if stop is None or target is None:
        raise InconsistentAnalysis(f"{response.action} without stop_loss and take_profit")
    risk, reward = (close - stop) * side.sign, (target - close) * side.sign
    if risk <= 0 or reward <= 0:
        raise InconsistentAnalysis(
            f"{response.action} at {close:g} with stop_loss {stop:g} and take_profit {target:g}"
        )
    if response.confidence < params.min_confidence or reward / risk < params.min_risk_reward:
        return None
    entry = "" if response.entry is None else f" entry {response.entry:g},"
    return SignalProposal(
        action=Action.LONG if side is Side.LONG else Action.SHORT,
        strength=tuple(Strength)[sum(response.confidence >= step for step in _STEPS)],
        confidence=response.confidence,
        reason=f"{response.reasoning} ({params.model}:{entry} risk/reward {reward / risk:.2f})",
        stop_loss=stop,
        take_profits=(target,),
    )
