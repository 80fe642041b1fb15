"""Kraken Futures' public endpoints: instruments, tickers, candles.

Sources: "Get Instruments", "Get Tickers", "Market Candles". There is no endpoint for the time.
"""

from typing import Any

from tests.venue import krakenfutures_shapes as shapes
from tests.venue.candles import Candle
from tests.venue.grids import DAY_MS, regrouped
from tests.venue.krakenfutures_engine import KrakenFuturesEngine
from tests.venue.krakenfutures_errors import No
from tests.venue.model import Market

Asked = dict[str, str]
MOST_CANDLES = 2_000
RESOLUTIONS = ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d", "1w")
_KINDS = ("trade", "mark", "spot")


class MarketEndpoints:
    """The public endpoints."""

    def __init__(self, engine: KrakenFuturesEngine) -> None:
        self._engine = engine

    def market(self, name: str) -> Market:
        """By id, in capitals or not."""
        market = self._engine.markets.get(name.upper())
        if market is None:
            raise No("contractNotFound")
        return market

    def answer(self, path: str) -> dict[str, Any] | None:
        """The answer for a path after ``/derivatives/api/v3/``; None when it is not public."""
        if path == "instruments":
            rows = [shapes.instrument(each) for each in self._engine.markets.values()]
            return {"instruments": rows}
        if path == "tickers":
            rows = [shapes.ticker(self._engine, each) for each in self._engine.markets.values()]
            return {"tickers": rows}
        if path.startswith("tickers/"):
            market = self.market(path.removeprefix("tickers/"))
            return {"ticker": shapes.ticker(self._engine, market)}
        return None

    def candles(self, path: str, asked: Asked) -> dict[str, Any]:
        """For a path after ``/api/charts/v1/``: kind, market, resolution; times in seconds.

        The first ones of the window, oldest first; ``more_candles``: some are left out.
        """
        kind, _, rest = path.partition("/")
        name, _, resolution = rest.partition("/")
        if kind not in _KINDS or resolution not in RESOLUTIONS:
            raise No("notFound", 404)
        rows = self._rows(self.market(name), resolution)
        since_ms = int(asked.get("from", 0)) * 1000
        until_ms = int(asked.get("to", self._engine.now_ms() // 1000)) * 1000
        most = min(int(asked.get("count", MOST_CANDLES)), MOST_CANDLES)
        inside = [row for row in rows if since_ms <= row.open_ms <= until_ms]
        chosen = inside[:most] if "from" in asked else inside[-most:]
        return {"candles": [shapes.candle(row, kind) for row in chosen],
                "more_candles": len(inside) > len(chosen)}  # fmt: skip

    def _rows(self, market: Market, resolution: str) -> list[Candle]:
        kept = self._engine.candles
        if resolution == "1w":
            return regrouped(kept.rows(market.id, "1d", limit=10_000_000), "1w", 7 * DAY_MS, 0)
        return kept.rows(market.id, resolution, limit=10_000_000)
