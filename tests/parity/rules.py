"""What each built-in strategy says over a whole history, by its documentation alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tests.parity.indicators import (
    Floats,
    ema,
    highest_before,
    macd,
    rsi,
    supertrend,
)

Turn = tuple[int, str]
"""Index of a candle and the action said at its close."""


@dataclass(frozen=True, slots=True)
class Columns:
    high: Floats
    low: Floats
    close: Floats


def turns(kind: str, candles: Columns, params: Mapping[str, float]) -> list[Turn]:
    """Every action of a strategy of ``kind``, oldest first."""
    whole = {name: int(value) for name, value in params.items() if name != "multiplier"}
    match kind:
        case "ema_cross":
            close = candles.close
            return list(_crossings(ema(close, whole["fast"]), ema(close, whole["slow"])))
        case "macd_cross":
            lines = macd(candles.close, whole["fast"], whole["slow"], whole["signal"])
            return list(_crossings(*lines))
        case "supertrend":
            sides = supertrend(
                candles.high, candles.low, candles.close, whole["period"], params["multiplier"]
            )
            return [
                (at, "LONG" if after > 0 else "SHORT")
                for at, (before, after) in enumerate(pairwise(sides), 1)
                if before and after != before
            ]
        case "rsi_reversal":
            found = rsi(candles.close, whole["period"])
            return list(_reversals(found, params["oversold"], params["overbought"]))
        case "donchian_breakout":
            return list(_breakouts(candles, whole["period"], whole["exit_period"]))
    raise ValueError(kind)


def _crossings(line: Floats, other: Floats) -> Iterator[Turn]:
    gap = line - other
    for at in range(1, len(gap)):
        if gap[at - 1] <= 0 < gap[at]:
            yield at, "LONG"
        elif gap[at] < 0 <= gap[at - 1]:
            yield at, "SHORT"


def _reversals(values: Floats, oversold: float, overbought: float) -> Iterator[Turn]:
    """An exit is due at the first 50 after an extreme; an entry on the way back from one."""
    was_low = was_high = False
    for at in range(1, len(values)):
        before, now = values[at - 1], values[at]
        if np.isnan(now):
            continue
        was_low = was_low or before <= oversold
        was_high = was_high or before >= overbought
        if was_low and now >= 50:
            was_low = False
            yield at, "EXIT_LONG"
        elif was_high and now <= 50:
            was_high = False
            yield at, "EXIT_SHORT"
        elif before <= oversold < now:
            yield at, "LONG"
        elif before >= overbought > now:
            yield at, "SHORT"


def _breakouts(candles: Columns, period: int, exit_period: int) -> Iterator[Turn]:
    """An entry is the first of several closes beyond the channel in a row."""
    close = candles.close
    top, bottom = highest_before(candles.high, period), -highest_before(-candles.low, period)
    ceiling = highest_before(candles.high, exit_period)
    floor = -highest_before(-candles.low, exit_period)
    is_long = is_short = False
    for at in range(period + 1, len(close)):
        broke_up, broke_down = close[at] > top[at], close[at] < bottom[at]
        if broke_up and not close[at - 1] > top[at - 1]:
            yield at, "LONG"
        elif broke_down and not close[at - 1] < bottom[at - 1]:
            yield at, "SHORT"
        elif is_long and close[at] < floor[at]:
            yield at, "EXIT_LONG"
        elif is_short and close[at] > ceiling[at]:
            yield at, "EXIT_SHORT"
        if broke_up:
            is_long = True
        elif close[at] < floor[at]:
            is_long = False
        if broke_down:
            is_short = True
        elif close[at] > ceiling[at]:
            is_short = False
