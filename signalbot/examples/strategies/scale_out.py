"""Scale out: follows a moving average in both directions, closes half at an extreme."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from signalbot.strategy import Candles, Idea, Strategy, Within, exit_long, exit_short, long, short


class ScaleOut(Strategy):
    """LONG or SHORT when the close crosses its mean; half is closed at the range's extreme."""

    @dataclass(frozen=True)
    class Params:
        lookback: Annotated[int, Within(5, 300), "candles of mean and range"] = 30
        stop_percent: Annotated[float, Within(0.1, 20), "distance of the stop"] = 1.0

    def warm_up(self, timeframe: str, params: Params) -> int:
        return params.lookback + 1

    def on_candle(self, candles: Candles, params: Params) -> Idea | None:
        c = candles.main
        close, before = c.close[-1], c.close[-2]
        mean, mean_before = np.mean(c.close[1:]), np.mean(c.close[:-1])
        stop = close * params.stop_percent / 100
        if before <= mean_before and close > mean:
            return long(f"close {close:.8g} crossed above {mean:.8g}", stop_loss=close - stop)
        if before >= mean_before and close < mean:
            return short(f"close {close:.8g} crossed below {mean:.8g}", stop_loss=close + stop)
        if close >= c.high[1:-1].max():
            return exit_long("a new high: half is closed", percent=50)
        if close <= c.low[1:-1].min():
            return exit_short("a new low: half is closed", percent=50)
        return None
