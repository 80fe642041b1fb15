"""MEXC's spot market; there are no stops."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.orders import OrderRequest
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.dialects.candles import MINUTES_TO_FOUR_HOURS, window
from signalbot.exchange.live.dialects.coins import spot_capabilities
from signalbot.exchange.live.dialects.mexc import OPTIONS, RATES
from signalbot.exchange.live.dialects.mexc_codes import CODES
from signalbot.exchange.live.dialects.spot import SpotDialect
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw

_PAGE = 100
_KEPT_MS: Final = 30 * 86_400_000


class MexcSpot(SpotDialect):
    capabilities: ClassVar = spot_capabilities(
        "mexc",
        lookup="order by client id",
        rates=RATES,
        orders_kept_days=7,
        fills_kept_days=30,
        timeframes=MINUTES_TO_FOUR_HOURS | {Timeframe.D1},
        # The frames are protocol buffers, which need a package that nothing else here needs.
        # https://mexcdevelop.github.io/apidocs/spot_v3_en/#websocket-market-streams
        streams_candles=False,
    )
    codes: ClassVar = CODES
    shapes: ClassVar = shapes.MEXC
    options: ClassVar[Mapping[str, Any]] = OPTIONS
    validity_ms: ClassVar = 5_000

    async def cancel_by_client_id(self, api: Api, request: OrderRequest, *, lane: Lane) -> None:
        """ccxt would send the id under a second name, which the exchange does not know."""
        params = {
            "symbol": api.client.market(request.symbol)["id"],
            "origClientOrderId": self.wire_id(request.client_order_id),
        }
        await api.order("spotPrivateDeleteOrder", params, lane=lane)

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        """Windows that are halved as long as one is full: there are no pages.

        https://mexcdevelop.github.io/apidocs/spot_v3_en/#account-trade-list: a hundred trades at
        most, "only the transaction records in the past 1 month can be queried".

        Raises:
            Unavailable: more than a hundred trades in one millisecond.
        """
        params = {} if order_id is None else self.trades_of(order_id)
        now_ms, found = api.client.milliseconds(), list[Raw]()
        if order_id is not None:
            raws = await api.read(
                "fetch_my_trades", symbol, None, _PAGE, dict(params), lane=lane,
                cost=self.trades_cost,
            )  # fmt: skip
            if len(raws) < _PAGE:
                return [raw for raw in raws if raw.get("order") == order_id]
        left = [(max(since_ms, now_ms - _KEPT_MS), now_ms)]
        while left:
            start_ms, end_ms = left.pop()
            raws = await api.read(
                "fetch_my_trades", symbol, start_ms, _PAGE, {**params, "until": end_ms},
                lane=lane, cost=self.trades_cost,
            )  # fmt: skip
            if len(raws) < _PAGE:
                found += raws
                continue
            if start_ms >= end_ms:
                raise Unavailable(f"the fills of {symbol} are too many to be told")
            middle_ms = (start_ms + end_ms) // 2
            left += [(start_ms, middle_ms), (middle_ms + 1, end_ms)]
        return [raw for raw in found if order_id in (None, raw.get("order"))]

    async def candles(
        self, api: Api, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """With a start alone the newest candles are told: the end is said as well.

        https://mexcdevelop.github.io/apidocs/contract_v1_en/#k-line-data
        """
        return await window(api, symbol, timeframe, since_ms=since_ms, limit=limit, says_size=True)
