"""Indicators over a whole history, by their definitions, in plain numpy and Python loops.

Nothing of signalbot and no indicator library is used. A value that is not defined yet is NaN.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ema(values: Floats, period: int) -> Floats:
    """Exponential average with weight 2 / (n + 1), begun with the plain average of n values."""
    found = np.full(len(values), np.nan)
    if len(values) < period:
        return found
    weight = 2 / (period + 1)
    average = float(values[:period].mean())
    found[period - 1] = average
    for at in range(period, len(values)):
        average += weight * (float(values[at]) - average)
        found[at] = average
    return found


def wilder(values: Floats, period: int) -> Floats:
    """Wilder's smoothing, weight 1 / n, begun with the plain average of the first n values."""
    found = np.full(len(values), np.nan)
    if len(values) < period:
        return found
    average = float(values[:period].mean())
    found[period - 1] = average
    for at in range(period, len(values)):
        average += (float(values[at]) - average) / period
        found[at] = average
    return found


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """The largest of a candle's range and its reach from the close before; the first is NaN."""
    before = np.concatenate(([np.nan], close[:-1]))
    ranges = np.stack((high - low, abs(high - before), abs(low - before)))
    found: Floats = ranges.max(axis=0)
    return found


def atr(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Average true range: Wilder's smoothing of the true range from the second candle on."""
    smooth = wilder(true_range(high, low, close)[1:], period)
    return np.concatenate(([np.nan], smooth))


def rsi(close: Floats, period: int) -> Floats:
    """Relative strength index: 100 x smoothed rises by smoothed rises and falls."""
    change = np.diff(close)
    rises = wilder(np.maximum(change, 0), period)
    falls = wilder(np.maximum(-change, 0), period)
    total = rises + falls
    share = np.divide(rises, total, out=np.zeros_like(total), where=total > 0)
    share[np.isnan(total)] = np.nan
    return np.concatenate(([np.nan], 100 * share))


def macd(close: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats]:
    """The difference of two exponential averages, and the average of that difference."""
    line = ema(close, fast) - ema(close, slow)
    begun = slow - 1
    smooth = np.full(len(close), np.nan)
    smooth[begun:] = ema(line[begun:], signal)
    return line, smooth


def highest_before(values: Floats, period: int) -> Floats:
    """The highest of the ``period`` values before each one."""
    found = np.full(len(values), np.nan)
    if len(values) > period:
        windows = np.lib.stride_tricks.sliding_window_view(values[:-1], period)
        found[period:] = windows.max(axis=1)
    return found


def supertrend(
    high: Floats, low: Floats, close: Floats, period: int, multiplier: float
) -> list[int]:
    """The side of every candle: 1 up, -1 down, 0 undefined; TradingView's ``ta.supertrend``.

    Bands lie ``multiplier`` ATRs around the middle of the candle. A band only moves towards the
    price, until the close before has left it. The side turns when the close leaves the band it
    trails behind; it begins down.
    """
    room = multiplier * atr(high, low, close, period)
    middle = (high + low) / 2
    sides = [0] * len(close)
    upper = lower = float("nan")
    side = 0
    for at in range(len(close)):
        if np.isnan(room[at]):
            continue
        top, bottom = float(middle[at] + room[at]), float(middle[at] - room[at])
        if side == 0:
            upper, lower, side = top, bottom, -1
        else:
            before = float(close[at - 1])
            upper = top if top < upper or before > upper else upper
            lower = bottom if bottom > lower or before < lower else lower
            price = float(close[at])
            if side < 0 and price > upper:
                side = 1
            elif side > 0 and price < lower:
                side = -1
        sides[at] = side
    return sides
