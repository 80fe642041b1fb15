"""Summarizes candles and indicators for a prompt, with few digits. Pure."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import talib

from signalbot.strategies.base import CandleTable, Floats, Tables

_DIGITS = 6
_MAX_CANDLES = 30  # listed; indicators use all candles


def summarize_market(symbol: str, tables: Tables) -> dict[str, Any]:
    """Return candles and indicators of every timeframe, rounded to few digits."""
    return {
        "symbol": symbol,
        "candle_columns": ["open", "high", "low", "close", "volume"],
        "timeframes": {
            timeframe.value: _describe_table(tables[timeframe])
            for timeframe in sorted(tables, key=lambda each: each.ms)
        },
    }


def _describe_table(table: CandleTable) -> dict[str, Any]:
    close = table.close
    macd, macd_signal, _ = talib.MACD(close)
    upper, _, lower = talib.BBANDS(close, 20)
    columns = (table.open, table.high, table.low, close, table.volume)
    rows = np.column_stack([column[-_MAX_CANDLES:] for column in columns])
    return {
        "close_ms": table.close_ms,
        "candles": [[_short(cell) for cell in row] for row in rows.tolist()],
        "indicators": {
            "ema_9": _last(talib.EMA(close, 9)),
            "ema_21": _last(talib.EMA(close, 21)),
            "ema_50": _last(talib.EMA(close, 50)),
            "rsi_14": _last(talib.RSI(close, 14)),
            "atr_14": _last(talib.ATR(table.high, table.low, close, 14)),
            "macd": _last(macd),
            "macd_signal": _last(macd_signal),
            "bollinger": [_last(lower), _last(upper)],
            "highest": _short(float(table.high.max())),
            "lowest": _short(float(table.low.min())),
            "change_percent": _short(_change(close)),
        },
    }


def _change(close: Floats) -> float:
    first: float = close.item(0)
    last: float = close.item(-1)
    return (last / first - 1) * 100


def _last(line: Floats | Sequence[float]) -> float | None:
    return _short(float(line[-1]))


def _short(value: float) -> float | None:
    """Round to few digits; None where an indicator has no value yet."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
