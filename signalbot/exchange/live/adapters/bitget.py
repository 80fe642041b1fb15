"""Bitget, classic (v2) accounts: stops and targets are "plan" orders with lists of their own."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.orders import ForcedClose, OrderRequest, OrderType
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.base import ExchangeAdapter, FoundOrder, SymbolMargin
from signalbot.exchange.live.adapters.bitget_fills import fetch_fills
from signalbot.exchange.live.adapters.spot_market_buy import MarketBuyByCost, spot_capabilities
from signalbot.exchange.live.capabilities import Capabilities, RateLimit
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

_RATES = (RateLimit(cost=6_000, per_ms=60_000),)
_PLAN_PARAMS = {"trigger": True, "planType": "profit_loss"}  #: sized stops and targets alike
# Of a longer window the last 200 are told.
# https://www.bitget.com/api-doc/contract/market/Get-History-Candle-Data
_CANDLES = 200
_LIQUIDATION, _DELEVERAGING = ("burst", "reduce_"), "dte_sys_adl"  # reduce_: in part


class BitgetSwap(ExchangeAdapter):
    capabilities: ClassVar = Capabilities(
        exchange="bitget",
        kind=MarketKind.SWAP,
        lookup="order by client id; stops and targets among pending, then past plan orders",
        rates=_RATES,
        order_retention_days=90,
        fill_retention_days=90,
        candle_page=_CANDLES,
    )
    codes: ClassVar = error_tables.BITGET
    shapes: ClassVar = response_shapes.BITGET
    sends_margin_mode: ClassVar = True
    options: ClassVar[Mapping[str, Any]] = {"uta": False}  # else ccxt guesses, and keeps its guess
    request_validity_ms: ClassVar = 30_000

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return super().trigger_params(request) | {
            "planType": _plan_type(request),  # without it: the whole position, whatever our size
            "triggerType": "fill_price",
        }

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return {"trigger": True, "planType": _plan_type(request)}

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        if request.trigger_price is None:
            return await super().lookup(api, request, priority=priority, order_id=order_id)
        wire_id = self.wire_id(request.client_order_id)
        for method in ("fetch_open_orders", "fetch_canceled_and_closed_orders"):
            raws = await api.read(
                method, request.symbol, None, None, _PLAN_PARAMS | {"clientOrderId": wire_id},
                priority=priority, cost=self.lookup_cost,
            )  # fmt: skip
            for raw in raws:
                if raw.get("clientOrderId") == wire_id:
                    return await self._triggered_order(
                        api, self.to_found_order(raw), request.symbol, priority
                    )
        return None

    async def _triggered_order(
        self, api: ExchangeApi, plan: FoundOrder, symbol: str, priority: RequestPriority
    ) -> FoundOrder:
        """A plan that was executed goes on as another order, under another id."""
        order_id = plan.raw["info"].get("executeOrderId")
        if not order_id or plan.raw.get("status") != "closed":
            return plan
        raw = await self.read_or_none(api, "fetch_order", order_id, symbol, {}, priority=priority)
        return plan if raw is None else FoundOrder(raw=raw, wire_id=plan.wire_id)

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        return ({}, _PLAN_PARAMS, {"trigger": True, "planType": "normal_plan"})

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        return await fetch_fills(
            api,
            symbol,
            since_ms=since_ms,
            order_id=order_id,
            priority=priority,
            cost=self.trades_cost,
        )

    def forced_reason(self, trade: CcxtDict) -> ForcedClose | None:
        kind = str(trade["info"].get("tradeSide", ""))
        if kind.startswith(_DELEVERAGING):
            return ForcedClose.DELEVERAGING
        return ForcedClose.LIQUIDATION if kind.startswith(_LIQUIDATION) else None

    async def holdings(
        self, api: ExchangeApi, symbols: Collection[str], *, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        """One question for each margin currency: an answer holds only one."""
        by_settle: dict[str, list[str]] = {}
        for symbol in symbols:
            by_settle.setdefault(api.client.market(symbol)["settle"], []).append(symbol)
        found: list[CcxtDict] = []
        for group in by_settle.values():
            found += await super().holdings(api, group, priority=priority)
        return found

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        params = {"type": "swap", "productType": f"{currency}-FUTURES"}
        raw = await api.read("fetch_balance", params, priority=priority, cost=self.balance_cost)
        row: CcxtDict = next(
            (each for each in raw["info"] if each.get("marginCoin") == currency), {}
        )
        equity = parse_decimal(row.get("accountEquity")) or ZERO
        usable = [
            value
            for name in ("crossedMaxAvailable", "isolatedMaxAvailable")
            if (value := parse_decimal(row.get(name))) is not None
        ]
        free = min(usable) if usable else parse_decimal(row.get("available")) or ZERO
        return Balance(equity=equity, free=free, as_of_ms=now_ms)

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        mode = (await self._account(api, symbol)).get("posMode")
        return None if mode is None else bool(mode == "one_way_mode")

    async def margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        row = await self._account(api, symbol)
        is_isolated = row.get("marginMode") == "isolated"
        names = ("isolatedLongLever", "isolatedShortLever") if is_isolated else _CROSSED
        levers = [value for name in names if (value := parse_decimal(row.get(name))) is not None]
        return SymbolMargin(
            leverage=int(max(levers)) if levers else None,
            mode=MarginMode.ISOLATED if is_isolated else MarginMode.CROSS,
        )

    async def _account(self, api: ExchangeApi, symbol: str) -> CcxtDict:
        market = api.client.market(symbol)
        response = await api.read(
            "privateMixGetV2MixAccountAccount",
            {
                "symbol": market["id"],
                "productType": f"{market['settle']}-FUTURES",
                "marginCoin": market["settleId"],
            },
            priority=RequestPriority.POLL,
        )
        row: CcxtDict = response["data"]
        return row


_CROSSED = ("crossedMarginLeverage",)


def _plan_type(request: OrderRequest) -> str:
    return "loss_plan" if request.type is OrderType.STOP else "profit_plan"


class BitgetSpot(MarketBuyByCost):
    """No stops: a plan order there fires from whichever side the price comes."""

    capabilities: ClassVar = spot_capabilities(
        "bitget",
        lookup="order by client id",
        rates=_RATES,
        order_retention_days=90,
        fill_retention_days=90,
        candle_page=_CANDLES,
    )
    codes: ClassVar = error_tables.BITGET
    shapes: ClassVar = response_shapes.BITGET
    options: ClassVar[Mapping[str, Any]] = BitgetSwap.options
    request_validity_ms: ClassVar = 30_000

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        return await fetch_fills(
            api,
            symbol,
            since_ms=since_ms,
            order_id=order_id,
            priority=priority,
            cost=self.trades_cost,
        )
