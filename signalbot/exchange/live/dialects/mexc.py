"""MEXC: futures count contracts, find orders by external id, and stops only by what they say.

Stops and targets by themselves are "plan orders", which end after seven days at most: they are
renewed before. The kind that rests with a position (``stoporder``) would not end, but its documents
and the clients that use it disagree on what has to be sent, and on whether several fit beside each
other.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from signalbot.domain.book import Balance
from signalbot.domain.errors import OrderRejected
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ONE, ZERO, text
from signalbot.domain.orders import Forced, OrderRequest, OrderSide, OrderType
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.capability import Capabilities, Rate, Unit
from signalbot.exchange.live.codes import OrderNotFound
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.answers import building, order_refused
from signalbot.exchange.live.dialects.base import Api, Create, Dialect, Found, Margin
from signalbot.exchange.live.dialects.candles import MINUTES_TO_FOUR_HOURS, window
from signalbot.exchange.live.dialects.mexc_codes import CODES
from signalbot.exchange.live.dialects.mexc_lists import DAY_MS, pages, since
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

RATES: Final = (Rate(cost=500, per_ms=10_000),)
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
_FORCED = {"2": Forced.LIQUIDATION, "4": Forced.DELEVERAGING}
_PARAMETER_REFUSED = '"600"'
_CREATE, _CREATE_PLAN = "contractPrivatePostOrderCreate", "contractPrivatePostPlanorderPlace"
_PLANS = "contractPrivateGetPlanorderListOrders"


class MexcSwap(Dialect):
    capabilities: ClassVar = Capabilities(
        exchange="mexc",
        kind=MarketKind.SWAP,
        unit=Unit.CONTRACTS,
        stop_lives_ms=_SEVEN_DAYS_MS,
        client_id="32 hex digits; stops and targets carry none",
        lookup="order by either id; stops and targets by side, size, trigger price and time",
        rates=RATES,
        orders_kept_days=90,
        fills_kept_days=90,
        timeframes=MINUTES_TO_FOUR_HOURS | {Timeframe.D1},
    )
    codes: ClassVar = CODES
    shapes: ClassVar = shapes.MEXC
    says_margin_mode: ClassVar = True
    lists_by_symbol: ClassVar = False
    options: ClassVar[Mapping[str, Any]] = OPTIONS
    validity_ms: ClassVar = 10_000

    def __init__(self) -> None:
        self._is_flag_refused = False  #: stops and targets go without ``_MODE_FLAGS`` then

    async def candles(
        self, api: Api, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """With a start alone the newest candles are told: the end is said as well.

        https://mexcdevelop.github.io/apidocs/contract_v1_en/#k-line-data
        """
        return await window(api, symbol, timeframe, since_ms=since_ms, limit=limit, says_size=True)

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
        if request.trigger_price is None:
            return {}
        is_stop, sells = request.type is OrderType.STOP, request.side is OrderSide.SELL
        return {
            "triggerPrice": text(request.trigger_price),
            "triggerType": _FALLS if is_stop is sells else _RISES,
            "trend": _LAST_PRICE,
            "executeCycle": _SEVEN_DAYS,  # the longest there is
        }

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
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
        with building():
            asked = _order_of(api, create)
        if "triggerPrice" not in create.params:
            return await self._place(api, _CREATE, asked, create, lane)
        bare = {name: value for name, value in asked.items() if name not in _MODE_FLAGS}
        if self._is_flag_refused or bare == asked:
            return await self._place(api, _CREATE_PLAN, bare, create, lane)
        try:
            return await self._place(api, _CREATE_PLAN, asked, create, lane)
        except OrderRejected as e:
            if _PARAMETER_REFUSED not in str(e) and ":600," not in str(e):
                raise
        raw = await self._place(api, _CREATE_PLAN, bare, create, lane)
        self._is_flag_refused = True
        return raw

    async def _place(
        self, api: Api, method: str, asked: Mapping[str, Any], create: Create, lane: Lane
    ) -> Raw:
        answer = await api.order(method, dict(asked), lane=lane, cost=self.order_cost)
        told = answer.get("data")
        order_id = told.get("orderId") if isinstance(told, dict) else told
        raw: Raw = {
            "id": None if order_id is None else str(order_id),
            "symbol": create.symbol,
            "timestamp": told.get("ts") if isinstance(told, dict) else None,
            "info": {},
        }
        return raw

    async def cancel_by_id(
        self, api: Api, request: OrderRequest, order_id: str, *, lane: Lane
    ) -> None:
        """A plan order goes by this id only; the answer of others tells each one's own fate."""
        if request.trigger_price is not None:
            params = {"trigger": True}
            await api.order("cancel_order", order_id, request.symbol, params, lane=lane)
            return
        answer = await api.order("contractPrivatePostOrderCancel", [int(order_id)], lane=lane)
        self._raise_refusal(api, answer, lane)

    async def cancel_by_client_id(self, api: Api, request: OrderRequest, *, lane: Lane) -> None:
        """A plan order has none: it is looked for.

        Raises:
            OrderNotFound: the order is nowhere.
        """
        if request.trigger_price is not None:
            found = await self.lookup(api, request, lane=lane)
            if found is None:
                raise OrderNotFound(f"no order {request.client_order_id} to cancel")
            await self.cancel_by_id(api, request, str(found.raw["id"]), lane=lane)
            return
        market_id = api.client.market(request.symbol)["id"]
        named = {"symbol": market_id, "externalOid": self.wire_id(request.client_order_id)}
        answer = await api.order("contractPrivatePostOrderCancelWithExternal", [named], lane=lane)
        self._raise_refusal(api, answer, lane)

    def _raise_refusal(self, api: Api, answer: Raw, lane: Lane) -> None:
        for row in answer.get("data") or ():
            code = str(row.get("errorCode") or "0") if isinstance(row, dict) else "0"
            if code != "0":
                raise api.note(
                    order_refused(code, row.get("errorMsg"), codes=self.codes), lane=lane
                )

    # --- looking --------------------------------------------------------------------------

    async def lookup(
        self, api: Api, request: OrderRequest, *, lane: Lane, order_id: str | None = None
    ) -> Found | None:
        wire_id = self.wire_id(request.client_order_id)
        if request.trigger_price is not None:
            return await self._plan(api, request, wire_id, lane, order_id)
        found = None if order_id is None else await self._order(api, request.symbol, order_id, lane)
        if found is not None:
            return found
        market = api.client.market(request.symbol)
        answer = await self.maybe(
            api, "contractPrivateGetOrderExternalSymbolExternalOid",
            {"symbol": market["id"], "external_oid": wire_id}, lane=lane,
        )  # fmt: skip
        row = (answer or {}).get("data")
        return None if not row else self.found(_order(api, row, market))

    async def _order(self, api: Api, symbol: str, order_id: str, lane: Lane) -> Found | None:
        answer = await self.maybe(
            api, "contractPrivateGetOrderGetOrderId", {"order_id": order_id}, lane=lane
        )
        row = (answer or {}).get("data")
        return None if not row else self.found(_order(api, row, api.client.market(symbol)))

    async def _plan(
        self, api: Api, request: OrderRequest, wire_id: str, lane: Lane, order_id: str | None
    ) -> Found | None:
        """The plan order with this id; else one that says what ours says, the first since then.

        A list without a start goes back seven days only, so it is asked for since ours was sent.
        """
        market = api.client.market(request.symbol)
        ahead_ms = int(api.client.options.get("timeDifference") or 0)
        since_ms = request.intended_at_ms - ahead_ms - _SKEW_MS
        params = {"symbol": market["id"], "states": _ANY_STATE}
        rows = await since(api, _PLANS, params, since_ms=since_ms, lane=lane)
        size = number(market.get("contractSize")) or ONE
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
            found = await self._order(api, request.symbol, became_id, lane)
            if found is not None:
                return Found(raw=found.raw, wire_id=wire_id)
        return Found(raw=_plan(row, request.symbol), wire_id=wire_id)

    async def open_orders(
        self,
        api: Api,
        symbols: Collection[str],
        *,
        lane: Lane,
        is_conditional: bool | None = None,
    ) -> Sequence[Found]:
        """One list holds the orders of every symbol, another the stops and targets."""
        markets = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        listed: list[Found] = []
        if is_conditional is not True:
            rows = await pages(api, "contractPrivateGetOrderListOpenOrders", {}, lane=lane)
            for row in rows:
                if row["symbol"] in markets:
                    market = api.client.market(markets[row["symbol"]])
                    listed.append(self.found(_order(api, row, market)))
        if is_conditional is not False:
            since_ms = api.client.milliseconds() - _SEVEN_DAYS_MS - DAY_MS
            rows = await since(api, _PLANS, {"states": _ACTIVE}, since_ms=since_ms, lane=lane)
            listed += [
                self.found(_plan(row, markets[row["symbol"]]))
                for row in rows
                if row["symbol"] in markets
            ]
        return listed

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        """The list of plan orders is asked for in two windows: it goes back seven days."""
        return ({}, {"trigger": True}, {"trigger": True})

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        """All pages of all windows; of one order they are told at once.

        ccxt takes "close short" for a sale and does not name the two others.
        """
        if order_id is None:
            market = api.client.market(symbol)
            rows = await since(
                api, "contractPrivateGetOrderListOrderDeals", {"symbol": market["id"]},
                since_ms=since_ms, lane=lane,
            )  # fmt: skip
            raws = [api.client.parse_trade(row, market) for row in rows]
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
        """Every order says margin mode and leverage; a position keeps those it was opened with.

        The leverage of a mode that the account has not used is not told.
        """
        asked = {"symbol": api.client.market(symbol)["id"]}
        held = await api.read("contractPrivateGetPositionOpenPositions", asked, lane=Lane.POLL)
        modes = [_MODES.get(str(row.get("openType"))) for row in held.get("data") or ()]
        mode = next(filter(None, modes), wanted)
        answer = await api.read("contractPrivateGetPositionLeverage", asked, lane=Lane.POLL)
        rows = answer.get("data") or ()
        mode = mode or next((_MODES.get(str(row.get("openType"))) for row in rows), None)
        levers = {
            int(row["leverage"]) for row in rows if _MODES.get(str(row.get("openType"))) is mode
        }
        return Margin(leverage=levers.pop() if len(levers) == 1 else None, mode=mode)

    async def set_leverage(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """Leverage and mode are one setting, of longs and of shorts."""
        for side in (_LONG, _SHORT):
            params = {"openType": _OPEN_TYPES[mode], "positionType": side}
            await api.order("set_leverage", leverage, symbol, params, lane=Lane.POLL)

    async def set_margin_mode(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """``set_leverage``, which always follows, sets both."""


def _order_of(api: Api, create: Create) -> dict[str, Any]:
    """An order as the exchange takes it; ``side`` says as well whether it opens or closes."""
    said = dict(create.params)
    client = api.client
    reduces = bool(said.pop("reduceOnly", False))
    mode = MarginMode(said.pop("marginMode"))
    client_id = said.pop("clientOrderId")
    kind = _MARKET if create.type == "market" else _LIMIT
    asked: dict[str, Any] = {
        "symbol": client.market(create.symbol)["id"],
        "vol": float(client.amount_to_precision(create.symbol, create.amount)),
        "side": (_CLOSES if reduces else _OPENS)[create.side],
        "openType": _OPEN_TYPES[mode],
        "positionMode": _ONE_WAY,
        **said,
    }
    if create.price is not None:
        asked["price"] = float(client.price_to_precision(create.symbol, create.price))
    if reduces:
        asked["reduceOnly"] = True
    if "triggerPrice" in said:
        price = client.price_to_precision(create.symbol, said["triggerPrice"])
        return asked | {"triggerPrice": price, "orderType": kind}
    return asked | {"type": kind, "externalOid": client_id}


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
        str(row.get("side")) == str(_CLOSES[request.side.value])
        and number(row.get("triggerPrice")) == request.trigger_price
        and (number(row.get("vol")) or ZERO) * size == request.quantity
    )


def _side(info: Raw) -> str:
    return "buy" if str(info.get("side")) in _BUYS else "sell"
