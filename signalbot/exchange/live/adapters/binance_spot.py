"""Binance spot: every order, stops included, has one endpoint and one id all its life."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final

from signalbot.domain.orders import OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.binance_common import (
    MINUTE_MS,
    binance_key_permissions,
    parse_used_weight,
    trades_of_order,
    trades_since,
)
from signalbot.exchange.live.adapters.spot import SpotAdapter, spot_capabilities
from signalbot.exchange.live.adapters.types import FoundOrder, KeyPermissions
from signalbot.exchange.live.capabilities import RateLimit, StopSupport
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_DAY_MS = 86_400_000

_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({
    "fetchMarkets": {"types": ["spot"]},
    "recvWindow": 5_000,
})  # fmt: skip


class BinanceSpot(SpotAdapter):
    capabilities: ClassVar = spot_capabilities(
        "binance",
        stop_locks_coins=True,
        lookup="order by client id",
        rates=(RateLimit(cost=6_000, per_ms=MINUTE_MS, is_aligned=True),),
        stops=StopSupport.SEPARATE,
    )
    codes: ClassVar = error_tables.BINANCE_SPOT
    options: ClassVar = _OPTIONS
    shapes: ClassVar = response_shapes.BINANCE_SPOT
    lookup_cost: ClassVar = 4
    open_orders_cost: ClassVar = 6
    trades_cost: ClassVar = 20
    balance_cost: ClassVar = 20

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        return {}

    def to_found_order(self, raw: CcxtDict) -> FoundOrder:
        """The response to a new order holds its fills, without their time and side."""
        fills = [
            {**_trade(fill), "timestamp": raw.get("timestamp"), "side": raw.get("side")}
            for fill in raw.get("trades") or ()
        ]
        return super().to_found_order({**raw, "trades": fills})

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """Trades of an order at any time, or of all orders in windows of a day.

        https://developers.binance.com/docs/binance-spot-api-docs/rest-api/account-endpoints#account-trade-list-user_data
        """
        cost = self.trades_cost
        if order_id is not None:
            found = await trades_of_order(api, symbol, order_id, priority=priority, cost=cost)
        else:
            found = await trades_since(
                api, symbol, since_ms, span_ms=_DAY_MS, priority=priority, cost=cost
            )
        return [_trade(trade) for trade in found]

    def reported_usage(self, headers: Mapping[str, str]) -> Mapping[int, int]:
        return parse_used_weight(headers)

    async def key_permissions(self, api: ExchangeApi) -> KeyPermissions:
        return await binance_key_permissions(api, trading="enableSpotAndMarginTrading")


def _trade(raw: CcxtDict) -> dict[str, Any]:
    """A trade with an id unique in the account: the exchange's ids are unique in a market only."""
    return {**raw, "id": f"{raw['symbol']} {raw['id']}"}
