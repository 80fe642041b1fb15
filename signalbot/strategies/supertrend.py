"""Supertrend: a trailing band of ATRs around the middle price that turns when it is closed through.

Olivier Seban's indicator, calculated as TradingView's ``ta.supertrend`` does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import talib

from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import CandleWindow, SignalProposal, Windows
from signalbot.strategies.indicators import efficiency_ratio, last_atr, wilder_candles
from signalbot.strategies.params import Bounds, parse_params
from signalbot.strategies.running_state import RunningState
from signalbot.strategies.trade_plan import (
    CROSSING_DIRECTION,
    TradePlan,
    TradePlanParams,
    score_strength,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupertrendParams(TradePlanParams):
    period: Annotated[int, Bounds(2, 50)] = 10  #: candles of the ATR that spaces the bands
    multiplier: Annotated[float, Bounds(0.5, 10)] = 3.0  #: ATRs from the middle price to a band


class Supertrend:
    """LONG when the close breaks the upper band and the trend turns up, SHORT below the lower one.

    Exits: a turn that may not open a position (``allow_short``, trend) closes the opposite one.
    Strength: how far the close is beyond the band it broke, in ATRs: WEAK below 0.15, MODERATE
    below 0.4, STRONG below 0.8, VERY_STRONG from there on.
    Confidence: how straight the price came over the last ``period`` candles (efficiency ratio).
    """

    kind: ClassVar[str] = "supertrend"
    _STEPS = (0.15, 0.4, 0.8)

    def __init__(self, timeframe: Timeframe, params: SupertrendParams) -> None:
        self.timeframe = timeframe
        self._params = params
        candles = wilder_candles(params.period) + _settling_candles(params)
        self._plan = TradePlan(timeframe, params, candles=candles)
        self._trend = RunningState(self._begin, self._step)
        self.warm_up = self._plan.warm_up

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "Supertrend":
        return cls(timeframe, parse_params(SupertrendParams, params))

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        if not self._plan.is_ready(windows):
            return None
        window, params = windows[self.timeframe], self._params
        trend = self._trend.at(window)
        side, band = trend.side, trend.broken
        if side is None or band is None:
            return None
        atr = last_atr(window, params.atr_period)
        if atr is None:
            return None
        price = window.close.item(-1)
        distance = abs(price - band) / atr
        reason = (
            f"supertrend {params.period}/{params.multiplier:g} turned, "
            f"close {price:.8g} is {distance:.2f} ATR {CROSSING_DIRECTION[side]} the band "
            f"{band:.8g}"
        )
        entry = self._plan.enter(
            side,
            windows,
            atr=atr,
            strength=score_strength(distance, self._STEPS),
            confidence=efficiency_ratio(window.close, params.period, side),
            reason=reason,
        )
        return entry or self._plan.exit(side.opposite, reason)

    def _begin(self, window: CandleWindow) -> "_Trend":
        """The trend as the window tells it: its side is known from the first turn on."""
        params, latest = self._params, slice(-_settling_candles(self._params), None)
        high, low, close = window.high, window.low, window.close
        ranges = talib.ATR(high, low, close, params.period)[latest].tolist()
        middles = ((high + low) / 2)[latest].tolist()
        closes = close[latest].tolist()
        half_width = params.multiplier * ranges[0]
        trend = _Trend(ranges[0], middles[0] + half_width, middles[0] - half_width, None)
        for at in range(1, len(closes)):
            half_width = params.multiplier * ranges[at]
            trend = _next_trend(
                trend,
                ranges[at],
                middles[at] + half_width,
                middles[at] - half_width,
                closes[at - 1],
                closes[at],
            )
        return trend

    def _step(self, trend: "_Trend", window: CandleWindow) -> "_Trend":
        """One candle later, by the recursion that TA-Lib's ATR follows."""
        params = self._params
        high, low = window.high.item(-1), window.low.item(-1)
        before, price = window.close.item(-2), window.close.item(-1)
        true_range = max(high - low, abs(high - before), abs(low - before))
        atr = (trend.atr * (params.period - 1) + true_range) / params.period
        half_width, middle = params.multiplier * atr, (high + low) / 2
        return _next_trend(trend, atr, middle + half_width, middle - half_width, before, price)


class _Trend(NamedTuple):
    """Bands and side after one candle."""

    atr: float
    upper: float
    lower: float
    side: Side | None  #: None: not known yet
    broken: float | None = None  #: the band that this candle's close broke, turning the trend


def _settling_candles(params: SupertrendParams) -> int:
    """Candles until bands and side no longer depend on where they were begun.

    They forget when the close leaves a band. A wandering price takes about m squared candles to go
    m ATRs. Of 38,000 places in real candles of three lengths, with multipliers from 1 to 8, nowhere
    did it take longer than this.
    """
    return math.ceil(12 * params.multiplier**2) + 40


def _next_trend(
    trend: _Trend, atr: float, upper: float, lower: float, before: float, price: float
) -> _Trend:
    """The trend after a candle whose own bands are ``upper`` and ``lower``."""
    # A band only closes in on the price, until the candle before has closed beyond it.
    if upper >= trend.upper >= before:
        upper = trend.upper
    if lower <= trend.lower <= before:
        lower = trend.lower
    side = trend.side
    if side is not Side.LONG and price > upper:
        return _Trend(atr, upper, lower, Side.LONG, upper if side else None)
    if side is not Side.SHORT and price < lower:
        return _Trend(atr, upper, lower, Side.SHORT, lower if side else None)
    return _Trend(atr, upper, lower, side)
