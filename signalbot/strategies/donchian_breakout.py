"""Breakout from the range of the last candles (Donchian channel, the Turtle rules)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import talib

from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import CandleWindow, Floats, SignalProposal, Windows
from signalbot.strategies.indicators import last_atr
from signalbot.strategies.params import BadParameter, Bounds, parse_params
from signalbot.strategies.running_state import RunningState
from signalbot.strategies.trade_plan import (
    CROSSING_DIRECTION,
    TradePlan,
    TradePlanParams,
    score_strength,
)

_EXIT_LOOKBACK_PERIODS = 5
"""Periods within which the closes of real candles always left a channel on either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DonchianBreakoutParams(TradePlanParams):
    period: Annotated[int, Bounds(2, 200)] = 20  #: candles of the entry channel
    exit_period: Annotated[int, Bounds(2, 200)] = 10  #: candles of the exit channel

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
    Strength: distance of the close outside the channel, in ATRs: WEAK below 0.15, MODERATE below
    0.4, STRONG below 0.8, else VERY_STRONG.
    Confidence: v / (v + m), with v the candle's volume and m the mean of the ``period`` before it:
    0.5 is the mean volume, 0.75 three times as much.
    """

    kind: ClassVar[str] = "donchian_breakout"
    _STEPS = (0.15, 0.4, 0.8)

    def __init__(self, timeframe: Timeframe, params: DonchianBreakoutParams) -> None:
        self.timeframe = timeframe
        self._params = params
        # A channel, plus the candles in which an exit's breakout is found.
        self._plan = TradePlan(
            timeframe, params, candles=(_EXIT_LOOKBACK_PERIODS + 1) * params.period + 2
        )
        self._state = RunningState(self._begin, self._step)
        self.warm_up = self._plan.warm_up

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "DonchianBreakout":
        return cls(timeframe, parse_params(DonchianBreakoutParams, params))

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        if not self._plan.is_ready(windows):
            return None
        window = windows[self.timeframe]
        state = self._state.at(window)
        if state.broke is not None:
            return self._break_out(state.broke, state.edge, windows)
        if state.ended is not None:
            return self._exit(state.ended, window)
        return None

    def _begin(self, window: CandleWindow) -> "_BreakoutState":
        """Compute the open breakouts from the window."""
        params, first = self._params, self._params.period
        high, low, close = window.high, window.low, window.close.tolist()
        top, bottom = _edges(high, low, params.period)
        ceiling, floor = _edges(high, low, params.exit_period)
        state = _BreakoutState(None, None, None)
        for at in range(first, len(close)):
            state = _next_state(
                state, close[at], top=top[at], bottom=bottom[at],
                ceiling=ceiling[at], floor=floor[at],
            )  # fmt: skip
        return state

    def _step(self, state: "_BreakoutState", window: CandleWindow) -> "_BreakoutState":
        """Update by one candle; a close within the previous candle is within every channel."""
        high, low, close = window.high, window.low, window.close.item(-1)
        if low.item(-2) <= close <= high.item(-2):
            return _BreakoutState(state.long, state.short, None)
        period, shorter = -self._params.period - 1, -self._params.exit_period - 1
        return _next_state(
            state,
            close,
            top=high[period:-1].max().item(),
            bottom=low[period:-1].min().item(),
            ceiling=high[shorter:-1].max().item(),
            floor=low[shorter:-1].min().item(),
        )

    def _break_out(self, side: Side, edge: float, windows: Windows) -> SignalProposal | None:
        window, params = windows[self.timeframe], self._params
        atr = last_atr(window, params.atr_period)
        if atr is None:
            return None
        price = window.close.item(-1)
        distance = abs(price - edge) / atr
        reason = (
            f"close {price:.8g} is {distance:.2f} ATR {CROSSING_DIRECTION[side]} the "
            f"{params.period}-candle channel's edge {edge:.8g}"
        )
        entry = self._plan.enter(
            side,
            windows,
            atr=atr,
            strength=score_strength(distance, self._STEPS),
            confidence=_volume_share(window.volume, params.period),
            reason=reason,
        )
        return entry or self._plan.exit(side.opposite, reason)

    def _exit(self, side: Side, window: CandleWindow) -> SignalProposal | None:
        price = window.close.item(-1)
        return self._plan.exit(
            side,
            f"close {price:.8g} is {CROSSING_DIRECTION[side.opposite]} the "
            f"{self._params.exit_period}-candle channel",
        )


class _BreakoutState(NamedTuple):
    """Open breakouts: those that no close ended."""

    long: bool | None  #: upward breakout since the last close below the exit channel; None: unknown
    short: bool | None
    beyond: Side | None  #: side on which the close is outside the channel
    broke: Side | None = None  #: likewise, if the previous close was not
    edge: float = 0.0  #: the broken edge
    ended: Side | None = None  #: the breakout that this candle ends


def _next_state(
    state: _BreakoutState, close: float, *, top: float, bottom: float, ceiling: float, floor: float
) -> _BreakoutState:
    """Return the breakouts after a candle, by the channels of the candles before it.

    A breakout that began before the window may be open: it ends as well.
    """
    if close > top:
        is_new, ended = state.beyond is not Side.LONG, _ended(state.short, Side.SHORT)
        broke = Side.LONG if is_new else None
        return _BreakoutState(True, False, Side.LONG, broke, top, None if is_new else ended)
    if close < bottom:
        is_new, ended = state.beyond is not Side.SHORT, _ended(state.long, Side.LONG)
        broke = Side.SHORT if is_new else None
        return _BreakoutState(False, True, Side.SHORT, broke, bottom, None if is_new else ended)
    if close < floor:
        ended = _ended(state.long, Side.LONG)
        return _BreakoutState(long=False, short=state.short, beyond=None, ended=ended)
    if close > ceiling:
        ended = _ended(state.short, Side.SHORT)
        return _BreakoutState(long=state.long, short=False, beyond=None, ended=ended)
    return _BreakoutState(state.long, state.short, None)


def _ended(is_open: bool | None, side: Side) -> Side | None:
    return None if is_open is False else side


def _edges(high: Floats, low: Floats, period: int) -> tuple[list[float], list[float]]:
    """Return the highest high and lowest low of the ``period`` candles before each candle."""
    top, bottom = talib.MAX(high, period), talib.MIN(low, period)
    return [math.nan, *top[:-1].tolist()], [math.nan, *bottom[:-1].tolist()]


def _volume_share(volume: Floats, period: int) -> float:
    newest, usual = volume.item(-1), float(volume[-period - 1 : -1].mean())
    return newest / (newest + usual) if newest + usual > 0 else 0.5
