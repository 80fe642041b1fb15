"""Candles of exchanges that have to be told the end of what is asked for, or no size."""

from typing import Any, Final

from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.lanes import Lane

_M = Timeframe
MINUTES_TO_FOUR_HOURS: Final = frozenset((_M.M1, _M.M5, _M.M15, _M.M30, _M.H1, _M.H4))


async def window(
    api: Api, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int, says_size: bool
) -> Any:
    """The candles that open within ``limit`` lengths from ``since_ms`` on.

    Without ``says_size`` the size is left out: where it makes an exchange ignore the window.
    """
    last_ms = since_ms + (limit - 1) * timeframe.ms
    return await api.read(
        "fetch_ohlcv", symbol, timeframe.value, since_ms, limit if says_size else None,
        {"until": last_ms}, lane=Lane.POLL, cost=2,
    )  # fmt: skip
