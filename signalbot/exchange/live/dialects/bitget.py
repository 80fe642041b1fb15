"""Bitget, classic (v2) accounts: stops and targets are "plan" orders with lists of their own."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from signalbot.domain.book import Balance
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.orders import Forced, OrderRequest, OrderType
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.capability import Capabilities, Rate
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.base import Api, Dialect, Found, Margin
from signalbot.exchange.live.dialects.bitget_codes import CODES
from signalbot.exchange.live.dialects.bitget_fills import fills
from signalbot.exchange.live.dialects.coins import BuysByCost, spot_capabilities
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

_RATES = (Rate(cost=6_000, per_ms=60_000),)
_PLANS = {"trigger": True, "planType": "profit_loss"}  #: sized stops and targets alike
# Of a longer window the last 200 are told.
# https://www.bitget.com/api-doc/contract/market/Get-History-Candle-Data
_CANDLES = 200
_LIQUIDATION, _DELEVERAGING = ("burst", "reduce_"), "dte_sys_adl"  # reduce_: in part


class BitgetSwap(Dialect):
    capabilities: ClassVar = Capabilities(
        exchange="bitget",
        kind=MarketKind.SWAP,
        lookup="order by client id; stops and targets among pending, then past plan orders",
        rates=_RATES,
        orders_kept_days=90,
        fills_kept_days=90,
        candle_page=_CANDLES,
    )
    codes: ClassVar = CODES
    shapes: ClassVar = shapes.BITGET
    says_margin_mode: ClassVar = True
    options: ClassVar[Mapping[str, Any]] = {"uta": False}  # else ccxt guesses, and keeps its guess
    validity_ms: ClassVar = 30_000

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return super().trigger_params(request) | {
            "planType": _plan_type(request),  # without it: the whole position, whatever our size
            "triggerType": "fill_price",
        }

    def conditional(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return {"trigger": True, "planType": _plan_type(request)}

    async def lookup(
        self, api: Api, request: OrderRequest, *, lane: Lane, order_id: str | None = None
    ) -> Found | None:
        if request.trigger_price is None:
            return await super().lookup(api, request, lane=lane, order_id=order_id)
        wire_id = self.wire_id(request.client_order_id)
        for method in ("fetch_open_orders", "fetch_canceled_and_closed_orders"):
            raws = await api.read(
                method, request.symbol, None, None, _PLANS | {"clientOrderId": wire_id},
                lane=lane, cost=self.lookup_cost,
            )  # fmt: skip
            for raw in raws:
                if raw.get("clientOrderId") == wire_id:
                    return await self._became(api, self.found(raw), request.symbol, lane)
        return None

    async def _became(self, api: Api, plan: Found, symbol: str, lane: Lane) -> Found:
        """A plan that was executed goes on as another order, under another id."""
        order_id = plan.raw["info"].get("executeOrderId")
        if not order_id or plan.raw.get("status") != "closed":
            return plan
        raw = await self.maybe(api, "fetch_order", order_id, symbol, {}, lane=lane)
        return plan if raw is None else Found(raw=raw, wire_id=plan.wire_id)

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        return ({}, _PLANS, {"trigger": True, "planType": "normal_plan"})

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        return await fills(
            api, symbol, since_ms=since_ms, order_id=order_id, lane=lane, cost=self.trades_cost
        )

    def forced(self, trade: Raw) -> Forced | None:
        kind = str(trade["info"].get("tradeSide", ""))
        if kind.startswith(_DELEVERAGING):
            return Forced.DELEVERAGING
        return Forced.LIQUIDATION if kind.startswith(_LIQUIDATION) else None

    async def holdings(self, api: Api, symbols: Collection[str], *, lane: Lane) -> Sequence[Raw]:
        """One question for each margin currency: an answer holds only one."""
        by_settle: dict[str, list[str]] = {}
        for symbol in symbols:
            by_settle.setdefault(api.client.market(symbol)["settle"], []).append(symbol)
        found: list[Raw] = []
        for group in by_settle.values():
            found += await super().holdings(api, group, lane=lane)
        return found

    async def balance(self, api: Api, currency: str, *, now_ms: Ms, lane: Lane) -> Balance:
        params = {"type": "swap", "productType": f"{currency}-FUTURES"}
        raw = await api.read("fetch_balance", params, lane=lane, cost=self.balance_cost)
        row: Raw = next((each for each in raw["info"] if each.get("marginCoin") == currency), {})
        equity = number(row.get("accountEquity")) or ZERO
        usable = [
            value
            for name in ("crossedMaxAvailable", "isolatedMaxAvailable")
            if (value := number(row.get(name))) is not None
        ]
        free = min(usable) if usable else number(row.get("available")) or ZERO
        return Balance(equity=equity, free=free, as_of_ms=now_ms)

    async def is_one_way(self, api: Api, symbol: str) -> bool | None:
        mode = (await self._account(api, symbol)).get("posMode")
        return None if mode is None else bool(mode == "one_way_mode")

    async def margin(self, api: Api, symbol: str, *, wanted: MarginMode | None = None) -> Margin:
        row = await self._account(api, symbol)
        is_isolated = row.get("marginMode") == "isolated"
        names = ("isolatedLongLever", "isolatedShortLever") if is_isolated else _CROSSED
        levers = [value for name in names if (value := number(row.get(name))) is not None]
        return Margin(
            leverage=int(max(levers)) if levers else None,
            mode=MarginMode.ISOLATED if is_isolated else MarginMode.CROSS,
        )

    async def _account(self, api: Api, symbol: str) -> Raw:
        market = api.client.market(symbol)
        answer = await api.read(
            "privateMixGetV2MixAccountAccount",
            {
                "symbol": market["id"],
                "productType": f"{market['settle']}-FUTURES",
                "marginCoin": market["settleId"],
            },
            lane=Lane.POLL,
        )
        row: Raw = answer["data"]
        return row


_CROSSED = ("crossedMarginLeverage",)


def _plan_type(request: OrderRequest) -> str:
    return "loss_plan" if request.type is OrderType.STOP else "profit_plan"


class BitgetSpot(BuysByCost):
    """No stops: a plan order there fires from whichever side the price comes."""

    capabilities: ClassVar = spot_capabilities(
        "bitget",
        lookup="order by client id",
        rates=_RATES,
        orders_kept_days=90,
        fills_kept_days=90,
        candle_page=_CANDLES,
    )
    codes: ClassVar = CODES
    shapes: ClassVar = shapes.BITGET
    options: ClassVar[Mapping[str, Any]] = BitgetSwap.options
    validity_ms: ClassVar = 30_000

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        return await fills(
            api, symbol, since_ms=since_ms, order_id=order_id, lane=lane, cost=self.trades_cost
        )
