"""Breakout from the range of the last candles, as the Turtle traders did it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import talib

from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import CandleWindow, Floats, Idea, Windows
from signalbot.strategies.carried import Carried
from signalbot.strategies.indicators import last_atr
from signalbot.strategies.params import BadParameter, Within, parse
from signalbot.strategies.plan import WAY, Plan, PlanParams, grade

_REACH = 5
"""Periods within which real candles have always left one of the channels on either side."""


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
        # A channel, and room to find the breakout that an exit belongs to.
        self._plan = Plan(timeframe, params, candles=(_REACH + 1) * params.period + 2)
        self._course = Carried(self._begin, self._step)
        self.warm_up = self._plan.warm_up

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "DonchianBreakout":
        return cls(timeframe, parse(DonchianBreakoutParams, params))

    def on_candle(self, windows: Windows) -> Idea | None:
        if not self._plan.is_ready(windows):
            return None
        window = windows[self.timeframe]
        course = self._course.at(window)
        if course.broke is not None:
            return self._break_out(course.broke, course.edge, windows)
        if course.over is not None:
            return self._leave(course.over, window)
        return None

    def _begin(self, window: CandleWindow) -> "_Course":
        """Which breakouts are under way, as far as the window tells."""
        params, first = self._params, self._params.period
        high, low, close = window.high, window.low, window.close.tolist()
        top, bottom = _edges(high, low, params.period)
        ceiling, floor = _edges(high, low, params.exit_period)
        course = _Course(None, None, None)
        for at in range(first, len(close)):
            course = _after(
                course, close[at], top=top[at], bottom=bottom[at],
                ceiling=ceiling[at], floor=floor[at],
            )  # fmt: skip
        return course

    def _step(self, course: "_Course", window: CandleWindow) -> "_Course":
        """One candle later; a close within the candle before it is within every channel."""
        high, low, close = window.high, window.low, window.close.item(-1)
        if low.item(-2) <= close <= high.item(-2):
            return _Course(course.long, course.short, None)
        period, shorter = -self._params.period - 1, -self._params.exit_period - 1
        return _after(
            course,
            close,
            top=high[period:-1].max().item(),
            bottom=low[period:-1].min().item(),
            ceiling=high[shorter:-1].max().item(),
            floor=low[shorter:-1].min().item(),
        )

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
        price = window.close.item(-1)
        return self._plan.exit(
            side,
            f"close {price:.8g} is {WAY[side.opposite]} the "
            f"{self._params.exit_period}-candle channel",
        )


class _Course(NamedTuple):
    """Breakouts that have not fallen back yet."""

    long: bool | None  #: one up since the last close below the shorter channel; None: out of sight
    short: bool | None
    beyond: Side | None  #: where the close is outside the channel
    broke: Side | None = None  #: and the one before was not
    edge: float = 0.0  #: the edge that gave way
    over: Side | None = None  #: the breakout that this candle ends


def _after(
    course: _Course, close: float, *, top: float, bottom: float, ceiling: float, floor: float
) -> _Course:
    """The breakouts after a candle, by the channels of the candles before it.

    One that began out of sight may still be under way: it ends as well.
    """
    if close > top:
        is_new, over = course.beyond is not Side.LONG, _ended(course.short, Side.SHORT)
        broke = Side.LONG if is_new else None
        return _Course(True, False, Side.LONG, broke, top, None if is_new else over)
    if close < bottom:
        is_new, over = course.beyond is not Side.SHORT, _ended(course.long, Side.LONG)
        broke = Side.SHORT if is_new else None
        return _Course(False, True, Side.SHORT, broke, bottom, None if is_new else over)
    if close < floor:
        over = _ended(course.long, Side.LONG)
        return _Course(long=False, short=course.short, beyond=None, over=over)
    if close > ceiling:
        over = _ended(course.short, Side.SHORT)
        return _Course(long=course.long, short=False, beyond=None, over=over)
    return _Course(course.long, course.short, None)


def _ended(going_on: bool | None, side: Side) -> Side | None:
    return None if going_on is False else side


def _edges(high: Floats, low: Floats, period: int) -> tuple[list[float], list[float]]:
    """Highest high and lowest low of the ``period`` candles before each one."""
    top, bottom = talib.MAX(high, period), talib.MIN(low, period)
    return [math.nan, *top[:-1].tolist()], [math.nan, *bottom[:-1].tolist()]


def _volume_share(volume: Floats, period: int) -> float:
    newest, usual = volume.item(-1), float(volume[-period - 1 : -1].mean())
    return newest / (newest + usual) if newest + usual > 0 else 0.5
