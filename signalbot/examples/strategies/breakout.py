"""Breakout: buys a close above the range, exits on a close below it."""

from dataclasses import dataclass
from typing import Annotated

from signalbot.strategy import Candles, Idea, Strategy, Within, exit_long, long


class Breakout(Strategy):
    """LONG when a candle closes above the highest high of the last ``lookback`` candles."""

    @dataclass(frozen=True)
    class Params:
        lookback: Annotated[int, Within(2, 500), "candles that make the range"] = 20
        stop_percent: Annotated[float, Within(0.1, 20), "distance of the stop"] = 1.5
        reward: Annotated[float, Within(0.1, 20), "target, as a multiple of the stop"] = 2.0

    def warm_up(self, timeframe: str, params: Params) -> dict[str, int]:
        return {timeframe: params.lookback + 2}  # more timeframes: {timeframe: 22, "4h": 50}

    def on_candle(self, candles: Candles, params: Params) -> Idea | None:
        c = candles.main  # numpy arrays, oldest first; the last candle has just closed
        highest, before = c.high[1:-1].max(), c.high[:-2].max()
        lowest, close = c.low[1:-1].min(), c.close[-1]
        if close > highest and c.close[-2] <= before:
            risk = close * params.stop_percent / 100
            return long(
                f"close {close:.8g} is above {highest:.8g}, the high of {params.lookback} candles",
                confidence=0.6,
                strength="STRONG",
                stop_loss=close - risk,
                take_profits=[close + params.reward * risk],
            )
        if close < lowest:
            return exit_long(f"close {close:.8g} is below {lowest:.8g}")
        return None
