"""HTX's perpetuals: rejections come with status 200, client order ids are integers.

A client order id is known for eight hours while its order rests and not at all once it has ended,
so orders are found by the exchange's id, or among the open and the past ones.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import ClientOrderId, ForcedClose, OrderRequest, OrderType
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.error_responses import rejected_order_error, while_building
from signalbot.exchange.live.adapters.htx_account import HtxAccountRequests
from signalbot.exchange.live.adapters.htx_lists import (
    DAY_MS,
    ORDER_RETENTION_MS,
    SUCCESS,
    fetch_fills,
    fetch_pages,
    fetch_rows,
    fetch_since,
    parse_rows,
)
from signalbot.exchange.live.adapters.htx_params import (
    ALGO_ENDPOINT,
    ORDER_ENDPOINT,
    algo_kind,
    client_id_name,
    endpoint_of,
    id_name,
    without_flag,
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
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

RATES = (RateLimit(cost=240, per_ms=3_000),)
_FORCED = {"3": ForcedClose.LIQUIDATION, "22": ForcedClose.DELEVERAGING}  #: by order_type of a fill
_ID_DIGITS = 13  # 52 bits: ccxt sends the id through a float
_ID_LIMIT = 1 << 4 * _ID_DIGITS
_MIN_ID = 10**9  # one in four million of our ids is smaller
# "failed": it was accepted, and its order was rejected when it triggered.
_ENDED = {"effective": "closed", "failed": "canceled", "canceling": "open"}
_SKEW_MS = 60_000  # how far our clock may be ahead of the exchange's
_ALGO_KINDS = ("sl", "tp", "tpsl", "trigger")
_FLAG_REJECTED = frozenset(("1066", "1067"))  # a parameter that is missing or invalid


class HtxSwap(HtxAccountRequests, TriggeredOrderLookup):
    """USDT-margined contracts; every order names its margin mode, cross or isolated."""

    capabilities: ClassVar = Capabilities(
        exchange="htx",
        kind=MarketKind.SWAP,
        unit=QuantityUnit.CONTRACTS,
        client_id="an integer of the first 52 bits",
        lookup="by the exchange's id, by client id while that lives, then open and past orders",
        rates=RATES,
        client_id_retention="8 h while it rests, not at all once ended",
        order_retention_days=90,
        fill_retention_days=3,
        timeframes=MINUTES_TO_FOUR_HOURS,  # days open at 16:00 UTC
        candle_page=1_000,
    )
    codes: ClassVar = error_tables.HTX
    shapes: ClassVar = response_shapes.HTX
    request_validity_ms: ClassVar = 60_000
    sends_margin_mode: ClassVar = True
    has_lists_by_symbol: ClassVar = False
    open_orders_cost: ClassVar = 1

    def __init__(self) -> None:
        self._is_flag_rejected = False  #: then stops and targets are sent without ``reduce_only``

    async def candles(
        self, api: ExchangeApi, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """A request with ``size`` ignores ``from`` and ``to``.

        https://www.htx.com/en-us/opend (USDT-M, Get KLine Data)
        """
        return await fetch_candle_window(
            api, symbol, timeframe, since_ms=since_ms, limit=limit, sends_size=False
        )

    # --- identity -------------------------------------------------------------------------

    def wire_id(self, client_order_id: ClientOrderId) -> str:
        return str(int(client_order_id[:_ID_DIGITS], 16) or 1)

    def is_own_order_id(self, wire_id: str | None) -> bool:
        if wire_id is None or not wire_id.isdecimal():
            return False
        return _MIN_ID <= int(wire_id) < _ID_LIMIT

    def to_found_order(self, raw: CcxtDict) -> FoundOrder:
        """With the order's id, where ccxt takes the row's, and the end states of algo orders.

        An order without a client order id is listed with the exchange's in its place.
        """
        info = raw.get("info") or {}
        order_id = info.get("algo_id") or info.get("order_id")
        wire_id = info.get("algo_client_order_id") or info.get("client_order_id")
        status = raw.get("status")
        reported: dict[str, Any] = {"id": order_id, "status": _ENDED.get(str(status), status)}
        if "algo_id" in info:
            reported |= {"filled": info.get("actual_volume"), "average": info.get("actual_price")}
        return FoundOrder(raw={**raw, **reported}, wire_id=str(wire_id) if wire_id else None)

    # --- sending --------------------------------------------------------------------------

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        """``position_side`` is required, "both" where positions net: 1067 without it.

        https://www.htx.com/en-us/opend (USDT-M v5, Place Algo Order)
        """
        kind = algo_kind(request)
        return super().trigger_params(request, trigger_price) | {
            f"{kind}_type": "market",
            f"{kind}_trigger_price_type": "last",
            "position_side": "both",
            "reduce_only": 1,
        }

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """ccxt builds the request; its response is read here: ccxt ignores codes it does not know.

        Clients disagree on whether algo orders take ``reduce_only``: once it has been rejected
        they are sent without it.

        Raises:
            OrderRejected, OrderOutcomeUnknown, Unavailable: by the code in the response.
        """
        with while_building():
            request = api.client.create_contract_order_request(*create.positional_args)
        is_plan = not {"stopLossPrice", "takeProfitPrice"}.isdisjoint(create.params)
        if not is_plan:
            return await self._post_order(
                api, "contractPrivatePostV5TradeOrder", request, create, priority
            )
        method, bare = "contractPrivatePostV5AlgoOrder", without_flag(request)
        if self._is_flag_rejected:
            return await self._post_order(api, method, bare, create, priority)
        try:
            return await self._post_order(api, method, request, create, priority)
        except OrderRejected as e:
            if not any(code in str(e) for code in _FLAG_REJECTED):
                raise
        raw = await self._post_order(api, method, bare, create, priority)
        self._is_flag_rejected = True
        return raw

    async def _post_order(
        self,
        api: ExchangeApi,
        method: str,
        request: Mapping[str, Any],
        create: CreateOrderArgs,
        priority: RequestPriority,
    ) -> CcxtDict:
        response = await api.execute(method, dict(request), priority=priority, cost=self.order_cost)
        self._raise_rejection(api, response, priority)
        row = next(iter(parse_rows(response)), {})
        raw: CcxtDict = api.client.parse_order(row, api.client.market(create.symbol))
        return raw

    def _raise_rejection(
        self, api: ExchangeApi, response: Mapping[str, Any], priority: RequestPriority
    ) -> None:
        row = next(iter(parse_rows(response)), {})
        for each in (response, row):
            if str(each.get("code", SUCCESS)) != SUCCESS:
                error = rejected_order_error(each["code"], each.get("message"), codes=self.codes)
                raise api.apply_error(error, priority=priority)

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return {"stopLoss" if request.type is OrderType.STOP else "takeProfit": True}

    async def cancel_by_id(
        self, api: ExchangeApi, request: OrderRequest, order_id: str, *, priority: RequestPriority
    ) -> None:
        await self._cancel(api, request, {id_name(request): order_id}, priority)

    async def cancel_by_client_id(
        self, api: ExchangeApi, request: OrderRequest, *, priority: RequestPriority
    ) -> None:
        wire_id = self.wire_id(request.client_order_id)
        await self._cancel(api, request, {client_id_name(request): wire_id}, priority)

    async def _cancel(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        named: Mapping[str, str],
        priority: RequestPriority,
    ) -> None:
        """ccxt reports every order as cancelled, whatever the response."""
        request_params: Any = {"contract_code": api.client.market(request.symbol)["id"], **named}
        method = "contractPrivatePostV5TradeCancelOrder"
        if request.trigger_price is not None:
            request_params, method = [request_params], "contractPrivatePostV5AlgoCancelOrders"
        self._raise_rejection(
            api, await api.execute(method, request_params, priority=priority), priority
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
        """By either id, then among the open and the past orders.

        Raises:
            OrderOutcomeUnknown: it was sent before the oldest order that is listed.
        """
        wire_id = self.wire_id(request.client_order_id)
        for name, value in ((id_name(request), order_id), (client_id_name(request), wire_id)):
            params = self._lookup_endpoint(api, request) | {name: value}
            rows = (
                []
                if value is None
                else await fetch_rows(api, endpoint_of(request), params, priority=priority)
            )
            for found in self._parsed(api, rows, request.symbol):
                if wire_id == found.wire_id or found.raw["id"] == order_id:
                    return await self.follow_triggered(api, found, request.symbol, priority)
        return await self._find_in_lists(api, request, priority)

    def _lookup_endpoint(self, api: ExchangeApi, request: OrderRequest) -> dict[str, Any]:
        market_id = api.client.market(request.symbol)["id"]
        kind = {} if request.trigger_price is None else {"type": algo_kind(request)}
        return {"contract_code": market_id, **kind}

    async def _find_in_lists(
        self, api: ExchangeApi, request: OrderRequest, priority: RequestPriority
    ) -> FoundOrder | None:
        where, place = self._lookup_endpoint(api, request), endpoint_of(request)
        wire_id = self.wire_id(request.client_order_id)
        lists = [fetch_pages(api, f"{place}Opens", where, priority=priority)]
        now_ms = api.client.milliseconds()
        since_ms = max(0, request.intended_at_ms - _SKEW_MS)
        kept_ms = now_ms - ORDER_RETENTION_MS + DAY_MS
        # History is listed by margin mode; algo orders of both modes are in one list.
        modes = (
            ({},)
            if request.trigger_price is not None
            else tuple({"margin_mode": mode.value} for mode in MarginMode)
        )
        lists += [
            fetch_since(
                api,
                f"{place}History",
                where | mode,
                since_ms=max(since_ms, kept_ms),
                priority=priority,
            )
            for mode in modes
        ]
        for each in lists:
            async for rows in each:
                for found in self._parsed(api, rows, request.symbol):
                    if found.wire_id == wire_id:
                        return await self.follow_triggered(api, found, request.symbol, priority)
        if request.intended_at_ms and since_ms < kept_ms:
            raise OrderOutcomeUnknown("orders that old are not listed any more")
        return None

    def triggered_order_id(self, raw: CcxtDict) -> str | None:
        order_id = raw["info"].get("relation_order_id")
        return None if raw["status"] != "closed" or order_id in (None, "", "-1") else order_id

    async def fetch_triggered(
        self, api: ExchangeApi, order_id: str, symbol: str, priority: RequestPriority
    ) -> CcxtDict | None:
        params = {"contract_code": api.client.market(symbol)["id"], "order_id": order_id}
        rows = await fetch_rows(api, ORDER_ENDPOINT, params, priority=priority)
        orders = (found.raw for found in self._parsed(api, rows, symbol))
        return next((raw for raw in orders if str(raw["id"]) == str(order_id)), None)

    def _parsed(
        self, api: ExchangeApi, rows: Sequence[Mapping[str, Any]], symbol: str
    ) -> list[FoundOrder]:
        market = api.client.market(symbol)
        return [self.to_found_order(api.client.parse_order(row, market)) for row in rows]

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: Collection[str],
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> Sequence[FoundOrder]:
        """One list holds the plain orders of every contract, and one each kind of algo orders."""
        markets = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        lists: list[tuple[str, dict[str, Any]]] = []
        if is_conditional is not True:
            lists.append((f"{ORDER_ENDPOINT}Opens", {}))
        if is_conditional is not False:
            lists += [(f"{ALGO_ENDPOINT}Opens", {"type": kind}) for kind in _ALGO_KINDS]
        found: list[FoundOrder] = []
        for method, params in lists:
            async for rows in fetch_pages(api, method, params, priority=priority):
                for row in rows:
                    symbol = markets.get(row.get("contract_code", ""))
                    found += self._parsed(api, [row], symbol) if symbol else []
        return found

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        return ({}, *({"type": kind} for kind in _ALGO_KINDS))

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
            api, symbol, since_ms=since_ms, order_id=order_id, priority=priority
        )

    def forced_reason(self, trade: CcxtDict) -> ForcedClose | None:
        return _FORCED.get(str(trade["info"].get("order_type")))
