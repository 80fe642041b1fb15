"""Bitget's public endpoints: contracts, symbols, candles, tickers, the time.

Sources: "Get Contract Config", "Get Candlestick Data", "Get Historical Candlestick" (futures) and
their spot counterparts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.venue import bitget_shapes as shapes
from tests.venue.bitget_errors import No, empty, no, wrong
from tests.venue.candles import Candle
from tests.venue.grids import ASIAN_MIDNIGHT_MS, DAY_MS, HOUR_MS, regrouped
from tests.venue.model import Market, Reason
from tests.venue.spot import SpotEngine, SpotMarket

Asked = dict[str, str]
FUTURES = "USDT-FUTURES"
_PRODUCTS = (FUTURES, "COIN-FUTURES", "USDC-FUTURES", "SUSDT-FUTURES", "SCOIN-FUTURES",
             "SUSDC-FUTURES")  # fmt: skip
#: How far back ``candles`` reaches, by timeframe; ``history-candles`` goes on beyond.
DEPTH_DAYS = {
    "1m": 30, "3m": 30, "5m": 30, "15m": 52, "30m": 62, "1h": 83, "2h": 120, "4h": 240, "6h": 360,
    "12h": 720, "1d": 1_440,
}  # fmt: skip
_HISTORY_MOST, _RECENT_MOST, _USUAL = 200, 1_000, 100
_SPAN_MS = 90 * DAY_MS


@dataclass(frozen=True, slots=True)
class Grid:
    """Where candles of a granularity come from."""

    timeframe: str
    source: str = ""  #: of the smaller ones that it is built from, on the Asian day's grid
    length_ms: int = 0


_ASIAN = {
    "6H": Grid("6h", "2h", 6 * HOUR_MS), "12H": Grid("12h", "4h", 12 * HOUR_MS),
    "1D": Grid("1d", "4h", DAY_MS),
}  # fmt: skip
_UTC = {"6Hutc": Grid("6h"), "12Hutc": Grid("12h"), "1Dutc": Grid("1d")}
MIX_GRIDS = {
    **{each: Grid(each) for each in ("1m", "3m", "5m", "15m", "30m")},
    "1H": Grid("1h"), "2H": Grid("2h"), "4H": Grid("4h"), **_ASIAN, **_UTC,
}  # fmt: skip
SPOT_GRIDS = {
    **{f"{each}in": Grid(each) for each in ("1m", "3m", "5m", "15m", "30m")},
    "1h": Grid("1h"), "4h": Grid("4h"), "6h": _ASIAN["6H"], "12h": _ASIAN["12H"],
    "1day": _ASIAN["1D"], **_UTC,
}  # fmt: skip


def candles_of(engine: SpotEngine, symbol: str, grid: Grid) -> list[Candle]:
    """Every candle of a market on a grid, oldest first."""
    if not grid.source:
        return engine.candles.rows(symbol, grid.timeframe, limit=10_000_000)
    rows = engine.candles.rows(symbol, grid.source, limit=10_000_000)
    return regrouped(rows, grid.timeframe, grid.length_ms, ASIAN_MIDNIGHT_MS % grid.length_ms)


class MarketEndpoints:
    """The public endpoints."""

    def __init__(self, engine: SpotEngine) -> None:
        self._engine = engine

    def routes(self) -> dict[str, Callable[[Asked], Any]]:
        """By path after ``/api/v2/``; the answer's ``data``."""
        return {
            "public/time": lambda _: {"serverTime": str(self._engine.now_ms())},
            "mix/market/contracts": self._contracts,
            "mix/market/ticker": lambda p: [self._ticker(self.contract(p))],
            "mix/market/tickers": self._mix_tickers,
            "mix/market/symbol-price": self._price,
            "mix/market/candles": lambda p: self._mix(p, most=_RECENT_MOST),
            "mix/market/history-candles": lambda p: self._mix(p, most=_HISTORY_MOST),
            "spot/public/symbols": self._symbols,
            "spot/public/coins": self._coins,
            "margin/currencies": lambda _: [],
            "spot/market/tickers": self._spot_tickers,
            "spot/market/candles": lambda p: self._spot(p, most=_RECENT_MOST),
            "spot/market/history-candles": lambda p: self._spot(p, most=_HISTORY_MOST),
        }

    # --- markets ----------------------------------------------------------------------------

    def contract(self, asked: Asked) -> Market:
        product_of(asked)
        symbol = str(asked.get("symbol", "")).upper()
        market = self._engine.markets.get(symbol)
        if market is None or isinstance(market, SpotMarket):
            raise no(Reason.UNKNOWN_SYMBOL)
        return market

    def pair(self, asked: Asked) -> SpotMarket:
        name = str(asked.get("symbol", "")).upper()
        for market in self._engine.spot_markets():
            if market.name == name:
                return market
        raise no(Reason.UNKNOWN_SYMBOL, spot=True)

    def _contracts(self, asked: Asked) -> Any:
        if product_of(asked) != FUTURES:
            return []
        wanted = asked.get("symbol", "").upper()
        return [shapes.contract(each) for each in self._engine.perpetuals()
                if wanted in ("", each.id)]  # fmt: skip

    def _ticker(self, market: Market) -> Any:
        return shapes.ticker(self._engine, market)

    def _mix_tickers(self, asked: Asked) -> Any:
        is_own = product_of(asked) == FUTURES
        return [self._ticker(each) for each in self._engine.perpetuals()] if is_own else []

    def _price(self, asked: Asked) -> Any:
        market = self.contract(asked)
        mark = shapes.plain(self._engine.marks[market.id])
        price = shapes.plain(self._engine.prices[market.id])
        return [{"symbol": market.id, "price": price, "indexPrice": mark, "markPrice": mark,
                 "ts": str(self._engine.now_ms())}]  # fmt: skip

    def _symbols(self, asked: Asked) -> Any:
        wanted = asked.get("symbol", "")
        return [shapes.spot_symbol(each) for each in self._engine.spot_markets()
                if wanted in ("", each.name)]  # fmt: skip

    def _coins(self, asked: Asked) -> Any:
        codes = {code for each in self._engine.spot_markets() for code in (each.base, each.quote)}
        wanted = asked.get("coin", "")
        return [shapes.coin(each) for each in sorted(codes) if wanted in ("", each)]

    def _spot_tickers(self, asked: Asked) -> Any:
        if asked.get("symbol"):
            return [self._ticker(self.pair(asked))]
        return [self._ticker(each) for each in self._engine.spot_markets()]

    # --- candles ----------------------------------------------------------------------------

    def _mix(self, asked: Asked, *, most: int) -> Any:
        grid = MIX_GRIDS.get(asked.get("granularity", ""))
        return self._candles(self.contract(asked), grid, asked, most=most)

    def _spot(self, asked: Asked, *, most: int) -> Any:
        """History needs an end and knows no start."""
        grid = SPOT_GRIDS.get(asked.get("granularity", ""))
        if most == _HISTORY_MOST:
            if not asked.get("endTime"):
                raise empty("endTime")
            asked = {name: asked[name] for name in asked if name != "startTime"}
        return self._candles(self.pair(asked), grid, asked, most=most)

    def _candles(self, market: Market, grid: Grid | None, asked: Asked, *, most: int) -> Any:
        """The last ones of the window, oldest first; a window is 90 days at most."""
        if grid is None:
            raise No(400171, "Parameter verification failed granularity")
        limit = int(asked.get("limit", _USUAL))
        if not 1 <= limit <= most:
            raise wrong("limit")
        now_ms = self._engine.now_ms()
        until_ms = int(asked.get("endTime", now_ms))
        since_ms = max(int(asked.get("startTime", 0)), until_ms - _SPAN_MS)
        if most == _RECENT_MOST:
            since_ms = max(since_ms, now_ms - DEPTH_DAYS[grid.timeframe] * DAY_MS)
        rows = [row for row in candles_of(self._engine, market.id, grid)
                if since_ms <= row.open_ms < until_ms]  # fmt: skip
        return [shapes.candle(row) for row in rows[-limit:]]


def product_of(asked: Any) -> str:
    """The product type in capitals; refused when it is none."""
    said = str(asked.get("productType", "")).upper()
    if not said:
        raise empty("productType")
    if said not in _PRODUCTS:
        raise wrong("productType")
    return said
