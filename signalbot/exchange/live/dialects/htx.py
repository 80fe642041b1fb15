"""HTX swaps: v5 answers refusals with status 200, knows integer client ids, and counts contracts.

A client id is known for eight hours while its order lives and not at all once it has ended, so
orders are found by the exchange's id, or among the open and the past ones.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import ClientOrderId, Forced, OrderRequest, OrderType
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.capability import Capabilities, Rate, Unit
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.answers import building, order_refused
from signalbot.exchange.live.dialects.base import Api, Create, Dialect, Found, Margin
from signalbot.exchange.live.dialects.candles import MINUTES_TO_FOUR_HOURS, window
from signalbot.exchange.live.dialects.htx_codes import CODES
from signalbot.exchange.live.dialects.htx_lists import (
    DAY_MS,
    FILLS_KEPT_MS,
    ORDERS_KEPT_MS,
    SUCCESS,
    ask,
    pages,
    rows_of,
    since,
)
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

RATES = (Rate(cost=240, per_ms=3_000),)
_FORCED = {"3": Forced.LIQUIDATION, "22": Forced.DELEVERAGING}  #: by order_type of a fill
_ID_DIGITS = 13  # 52 bits: ccxt sends the id through a float
_ABOVE_IDS = 1 << 4 * _ID_DIGITS
_LEAST_ID = 10**9  # ids of ours are smaller once in four million orders
# "failed": it was taken, and came to nothing when its trigger was reached.
_ENDED = {"effective": "closed", "failed": "canceled", "canceling": "open"}
_SKEW_MS = 60_000  # how far our clock may be ahead of theirs
_ALGO_KINDS = ("sl", "tp", "tpsl", "trigger")
_ORDER, _ALGO = "contractPrivateGetV5TradeOrder", "contractPrivateGetV5AlgoOrder"
_FLAG_REFUSED = frozenset(("1066", "1067"))  # a parameter that is missing, or cannot be


class HtxSwap(Dialect):
    """USDT-margined contracts; every order says its margin mode, cross or isolated."""

    capabilities: ClassVar = Capabilities(
        exchange="htx",
        kind=MarketKind.SWAP,
        unit=Unit.CONTRACTS,
        client_id="an integer of the first 52 bits",
        lookup="by the exchange's id, by client id while that lives, then open and past orders",
        rates=RATES,
        client_id_lives="8 h while it rests, not at all once ended",
        orders_kept_days=90,
        fills_kept_days=3,
        timeframes=MINUTES_TO_FOUR_HOURS,  # days open at 16:00 UTC
        candle_page=1_000,
    )
    codes: ClassVar = CODES
    shapes: ClassVar = shapes.HTX
    validity_ms: ClassVar = 60_000
    says_margin_mode: ClassVar = True
    lists_by_symbol: ClassVar = False
    open_orders_cost: ClassVar = 1

    def __init__(self) -> None:
        self._is_flag_refused = False  #: stops and targets go without ``reduce_only`` then

    async def candles(
        self, api: Api, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """A request with ``size`` ignores ``from`` and ``to``.

        https://www.htx.com/en-us/opend (USDT-M, Get KLine Data)
        """
        return await window(api, symbol, timeframe, since_ms=since_ms, limit=limit, says_size=False)

    # --- identity -------------------------------------------------------------------------

    def wire_id(self, client_order_id: ClientOrderId) -> str:
        return str(int(client_order_id[:_ID_DIGITS], 16) or 1)

    def is_ours(self, wire_id: str | None) -> bool:
        if wire_id is None or not wire_id.isdecimal():
            return False
        return _LEAST_ID <= int(wire_id) < _ABOVE_IDS

    def found(self, raw: Raw) -> Found:
        """ccxt takes a row's number for the order's id, and does not know how algo orders end.

        An order without a client id shows the exchange's in its place.
        """
        info = raw.get("info") or {}
        order_id = info.get("algo_id") or info.get("order_id")
        wire_id = info.get("algo_client_order_id") or info.get("client_order_id")
        status = raw.get("status")
        told: dict[str, Any] = {"id": order_id, "status": _ENDED.get(str(status), status)}
        if "algo_id" in info:
            told |= {"filled": info.get("actual_volume"), "average": info.get("actual_price")}
        return Found(raw={**raw, **told}, wire_id=str(wire_id) if wire_id else None)

    # --- sending --------------------------------------------------------------------------

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        """``position_side`` is needed, and is "both" where positions net: 1067 without it.

        https://www.htx.com/en-us/opend (USDT-M v5, Place Algo Order)
        """
        if request.trigger_price is None:
            return {}
        kind = _kind(request)
        return super().trigger_params(request) | {
            f"{kind}_type": "market",
            f"{kind}_trigger_price_type": "last",
            "position_side": "both",
            "reduce_only": 1,
        }

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        """Build with ccxt, but read the answer ourselves: ccxt overlooks refusals it cannot name.

        Clients disagree on whether algo orders take ``reduce_only``: if it is refused they go
        without it from then on.

        Raises:
            OrderRejected, OrderOutcomeUnknown, Unavailable: as the code in the answer says.
        """
        with building():
            request = api.client.create_contract_order_request(*create.args)
        is_plan = not {"stopLossPrice", "takeProfitPrice"}.isdisjoint(create.params)
        if not is_plan:
            return await self._place(api, "contractPrivatePostV5TradeOrder", request, create, lane)
        method, bare = "contractPrivatePostV5AlgoOrder", _without_flag(request)
        if self._is_flag_refused:
            return await self._place(api, method, bare, create, lane)
        try:
            return await self._place(api, method, request, create, lane)
        except OrderRejected as e:
            if not any(code in str(e) for code in _FLAG_REFUSED):
                raise
        raw = await self._place(api, method, bare, create, lane)
        self._is_flag_refused = True
        return raw

    async def _place(
        self, api: Api, method: str, request: Mapping[str, Any], create: Create, lane: Lane
    ) -> Raw:
        answer = await api.order(method, dict(request), lane=lane, cost=self.order_cost)
        self._raise_refusal(api, answer, lane)
        row = next(iter(rows_of(answer)), {})
        raw: Raw = api.client.parse_order(row, api.client.market(create.symbol))
        return raw

    def _raise_refusal(self, api: Api, answer: Mapping[str, Any], lane: Lane) -> None:
        row = next(iter(rows_of(answer)), {})
        for each in (answer, row):
            if str(each.get("code", SUCCESS)) != SUCCESS:
                error = order_refused(each["code"], each.get("message"), codes=self.codes)
                raise api.note(error, lane=lane)

    def conditional(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return {"stopLoss" if request.type is OrderType.STOP else "takeProfit": True}

    async def cancel_by_id(
        self, api: Api, request: OrderRequest, order_id: str, *, lane: Lane
    ) -> None:
        await self._cancel(api, request, {_id_name(request): order_id}, lane)

    async def cancel_by_client_id(self, api: Api, request: OrderRequest, *, lane: Lane) -> None:
        wire_id = self.wire_id(request.client_order_id)
        await self._cancel(api, request, {_client_id_name(request): wire_id}, lane)

    async def _cancel(
        self, api: Api, request: OrderRequest, named: Mapping[str, str], lane: Lane
    ) -> None:
        """ccxt calls an order cancelled whatever the answer says of it."""
        asked: Any = {"contract_code": api.client.market(request.symbol)["id"], **named}
        method = "contractPrivatePostV5TradeCancelOrder"
        if request.trigger_price is not None:
            asked, method = [asked], "contractPrivatePostV5AlgoCancelOrders"
        self._raise_refusal(api, await api.order(method, asked, lane=lane), lane)

    # --- looking --------------------------------------------------------------------------

    async def lookup(
        self, api: Api, request: OrderRequest, *, lane: Lane, order_id: str | None = None
    ) -> Found | None:
        """By either id, then among the open and the past orders.

        Raises:
            OrderOutcomeUnknown: it was sent before the time that orders are told of.
        """
        wire_id = self.wire_id(request.client_order_id)
        for name, value in ((_id_name(request), order_id), (_client_id_name(request), wire_id)):
            params = self._where(api, request) | {name: value}
            rows = [] if value is None else await ask(api, _place_of(request), params, lane=lane)
            for found in self._parsed(api, rows, request.symbol):
                if wire_id == found.wire_id or found.raw["id"] == order_id:
                    return await self._became(api, found, request.symbol, lane)
        return await self._listed(api, request, lane)

    def _where(self, api: Api, request: OrderRequest) -> dict[str, Any]:
        market_id = api.client.market(request.symbol)["id"]
        kind = {} if request.trigger_price is None else {"type": _kind(request)}
        return {"contract_code": market_id, **kind}

    async def _listed(self, api: Api, request: OrderRequest, lane: Lane) -> Found | None:
        where, place = self._where(api, request), _place_of(request)
        wire_id = self.wire_id(request.client_order_id)
        lists = [pages(api, f"{place}Opens", where, lane=lane)]
        now_ms = api.client.milliseconds()
        since_ms = max(0, request.intended_at_ms - _SKEW_MS)
        kept_ms = now_ms - ORDERS_KEPT_MS + DAY_MS
        # History is told by margin mode; algo orders of either are told together.
        modes = (
            ({},)
            if request.trigger_price is not None
            else tuple({"margin_mode": mode.value} for mode in MarginMode)
        )
        lists += [
            since(api, f"{place}History", where | mode, since_ms=max(since_ms, kept_ms), lane=lane)
            for mode in modes
        ]
        for each in lists:
            async for rows in each:
                for found in self._parsed(api, rows, request.symbol):
                    if found.wire_id == wire_id:
                        return await self._became(api, found, request.symbol, lane)
        if request.intended_at_ms and since_ms < kept_ms:
            raise OrderOutcomeUnknown("orders that old are not told of any more")
        return None

    async def _became(self, api: Api, algo: Found, symbol: str, lane: Lane) -> Found:
        """An algo order that took effect goes on as another order, under another id."""
        order_id = algo.raw["info"].get("relation_order_id")
        if algo.raw["status"] != "closed" or order_id in (None, "", "-1"):
            return algo
        params = {"contract_code": api.client.market(symbol)["id"], "order_id": order_id}
        for found in self._parsed(api, await ask(api, _ORDER, params, lane=lane), symbol):
            if str(found.raw["id"]) == str(order_id):
                return Found(raw=found.raw, wire_id=algo.wire_id)
        return algo

    def _parsed(self, api: Api, rows: Sequence[Mapping[str, Any]], symbol: str) -> list[Found]:
        market = api.client.market(symbol)
        return [self.found(api.client.parse_order(row, market)) for row in rows]

    async def open_orders(
        self,
        api: Api,
        symbols: Collection[str],
        *,
        lane: Lane,
        is_conditional: bool | None = None,
    ) -> Sequence[Found]:
        """One list holds the plain orders of every contract, and each kind of algo order one."""
        markets = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        lists: list[tuple[str, dict[str, Any]]] = []
        if is_conditional is not True:
            lists.append((f"{_ORDER}Opens", {}))
        if is_conditional is not False:
            lists += [(f"{_ALGO}Opens", {"type": kind}) for kind in _ALGO_KINDS]
        found: list[Found] = []
        for method, params in lists:
            async for rows in pages(api, method, params, lane=lane):
                for row in rows:
                    symbol = markets.get(row.get("contract_code", ""))
                    found += self._parsed(api, [row], symbol) if symbol else []
        return found

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        return ({}, *({"type": kind} for kind in _ALGO_KINDS))

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        """All pages of all windows of the three days that are told.

        Fees are positive when paid; ccxt turns them round as it must for older APIs.
        """
        market = api.client.market(symbol)
        asked = {"contract_code": market["id"]} | ({"order_id": order_id} if order_id else {})
        told_ms = api.client.milliseconds() - FILLS_KEPT_MS
        method = "contractPrivateGetV5TradeOrderDetails"
        raws: list[Raw] = []
        async for rows in since(api, method, asked, since_ms=max(since_ms, told_ms), lane=lane):
            raws += [api.client.parse_trade(row, market) for row in rows]
        return [
            {**raw, "fee": {**(raw.get("fee") or {}), "cost": number(raw["info"].get("trade_fee"))}}
            for raw in raws
            if order_id is None or raw.get("order") == order_id
        ]

    def forced(self, trade: Raw) -> Forced | None:
        return _FORCED.get(str(trade["info"].get("order_type")))

    # --- the account ----------------------------------------------------------------------

    async def is_one_way(self, api: Api, symbol: str) -> bool | None:
        answer = await api.read("contractPrivateGetV5PositionMode", lane=Lane.POLL)
        mode = (answer.get("data") or {}).get("position_mode")
        return None if mode is None else bool(mode == "single_side")

    async def margin(self, api: Api, symbol: str, *, wanted: MarginMode | None = None) -> Margin:
        """Leverage is one for each mode. A position keeps the mode it was opened in.

        Otherwise the orders that close it would be refused.
        """
        market_id = api.client.market(symbol)["id"]
        held = await ask(
            api, "contractPrivateGetV5TradePositionOpens", {"contract_code": market_id},
            lane=Lane.POLL,
        )  # fmt: skip
        modes = [row.get("margin_mode") for row in held if row.get("contract_code") == market_id]
        mode = MarginMode(modes[0]) if modes and modes[0] in tuple(MarginMode) else wanted
        if mode is None:
            return Margin(leverage=None, mode=None)
        levers = await ask(
            api, "contractPrivateGetV5PositionLever",
            {"contract_code": market_id, "margin_mode": mode.value}, lane=Lane.POLL,
        )  # fmt: skip
        row = next((each for each in levers if each.get("contract_code") == market_id), {})
        lever = number(row.get("lever_rate"))
        return Margin(leverage=None if lever is None else int(lever), mode=mode)

    async def set_leverage(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        params = {"margin_mode": mode.value}
        await api.order("set_leverage", leverage, symbol, params, lane=Lane.POLL)

    async def set_margin_mode(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """There is none to set: every order says its own."""


def _kind(request: OrderRequest) -> str:
    return "sl" if request.type is OrderType.STOP else "tp"


def _place_of(request: OrderRequest) -> str:
    return _ORDER if request.trigger_price is None else _ALGO


def _id_name(request: OrderRequest) -> str:
    return "order_id" if request.trigger_price is None else "algo_id"


def _client_id_name(request: OrderRequest) -> str:
    return "client_order_id" if request.trigger_price is None else "algo_client_order_id"


def _without_flag(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "reduce_only"}
