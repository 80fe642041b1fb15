"""Kraken's public endpoints: assets, pairs, candles, tickers, the time.

Sources: "Get OHLC Data", "Get Tradable Asset Pairs" and "Get Ticker Information".
"""

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from tests.venue import kraken_shapes as shapes
from tests.venue.candles import Candle
from tests.venue.grids import opening, regrouped
from tests.venue.kraken_engine import KrakenEngine, asset
from tests.venue.kraken_errors import no, wrong
from tests.venue.model import ZERO, Reason
from tests.venue.spot import SpotMarket

Asked = dict[str, str]
#: Timeframes by minutes. Weeks and half-months are counted from 1970-01-01, a Thursday.
INTERVALS = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 1_440: "1d",
             10_080: "7d", 21_600: "15d"}  # fmt: skip
_FROM_DAYS = {10_080, 21_600}
#: No more candles than these are kept, however old ``since`` is.
MOST_CANDLES = 720


class MarketEndpoints:
    """The public endpoints."""

    def __init__(self, engine: KrakenEngine) -> None:
        self._engine = engine

    def routes(self) -> dict[str, Callable[[Asked], Any]]:
        """By path after ``/0/public/``; the answer's ``result``."""
        return {
            "Time": self._time, "SystemStatus": self._status, "Assets": self._assets,
            "AssetPairs": self._pairs, "Ticker": self._ticker, "OHLC": self._ohlc,
        }  # fmt: skip

    def pair(self, name: str) -> SpotMarket:
        """By Kraken's id or its other name (XXBTZUSD, XBTUSD), never as BTC/USD."""
        for market in self._engine.spot_markets():
            if name in (market.id, market.name):
                return market
        raise no(Reason.UNKNOWN_SYMBOL)

    def by_symbol(self, symbol: str) -> SpotMarket | None:
        """By the second websocket's name: BTC/USD, never XBT/USD."""
        found = (each for each in self._engine.spot_markets() if each.symbol == symbol)
        return next(found, None)

    def _time(self, _: Asked) -> Any:
        now_s = self._engine.now_ms() // 1000
        return {"unixtime": now_s, "rfc1123": formatdate(now_s)}

    def _status(self, _: Asked) -> Any:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._engine.now_ms() / 1000))
        return {"status": "online", "timestamp": stamp}

    def _assets(self, _: Asked) -> Any:
        coins = {coin for each in self._engine.spot_markets() for coin in (each.base, each.quote)}
        return {asset(coin): shapes.asset_row(coin) for coin in sorted(coins)}

    def _chosen(self, asked: Asked) -> list[SpotMarket]:
        if not asked.get("pair"):
            return self._engine.spot_markets()
        return [self.pair(name) for name in asked["pair"].split(",")]

    def _pairs(self, asked: Asked) -> Any:
        return {each.id: shapes.pair(each) for each in self._chosen(asked)}

    def _ticker(self, asked: Asked) -> Any:
        return {each.id: shapes.ticker(self._engine, each) for each in self._chosen(asked)}

    # --- candles ----------------------------------------------------------------------------

    def _ohlc(self, asked: Asked) -> Any:
        """The last one is not over yet; ``since`` excludes, and cannot reach beyond 720."""
        market = self.pair(asked.get("pair", ""))
        minutes = asked.get("interval") or "1"
        if not minutes.isdigit() or int(minutes) not in INTERVALS:
            raise wrong("interval")
        rows = self.candles(market, int(minutes))
        since = asked.get("since") or "0"
        if not since.isdigit():
            raise wrong("since")
        told = [row for row in rows if row.open_ms // 1000 > int(since)] or rows[-1:]
        last = rows[-2].open_ms // 1000 if len(rows) > 1 else 0
        return {market.id: [shapes.candle(row, market) for row in told], "last": last}

    def candles(self, market: SpotMarket, minutes: int) -> list[Candle]:
        """The newest 720, oldest first, with the one that is running now."""
        rows = self._stored(market, minutes)
        length_ms = minutes * 60_000
        now_open_ms = opening(self._engine.now_ms(), length_ms, 0)
        if rows and rows[-1].open_ms < now_open_ms:
            price = rows[-1].close
            rows = [*rows, Candle(
                symbol=market.id, timeframe=INTERVALS[minutes], open_ms=now_open_ms, open=price,
                high=price, low=price, close=price, volume=ZERO, closed=False,
            )]  # fmt: skip
        return rows[-MOST_CANDLES:]

    def _stored(self, market: SpotMarket, minutes: int) -> list[Candle]:
        kept, timeframe = self._engine.candles, INTERVALS[minutes]
        if minutes in _FROM_DAYS:
            rows = kept.rows(market.id, "1d", limit=10_000_000)
            return regrouped(rows, timeframe, minutes * 60_000, 0)
        return kept.rows(market.id, timeframe, limit=10_000_000)
