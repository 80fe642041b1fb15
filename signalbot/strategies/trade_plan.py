"""The part all built-in strategies share: trend filter, stop, take profits and exits."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import talib

from signalbot.domain.signals import Action, Side, Strength
from signalbot.domain.timeframe import EPOCH, Timeframe
from signalbot.strategies.base import SignalProposal, Windows
from signalbot.strategies.indicators import DISTANCE_SEED_WEIGHT, ema_candles, wilder_candles
from signalbot.strategies.params import BadParameter, Bounds, Requires

_ENTER = {Side.LONG: Action.LONG, Side.SHORT: Action.SHORT}
_EXIT = {Side.LONG: Action.EXIT_LONG, Side.SHORT: Action.EXIT_SHORT}
_STRENGTHS = tuple(Strength)

CROSSING_DIRECTION = {
    Side.LONG: "above",
    Side.SHORT: "below",
}  #: for reasons: direction of a LONG or SHORT crossing


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePlanParams:
    """Parameters of every built-in strategy, in addition to those of its rule."""

    stop_atr: Annotated[float, Bounds(0.1, 20)] = 2.0  #: stop distance (1 R), in ATRs
    take_profit_r: Annotated[tuple[float, ...], Bounds(0.1, 50, rising=True)] = (1.0, 2.0)
    """Distances of the targets in multiples of R; an empty list sets no targets."""
    atr_period: Annotated[int, Bounds(2, 100)] = 14
    allow_short: bool = True
    trend_timeframe: Timeframe | None = None
    """A longer timeframe that entries must agree with: longs only while its last close is above
    its EMA of ``trend_period``, shorts only while it is below."""
    trend_period: Annotated[int, Bounds(2, 200), Requires("trend_timeframe")] = 50


class TradePlan:
    """Converts the result of a strategy's rule into a SignalProposal.

    Stop and targets are measured from the candle's close: the stop is ``stop_atr`` ATRs away, which
    is 1 R, and the targets are multiples of R. An exit is VERY_STRONG with confidence 1, so that no
    filter blocks it.
    """

    def __init__(self, timeframe: Timeframe, params: TradePlanParams, *, candles: int) -> None:
        """Create a plan for a rule that needs ``candles`` of ``timeframe``.

        Raises:
            BadParameter: ``trend_timeframe`` is not a longer multiple of ``timeframe``.
        """
        self._timeframe = timeframe
        self._params = params
        self.warm_up: Mapping[Timeframe, int] = {
            timeframe: max(
                candles, wilder_candles(params.atr_period, seed_weight=DISTANCE_SEED_WEIGHT)
            )
        }
        if params.trend_timeframe is not None:
            _check_trend_timeframe(params.trend_timeframe, timeframe)
            self.warm_up = {
                **self.warm_up,
                params.trend_timeframe: ema_candles(params.trend_period),
            }

    def is_ready(self, windows: Windows) -> bool:
        """Return whether every window has the length ``warm_up`` requires."""
        for timeframe, candles in self.warm_up.items():
            if len(windows[timeframe]) < candles:
                return False
        return True

    def enter(
        self,
        side: Side,
        windows: Windows,
        *,
        atr: float,
        strength: Strength,
        confidence: float,
        reason: str,
    ) -> SignalProposal | None:
        """Propose an entry on ``side``; None if ``allow_short`` or the trend forbids it.

        None also if the stop would not be above zero; targets not above zero are left out.
        """
        close = windows[self._timeframe].close.item(-1)
        risk = side.sign * self._params.stop_atr * atr
        stop_loss = close - risk
        if stop_loss <= 0 or not self._may_enter(side, windows):
            return None
        targets = (close + multiple * risk for multiple in self._params.take_profit_r)
        return SignalProposal(
            action=_ENTER[side],
            strength=strength,
            confidence=confidence,
            reason=reason,
            stop_loss=stop_loss,
            take_profits=tuple(target for target in targets if target > 0),
        )

    def exit(self, side: Side, reason: str) -> SignalProposal:
        """Propose to exit positions on ``side``."""
        return SignalProposal(
            action=_EXIT[side], strength=Strength.VERY_STRONG, confidence=1.0, reason=reason
        )

    def _may_enter(self, side: Side, windows: Windows) -> bool:
        if side is Side.SHORT and not self._params.allow_short:
            return False
        trend_timeframe = self._params.trend_timeframe
        if trend_timeframe is None:
            return True
        trend = windows[trend_timeframe]
        now_ms = windows[self._timeframe].close_ms or EPOCH
        if trend.close_ms != trend_timeframe.floor(now_ms):
            return False  # the trend's latest candle is missing
        average = talib.EMA(trend.close, self._params.trend_period)
        return side.sign * (trend.close.item(-1) - average.item(-1)) > 0


def score_strength(value: float, steps: tuple[float, float, float]) -> Strength:
    """Map ``value`` to a strength: WEAK below the first step, VERY_STRONG from the last on."""
    return _STRENGTHS[bisect_right(steps, value)]


def _check_trend_timeframe(trend_timeframe: Timeframe, timeframe: Timeframe) -> None:
    if trend_timeframe.ms <= timeframe.ms or trend_timeframe.ms % timeframe.ms:
        fitting = [str(t) for t in Timeframe if t.ms > timeframe.ms and t.ms % timeframe.ms == 0]
        raise BadParameter(
            "trend_timeframe",
            f"trend_timeframe = {trend_timeframe.value!r} must be longer than the strategy's own "
            f"{timeframe} and a multiple of it: {', '.join(fitting) or 'none is'}",
        )
