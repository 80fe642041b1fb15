"""MEXC: futures count contracts, find orders by external id, and stops only by what they say.

Stops and targets by themselves are "plan orders", which end after seven days at most: they are
renewed before. The kind that rests with a position (``stoporder``) would not end, but its documents
and the clients that use it disagree on what has to be sent, and on whether several fit beside each
other.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import OrderRejected
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ONE, ZERO, text
from signalbot.domain.orders import ForcedClose, OrderRequest, OrderSide, OrderType
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.base import (
    CreateOrderArgs,
    ExchangeAdapter,
    FoundOrder,
    SymbolMargin,
)
from signalbot.exchange.live.adapters.candle_windows import (
    MINUTES_TO_FOUR_HOURS,
    fetch_candle_window,
)
from signalbot.exchange.live.adapters.error_responses import rejected_order_error, while_building
from signalbot.exchange.live.adapters.mexc_paging import DAY_MS, fetch_pages, fetch_since
from signalbot.exchange.live.capabilities import Capabilities, QuantityUnit, RateLimit
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.error_codes import OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

RATES: Final = (RateLimit(cost=500, per_ms=10_000),)
OPTIONS: Final[Mapping[str, Any]] = {"recvWindow": 5_000}
_RISES, _FALLS = 1, 2  #: triggerType: at or above, at or below
_SEVEN_DAYS, _LAST_PRICE = 2, 1
_SEVEN_DAYS_MS = 7 * DAY_MS
_LONG, _SHORT = 1, 2
_ONE_WAY = 2
_MODE_FLAGS = frozenset(("reduceOnly", "positionMode"))
_OPEN_TYPES = {MarginMode.ISOLATED: 1, MarginMode.CROSS: 2}
_MODES = {str(number): mode for mode, number in _OPEN_TYPES.items()}
_BUYS = ("1", "2")  # open long, close short; 3 and 4 sell
_OPENS = {"buy": 1, "sell": 3}
_CLOSES = {"buy": 2, "sell": 4}
_LIMIT, _MARKET = 1, 5  #: 6 would turn into a limit order at the present price
_ORDER_STATES = {"1": "open", "2": "open", "3": "closed", "4": "canceled", "5": "rejected"}
_PLAN_STATES = {"1": "open", "2": "canceled", "3": "closed", "4": "canceled", "5": "canceled"}
_ANY_STATE, _ACTIVE = "1,2,3,4,5", "1"
_LISTED_SKEW_MS = 5_000
_SKEW_MS = 1_000  # what is left when clocks have been compared
_FORCED = {"2": ForcedClose.LIQUIDATION, "4": ForcedClose.DELEVERAGING}
_PARAMETER_REFUSED = '"600"'
_CREATE, _CREATE_PLAN = "contractPrivatePostOrderCreate", "contractPrivatePostPlanorderPlace"
_PLANS = "contractPrivateGetPlanorderListOrders"


class MexcSwap(ExchangeAdapter):
    capabilities: ClassVar = Capabilities(
        exchange="mexc",
        kind=MarketKind.SWAP,
        unit=QuantityUnit.CONTRACTS,
        stop_lifetime_ms=_SEVEN_DAYS_MS,
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
        self._is_flag_rejected = False  #: stops and targets go without ``_MODE_FLAGS`` then

    async def candles(
        self, api: ExchangeApi, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """With a start alone the newest candles are told: the end is said as well.

        https://mexcdevelop.github.io/apidocs/contract_v1_en/#k-line-data
        """
        return await fetch_candle_window(
            api, symbol, timeframe, since_ms=since_ms, limit=limit, sends_size=True
        )

    # --- identity -------------------------------------------------------------------------

    def to_found_order(self, raw: CcxtDict) -> FoundOrder:
        info = raw.get("info") or {}
        wire_id = info.get("externalOid")
        if "triggerType" in info:  # a plan order names the order it may become as well
            raw = {**raw, "id": str(info["id"])}
        return FoundOrder(raw=raw, wire_id=str(wire_id) if wire_id else None)

    def matches_without_id(
        self, raw: CcxtDict, request: OrderRequest, instrument: Instrument
    ) -> bool:
        row = raw["info"]
        if request.trigger_price is None or "triggerType" not in row:
            return False
        is_later = int(row["createTime"]) >= request.intended_at_ms - _LISTED_SKEW_MS
        return is_later and _is_plan_of(request, row, instrument.contract_size)

    # --- sending --------------------------------------------------------------------------

    def extra_params(self, request: OrderRequest) -> dict[str, Any]:
        return {"leverage": request.leverage}

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        is_stop, sells = request.type is OrderType.STOP, request.side is OrderSide.SELL
        return {
            "triggerPrice": text(request.trigger_price),
            "triggerType": _FALLS if is_stop is sells else _RISES,
            "trend": _LAST_PRICE,
            "executeCycle": _SEVEN_DAYS,  # the longest there is
        }

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """ccxt drops ``reduceOnly``, which alone keeps an order from opening in one-way mode.

        https://mexcdevelop.github.io/apidocs/contract_v1_en/ (Order): "reduceOnly: Default false,
        For one-way positions, if you need to only reduce positions, pass in true". The same page
        has "positionMode ... default: the user's current config", the newer one has "default
        dual-side" (https://www.mexc.com/api-docs/futures/account-and-trading-endpoints): it is
        always said, and an account that its owner has switched to hedge mode refuses the order.
        The older page of plan orders names neither: if they are refused plan orders go without
        them from then on.

        Raises:
            OrderRejected, OrderOutcomeUnknown, Unavailable: as the code in the answer says.
        """
        with while_building():
            request_params = _order_of(api, create)
        if "triggerPrice" not in create.params:
            return await self._post_order(api, _CREATE, request_params, create, priority)
        bare = {name: value for name, value in request_params.items() if name not in _MODE_FLAGS}
        if self._is_flag_rejected or bare == request_params:
            return await self._post_order(api, _CREATE_PLAN, bare, create, priority)
        try:
            return await self._post_order(api, _CREATE_PLAN, request_params, create, priority)
        except OrderRejected as e:
            if _PARAMETER_REFUSED not in str(e) and ":600," not in str(e):
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
        """A plan order goes by this id only; the answer of others tells each one's own fate."""
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
        """A plan order has none: it is looked for.

        Raises:
            OrderNotFound: the order is nowhere.
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

    # --- looking --------------------------------------------------------------------------

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
            return await self._find_plan_order(api, request, wire_id, priority, order_id)
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
        return None if not row else self.to_found_order(_order(api, row, market))

    async def _fetch_order(
        self, api: ExchangeApi, symbol: str, order_id: str, priority: RequestPriority
    ) -> FoundOrder | None:
        response = await self.read_or_none(
            api, "contractPrivateGetOrderGetOrderId", {"order_id": order_id}, priority=priority
        )
        row = (response or {}).get("data")
        return None if not row else self.to_found_order(_order(api, row, api.client.market(symbol)))

    async def _find_plan_order(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        wire_id: str,
        priority: RequestPriority,
        order_id: str | None,
    ) -> FoundOrder | None:
        """The plan order with this id; else one that says what ours says, the first since then.

        A list without a start goes back seven days only, so it is asked for since ours was sent.
        """
        market = api.client.market(request.symbol)
        ahead_ms = int(api.client.options.get("timeDifference") or 0)
        since_ms = request.intended_at_ms - ahead_ms - _SKEW_MS
        params = {"symbol": market["id"], "states": _ANY_STATE}
        rows = await fetch_since(api, _PLANS, params, since_ms=since_ms, priority=priority)
        size = parse_decimal(market.get("contractSize")) or ONE
        mine = [row for row in rows if order_id in (str(row["id"]), str(row.get("orderId")))]
        mine = mine or [
            row
            for row in rows
            if _is_plan_of(request, row, size) and int(row["createTime"]) >= since_ms
        ]
        if not mine:
            return None
        row = min(mine, key=lambda each: int(each["createTime"]))
        became_id = str(row.get("orderId") or "0")
        if _PLAN_STATES.get(str(row.get("state"))) == "closed" and became_id != "0":
            found = await self._fetch_order(api, request.symbol, became_id, priority)
            if found is not None:
                return FoundOrder(raw=found.raw, wire_id=wire_id)
        return FoundOrder(raw=_plan(row, request.symbol), wire_id=wire_id)

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
                    listed.append(self.to_found_order(_order(api, row, market)))
        if is_conditional is not False:
            since_ms = api.client.milliseconds() - _SEVEN_DAYS_MS - DAY_MS
            rows = await fetch_since(
                api, _PLANS, {"states": _ACTIVE}, since_ms=since_ms, priority=priority
            )
            listed += [
                self.to_found_order(_plan(row, markets[row["symbol"]]))
                for row in rows
                if row["symbol"] in markets
            ]
        return listed

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        """The list of plan orders is asked for in two windows: it goes back seven days."""
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
        """All pages of all windows; of one order they are told at once.

        ccxt takes "close short" for a sale and does not name the two others.
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
        """``category`` 2: a liquidation handed to the system."""
        return _FORCED.get(str(trade["info"].get("category")))

    # --- the account ----------------------------------------------------------------------

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        """ccxt's total leaves out what positions hold."""
        raw = await api.read(
            "fetch_balance", {"type": "swap"}, priority=priority, cost=self.balance_cost
        )
        rows = raw["info"].get("data") or ()
        row: CcxtDict = next((each for each in rows if each.get("currency") == currency), {})
        free = parse_decimal(row.get("availableOpen"))
        return Balance(
            equity=parse_decimal(row.get("equity")) or ZERO,
            free=parse_decimal(row.get("availableBalance")) or ZERO if free is None else free,
            as_of_ms=now_ms,
        )

    async def margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """Every order says margin mode and leverage; a position keeps those it was opened with.

        The leverage of a mode that the account has not used is not told.
        """
        request_params = {"symbol": api.client.market(symbol)["id"]}
        held = await api.read(
            "contractPrivateGetPositionOpenPositions", request_params, priority=RequestPriority.POLL
        )
        modes = [_MODES.get(str(row.get("openType"))) for row in held.get("data") or ()]
        mode = next(filter(None, modes), wanted)
        response = await api.read(
            "contractPrivateGetPositionLeverage", request_params, priority=RequestPriority.POLL
        )
        rows = response.get("data") or ()
        mode = mode or next((_MODES.get(str(row.get("openType"))) for row in rows), None)
        levers = {
            int(row["leverage"]) for row in rows if _MODES.get(str(row.get("openType"))) is mode
        }
        return SymbolMargin(leverage=levers.pop() if len(levers) == 1 else None, mode=mode)

    async def set_leverage(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Leverage and mode are one setting, of longs and of shorts."""
        for side in (_LONG, _SHORT):
            params = {"openType": _OPEN_TYPES[mode], "positionType": side}
            await api.execute(
                "set_leverage", leverage, symbol, params, priority=RequestPriority.POLL
            )

    async def set_margin_mode(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """``set_leverage``, which always follows, sets both."""


def _order_of(api: ExchangeApi, create: CreateOrderArgs) -> dict[str, Any]:
    """An order as the exchange takes it; ``side`` says as well whether it opens or closes."""
    order_params = dict(create.params)
    client = api.client
    reduces = bool(order_params.pop("reduceOnly", False))
    mode = MarginMode(order_params.pop("marginMode"))
    client_id = order_params.pop("clientOrderId")
    kind = _MARKET if create.type == "market" else _LIMIT
    request_params: dict[str, Any] = {
        "symbol": client.market(create.symbol)["id"],
        "vol": float(client.amount_to_precision(create.symbol, create.amount)),
        "side": (_CLOSES if reduces else _OPENS)[create.side],
        "openType": _OPEN_TYPES[mode],
        "positionMode": _ONE_WAY,
        **order_params,
    }
    if create.price is not None:
        request_params["price"] = float(client.price_to_precision(create.symbol, create.price))
    if reduces:
        request_params["reduceOnly"] = True
    if "triggerPrice" in order_params:
        price = client.price_to_precision(create.symbol, order_params["triggerPrice"])
        return request_params | {"triggerPrice": price, "orderType": kind}
    return request_params | {"type": kind, "externalOid": client_id}


def _order(api: ExchangeApi, row: CcxtDict, market: CcxtDict) -> CcxtDict:
    raw: CcxtDict = api.client.parse_order(row, market)
    return {**raw, "status": _ORDER_STATES.get(str(row.get("state")), raw.get("status"))}


def _plan(row: CcxtDict, symbol: str) -> CcxtDict:
    """A stop or target that has not become an order (yet)."""
    return {
        "id": str(row["id"]),
        "symbol": symbol,
        "status": _PLAN_STATES.get(str(row.get("state"))),
        "amount": row.get("vol"),
        "filled": "0",
        "timestamp": row.get("createTime"),
        "lastUpdateTimestamp": row.get("updateTime"),
        "info": row,
    }


def _is_plan_of(request: OrderRequest, row: CcxtDict, size: Decimal) -> bool:
    return (
        str(row.get("side")) == str(_CLOSES[request.side.value])
        and parse_decimal(row.get("triggerPrice")) == request.trigger_price
        and (parse_decimal(row.get("vol")) or ZERO) * size == request.quantity
    )


def _side(info: CcxtDict) -> str:
    return "buy" if str(info.get("side")) in _BUYS else "sell"
