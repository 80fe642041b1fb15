"""Additions to TA-Lib: crossings, warm-up lengths, and latest values of a window."""

import math

import numpy as np
import talib

from signalbot.domain.signals import Side
from signalbot.strategies.base import CandleWindow, Floats

# Every smoothed indicator starts from a seed, the plain average of the first candles. Its weight
# shrinks with each further candle.
LEVEL_SEED_WEIGHT = 1e-6
"""Maximum weight of the seed where a level is compared with a price or another level."""

DISTANCE_SEED_WEIGHT = 1e-4
"""Maximum weight of the seed where a level is a distance: a seed that is off by 2 % of the price
moves the distance by 0.0002 % of the price, about one tick."""

# Below one millionth of the price, less than a tick, a range is rounding noise.
_MIN_ATR = 1e-6


def ema_candles(period: int) -> int:
    """Return the candles until the seed of an EMA of ``period`` (>= 2) is negligible."""
    return period + _seed_decay_candles(1 - 2 / (period + 1), LEVEL_SEED_WEIGHT)


def wilder_candles(period: int, *, seed_weight: float = LEVEL_SEED_WEIGHT) -> int:
    """Return the candles until the seed of Wilder's smoothing (RSI, ATR) is negligible.

    The seed takes ``period`` (>= 2) + 1 candles: the first change needs a candle before it.
    """
    return period + 1 + _seed_decay_candles(1 - 1 / period, seed_weight)


def _seed_decay_candles(decay: float, seed_weight: float) -> int:
    return math.ceil(math.log(seed_weight) / math.log(decay))


def crossed(line: Floats, other: Floats) -> Side | None:
    """Return LONG if ``line`` just rose above ``other``, SHORT if it just fell below, else None."""
    before = line.item(-2) - other.item(-2)
    now = line.item(-1) - other.item(-1)
    if before <= 0 < now:
        return Side.LONG
    if now < 0 <= before:
        return Side.SHORT
    return None


def last_atr(window: CandleWindow, period: int) -> float | None:
    """Return the average true range at the newest candle; None in a flat market."""
    atr = talib.ATR(window.high, window.low, window.close, period).item(-1)
    return atr if atr > window.close.item(-1) * _MIN_ATR else None


def efficiency_ratio(close: Floats, period: int, side: Side) -> float:
    """Return Kaufman's efficiency ratio of the last ``period`` closes towards ``side``, 0 to 1.

    Net change over the sum of absolute changes; 0 if the net change is against ``side``.
    """
    recent = close[-period - 1 :]
    path = float(np.abs(np.diff(recent)).sum())
    net = side.sign * (recent.item(-1) - recent.item(0))
    return min(net / path, 1.0) if net > 0 else 0.0
