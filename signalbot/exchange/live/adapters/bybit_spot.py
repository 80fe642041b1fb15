"""Bybit's spot market."""

from collections.abc import Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Final

from signalbot.domain.errors import OrderRejected, RejectionReason
from signalbot.domain.money import text
from signalbot.domain.orders import OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.bybit import LOOKUP, RATES, BybitAdapter
from signalbot.exchange.live.adapters.spot import SpotAdapter, spot_capabilities
from signalbot.exchange.live.adapters.types import CreateOrderArgs
from signalbot.exchange.live.capabilities import StopSupport
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_TPSL: Final = MappingProxyType({"orderFilter": "tpslOrder"})


class BybitSpot(SpotAdapter, BybitAdapter):
    capabilities: ClassVar = spot_capabilities(
        "bybit",
        lookup=LOOKUP,
        rates=RATES,
        stops=StopSupport.SEPARATE,
        can_amend_stops=True,
        stop_locks_coins=True,
    )

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        """Spot orders are triggered by the last price only.

        https://bybit-exchange.github.io/docs/v5/order/create-order, ``orderFilter``: of a
        ``tpslOrder`` "the assets are occupied even before the order is triggered"; of a
        ``StopOrder`` they are not, so another order could have sold them by then.
        """
        return {"triggerPrice": text(trigger_price), **_TPSL}

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        return {} if request.trigger_price is None else dict(_TPSL)

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """Reject a trigger that the price has passed: it would wait for the price to return.

        A spot trigger has no direction, so the exchange accepts it.
        """
        trigger = parse_decimal(create.params.get("triggerPrice"))
        if trigger is not None:
            ticker = await api.read("fetch_ticker", create.symbol, priority=priority)
            last = parse_decimal(ticker.get("last"))
            if last is not None and (last <= trigger if create.side == "sell" else last >= trigger):
                raise OrderRejected(
                    f"the price, {last}, is beyond the trigger, {trigger}",
                    rejection_reason=RejectionReason.WOULD_TRIGGER,
                )
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
        """With the exchange's own fee currency; ccxt only guesses it."""
        raws = await super().trades(
            api, symbol, priority=priority, order_id=order_id, since_ms=since_ms
        )
        return [_with_fee_coin(raw) for raw in raws]


def _with_fee_coin(raw: CcxtDict) -> CcxtDict:
    coin = raw["info"].get("feeCurrency")
    return {**raw, "fee": {**(raw.get("fee") or {}), "currency": coin}} if coin else raw
