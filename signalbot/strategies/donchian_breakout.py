"""Breakout from the range of the last candles, as the Turtle traders did it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import talib
from numpy.typing import NDArray

from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import CandleWindow, Floats, Idea, Windows
from signalbot.strategies.indicators import crossed, first_since, last_atr
from signalbot.strategies.params import BadParameter, Within, parse
from signalbot.strategies.plan import WAY, Plan, PlanParams, grade


@dataclass(frozen=True, slots=True, kw_only=True)
class DonchianBreakoutParams(PlanParams):
    period: Annotated[int, Within(2, 200)] = 20  #: candles of the channel that is broken out of
    exit_period: Annotated[int, Within(2, 200)] = 10  #: candles of the one that ends the position

    def __post_init__(self) -> None:
        if self.exit_period > self.period:
            raise BadParameter(
                "exit_period",
                f"exit_period = {self.exit_period} must not be above period = {self.period}",
            )


class DonchianBreakout:
    """LONG when the close leaves the highest high of the ``period`` candles before it, SHORT
    below their lowest low; only the first of several such closes in a row.

    Exits: EXIT_LONG at the first close below the lowest low of the ``exit_period`` candles before
    it since the last close above the channel; EXIT_SHORT likewise. A breakout that may not be
    entered (``allow_short``, trend) closes the opposite position.
    Strength: how far the close is outside the channel, in ATRs: WEAK below 0.15, MODERATE below
    0.4, STRONG below 0.8, VERY_STRONG from there on.
    Confidence: the candle's volume v against the mean m of the ``period`` before it, v / (v + m):
    0.5 is the usual volume, 0.75 three times as much.
    """

    kind: ClassVar[str] = "donchian_breakout"
    _STEPS = (0.15, 0.4, 0.8)

    def __init__(self, timeframe: Timeframe, params: DonchianBreakoutParams) -> None:
        self.timeframe = timeframe
        self._params = params
        # Two channels one candle apart, and room to find the breakout that an exit belongs to.
        self._plan = Plan(timeframe, params, candles=3 * params.period + 2)
        self.warm_up = self._plan.warm_up

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "DonchianBreakout":
        return cls(timeframe, parse(DonchianBreakoutParams, params))

    def on_candle(self, windows: Windows) -> Idea | None:
        if not self._plan.is_ready(windows):
            return None
        window = windows[self.timeframe]
        side = _leaning(window)
        if side is None:
            return None
        edge = _edge(window, side, self._params.period)
        if crossed(window.close, edge) is side:
            return self._break_out(side, edge.item(-1), windows)
        return self._leave(side.opposite, window)

    def _break_out(self, side: Side, edge: float, windows: Windows) -> Idea | None:
        window, params = windows[self.timeframe], self._params
        atr = last_atr(window, params.atr_period)
        if atr is None:
            return None
        price = window.close.item(-1)
        reach = abs(price - edge) / atr
        reason = (
            f"close {price:.8g} is {reach:.2f} ATR {WAY[side]} the "
            f"{params.period}-candle channel's edge {edge:.8g}"
        )
        entry = self._plan.enter(
            side,
            windows,
            atr=atr,
            strength=grade(reach, self._STEPS),
            confidence=_volume_share(window.volume, params.period),
            reason=reason,
        )
        return entry or self._plan.exit(side.opposite, reason)

    def _leave(self, side: Side, window: CandleWindow) -> Idea | None:
        params, against = self._params, side.opposite
        ended = _is_beyond(window, _edge(window, against, params.exit_period), against)
        began = _is_beyond(window, _edge(window, side, params.period), side)
        if not first_since(ended, began):
            return None
        price = window.close.item(-1)
        return self._plan.exit(
            side, f"close {price:.8g} is {WAY[against]} the {params.exit_period}-candle channel"
        )


def _leaning(window: CandleWindow) -> Side | None:
    """Where the close stands to the candle before. Only outside it can it be out of a channel."""
    close = window.close.item(-1)
    if close > window.high.item(-2):
        return Side.LONG
    if close < window.low.item(-2):
        return Side.SHORT
    return None


def _edge(window: CandleWindow, side: Side, period: int) -> Floats:
    """The channel's upper (LONG) or lower edge as every candle but the oldest found it.

    Its newest value is left out, because a candle is measured against the candles before it.
    """
    edge = talib.MAX(window.high, period) if side is Side.LONG else talib.MIN(window.low, period)
    return edge[:-1]


def _is_beyond(window: CandleWindow, edge: Floats, side: Side) -> NDArray[np.bool_]:
    close = window.close[1:]
    return close > edge if side is Side.LONG else close < edge


def _volume_share(volume: Floats, period: int) -> float:
    newest, usual = volume.item(-1), float(volume[-period - 1 : -1].mean())
    return newest / (newest + usual) if newest + usual > 0 else 0.5
