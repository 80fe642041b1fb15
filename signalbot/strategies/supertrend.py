"""Supertrend: a trailing band of ATRs around the middle price that turns when it is closed through.

Olivier Seban's indicator, calculated as TradingView's ``ta.supertrend`` does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import talib

from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import CandleWindow, Idea, Windows
from signalbot.strategies.indicators import efficiency, last_atr, wilder_candles
from signalbot.strategies.params import Within, parse
from signalbot.strategies.plan import WAY, Plan, PlanParams, grade


@dataclass(frozen=True, slots=True, kw_only=True)
class SupertrendParams(PlanParams):
    period: Annotated[int, Within(2, 50)] = 10  #: candles of the ATR that spaces the bands
    multiplier: Annotated[float, Within(0.5, 10)] = 3.0  #: ATRs from the middle price to a band


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
        candles = wilder_candles(params.period) + _settling(params)
        self._plan = Plan(timeframe, params, candles=candles)
        self.warm_up = self._plan.warm_up

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "Supertrend":
        return cls(timeframe, parse(SupertrendParams, params))

    def on_candle(self, windows: Windows) -> Idea | None:
        if not self._plan.is_ready(windows):
            return None
        window, params = windows[self.timeframe], self._params
        turn = _turn(window, params)
        if turn is None:
            return None
        side, band = turn
        atr = last_atr(window, params.atr_period)
        if atr is None:
            return None
        price = window.close.item(-1)
        reach = abs(price - band) / atr
        reason = (
            f"supertrend {params.period}/{params.multiplier:g} turned, "
            f"close {price:.8g} is {reach:.2f} ATR {WAY[side]} the band {band:.8g}"
        )
        entry = self._plan.enter(
            side,
            windows,
            atr=atr,
            strength=grade(reach, self._STEPS),
            confidence=efficiency(window.close, params.period, side),
            reason=reason,
        )
        return entry or self._plan.exit(side.opposite, reason)


def _settling(params: SupertrendParams) -> int:
    """Candles until the bands no longer depend on where they were begun.

    They forget when the trend turns. A wandering price takes about m squared candles to go m ATRs;
    after six times that, no turn differed from an endless history's in 30,000 simulated candles.
    """
    return math.ceil(6 * params.multiplier**2) + 10


def _turn(window: CandleWindow, params: SupertrendParams) -> tuple[Side, float] | None:
    """The side the trend has just turned to, and the band that the close broke; None if neither."""
    latest = slice(-_settling(params), None)
    high, low, close = window.high, window.low, window.close
    room = params.multiplier * talib.ATR(high, low, close, params.period)[latest]
    middle = (high[latest] + low[latest]) / 2
    uppers, lowers = (middle + room).tolist(), (middle - room).tolist()
    closes = close[latest].tolist()

    upper, lower, before = uppers[0], lowers[0], closes[0]
    is_up = was_up = False
    for new_upper, new_lower, price in zip(uppers, lowers, closes, strict=True):
        # A band only closes in on the price, until the candle before has closed beyond it.
        if new_upper < upper or before > upper:
            upper = new_upper
        if new_lower > lower or before < lower:
            lower = new_lower
        was_up, before = is_up, price
        is_up = price >= lower if was_up else price > upper
    if is_up == was_up:
        return None
    return (Side.LONG, upper) if is_up else (Side.SHORT, lower)
