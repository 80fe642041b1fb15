"""MEXC's spot market; there are no stops."""

from collections.abc import Mapping
from typing import Any, ClassVar

from signalbot.domain.orders import OrderRequest
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.dialects.coins import spot_capabilities
from signalbot.exchange.live.dialects.mexc import OPTIONS, RATES
from signalbot.exchange.live.dialects.mexc_codes import CODES
from signalbot.exchange.live.dialects.spot import SpotDialect
from signalbot.exchange.live.lanes import Lane


class MexcSpot(SpotDialect):
    capabilities: ClassVar = spot_capabilities("mexc", lookup="order by client id", rates=RATES)
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
