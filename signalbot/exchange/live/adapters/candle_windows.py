"""Candles of exchanges that have to be told the end of what is asked for, or no size."""

from typing import Any, Final

from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

_M = Timeframe
MINUTES_TO_FOUR_HOURS: Final = frozenset((_M.M1, _M.M5, _M.M15, _M.M30, _M.H1, _M.H4))


async def fetch_candle_window(
    api: ExchangeApi,
    symbol: str,
    timeframe: Timeframe,
    *,
    since_ms: Ms,
    limit: int,
    sends_size: bool,
) -> Any:
    """The candles that open within ``limit`` lengths from ``since_ms`` on.

    Without ``says_size`` the size is left out: where it makes an exchange ignore the window.
    """
    last_ms = since_ms + (limit - 1) * timeframe.ms
    return await api.read(
        "fetch_ohlcv", symbol, timeframe.value, since_ms, limit if sends_size else None,
        {"until": last_ms}, priority=RequestPriority.POLL, cost=2,
    )  # fmt: skip
