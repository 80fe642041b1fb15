"""Candles of raw websocket frames: ccxt drops that a candle has closed, and exact values."""

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


_VOLUME, _COIN_VOLUME = 5, 6


def read_binance_klines(frame: Mapping[str, Any]) -> Iterator[Kline]:
    k = frame.get("data", frame)["k"]
    yield Kline(
        market_id=k["s"], interval=k["i"], open_ms=Ms(int(k["t"])),
        open=Decimal(k["o"]), high=Decimal(k["h"]), low=Decimal(k["l"]), close=Decimal(k["c"]),
        volume=Decimal(k["v"]), is_closed=bool(k["x"]),
    )  # fmt: skip


def read_bybit_klines(frame: Mapping[str, Any]) -> Iterator[Kline]:
    _, interval, market_id = frame["topic"].split(".")
    for k in frame["data"]:
        yield Kline(
            market_id=market_id, interval=interval, open_ms=Ms(int(k["start"])),
            open=Decimal(k["open"]), high=Decimal(k["high"]), low=Decimal(k["low"]),
            close=Decimal(k["close"]), volume=Decimal(k["volume"]), is_closed=bool(k["confirm"]),
        )  # fmt: skip


def read_okx_klines(frame: Mapping[str, Any]) -> Iterator[Kline]:
    """Volume in coins, as over REST: of swaps the sixth value counts contracts.

    https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-candlesticks-channel
    """
    channel, market_id = frame["arg"]["channel"], frame["arg"]["instId"]
    volume = _COIN_VOLUME if market_id.endswith("-SWAP") else _VOLUME
    for row in frame["data"]:
        yield Kline(
            market_id=market_id, interval=channel.removeprefix("candle"), open_ms=Ms(int(row[0])),
            open=Decimal(row[1]), high=Decimal(row[2]), low=Decimal(row[3]), close=Decimal(row[4]),
            volume=Decimal(row[volume]), is_closed=row[8] == "1",
        )  # fmt: skip
