"""Candles that nobody chose, with gaps and dives a real month seldom has."""

from decimal import Decimal

import numpy as np

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe

START_MS = 1_640_995_200_000


def jumpy_candles(seed: int, count: int) -> list[Candle]:
    """One-minute candles of a wild market: one in a hundred opens somewhere else."""
    random = np.random.default_rng(seed)
    jumps = np.where(random.random(count) < 0.01, random.normal(0, 0.03, count), 0)
    moves = random.normal(0, 0.001, (count, 3))
    found, price = [], 40_000.0
    for at in range(count):
        opened = price * float(np.exp(jumps[at]))
        path = opened * np.exp(np.concatenate(([0.0], np.cumsum(moves[at]))))
        if random.random() < 0.003:  # a dive or a spike that the close does not show
            path[1] *= float(np.exp(random.choice((-0.08, 0.08))))
        price = float(path[-1])
        tenths = [Decimal(round(each * 10)) / 10 for each in path]
        found.append(
            Candle(
                symbol="BTC/USDT:USDT",
                timeframe=Timeframe.M1,
                open_ms=Ms(START_MS + at * 60_000),
                open=tenths[0],
                high=max(tenths),
                low=min(tenths),
                close=tenths[-1],
                volume=Decimal(1),
            )
        )
    return found
