"""Crossing of two exponential moving averages; the reference strategy to copy from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import talib

from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import SignalProposal, Windows
from signalbot.strategies.indicators import crossed, efficiency_ratio, ema_candles, last_atr
from signalbot.strategies.params import Bounds, parse_params, require_below
from signalbot.strategies.trade_plan import (
    CROSSING_DIRECTION,
    TradePlan,
    TradePlanParams,
    score_strength,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmaCrossParams(TradePlanParams):
    fast: Annotated[int, Bounds(2, 200)] = 9  #: candles of the fast average
    slow: Annotated[int, Bounds(3, 200)] = 21  #: candles of the slow average

    def __post_init__(self) -> None:
        require_below(self, "fast", "slow")


class EmaCross:
    """LONG when the fast average crosses above the slow one, SHORT when it crosses below.

    Exits: a cross that may not open a position (``allow_short``, trend) closes the opposite one.
    Strength: distance of the close from the slow average, in ATRs: WEAK below 0.75,
    MODERATE below 1.25, STRONG below 2, else VERY_STRONG.
    Confidence: efficiency ratio of the last ``fast`` closes.
    """

    kind: ClassVar[str] = "ema_cross"
    _STEPS = (0.75, 1.25, 2.0)

    def __init__(self, timeframe: Timeframe, params: EmaCrossParams) -> None:
        self.timeframe = timeframe
        self._params = params
        # A cross compares two candles, so the averages must be valid one candle earlier.
        self._plan = TradePlan(timeframe, params, candles=ema_candles(params.slow) + 1)
        self.warm_up = self._plan.warm_up

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "EmaCross":
        return cls(timeframe, parse_params(EmaCrossParams, params))

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        if not self._plan.is_ready(windows):
            return None
        window, params = windows[self.timeframe], self._params
        close = window.close
        slow = talib.EMA(close, params.slow)
        side = crossed(talib.EMA(close, params.fast), slow)
        if side is None:
            return None
        atr = last_atr(window, params.atr_period)
        if atr is None:
            return None
        distance = abs(close.item(-1) - slow.item(-1)) / atr
        reason = (
            f"EMA {params.fast} crossed {CROSSING_DIRECTION[side]} EMA {params.slow}, "
            f"close {close.item(-1):.8g} is {distance:.2f} ATR {CROSSING_DIRECTION[side]} it"
        )
        entry = self._plan.enter(
            side,
            windows,
            atr=atr,
            strength=score_strength(distance, self._STEPS),
            confidence=efficiency_ratio(close, params.fast, side),
            reason=reason,
        )
        return entry or self._plan.exit(side.opposite, reason)
