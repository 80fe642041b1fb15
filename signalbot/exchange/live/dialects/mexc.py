"""MEXC: futures count contracts, find orders by external id, and stops only by what they say."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.book import Balance
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ONE, ZERO, text
from signalbot.domain.orders import Forced, Order, OrderRequest, OrderSide, OrderType
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.capability import Capabilities, Rate, Unit
from signalbot.exchange.live.codes import Codes, OrderNotFound
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.answers import codes_in
from signalbot.exchange.live.dialects.base import Api, Dialect, Found, Margin, margin_of
from signalbot.exchange.live.dialects.coins import spot_capabilities
from signalbot.exchange.live.dialects.spot import SpotDialect
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

_RATES = (Rate(cost=500, per_ms=10_000),)
_RISES, _FALLS = 1, 2  #: triggerType: at or above, at or below
_SEVEN_DAYS, _LAST_PRICE = 2, 1
_LONG, _SHORT = 1, 2
_OPEN_TYPES = {MarginMode.ISOLATED: 1, MarginMode.CROSS: 2}
_BUYS = ("1", "2")  # open long, close short; 3 and 4 sell
_CLOSES = {OrderSide.BUY: "2", OrderSide.SELL: "4"}
_ORDER_STATES = {"1": "open", "2": "open", "3": "closed", "4": "canceled", "5": "rejected"}
_PLAN_STATES = {"1": "open", "2": "canceled", "3": "closed", "4": "canceled", "5": "rejected"}
_ANY_STATE = "1,2,3,4,5"
_LISTED_SKEW_MS = 5_000
_SKEW_MS = 1_000  # what is left when clocks have been compared

# https://mexcdevelop.github.io/apidocs/contract_v1_en/#error-code and .../spot_v3_en/#error-code
_CODES = Codes(
    rejected=codes_in(
        "600 601 1001 1002 1003 1004 2001 2002 2003 2004 2006 2007 2008 2009 2011 2014 "
        "2015 2016 2021 2022 2023 2024 2025 2027 2028 2029 2030 2031 2032 2033 2035 2036 2038 "
        "3001 3002 3003 3004 5003 5004 6001 6002 6005 "
        "-1121 -1128 10007 10095 10096 10097 10098 10102 30000 30001 30002 30003 30005 30010 "
        "30014 30016 30018 30019 30021 30025 30027 30028 30029 30032 30041 30087 33333 44444 "
        "700004 700008 730002 88013"
    ),
    duplicate=codes_in("603"),
    no_margin=codes_in("2005 2018 10101 30004"),
    access_denied=codes_in(
        "401 402 403 406 511 602 701 702 703 704 1000 10001 10072 30020 60005 70011 700001 "
        "700002 700006 700007 730100 140002"
    ),
    clock=codes_in("513 10073 700003 700005"),
    limited=codes_in("429"),
    account_limited=codes_in("510 2037"),
    not_found=codes_in("-2011 -2013 2040 5002 22222"),
)
_FORCED = {"2": Forced.LIQUIDATION, "4": Forced.DELEVERAGING}


class MexcSwap(Dialect):
    capabilities: ClassVar = Capabilities(
        exchange="mexc",
        kind=MarketKind.SWAP,
        unit=Unit.CONTRACTS,
        client_id="32 hex digits; stops and targets carry none",
        lookup="order by external id; stops and targets by side, size, trigger price and time",
        rates=_RATES,
    )
    codes: ClassVar = _CODES
    shapes: ClassVar = shapes.MEXC
    says_margin_mode: ClassVar = True
    lists_by_symbol: ClassVar = False
    options: ClassVar[Mapping[str, Any]] = {"recvWindow": 5_000}
    validity_ms: ClassVar = 10_000

    # --- identity -------------------------------------------------------------------------

    def found(self, raw: Raw) -> Found:
        info = raw.get("info") or {}
        wire_id = info.get("externalOid")
        if "triggerType" in info:  # a plan order names the order it may become as well
            raw = {**raw, "id": str(info["id"])}
        return Found(raw=raw, wire_id=str(wire_id) if wire_id else None)

    def is_nameless(self, raw: Raw, request: OrderRequest, instrument: Instrument) -> bool:
        row = raw["info"]
        if request.trigger_price is None or "triggerType" not in row:
            return False
        is_later = int(row["createTime"]) >= request.intended_at_ms - _LISTED_SKEW_MS
        return is_later and _is_plan_of(request, row, instrument.contract_size)

    # --- sending --------------------------------------------------------------------------

    def extra_params(self, request: OrderRequest) -> dict[str, Any]:
        return {"leverage": request.leverage}

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        """ccxt would send ``stopLossPrice`` on as a plain market order."""
        if request.trigger_price is None:
            return {}
        is_stop, sells = request.type is OrderType.STOP, request.side is OrderSide.SELL
        return {
            "triggerPrice": text(request.trigger_price),
            "triggerType": _FALLS if is_stop is sells else _RISES,
            "trend": _LAST_PRICE,
            "executeCycle": _SEVEN_DAYS,  # the longest there is
        }

    async def cancel(self, api: Api, order: Order, *, lane: Lane) -> None:
        """Only exchange ids can be cancelled.

        Raises:
            OrderNotFound: the order is nowhere.
        """
        request, order_id = order.request, order.exchange_order_id
        if order_id is None:
            found = await self.lookup(api, request, lane=lane)
            if found is None:
                raise OrderNotFound(f"no order {order.client_order_id} to cancel")
            order_id = str(found.raw["id"])
        await api.order(
            "cancel_order", order_id, request.symbol, self.conditional(request), lane=lane
        )

    # --- looking --------------------------------------------------------------------------

    async def lookup(
        self, api: Api, request: OrderRequest, *, lane: Lane, order_id: str | None = None
    ) -> Found | None:
        wire_id = self.wire_id(request.client_order_id)
        if request.trigger_price is not None:
            return await self._plan(api, request, wire_id, lane)
        market = api.client.market(request.symbol)
        answer = await self.maybe(
            api, "contractPrivateGetOrderExternalSymbolExternalOid",
            {"symbol": market["id"], "external_oid": wire_id}, lane=lane,
        )  # fmt: skip
        row = (answer or {}).get("data")
        return None if not row else self.found(_order(api, row, market))

    async def _plan(
        self, api: Api, request: OrderRequest, wire_id: str, lane: Lane
    ) -> Found | None:
        """The plan order that says what ours says, and is the first since ours was intended."""
        market = api.client.market(request.symbol)
        params = {"symbol": market["id"], "states": _ANY_STATE, "page_num": 1, "page_size": 100}
        answer = await api.read(
            "contractPrivateGetPlanorderListOrders", params, lane=lane, cost=self.lookup_cost
        )
        size = number(market.get("contractSize")) or ONE
        ahead_ms = int(api.client.options.get("timeDifference") or 0)
        since_ms = request.intended_at_ms - ahead_ms - _SKEW_MS
        rows = [
            row
            for row in answer.get("data") or ()
            if _is_plan_of(request, row, size) and int(row["createTime"]) >= since_ms
        ]
        if not rows:
            return None
        row = min(rows, key=lambda each: int(each["createTime"]))
        order_id = str(row.get("orderId") or "0")
        if _PLAN_STATES.get(str(row.get("state"))) == "closed" and order_id != "0":
            raw = await self.maybe(
                api, "contractPrivateGetOrderGetOrderId", {"order_id": order_id}, lane=lane
            )
            if raw is not None and raw.get("data"):
                return Found(raw=_order(api, raw["data"], market), wire_id=wire_id)
        return Found(raw=_plan(row, request.symbol), wire_id=wire_id)

    async def open_orders(
        self,
        api: Api,
        symbols: Collection[str],
        *,
        lane: Lane,
        is_conditional: bool | None = None,
    ) -> Sequence[Found]:
        """One answer holds the orders of every symbol, another the stops and targets."""
        listed: list[Found] = []
        for params in ({}, {"trigger": True}):
            raws = await api.read(
                "fetch_open_orders", None, None, None, {"type": "swap", **params},
                lane=lane, cost=self.open_orders_cost,
            )  # fmt: skip
            listed += [self.found(raw) for raw in raws if raw.get("symbol") in symbols]
        return listed

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        """ccxt takes "close short" for a sale and does not name the two others."""
        if order_id is None:
            raws = await super().trades(api, symbol, lane=lane, since_ms=since_ms)
        else:
            raws = await api.read(
                "fetch_order_trades", order_id, symbol, lane=lane, cost=self.trades_cost
            )
        return [{**raw, "side": _side(raw["info"])} for raw in raws]

    def forced(self, trade: Raw) -> Forced | None:
        """``category`` 2: a liquidation handed to the system."""
        return _FORCED.get(str(trade["info"].get("category")))

    # --- the account ----------------------------------------------------------------------

    async def balance(self, api: Api, currency: str, *, now_ms: Ms, lane: Lane) -> Balance:
        """ccxt's total leaves out what positions hold."""
        raw = await api.read("fetch_balance", {"type": "swap"}, lane=lane, cost=self.balance_cost)
        rows = raw["info"].get("data") or ()
        row: Raw = next((each for each in rows if each.get("currency") == currency), {})
        free = number(row.get("availableOpen"))
        return Balance(
            equity=number(row.get("equity")) or ZERO,
            free=number(row.get("availableBalance")) or ZERO if free is None else free,
            as_of_ms=now_ms,
        )

    async def margin(self, api: Api, symbol: str, *, wanted: MarginMode | None = None) -> Margin:
        return margin_of(await api.read("fetch_leverage", symbol, lane=Lane.POLL))

    async def set_leverage(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """Leverage and mode are one setting, of longs and of shorts."""
        for side in (_LONG, _SHORT):
            params = {"openType": _OPEN_TYPES[mode], "positionType": side}
            await api.order("set_leverage", leverage, symbol, params, lane=Lane.POLL)

    async def set_margin_mode(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """``set_leverage``, which always follows, sets both."""


def _order(api: Api, row: Raw, market: Raw) -> Raw:
    raw: Raw = api.client.parse_order(row, market)
    return {**raw, "status": _ORDER_STATES.get(str(row.get("state")), raw.get("status"))}


def _plan(row: Raw, symbol: str) -> Raw:
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


def _is_plan_of(request: OrderRequest, row: Raw, size: Decimal) -> bool:
    return (
        str(row.get("side")) == _CLOSES[request.side]
        and number(row.get("triggerPrice")) == request.trigger_price
        and (number(row.get("vol")) or ZERO) * size == request.quantity
    )


def _side(info: Raw) -> str:
    return "buy" if str(info.get("side")) in _BUYS else "sell"


class MexcSpot(SpotDialect):
    capabilities: ClassVar = spot_capabilities("mexc", lookup="order by client id", rates=_RATES)
    codes: ClassVar = _CODES
    shapes: ClassVar = shapes.MEXC
    options: ClassVar[Mapping[str, Any]] = MexcSwap.options
    validity_ms: ClassVar = 5_000

    async def cancel(self, api: Api, order: Order, *, lane: Lane) -> None:
        """ccxt would send the id under a second name, which the exchange does not know."""
        params = {
            "symbol": api.client.market(order.request.symbol)["id"],
            "origClientOrderId": self.wire_id(order.client_order_id),
        }
        await api.order("spotPrivateDeleteOrder", params, lane=lane)
