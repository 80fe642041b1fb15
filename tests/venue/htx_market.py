"""HTX's public endpoints: contracts, symbols, candles, tickers, the time."""

from collections.abc import Callable
from typing import Any

from tests.venue import htx_shapes as shapes
from tests.venue.candles import Candle
from tests.venue.grids import ASIAN_MIDNIGHT_MS, DAY_MS, regrouped
from tests.venue.htx_engine import HtxEngine
from tests.venue.htx_errors import No
from tests.venue.model import Market

Asked = dict[str, str]
CONTRACT_PERIODS = {
    "1min": "1m", "5min": "5m", "15min": "15m", "30min": "30m", "60min": "1h", "1hour": "1h",
    "4hour": "4h", "1day": "1d",
}  # fmt: skip
SPOT_PERIODS = {name: each for name, each in CONTRACT_PERIODS.items() if name != "1hour"}
_MOST = 2_000
_USUAL = 150


class MarketEndpoints:
    """The public endpoints."""

    def __init__(self, engine: HtxEngine) -> None:
        self._engine = engine
        #: Older candles are not answered: "can mostly return the klines of last two years".
        self.candles_kept_days = 730

    def routes(self) -> dict[str, Callable[[Asked], Any]]:
        """By path: the whole body of the answer."""
        return {
            "/linear-swap-api/v1/swap_contract_info": self._contracts,
            "/swap-api/v1/swap_contract_info": lambda _: self._ok([shapes.inverse_swap()]),
            "/api/v1/contract_contract_info": lambda _: self._ok([shapes.inverse_future()]),
            "/v1/common/symbols": self._symbols,
            "/v2/reference/currencies": self._currencies,
            "/v1/common/timestamp": lambda _: {"status": "ok", "data": self._engine.now_ms()},
            "/api/v1/timestamp": lambda _: {"status": "ok", "ts": self._engine.now_ms()},
            "/linear-swap-ex/market/history/kline": self._contract_klines,
            "/market/history/kline": self._spot_klines,
            "/market/history/candles": self._spot_candles,
            "/linear-swap-ex/market/detail/merged": self._merged,
            "/market/detail/merged": self._merged,
            "/v2/linear-swap-ex/market/detail/batch_merged": self._batch,
            "/market/tickers": self._tickers,
        }

    def days(self, symbol: str) -> list[Candle]:
        """The days that the candles of four hours make up."""
        rows = self._engine.candles.rows(symbol, "4h", limit=1_000_000)
        return regrouped(rows, "1d", DAY_MS, ASIAN_MIDNIGHT_MS)

    def _ok(self, data: Any) -> Any:
        return {"status": "ok", "data": data, "ts": self._engine.now_ms()}

    def _contracts(self, asked: Asked) -> Any:
        wanted = asked.get("contract_code", "")
        rows = [
            shapes.contract(each) for each in self._engine.perpetuals()
            if wanted.upper() in ("", each.id)
        ]  # fmt: skip
        if asked.get("business_type") == "futures":
            rows = []
        return self._ok(rows)

    def _symbols(self, _: Asked) -> Any:
        return self._ok([shapes.spot_symbol(each) for each in self._engine.spot_markets()])

    def _currencies(self, _: Asked) -> Any:
        coins = {code for each in self._engine.spot_markets() for code in (each.base, each.quote)}
        return {"code": 200, "data": [shapes.currency(each) for each in sorted(coins)]}

    def _market(self, asked: Asked) -> Market:
        """``invalid-parameter`` for what is not traded here."""
        symbol = asked.get("contract_code", "").upper() or asked.get("symbol", "")
        if symbol not in self._engine.markets:
            raise No("invalid-parameter", "invalid symbol")
        return self._engine.markets[symbol]

    # --- candles ----------------------------------------------------------------------------

    def _contract_klines(self, asked: Asked) -> Any:
        """Oldest first. ``size`` wins over ``from`` and ``to``, which need each other."""
        market = self._market(asked)
        timeframe = _period(asked, CONTRACT_PERIODS)
        if "size" in asked:
            return self._told(market, asked, self._newest(market, timeframe, _size(asked, _MOST)))
        if "from" not in asked or "to" not in asked:
            raise No("invalid-parameter", "from, to or size is required")
        rows = self._window(market, timeframe, int(asked["from"]), int(asked["to"]))
        return self._told(market, asked, rows[-_MOST:])

    def _spot_klines(self, asked: Asked) -> Any:
        """The newest ones, newest first; no window."""
        market, timeframe = self._market(asked), _period(asked, SPOT_PERIODS)
        rows = self._newest(market, timeframe, _size(asked, _MOST))
        return self._told(market, asked, rows[::-1])

    def _spot_candles(self, asked: Asked) -> Any:
        """Newest first; with ``size`` the window is ignored, without it there are 150."""
        market, timeframe = self._market(asked), _period(asked, SPOT_PERIODS)
        if "size" in asked or not ("from" in asked or "to" in asked):
            rows = self._newest(market, timeframe, _size(asked, 1_000))
        else:
            until_s = int(asked.get("to", self._engine.now_ms() // 1000))
            rows = self._window(market, timeframe, int(asked.get("from", 0)), until_s)[-_USUAL:]
        return self._told(market, asked, rows[::-1])

    def _window(self, market: Market, timeframe: str, from_s: int, to_s: int) -> list[Candle]:
        oldest_ms = self._engine.now_ms() - self.candles_kept_days * DAY_MS
        since_ms, until_ms = max(from_s * 1000, oldest_ms), to_s * 1000
        if timeframe == "1d":
            return [row for row in self.days(market.id) if since_ms <= row.open_ms <= until_ms]
        return self._engine.candles.rows(
            market.id, timeframe, since_ms=since_ms, until_ms=until_ms, limit=1_000_000
        )

    def _newest(self, market: Market, timeframe: str, size: int) -> list[Candle]:
        return self._window(market, timeframe, 0, self._engine.now_ms() // 1000)[-size:]

    def _told(self, market: Market, asked: Asked, rows: list[Candle]) -> Any:
        return {
            "ch": f"market.{market.id}.kline.{asked['period']}", "status": "ok",
            "ts": self._engine.now_ms(), "data": [shapes.kline(row, market) for row in rows],
        }  # fmt: skip

    # --- tickers ----------------------------------------------------------------------------

    def _merged(self, asked: Asked) -> Any:
        symbol = self._market(asked).id
        return {
            "ch": f"market.{symbol}.detail.merged", "status": "ok", "ts": self._engine.now_ms(),
            "tick": shapes.tick(self._engine, symbol),
        }  # fmt: skip

    def _batch(self, asked: Asked) -> Any:
        ticks = [
            shapes.tick(self._engine, each.id) | {"contract_code": each.id, "business_type": "swap"}
            for each in self._engine.perpetuals()
            if asked.get("contract_code", each.id) == each.id
        ]
        return {"status": "ok", "ticks": ticks, "ts": self._engine.now_ms()}

    def _tickers(self, _: Asked) -> Any:
        return self._ok([shapes.spot_ticker(self._engine, each.id)
                         for each in self._engine.spot_markets()])  # fmt: skip


def _period(asked: Asked, periods: dict[str, str]) -> str:
    if asked.get("period") not in periods:
        raise No("invalid-parameter", "invalid period")
    return periods[asked["period"]]


def _size(asked: Asked, most: int) -> int:
    size = int(asked.get("size", _USUAL))
    if not 1 <= size <= most:
        raise No("invalid-parameter", "invalid size, valid range: [1,2000]")
    return size
