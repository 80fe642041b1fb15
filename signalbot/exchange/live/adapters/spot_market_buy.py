"""Market buys at exchanges that count them in the quote currency."""

from dataclasses import replace
from decimal import Decimal

from signalbot.domain.errors import Unavailable
from signalbot.domain.money import text
from signalbot.exchange.live.adapters.error_responses import while_building
from signalbot.exchange.live.adapters.spot import SpotAdapter
from signalbot.exchange.live.adapters.types import CreateOrderArgs
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_MAX_PRICE_FACTOR = Decimal("1.01")
_IMMEDIATE_OR_CANCEL = {"timeInForce": "IOC"}


class MarketBuyByCost(SpotAdapter):
    """Sends a market buy as an IOC limit order, one percent above the best offer.

    The exchange counts market buys in the quote currency, but orders here are in coins: so the
    exact quantity is bought at the market's price, and never far from it.
    """

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        if create.type == "market" and create.side == "buy":
            create = await self._as_limit_order(api, create, priority)
        return await super().send(api, create, priority)

    async def _as_limit_order(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CreateOrderArgs:
        ticker = await api.read("fetch_ticker", create.symbol, priority=priority)
        best_offer = parse_decimal(ticker.get("ask")) or parse_decimal(ticker.get("last"))
        if best_offer is None:
            raise Unavailable(f"never sent: {create.symbol} has no ask price")
        with while_building():
            limit = api.client.price_to_precision(
                create.symbol, text(best_offer * _MAX_PRICE_FACTOR)
            )
        return replace(
            create, type="limit", price=limit, params={**create.params, **_IMMEDIATE_OR_CANCEL}
        )
