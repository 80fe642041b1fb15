"""Mean reversion from extremes of the relative strength index: buys dips, sells spikes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import talib

from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import CandleWindow, Floats, SignalProposal, Windows
from signalbot.strategies.indicators import last_atr, wilder_candles
from signalbot.strategies.params import Bounds, parse_params
from signalbot.strategies.running_state import RunningState
from signalbot.strategies.trade_plan import (
    CROSSING_DIRECTION,
    TradePlan,
    TradePlanParams,
    score_strength,
)

_MIDDLE = 50.0

_EXIT_LOOKBACK_PERIODS = 6
"""Periods within which the RSI of real candles always reached an extreme or the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RsiReversalParams(TradePlanParams):
    period: Annotated[int, Bounds(2, 100)] = 14
    oversold: Annotated[float, Bounds(1, 49)] = 30.0  #: RSI rising through it: LONG
    overbought: Annotated[float, Bounds(51, 99)] = 70.0  #: RSI falling through it: SHORT


class RsiReversal:
    """LONG when RSI returns above ``oversold``, SHORT when it returns below ``overbought``.

    Exits: the reversal ends when RSI reaches 50: EXIT_LONG at the first close with RSI at 50 or
    above since it was oversold, EXIT_SHORT likewise. A candle that moves RSI from an extreme to the
    middle is an exit, not an entry.
    Strength: maximum points of RSI beyond the level: WEAK below 2, MODERATE below 5, STRONG below
    10, else VERY_STRONG.
    Confidence: position of the close within the candle's range; 1 is the end on the signal's side.
    """

    kind: ClassVar[str] = "rsi_reversal"
    _STEPS = (2.0, 5.0, 10.0)

    def __init__(self, timeframe: Timeframe, params: RsiReversalParams) -> None:
        self.timeframe = timeframe
        self._params = params
        candles = wilder_candles(params.period) + _EXIT_LOOKBACK_PERIODS * params.period
        self._plan = TradePlan(timeframe, params, candles=candles)
        self._state = RunningState(self._begin, self._step)
        self.warm_up = self._plan.warm_up

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> "RsiReversal":
        return cls(timeframe, parse_params(RsiReversalParams, params))

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        if not self._plan.is_ready(windows):
            return None
        state = self._state.at(windows[self.timeframe])
        if state.ended is not None:
            reason = f"RSI {self._params.period} is back at the middle with {state.now:.1f}"
            return self._plan.exit(state.ended, reason)
        return self._enter(state.rsi, windows)

    def _begin(self, window: CandleWindow) -> "_ReversalState":
        """Compute the open reversals from the window."""
        rsi = talib.RSI(window.close, self._params.period)
        state = _ReversalState(rsi, None, None)
        for value in rsi[-_EXIT_LOOKBACK_PERIODS * self._params.period :].tolist():
            state = self._after(state, value)
        return state

    def _step(self, state: "_ReversalState", window: CandleWindow) -> "_ReversalState":
        rsi = talib.RSI(window.close, self._params.period)
        return self._after(state._replace(rsi=rsi), rsi.item(-1))

    def _after(self, state: "_ReversalState", now: float) -> "_ReversalState":
        """Return the reversals after a candle with an RSI of ``now``; reaching 50 ends one.

        A reversal that began before the window may be open: it ends as well.
        """
        params, rising, falling = self._params, state.rising, state.falling
        ended = None
        if now >= _MIDDLE and rising is not False:
            ended, rising = Side.LONG, False
        elif now <= _MIDDLE and falling is not False:
            ended, falling = Side.SHORT, False
        if now <= params.oversold:
            rising = True
        if now >= params.overbought:
            falling = True
        return _ReversalState(state.rsi, rising, falling, ended)

    def _enter(self, rsi: Floats, windows: Windows) -> SignalProposal | None:
        params = self._params
        before, now = rsi.item(-2), rsi.item(-1)
        if before <= params.oversold < now:
            side, level = Side.LONG, params.oversold
        elif before >= params.overbought > now:
            side, level = Side.SHORT, params.overbought
        else:
            return None
        window = windows[self.timeframe]
        atr = last_atr(window, params.atr_period)
        if atr is None:
            return None
        depth = _depth(rsi, level, side)
        return self._plan.enter(
            side,
            windows,
            atr=atr,
            strength=score_strength(depth, self._STEPS),
            confidence=_close_in_range(window, side),
            reason=(
                f"RSI {params.period} came back {CROSSING_DIRECTION[side]} {level:g} to {now:.1f} "
                f"after being {depth:.1f} beyond"
            ),
        )


class _ReversalState(NamedTuple):
    """Open reversals: those that have not reached the middle."""

    rsi: Floats  #: of the window's candles
    rising: bool | None  #: RSI was oversold since it was last at the middle; None: unknown
    falling: bool | None
    ended: Side | None = None  #: the reversal that this candle ends

    @property
    def now(self) -> float:
        return self.rsi.item(-1)


def _depth(rsi: Floats, level: float, side: Side) -> float:
    """Return the maximum points beyond ``level`` in the excursion that just ended."""
    deepest = 0.0
    for value in reversed(rsi[:-1].tolist()):
        points = side.sign * (level - value)
        if points < 0:
            break
        deepest = max(deepest, points)
    return deepest


def _close_in_range(window: CandleWindow, side: Side) -> float:
    high, low, close = window.high.item(-1), window.low.item(-1), window.close.item(-1)
    if high == low:
        return 0.5
    from_low = (close - low) / (high - low)
    return from_low if side is Side.LONG else 1 - from_low
