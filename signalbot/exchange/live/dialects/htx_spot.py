"""HTX's spot market: market buys are counted in dollars, and there are no stops that serve."""

from collections.abc import Sequence
from typing import ClassVar

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.base import Api, Create
from signalbot.exchange.live.dialects.coins import BuysByCost, spot_capabilities
from signalbot.exchange.live.dialects.htx import RATES
from signalbot.exchange.live.dialects.htx_codes import CODES
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw


class HtxSpot(BuysByCost):
    """No stops: only stop-limit orders exist, which a falling price can leave behind."""

    capabilities: ClassVar = spot_capabilities("htx", lookup="order by client id", rates=RATES)
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
            return await super().trades(api, symbol, lane=lane, since_ms=since_ms)
        raws: Sequence[Raw] = await api.read(
            "fetch_order_trades", order_id, symbol, lane=lane, cost=self.trades_cost
        )
        return raws
