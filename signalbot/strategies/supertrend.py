"""Supertrend: a trailing band of ATRs around the middle price; a close beyond it turns the trend.

Olivier Seban's indicator, calculated like TradingView's ``ta.supertrend``.
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
    period: Annotated[int, Bounds(2, 50)] = 10  #: candles of the ATR of the bands
    multiplier: Annotated[float, Bounds(0.5, 10)] = 3.0  #: ATRs from the middle price to a band


class Supertrend:
    """LONG when the close breaks the upper band and the trend turns up, SHORT below the lower one.

    Exits: a turn that may not open a position (``allow_short``, trend) closes the opposite one.
    Strength: distance of the close beyond the broken band, in ATRs: WEAK below 0.15, MODERATE
    below 0.4, STRONG below 0.8, else VERY_STRONG.
    Confidence: efficiency ratio of the last ``period`` closes.
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
        """Compute the trend from the window; its side is known after the first turn."""
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
        """Update the trend by one candle, with the recursion of TA-Lib's ATR."""
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
    side: Side | None  #: None: unknown
    broken: float | None = None  #: the band that this candle's close broke, turning the trend


def _settling_candles(params: SupertrendParams) -> int:
    """Return the candles until bands and side no longer depend on the first candle.

    That is so once the close leaves a band. A random walk takes about m squared candles to move
    m ATRs. In 38,000 positions in real candles of three timeframes, with multipliers from 1 to 8,
    none took longer than this.
    """
    return math.ceil(12 * params.multiplier**2) + 40


def _next_trend(
    trend: _Trend, atr: float, upper: float, lower: float, before: float, price: float
) -> _Trend:
    """Return the trend after a candle with the basic bands ``upper`` and ``lower``."""
    # A band only moves towards the price, until the previous candle closed beyond it.
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
