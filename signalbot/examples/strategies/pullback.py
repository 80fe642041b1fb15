"""Pullback: buys an oversold close within the trend of a longer timeframe."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from signalbot.strategy import Candles, Idea, Strategy, Within, exit_long, long

DEVIATIONS = 2


class Pullback(Strategy):
    """LONG when the close is two deviations below its mean while the 4h trend rises."""

    @dataclass(frozen=True)
    class Params:
        lookback: Annotated[int, Within(10, 200), "candles of the mean"] = 20
        trend: Annotated[int, Within(5, 200), "4h candles of the trend"] = 20
        stop_percent: Annotated[float, Within(0.1, 20), "distance of the stop"] = 2.0

    def warm_up(self, timeframe: str, params: Params) -> dict[str, int]:
        return {timeframe: params.lookback, "4h": params.trend}

    def on_candle(self, candles: Candles, params: Params) -> Idea | None:
        closes, trend = candles.main.close, candles["4h"].close
        close, mean, deviation = closes[-1], np.mean(closes), np.std(closes)
        if close > mean:
            return exit_long(f"close {close:.8g} is back above its mean {mean:.8g}")
        if trend[-1] <= trend[0] or close >= mean - DEVIATIONS * deviation:
            return None
        return long(
            f"close {close:.8g} is {(mean - close) / deviation:.1f} deviations below its mean",
            strength="STRONG",
            stop_loss=close * (1 - params.stop_percent / 100),
            take_profits=[float(mean)],
        )
