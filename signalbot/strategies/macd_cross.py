"""Crossing of the MACD line and its signal line: a change of momentum."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import talib

from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import SignalProposal, Windows
from signalbot.strategies.indicators import crossed, ema_candles, last_atr
from signalbot.strategies.params import Bounds, parse_params, require_below
from signalbot.strategies.trade_plan import (
    CROSSING_DIRECTION,
    TradePlan,
    TradePlanParams,
    score_strength,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MacdCrossParams(TradePlanParams):
    fast: Annotated[int, Bounds(2, 200)] = 12  #: candles of the fast average
    slow: Annotated[int, Bounds(3, 200)] = 26  #: candles of the slow average
    signal: Annotated[int, Bounds(2, 100)] = 9  #: candles of the average of their difference

    def __post_init__(self) -> None:
        require_below(self, "fast", "slow")


class MacdCross:
    """LONG when MACD crosses above its signal line, SHORT when it crosses below.

    Exits: a cross that may not open a position (``allow_short``, trend) closes the opposite one.
    Strength: change of the histogram within the candle, in ATRs: WEAK below 0.05, MODERATE below
    0.1, STRONG below 0.15, else VERY_STRONG.
    Confidence: 0.5 + 0.5 m / (1 + |m|), with m the MACD in ATRs, positive towards the signal's
    side: 0.5 at zero, towards 1 with the trend, towards 0 against it.
    """

    kind: ClassVar[str] = "macd_cross"
    _STEPS = (0.05, 0.1, 0.15)

    def __init__(self, timeframe: Timeframe, params: MacdCrossParams) -> None:
        self.timeframe = timeframe
        self._params = params
        # The signal line is an average of averages, each with its own seed. A cross compares two
        # candles.
        candles = ema_candles(params.slow) + ema_candles(params.signal) + 1
        self._plan = TradePlan(timeframe, params, candles=candles)
        self.warm_up = self._plan.warm_up

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "MacdCross":
        return cls(timeframe, parse_params(MacdCrossParams, params))

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        if not self._plan.is_ready(windows):
            return None
        window, params = windows[self.timeframe], self._params
        macd, signal, histogram = talib.MACD(window.close, params.fast, params.slow, params.signal)
        side = crossed(macd, signal)
        if side is None:
            return None
        atr = last_atr(window, params.atr_period)
        if atr is None:
            return None
        speed = abs(histogram.item(-1) - histogram.item(-2)) / atr
        with_trend = side.sign * macd.item(-1) / atr
        reason = (
            f"MACD {params.fast}/{params.slow} crossed {CROSSING_DIRECTION[side]} its signal line "
            f"at {macd.item(-1):.6g}, the histogram moved {speed:.2f} ATR"
        )
        entry = self._plan.enter(
            side,
            windows,
            atr=atr,
            strength=score_strength(speed, self._STEPS),
            confidence=0.5 + 0.5 * with_trend / (1 + abs(with_trend)),
            reason=reason,
        )
        return entry or self._plan.exit(side.opposite, reason)
