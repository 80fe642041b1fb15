"""MEXC's spot market; there are no stops."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.orders import OrderRequest
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.mexc import OPTIONS, RATES
from signalbot.exchange.live.adapters.paging import fetch_candle_window
from signalbot.exchange.live.adapters.spot import SpotAdapter, spot_capabilities
from signalbot.exchange.live.capabilities import MINUTES_TO_FOUR_HOURS
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_PAGE = 100
_RETENTION_MS: Final = 30 * 86_400_000


class MexcSpot(SpotAdapter):
    capabilities: ClassVar = spot_capabilities(
        "mexc",
        lookup="order by client id",
        rates=RATES,
        order_retention_days=7,
        fill_retention_days=30,
        timeframes=MINUTES_TO_FOUR_HOURS | {Timeframe.D1},
        # The frames are protocol buffers, which would need one more package.
        # https://mexcdevelop.github.io/apidocs/spot_v3_en/#websocket-market-streams
        streams_candles=False,
    )
    codes: ClassVar = error_tables.MEXC
    shapes: ClassVar = response_shapes.MEXC
    options: ClassVar[Mapping[str, Any]] = OPTIONS
    request_validity_ms: ClassVar = 5_000

    async def cancel_by_client_id(
        self, api: ExchangeApi, request: OrderRequest, *, priority: RequestPriority
    ) -> None:
        """ccxt would also send the id under a name that the exchange does not know."""
        params = {
            "symbol": api.client.market(request.symbol)["id"],
            "origClientOrderId": self.wire_id(request.client_order_id),
        }
        await api.execute("spotPrivateDeleteOrder", params, priority=priority)

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """Windows are halved while one is full: there are no pages.

        https://mexcdevelop.github.io/apidocs/spot_v3_en/#account-trade-list: a hundred trades at
        most, "only the transaction records in the past 1 month can be queried".

        Raises:
            Unavailable: more than a hundred trades in one millisecond.
        """
        params = {} if order_id is None else self.trade_params(order_id)
        now_ms, found = api.client.milliseconds(), list[CcxtDict]()
        if order_id is not None:
            raws = await api.read(
                "fetch_my_trades", symbol, None, _PAGE, dict(params), priority=priority,
                cost=self.trades_cost,
            )  # fmt: skip
            if len(raws) < _PAGE:
                return [raw for raw in raws if raw.get("order") == order_id]
        pending = [(max(since_ms, now_ms - _RETENTION_MS), now_ms)]
        while pending:
            start_ms, end_ms = pending.pop()
            raws = await api.read(
                "fetch_my_trades", symbol, start_ms, _PAGE, {**params, "until": end_ms},
                priority=priority, cost=self.trades_cost,
            )  # fmt: skip
            if len(raws) < _PAGE:
                found += raws
                continue
            if start_ms >= end_ms:
                raise Unavailable(f"the fills of {symbol} are too many to be listed")
            middle_ms = (start_ms + end_ms) // 2
            pending += [(start_ms, middle_ms), (middle_ms + 1, end_ms)]
        return [raw for raw in found if order_id in (None, raw.get("order"))]

    async def candles(
        self, api: ExchangeApi, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """With a start alone the newest candles are returned: the end is sent as well.

        https://mexcdevelop.github.io/apidocs/contract_v1_en/#k-line-data
        """
        return await fetch_candle_window(
            api, symbol, timeframe, since_ms=since_ms, limit=limit, sends_size=True
        )
