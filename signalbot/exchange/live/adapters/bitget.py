"""Bitget, classic (v2) accounts: stops and targets are "plan" orders in separate lists."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.orders import ForcedClose, OrderRequest, OrderType
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.order_lookup import TriggeredOrderLookup, find_in_lists
from signalbot.exchange.live.adapters.paging import all_rows, paged
from signalbot.exchange.live.adapters.spot import spot_capabilities
from signalbot.exchange.live.adapters.spot_market_buy import MarketBuyByCost
from signalbot.exchange.live.adapters.types import FoundOrder, SymbolMargin
from signalbot.exchange.live.capabilities import Capabilities, RateLimit
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_RATES = (RateLimit(cost=6_000, per_ms=60_000),)
_PLAN_PARAMS = {"trigger": True, "planType": "profit_loss"}  #: sized stops and targets alike
# A longer window returns its last 200 candles.
# https://www.bitget.com/api-doc/contract/market/Get-History-Candle-Data
_CANDLES = 200
_CROSS_LEVERAGES = ("crossedMarginLeverage",)
_ISOLATED_LEVERAGES = ("isolatedLongLever", "isolatedShortLever")
_PAGE, _MAX_PAGES = 100, 200
_RETENTION_MS = 89 * 86_400_000
_LIQUIDATION, _DELEVERAGING = ("burst", "reduce_"), "dte_sys_adl"  # reduce_: in part


class BitgetSwap(TriggeredOrderLookup):
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

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        return super().trigger_params(request, trigger_price) | {
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
        plans = await find_in_lists(
            api,
            ("fetch_open_orders", "fetch_canceled_and_closed_orders"),
            request.symbol,
            _PLAN_PARAMS | {"clientOrderId": wire_id},
            is_match=lambda raw: bool(raw.get("clientOrderId") == wire_id),
            priority=priority,
            cost=self.lookup_cost,
        )
        if not plans:
            return None
        found = self.to_found_order(plans[0])
        return await self.follow_triggered(api, found, request.symbol, priority)

    def triggered_order_id(self, raw: CcxtDict) -> str | None:
        order_id = raw["info"].get("executeOrderId")
        return order_id if order_id and raw.get("status") == "closed" else None

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
        return await _fetch_fills(
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
        """One request for each margin currency: a response holds only one."""
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

    async def symbol_margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        row = await self._account(api, symbol)
        is_isolated = row.get("marginMode") == "isolated"
        names = _ISOLATED_LEVERAGES if is_isolated else _CROSS_LEVERAGES
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


def _plan_type(request: OrderRequest) -> str:
    return "loss_plan" if request.type is OrderType.STOP else "profit_plan"


class BitgetSpot(MarketBuyByCost):
    """No stops: a plan order triggers from whichever side the price comes."""

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
        return await _fetch_fills(
            api,
            symbol,
            since_ms=since_ms,
            order_id=order_id,
            priority=priority,
            cost=self.trades_cost,
        )


async def _fetch_fills(
    api: ExchangeApi,
    symbol: str,
    *,
    since_ms: int,
    order_id: str | None,
    priority: RequestPriority,
    cost: int,
) -> list[CcxtDict]:
    """All fills since an instant, or of one order, newest first, of the last 90 days.

    https://www.bitget.com/api-doc/contract/trade/Get-Order-Fills and
    https://www.bitget.com/api-doc/spot/trade/Get-Fills: ``limit`` is at most 100, ``idLessThan``
    selects the page after the smallest id of a page.

    Raises:
        Unavailable: there are more than our orders can make.
    """
    now_ms = api.client.milliseconds()
    params = {"until": now_ms} if order_id is None else {"orderId": order_id}
    start_ms = max(since_ms, now_ms - _RETENTION_MS) if order_id is None else None

    async def fetch(after: Mapping[str, Any]) -> Sequence[CcxtDict]:
        page: Sequence[CcxtDict] = await api.read(
            "fetch_my_trades", symbol, start_ms, _PAGE, {**params, **after},
            priority=priority, cost=cost,
        )  # fmt: skip
        return page

    def after_smallest(page: Sequence[CcxtDict]) -> Mapping[str, Any]:
        return {"idLessThan": str(min(int(raw["id"]) for raw in page))}

    pages = paged(
        fetch,
        size=_PAGE,
        next_params=after_smallest,
        max_pages=_MAX_PAGES,
        name=f"the list of fills of {symbol}",
    )
    return [raw for raw in await all_rows(pages) if order_id in (None, raw.get("order"))]
