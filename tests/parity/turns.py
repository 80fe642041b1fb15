"""Built-in strategies, window by window, beside their definitions over a whole history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import talib

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import build_strategy
from signalbot.strategies.base import CandleWindow, LocalStrategy
from tests.parity import indicators as ours
from tests.parity.rules import Columns, Turn, turns

CASES: Mapping[str, Sequence[dict[str, Any]]] = {
    "ema_cross": [
        {"fast": 9, "slow": 21},
        {"fast": 2, "slow": 3},
        {"fast": 50, "slow": 200},
    ],
    "macd_cross": [
        {"fast": 12, "slow": 26, "signal": 9},
        {"fast": 3, "slow": 10, "signal": 16},
    ],
    "rsi_reversal": [
        {"period": 14, "oversold": 30, "overbought": 70},
        {"period": 2, "oversold": 10, "overbought": 90},
        {"period": 30, "oversold": 40, "overbought": 60},
    ],
    "donchian_breakout": [
        {"period": 20, "exit_period": 10},
        {"period": 55, "exit_period": 20},
        {"period": 10, "exit_period": 10},
    ],
    "supertrend": [
        {"period": 10, "multiplier": 3.0},
        {"period": 10, "multiplier": 2.0},
        {"period": 7, "multiplier": 1.5},
        {"period": 14, "multiplier": 5.0},
        {"period": 10, "multiplier": 1.0},
    ],
}


@dataclass(frozen=True, slots=True)
class Held:
    """One strategy beside its definition."""

    turns: int
    missed: Sequence[Turn]
    invented: Sequence[Turn]


def columns(candles: Sequence[Candle]) -> Columns:
    high, low, close = (
        np.array([float(getattr(each, name)) for each in candles])
        for name in ("high", "low", "close")
    )
    return Columns(high, low, close)


def told(strategy: LocalStrategy, candles: Sequence[Candle]) -> tuple[list[Turn], int]:
    """What it says as the candles close, and the index of the first with a full window."""
    timeframe = strategy.timeframe
    length = strategy.warm_up[timeframe]
    windows = {timeframe: CandleWindow(length)}
    found = []
    for at, candle in enumerate(candles):
        windows[timeframe].append(candle)
        idea = strategy.on_candle(windows) if at + 1 >= length else None
        if idea is not None:
            found.append((at, idea.action.value))
    return found, length - 1


def expected(
    kind: str, candles: Sequence[Candle], params: Mapping[str, Any], *, first: int
) -> list[Turn]:
    """What its definition says, from the candle ``first`` on."""
    return [turn for turn in turns(kind, columns(candles), params) if turn[0] >= first]


def held(
    kind: str, candles: Sequence[Candle], params: Mapping[str, Any], timeframe: Timeframe
) -> Held:
    """One strategy over a history, and what differs."""
    mine, first = told(build_strategy(kind, timeframe=timeframe, params=params), candles)
    theirs = expected(kind, candles, params, first=first)
    return Held(
        turns=len(theirs),
        missed=sorted(set(theirs) - set(mine)),
        invented=sorted(set(mine) - set(theirs)),
    )


def beside_talib(candles: Sequence[Candle]) -> Iterator[tuple[str, int, float]]:
    """Name, values compared and largest relative difference of each indicator from TA-Lib's."""
    of = columns(candles)
    high, low, close = of.high, of.low, of.close
    for period in (9, 21, 200):
        yield f"EMA {period}", *_apart(ours.ema(close, period), talib.EMA(close, period))
    for period in (2, 14, 100):
        mine = ours.atr(high, low, close, period)
        yield f"ATR {period}", *_apart(mine, talib.ATR(high, low, close, period))
        yield f"RSI {period}", *_apart(ours.rsi(close, period), talib.RSI(close, period))
    line, signal = ours.macd(close, 12, 26, 9)
    theirs = talib.MACD(close, 12, 26, 9)
    late = slice(400, None)  # TA-Lib seeds the fast average later than its definition
    yield "MACD 12/26", *_apart(line[late], theirs[0][late], scale=float(close.mean()))
    yield "MACD signal 9", *_apart(signal[late], theirs[1][late], scale=float(close.mean()))


def _apart(mine: Any, theirs: Any, scale: float | None = None) -> tuple[int, float]:
    known = ~np.isnan(mine) & ~np.isnan(theirs)
    size = np.abs(theirs[known]) if scale is None else scale
    apart = np.abs(mine[known] - theirs[known]) / np.maximum(size, 1e-9)
    return int(known.sum()), float(apart.max())
