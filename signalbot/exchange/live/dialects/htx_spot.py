"""HTX's spot market: market buys are counted in dollars, and there are no stops that serve."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.base import Api, Create
from signalbot.exchange.live.dialects.candles import MINUTES_TO_FOUR_HOURS, window
from signalbot.exchange.live.dialects.coins import BuysByCost, spot_capabilities
from signalbot.exchange.live.dialects.htx import RATES
from signalbot.exchange.live.dialects.htx_codes import CODES
from signalbot.exchange.live.dialects.windows import windows
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw

_PAGE, _MOST_PAGES = 500, 100
_WINDOW_MS: Final = 2 * 86_400_000
_KEPT_MS: Final = 119 * 86_400_000


class HtxSpot(BuysByCost):
    """No stops: only stop-limit orders exist, which a falling price can leave behind."""

    capabilities: ClassVar = spot_capabilities(
        "htx",
        lookup="order by client id",
        rates=RATES,
        client_id_lives="8 h while it rests, 2 h from creation once ended",
        fills_kept_days=120,
        timeframes=MINUTES_TO_FOUR_HOURS,  # days open at 16:00 UTC
        candle_page=150,  # as many as are told without a size, which would void the window
    )
    codes: ClassVar = CODES
    shapes: ClassVar = shapes.HTX
    validity_ms: ClassVar = 60_000

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        """Orders name an account number; asked for before, so that it is not part of the order."""
        await api.read("load_accounts", lane=lane)
        return await super().send(api, create, lane)

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        if order_id is None:
            return await self._matches(api, symbol, since_ms=since_ms, lane=lane)
        raws: Sequence[Raw] = await api.read(
            "fetch_order_trades", order_id, symbol, lane=lane, cost=self.trades_cost
        )
        return raws

    async def _matches(self, api: Api, symbol: str, *, since_ms: int, lane: Lane) -> Sequence[Raw]:
        """All pages of all windows.

        https://huobiapi.github.io/docs/spot/v1/en/#search-match-results: 48 hours at most between
        ``start-time`` and ``end-time``, 120 days back, ``size`` 500 at most; ``from`` with
        ``direct`` next goes on after an id, newest first.

        Raises:
            Unavailable: there are more than anybody's orders make.
        """
        market, now_ms = api.client.market(symbol), api.client.milliseconds()
        found: list[Raw] = []
        for start_ms, end_ms in windows(Ms(max(since_ms, now_ms - _KEPT_MS)), now_ms, _WINDOW_MS):
            asked: dict[str, Any] = {
                "symbol": market["id"], "start-time": start_ms, "end-time": end_ms, "size": _PAGE,
            }  # fmt: skip
            for _ in range(_MOST_PAGES):
                answer = await api.read(
                    "spotPrivateGetV1OrderMatchresults", dict(asked), lane=lane,
                    cost=self.trades_cost,
                )  # fmt: skip
                rows = answer["data"]
                found += [api.client.parse_trade(row, market) for row in rows]
                if len(rows) < _PAGE:
                    break
                asked |= {"from": rows[-1]["id"], "direct": "next"}
            else:
                raise Unavailable(f"the fills of {symbol} do not end")
        return list({raw["id"]: raw for raw in found}.values())

    async def candles(
        self, api: Api, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """A request with ``size`` ignores ``from`` and ``to``.

        https://www.htx.com/en-us/opend (USDT-M, Get KLine Data)
        """
        return await window(api, symbol, timeframe, since_ms=since_ms, limit=limit, says_size=False)
