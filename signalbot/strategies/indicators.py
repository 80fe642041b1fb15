"""What TA-Lib leaves open: crossings, warm-up lengths, and single readings of a window."""

import math

import numpy as np
import talib

from signalbot.domain.signals import Side
from signalbot.strategies.base import CandleWindow, Floats

# Every smoothed indicator starts from a seed, a plain average of the first candles, whose weight
# shrinks with each further candle.
LEVEL_SEED_WEIGHT = 1e-6
"""Weight of a seed where a level is compared with a price or another level: no tie turns on it."""

DISTANCE_SEED_WEIGHT = 1e-4
"""Weight of a seed where a level is a distance: one that is 2 % of the price off moves the distance
by 0.0002 % of the price, about one tick."""

# Below one millionth of the price, less than a tick, a range is rounding noise.
_MIN_ATR = 1e-6


def ema_candles(period: int) -> int:
    """Candles until an EMA of ``period`` (>= 2) has forgotten the average it was seeded with."""
    return period + _seed_decay_candles(1 - 2 / (period + 1), LEVEL_SEED_WEIGHT)


def wilder_candles(period: int, *, seed_weight: float = LEVEL_SEED_WEIGHT) -> int:
    """Candles until Wilder's smoothing (RSI, ATR) of ``period`` (>= 2) has forgotten its seed.

    One more than ``period`` makes the seed: the first change needs a candle before it.
    """
    return period + 1 + _seed_decay_candles(1 - 1 / period, seed_weight)


def _seed_decay_candles(decay: float, seed_weight: float) -> int:
    return math.ceil(math.log(seed_weight) / math.log(decay))


def crossed(line: Floats, other: Floats) -> Side | None:
    """LONG when ``line`` has just risen above ``other``, SHORT when it has just fallen below."""
    before = line.item(-2) - other.item(-2)
    now = line.item(-1) - other.item(-1)
    if before <= 0 < now:
        return Side.LONG
    if now < 0 <= before:
        return Side.SHORT
    return None


def last_atr(window: CandleWindow, period: int) -> float | None:
    """Average true range at the newest candle; None in a market that does not move."""
    atr = talib.ATR(window.high, window.low, window.close, period).item(-1)
    return atr if atr > window.close.item(-1) * _MIN_ATR else None


def efficiency_ratio(close: Floats, period: int, side: Side) -> float:
    """How straight the last ``period`` closes went towards ``side``: 1 without a step back.

    Kaufman's efficiency ratio, net change over the sum of all changes, and 0 when the net change
    is against ``side``.
    """
    recent = close[-period - 1 :]
    path = float(np.abs(np.diff(recent)).sum())
    net = side.sign * (recent.item(-1) - recent.item(0))
    return min(net / path, 1.0) if net > 0 else 0.0
