"""HTX's spot market: market buys are counted in dollars, and there are no stops that serve."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.base import CreateOrderArgs
from signalbot.exchange.live.adapters.candle_windows import (
    MINUTES_TO_FOUR_HOURS,
    fetch_candle_window,
)
from signalbot.exchange.live.adapters.htx import RATES
from signalbot.exchange.live.adapters.spot_market_buy import MarketBuyByCost, spot_capabilities
from signalbot.exchange.live.adapters.time_windows import split_windows
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

_PAGE, _MAX_PAGES = 500, 100
_WINDOW_MS: Final = 2 * 86_400_000
_RETENTION_MS: Final = 119 * 86_400_000


class HtxSpot(MarketBuyByCost):
    """No stops: only stop-limit orders exist, which a falling price can leave behind."""

    capabilities: ClassVar = spot_capabilities(
        "htx",
        lookup="order by client id",
        rates=RATES,
        client_id_retention="8 h while it rests, 2 h from creation once ended",
        fill_retention_days=120,
        timeframes=MINUTES_TO_FOUR_HOURS,  # days open at 16:00 UTC
        candle_page=150,  # as many as are told without a size, which would void the window
    )
    codes: ClassVar = error_tables.HTX
    shapes: ClassVar = response_shapes.HTX
    request_validity_ms: ClassVar = 60_000

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """Orders name an account number; asked for before, so that it is not part of the order."""
        await api.read("load_accounts", priority=priority)
        return await super().send(api, create, priority)

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        if order_id is None:
            return await self._fetch_fills(api, symbol, since_ms=since_ms, priority=priority)
        raws: Sequence[CcxtDict] = await api.read(
            "fetch_order_trades", order_id, symbol, priority=priority, cost=self.trades_cost
        )
        return raws

    async def _fetch_fills(
        self, api: ExchangeApi, symbol: str, *, since_ms: int, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        """All pages of all windows.

        https://huobiapi.github.io/docs/spot/v1/en/#search-match-results: 48 hours at most between
        ``start-time`` and ``end-time``, 120 days back, ``size`` 500 at most; ``from`` with
        ``direct`` next goes on after an id, newest first.

        Raises:
            Unavailable: there are more than anybody's orders make.
        """
        market, now_ms = api.client.market(symbol), api.client.milliseconds()
        found: list[CcxtDict] = []
        for start_ms, end_ms in split_windows(
            Ms(max(since_ms, now_ms - _RETENTION_MS)), now_ms, _WINDOW_MS
        ):
            request_params: dict[str, Any] = {
                "symbol": market["id"], "start-time": start_ms, "end-time": end_ms, "size": _PAGE,
            }  # fmt: skip
            for _ in range(_MAX_PAGES):
                response = await api.read(
                    "spotPrivateGetV1OrderMatchresults", dict(request_params), priority=priority,
                    cost=self.trades_cost,
                )  # fmt: skip
                rows = response["data"]
                found += [api.client.parse_trade(row, market) for row in rows]
                if len(rows) < _PAGE:
                    break
                request_params |= {"from": rows[-1]["id"], "direct": "next"}
            else:
                raise Unavailable(f"the fills of {symbol} do not end")
        return list({raw["id"]: raw for raw in found}.values())

    async def candles(
        self, api: ExchangeApi, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """A request with ``size`` ignores ``from`` and ``to``.

        https://www.htx.com/en-us/opend (USDT-M, Get KLine Data)
        """
        return await fetch_candle_window(
            api, symbol, timeframe, since_ms=since_ms, limit=limit, sends_size=False
        )
