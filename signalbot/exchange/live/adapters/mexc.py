"""MEXC's perpetuals: orders are found by external id, plan orders only by their fields."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from signalbot.domain.errors import OrderRejected
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.orders import ForcedClose, OrderRequest
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.error_responses import rejected_order_error, while_building
from signalbot.exchange.live.adapters.mexc_account import MexcAccountRequests
from signalbot.exchange.live.adapters.mexc_lists import fetch_pages, fetch_since
from signalbot.exchange.live.adapters.mexc_orders import order_params, parse_order
from signalbot.exchange.live.adapters.mexc_plan_orders import (
    LIFETIME_MS,
    fetch_active_plans,
    find_plan,
    is_plan_of,
    parse_plan,
    plan_params,
    triggered_order_id,
)
from signalbot.exchange.live.adapters.order_lookup import TriggeredOrderLookup
from signalbot.exchange.live.adapters.paging import fetch_candle_window
from signalbot.exchange.live.adapters.types import CreateOrderArgs, FoundOrder
from signalbot.exchange.live.capabilities import (
    MINUTES_TO_FOUR_HOURS,
    Capabilities,
    QuantityUnit,
    RateLimit,
)
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.error_codes import OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

RATES: Final = (RateLimit(cost=500, per_ms=10_000),)
OPTIONS: Final[Mapping[str, Any]] = {"recvWindow": 5_000}
_MODE_FLAGS = frozenset(("reduceOnly", "positionMode"))
_BUYS = ("1", "2")  # open long, close short; 3 and 4 sell
_FORCED = {"2": ForcedClose.LIQUIDATION, "4": ForcedClose.DELEVERAGING}
_PARAMETER_REJECTED = '"600"'
_CREATE, _CREATE_PLAN = "contractPrivatePostOrderCreate", "contractPrivatePostPlanorderPlace"


class MexcSwap(MexcAccountRequests, TriggeredOrderLookup):
    capabilities: ClassVar = Capabilities(
        exchange="mexc",
        kind=MarketKind.SWAP,
        unit=QuantityUnit.CONTRACTS,
        stop_lifetime_ms=LIFETIME_MS,
        client_id="32 hex digits; stops and targets carry none",
        lookup="order by either id; stops and targets by side, size, trigger price and time",
        rates=RATES,
        order_retention_days=90,
        fill_retention_days=90,
        timeframes=MINUTES_TO_FOUR_HOURS | {Timeframe.D1},
    )
    codes: ClassVar = error_tables.MEXC
    shapes: ClassVar = response_shapes.MEXC
    sends_margin_mode: ClassVar = True
    has_lists_by_symbol: ClassVar = False
    options: ClassVar[Mapping[str, Any]] = OPTIONS
    request_validity_ms: ClassVar = 10_000

    def __init__(self) -> None:
        self._is_flag_rejected = False  #: then stops and targets are sent without ``_MODE_FLAGS``

    async def candles(
        self, api: ExchangeApi, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """With a start alone the newest candles are returned: the end is sent as well.

        https://mexcdevelop.github.io/apidocs/contract_v1_en/#k-line-data
        """
        return await fetch_candle_window(
            api, symbol, timeframe, since_ms=since_ms, limit=limit, sends_size=True
        )

    # --- identity -------------------------------------------------------------------------

    def to_found_order(self, raw: CcxtDict) -> FoundOrder:
        info = raw.get("info") or {}
        wire_id = info.get("externalOid")
        if "triggerType" in info:  # a plan order also names the order it may become
            raw = {**raw, "id": str(info["id"])}
        return FoundOrder(raw=raw, wire_id=str(wire_id) if wire_id else None)

    def matches_without_id(
        self, raw: CcxtDict, request: OrderRequest, instrument: Instrument
    ) -> bool:
        return is_plan_of(request, raw["info"], instrument.contract_size)

    # --- sending --------------------------------------------------------------------------

    def extra_params(self, request: OrderRequest) -> dict[str, Any]:
        return {"leverage": request.leverage}

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        return plan_params(request, trigger_price)

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """ccxt drops ``reduceOnly``, which alone keeps an order from opening in one-way mode.

        https://mexcdevelop.github.io/apidocs/contract_v1_en/ (Order): "reduceOnly: Default false,
        For one-way positions, if you need to only reduce positions, pass in true". The same page
        has "positionMode ... default: the user's current config", the newer one has "default
        dual-side" (https://www.mexc.com/api-docs/futures/account-and-trading-endpoints): it is
        always sent, and an account that its owner has switched to hedge mode rejects the order.
        The older page of plan orders has neither: once they are rejected, plan orders are sent
        without them.

        Raises:
            OrderRejected, OrderOutcomeUnknown, Unavailable: by the code in the response.
        """
        with while_building():
            request_params = order_params(api, create)
        if "triggerPrice" not in create.params:
            return await self._post_order(api, _CREATE, request_params, create, priority)
        bare = {name: value for name, value in request_params.items() if name not in _MODE_FLAGS}
        if self._is_flag_rejected or bare == request_params:
            return await self._post_order(api, _CREATE_PLAN, bare, create, priority)
        try:
            return await self._post_order(api, _CREATE_PLAN, request_params, create, priority)
        except OrderRejected as e:
            if _PARAMETER_REJECTED not in str(e) and ":600," not in str(e):
                raise
        raw = await self._post_order(api, _CREATE_PLAN, bare, create, priority)
        self._is_flag_rejected = True
        return raw

    async def _post_order(
        self,
        api: ExchangeApi,
        method: str,
        request_params: Mapping[str, Any],
        create: CreateOrderArgs,
        priority: RequestPriority,
    ) -> CcxtDict:
        response = await api.execute(
            method, dict(request_params), priority=priority, cost=self.order_cost
        )
        reported = response.get("data")
        order_id = reported.get("orderId") if isinstance(reported, dict) else reported
        raw: CcxtDict = {
            "id": None if order_id is None else str(order_id),
            "symbol": create.symbol,
            "timestamp": reported.get("ts") if isinstance(reported, dict) else None,
            "info": {},
        }
        return raw

    async def cancel_by_id(
        self, api: ExchangeApi, request: OrderRequest, order_id: str, *, priority: RequestPriority
    ) -> None:
        """A plan order has this id only; for others the response has a result for each id."""
        if request.trigger_price is not None:
            params = {"trigger": True}
            await api.execute("cancel_order", order_id, request.symbol, params, priority=priority)
            return
        response = await api.execute(
            "contractPrivatePostOrderCancel", [int(order_id)], priority=priority
        )
        self._raise_rejection(api, response, priority)

    async def cancel_by_client_id(
        self, api: ExchangeApi, request: OrderRequest, *, priority: RequestPriority
    ) -> None:
        """A plan order has no client order id: it is looked up first.

        Raises:
            OrderNotFound: no list holds the order.
        """
        if request.trigger_price is not None:
            found = await self.lookup(api, request, priority=priority)
            if found is None:
                raise OrderNotFound(f"no order {request.client_order_id} to cancel")
            await self.cancel_by_id(api, request, str(found.raw["id"]), priority=priority)
            return
        market_id = api.client.market(request.symbol)["id"]
        named = {"symbol": market_id, "externalOid": self.wire_id(request.client_order_id)}
        response = await api.execute(
            "contractPrivatePostOrderCancelWithExternal", [named], priority=priority
        )
        self._raise_rejection(api, response, priority)

    def _raise_rejection(
        self, api: ExchangeApi, response: CcxtDict, priority: RequestPriority
    ) -> None:
        for row in response.get("data") or ():
            code = str(row.get("errorCode") or "0") if isinstance(row, dict) else "0"
            if code != "0":
                raise api.apply_error(
                    rejected_order_error(code, row.get("errorMsg"), codes=self.codes),
                    priority=priority,
                )

    # --- reading --------------------------------------------------------------------------

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        wire_id = self.wire_id(request.client_order_id)
        if request.trigger_price is not None:
            return await self._find_plan_order(api, request, priority, order_id)
        found = (
            None
            if order_id is None
            else await self._fetch_order(api, request.symbol, order_id, priority)
        )
        if found is not None:
            return found
        market = api.client.market(request.symbol)
        response = await self.read_or_none(
            api, "contractPrivateGetOrderExternalSymbolExternalOid",
            {"symbol": market["id"], "external_oid": wire_id}, priority=priority,
        )  # fmt: skip
        row = (response or {}).get("data")
        return None if not row else self.to_found_order(parse_order(api, row, market))

    async def _fetch_order(
        self, api: ExchangeApi, symbol: str, order_id: str, priority: RequestPriority
    ) -> FoundOrder | None:
        response = await self.read_or_none(
            api, "contractPrivateGetOrderGetOrderId", {"order_id": order_id}, priority=priority
        )
        row = (response or {}).get("data")
        return (
            None
            if not row
            else self.to_found_order(parse_order(api, row, api.client.market(symbol)))
        )

    async def _find_plan_order(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        priority: RequestPriority,
        order_id: str | None,
    ) -> FoundOrder | None:
        row = await find_plan(api, request, order_id, priority)
        if row is None:
            return None
        wire_id = self.wire_id(request.client_order_id)
        plan = FoundOrder(raw=parse_plan(row, request.symbol), wire_id=wire_id)
        return await self.follow_triggered(api, plan, request.symbol, priority)

    def triggered_order_id(self, raw: CcxtDict) -> str | None:
        return triggered_order_id(raw["info"])

    async def fetch_triggered(
        self, api: ExchangeApi, order_id: str, symbol: str, priority: RequestPriority
    ) -> CcxtDict | None:
        found = await self._fetch_order(api, symbol, order_id, priority)
        return None if found is None else found.raw

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: Collection[str],
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> Sequence[FoundOrder]:
        """One list holds the orders of every symbol, another the stops and targets."""
        markets = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        listed: list[FoundOrder] = []
        if is_conditional is not True:
            rows = await fetch_pages(
                api, "contractPrivateGetOrderListOpenOrders", {}, priority=priority
            )
            for row in rows:
                if row["symbol"] in markets:
                    market = api.client.market(markets[row["symbol"]])
                    listed.append(self.to_found_order(parse_order(api, row, market)))
        if is_conditional is not False:
            listed += [
                self.to_found_order(parse_plan(row, markets[row["symbol"]]))
                for row in await fetch_active_plans(api, priority)
                if row["symbol"] in markets
            ]
        return listed

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        """The list of plan orders is read in two windows: one goes back seven days."""
        return ({}, {"trigger": True}, {"trigger": True})

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """All pages of all windows; those of one order in one request.

        ccxt takes "close short" for a sale and does not know the two other sides.
        """
        if order_id is None:
            market = api.client.market(symbol)
            rows = await fetch_since(
                api, "contractPrivateGetOrderListOrderDeals", {"symbol": market["id"]},
                since_ms=since_ms, priority=priority,
            )  # fmt: skip
            raws = [api.client.parse_trade(row, market) for row in rows]
        else:
            raws = await api.read(
                "fetch_order_trades", order_id, symbol, priority=priority, cost=self.trades_cost
            )
        return [{**raw, "side": _side(raw["info"])} for raw in raws]

    def forced_reason(self, trade: CcxtDict) -> ForcedClose | None:
        """``category`` 2: a position that the liquidation system took over."""
        return _FORCED.get(str(trade["info"].get("category")))


def _side(info: CcxtDict) -> str:
    return "buy" if str(info.get("side")) in _BUYS else "sell"
