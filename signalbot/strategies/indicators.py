"""What TA-Lib leaves open: crossings, warm-up lengths, and single readings of a window."""

import math

import numpy as np
import talib
from numpy.typing import NDArray

from signalbot.domain.signals import Side
from signalbot.strategies.base import CandleWindow, Floats

# Every smoothed indicator starts from a seed, a plain average of the first candles, whose weight
# shrinks with each further candle. A seed that is 2 % of the price off then moves the average by
# 0.0002 % of the price, about one tick: less than the price moves while an order is on its way.
_SEED_WEIGHT = 1e-4

# Below one millionth of the price, less than a tick, a range is rounding noise.
_LEAST_ATR = 1e-6


def ema_candles(period: int) -> int:
    """Candles until an EMA of ``period`` (>= 2) has forgotten the average it was seeded with."""
    return period + _forgetting(1 - 2 / (period + 1))


def wilder_candles(period: int) -> int:
    """Candles until Wilder's smoothing (RSI, ATR) of ``period`` (>= 2) has forgotten its seed.

    One more than ``period`` makes the seed: the first change needs a candle before it.
    """
    return period + 1 + _forgetting(1 - 1 / period)


def _forgetting(decay: float) -> int:
    return math.ceil(math.log(_SEED_WEIGHT) / math.log(decay))


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
    return atr if atr > window.close.item(-1) * _LEAST_ATR else None


def efficiency(close: Floats, period: int, side: Side) -> float:
    """How straight the last ``period`` closes went towards ``side``: 1 without a step back.

    Kaufman's efficiency ratio, net change over the sum of all changes, and 0 when the net change
    is against ``side``.
    """
    recent = close[-period - 1 :]
    path = float(np.abs(np.diff(recent)).sum())
    net = side.sign * (recent.item(-1) - recent.item(0))
    return min(net / path, 1.0) if net > 0 else 0.0


def first_since(event: NDArray[np.bool_], cause: NDArray[np.bool_]) -> bool:
    """Whether ``event`` is true now for the first time since ``cause`` was last true.

    Also when neither was true before: a cause that is out of sight may still have its effect.
    """
    return bool(event[-1]) and _latest(cause[:-1]) >= _latest(event[:-1])


def _latest(mask: NDArray[np.bool_]) -> int:
    found = np.flatnonzero(mask)
    return int(found[-1]) if found.size else -1
