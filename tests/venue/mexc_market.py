"""MEXC's public contract endpoints."""

from collections.abc import Callable
from typing import Any

from tests.venue import mexc_shapes as shapes
from tests.venue.mexc_engine import MexcEngine
from tests.venue.mexc_errors import no, parameter
from tests.venue.model import Market, Reason
from tests.venue.spot import SpotMarket

Asked = dict[str, str]
INTERVALS = {
    "Min1": "1m", "Min5": "5m", "Min15": "15m", "Min30": "30m", "Min60": "1h", "Hour4": "4h",
    "Day1": "1d",
}  # fmt: skip
_MOST = 2_000


class MarketEndpoints:
    """The public endpoints of contracts."""

    def __init__(self, engine: MexcEngine) -> None:
        self._engine = engine

    def handler(self, path: str) -> Callable[[Asked], Any] | None:
        """By path after ``/api/v1/contract/``; the answer's ``data``."""
        match path.split("/"):
            case ["ping"]:
                return lambda _: self._engine.now_ms()
            case ["detail"]:
                return self._details
            case ["ticker"]:
                return self._tickers
            case ["fair_price" | "index_price", symbol]:
                return lambda _: self._fair(symbol)
            case ["kline", symbol]:
                return lambda asked: self._klines(symbol, asked)
            case ["kline", "fair_price" | "index_price", symbol]:
                return lambda asked: self._klines(symbol, asked)
        return None

    def _market(self, symbol: str) -> Market:
        market = self._engine.markets.get(symbol)
        if market is None or isinstance(market, SpotMarket):
            raise no(Reason.UNKNOWN_SYMBOL, contract=True)
        return market

    def _details(self, asked: Asked) -> Any:
        if asked.get("symbol"):
            return shapes.contract(self._market(asked["symbol"]))
        return [shapes.contract(each) for each in self._engine.perpetuals()]

    def _tickers(self, asked: Asked) -> Any:
        if asked.get("symbol"):
            return shapes.contract_ticker(self._engine, self._market(asked["symbol"]).id)
        return [shapes.contract_ticker(self._engine, each.id) for each in self._engine.perpetuals()]

    def _fair(self, symbol: str) -> Any:
        mark = float(self._engine.marks[self._market(symbol).id])
        return {"symbol": symbol, "fairPrice": mark, "indexPrice": mark,
                "timestamp": self._engine.now_ms()}  # fmt: skip

    def _klines(self, symbol: str, asked: Asked) -> Any:
        """2,000 at most: the newest of the window, whichever of its ends is named."""
        market, interval = self._market(symbol), asked.get("interval", "Min1")
        if interval not in INTERVALS:
            raise parameter("interval")
        until_s = asked.get("end")
        rows = self._engine.candles.rows(
            market.id, INTERVALS[interval], since_ms=int(asked.get("start", 0)) * 1000,
            until_ms=None if until_s is None else int(until_s) * 1000, limit=1_000_000,
        )  # fmt: skip
        return shapes.contract_candles(rows[-_MOST:], market)
