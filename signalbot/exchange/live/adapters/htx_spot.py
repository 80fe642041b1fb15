"""HTX's spot market: market buys are counted in dollars, and usable stops do not exist."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.htx import RATES
from signalbot.exchange.live.adapters.paging import (
    all_rows,
    fetch_candle_window,
    paged,
    split_windows,
)
from signalbot.exchange.live.adapters.spot import spot_capabilities
from signalbot.exchange.live.adapters.spot_market_buy import MarketBuyByCost
from signalbot.exchange.live.adapters.types import CreateOrderArgs
from signalbot.exchange.live.capabilities import MINUTES_TO_FOUR_HOURS
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_PAGE, _MAX_PAGES = 500, 100
_WINDOW_MS: Final = 2 * 86_400_000
_RETENTION_MS: Final = 119 * 86_400_000


class HtxSpot(MarketBuyByCost):
    """No stops: only stop-limit orders exist, which a falling price can leave unfilled."""

    capabilities: ClassVar = spot_capabilities(
        "htx",
        lookup="order by client id",
        rates=RATES,
        client_id_retention="8 h while it rests, 2 h from creation once ended",
        fill_retention_days=120,
        timeframes=MINUTES_TO_FOUR_HOURS,  # days open at 16:00 UTC
        candle_page=150,  # the default: a size would void the window
    )
    codes: ClassVar = error_tables.HTX
    shapes: ClassVar = response_shapes.HTX
    request_validity_ms: ClassVar = 60_000

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """Orders name an account number, which is read first, outside of the order's request."""
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

        https://huobiapi.github.io/docs/spot/v1/en/#search-match-results: at most 48 hours between
        ``start-time`` and ``end-time``, 120 days back, ``size`` at most 500; ``from`` with
        ``direct`` next selects the page after an id, newest first.

        Raises:
            Unavailable: there are more than our orders can make.
        """
        market, now_ms = api.client.market(symbol), api.client.milliseconds()
        earliest_ms = Ms(max(since_ms, now_ms - _RETENTION_MS))
        found: list[CcxtDict] = []
        for start_ms, end_ms in split_windows(earliest_ms, now_ms, _WINDOW_MS):
            window = {
                "symbol": market["id"], "start-time": start_ms, "end-time": end_ms, "size": _PAGE,
            }  # fmt: skip
            rows = await self._fetch_window(api, symbol, window, priority)
            found += [api.client.parse_trade(row, market) for row in rows]
        return list({raw["id"]: raw for raw in found}.values())

    async def _fetch_window(
        self, api: ExchangeApi, symbol: str, window: Mapping[str, Any], priority: RequestPriority
    ) -> list[CcxtDict]:
        async def fetch(after: Mapping[str, Any]) -> Sequence[CcxtDict]:
            response = await api.read(
                "spotPrivateGetV1OrderMatchresults", {**window, **after}, priority=priority,
                cost=self.trades_cost,
            )  # fmt: skip
            rows: Sequence[CcxtDict] = response["data"]
            return rows

        return await all_rows(
            paged(
                fetch,
                size=_PAGE,
                next_params=lambda page: {"from": page[-1]["id"], "direct": "next"},
                max_pages=_MAX_PAGES,
                name=f"the list of fills of {symbol}",
            )
        )

    async def candles(
        self, api: ExchangeApi, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """A request with ``size`` ignores ``from`` and ``to``.

        https://www.htx.com/en-us/opend (USDT-M, Get KLine Data)
        """
        return await fetch_candle_window(
            api, symbol, timeframe, since_ms=since_ms, limit=limit, sends_size=False
        )
