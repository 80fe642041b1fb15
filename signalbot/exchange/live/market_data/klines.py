"""A candle as a raw websocket frame holds it: closed or forming, with exact values."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from signalbot.domain.market import Candle
from signalbot.domain.money import trimmed
from signalbot.domain.timeframe import Ms, Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Kline:
    """One candle of a stream, closed for good or still forming."""

    market_id: str
    interval: str  #: as the exchange names it
    open_ms: Ms
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    is_closed: bool

    def candle(self, symbol: str, timeframe: Timeframe) -> Candle:
        """The closed candle.

        Raises:
            InvalidCandle: its values cannot be true.
        """
        return Candle(
            symbol=symbol,
            timeframe=timeframe,
            open_ms=self.open_ms,
            open=trimmed(self.open),
            high=trimmed(self.high),
            low=trimmed(self.low),
            close=trimmed(self.close),
            volume=trimmed(self.volume),
        )


KlineReader = Callable[[Mapping[str, Any]], Iterator[Kline]]
"""Yields the candles of one frame; may raise anything on a frame without candles."""
