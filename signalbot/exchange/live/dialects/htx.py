"""HTX: v5 futures answer refusals with status 200, know integer client ids, and count contracts."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from signalbot.domain.market import MarketKind
from signalbot.domain.orders import ClientOrderId, OrderRequest, OrderType
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.capability import Capabilities, Rate, Unit
from signalbot.exchange.live.codes import Codes, OrderNotFound
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.answers import codes_in, order_refused, read_refused
from signalbot.exchange.live.dialects.base import Api, Create, Dialect, Found, Margin
from signalbot.exchange.live.dialects.coins import BuysByCost, spot_capabilities
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

_RATES = (Rate(cost=240, per_ms=3_000),)
_SUCCESS = "200"
_PAGE = 100
_CROSS = {"margin_mode": "cross"}
_FORCED = ("3", "22")  # order_type of a fill: liquidation, auto-deleveraging
_ID_DIGITS = 13  # 52 bits: ccxt sends the id through a float
_ABOVE_IDS = 1 << 4 * _ID_DIGITS
_LEAST_ID = 10**9  # ids of ours are smaller once in four million orders
_ENDED = {"effective": "closed", "failed": "rejected", "canceling": "open"}

# Numbers: https://www.htx.com/en-us/opend (USDT-M, error code table). Words: spot.
_CODES = Codes(
    rejected=codes_in(
        "1013 1014 1016 1030 1031 1034 1035 1036 1037 1038 1039 1040 1041 1042 1043 1044 1046 "
        "1048 1049 1055 1056 1057 1058 1059 1060 1065 1066 1067 1069 1072 1075 1076 1077 1081 "
        "1082 1083 1084 1085 1086 1087 1090 1091 1092 1093 1094 1097 1104 1105 1106 1206 1233 "
        "1234 1235 1349 1403 1404 1412 1450 1453 1454 1461 1462 1484 1486 1488 1489 1490 1491 "
        "1492 1499 1500 1502 1511 2100 "
        "bad-request invalid-amount validation-format-error validation-constraints-required "
        "base-symbol-error base-symbol-trade-disabled order-value-min-error "
        "order-invalid-price order-holding-limit-failed order-orderprice-precision-error "
        "order-orderamount-precision-error order-amount-min-error order-amount-max-error "
        "order-limitorder-amount-min-error order-limitorder-amount-max-error "
        "order-marketorder-amount-min-error order-limitorder-price-min-error "
        "order-limitorder-price-max-error order-limitorder-price-buy-min-error "
        "order-limitorder-price-buy-max-error order-limitorder-price-sell-min-error "
        "order-limitorder-price-sell-max-error order-etp-nav-price-max-error "
        "order-disabled cancel-disabled"
    ),
    duplicate=codes_in("1050 1064 invalid-client-order-id"),
    would_trigger=codes_in("1405 1407 order-stop-order-hit-trigger"),
    no_margin=codes_in(
        "1047 account-frozen-balance-insufficient-error account-balance-insufficient-error"
    ),
    access_denied=codes_in(
        "403 1003 1010 1012 1100 1101 1109 1110 1113 1205 1220 1228 1253 12001 12002 12003 "
        "12004 12005 12006 12007 12008 12009 api-signature-not-valid "
        "api-signature-check-failed login-required"
    ),
    account_limited=codes_in("1032 base-request-exceed-frequency-limit rate-too-many-requests"),
    not_found=codes_in(
        "1017 1051 1061 1063 1071 base-record-invalid order-queryorder-invalid "
        "order-orderstate-error"
    ),
)


class HtxSwap(Dialect):
    """USDT-margined contracts; the API knows cross margin only, whatever ccxt offers."""

    capabilities: ClassVar = Capabilities(
        exchange="htx",
        kind=MarketKind.SWAP,
        unit=Unit.CONTRACTS,
        client_id="an integer of the first 52 bits",
        lookup="order, or algo order for stops and targets, by client id; then the history",
        margin_modes=frozenset((MarginMode.CROSS,)),
        rates=_RATES,
    )
    codes: ClassVar = _CODES
    shapes: ClassVar = shapes.HTX
    validity_ms: ClassVar = 60_000

    # --- identity -------------------------------------------------------------------------

    def wire_id(self, client_order_id: ClientOrderId) -> str:
        return str(int(client_order_id[:_ID_DIGITS], 16) or 1)

    def is_ours(self, wire_id: str | None) -> bool:
        if wire_id is None or not wire_id.isdecimal():
            return False
        return _LEAST_ID <= int(wire_id) < _ABOVE_IDS

    def found(self, raw: Raw) -> Found:
        """ccxt takes a row's number for the order's id, and does not know how algo orders end."""
        info = raw.get("info") or {}
        order_id = info.get("algo_id") or info.get("order_id")
        wire_id = info.get("algo_client_order_id") or info.get("client_order_id")
        status = raw.get("status")
        told: dict[str, Any] = {"id": order_id, "status": _ENDED.get(str(status), status)}
        if "algo_id" in info:
            told |= {"filled": info.get("actual_volume"), "average": info.get("actual_price")}
        return Found(raw={**raw, **told}, wire_id=str(wire_id) if wire_id else None)

    # --- sending --------------------------------------------------------------------------

    def extra_params(self, request: OrderRequest) -> dict[str, Any]:
        return dict(_CROSS)

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        kind = _kind(request)
        return super().trigger_params(request) | {
            f"{kind}_type": "market",
            f"{kind}_trigger_price_type": "last",
        }

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        """Build with ccxt, but read the answer ourselves: ccxt overlooks refusals it cannot name.

        Raises:
            OrderRejected, OrderOutcomeUnknown, Unavailable: as the code in the answer says.
        """
        request = api.client.create_contract_order_request(*create.args)
        is_plan = not {"stopLossPrice", "takeProfitPrice"}.isdisjoint(create.params)
        method = "contractPrivatePostV5AlgoOrder" if is_plan else "contractPrivatePostV5TradeOrder"
        answer = await api.order(method, request, lane=lane, cost=self.order_cost)
        row = next(iter(_rows(answer)), {})
        for each in (answer, row):
            if str(each.get("code", _SUCCESS)) != _SUCCESS:
                error = order_refused(each["code"], each.get("message"), codes=self.codes)
                raise api.note(error, lane=lane)
        raw: Raw = api.client.parse_order(row, api.client.market(create.symbol))
        return raw

    def conditional(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return {"stopLoss" if request.type is OrderType.STOP else "takeProfit": True}

    # --- looking --------------------------------------------------------------------------

    async def lookup(self, api: Api, request: OrderRequest, *, lane: Lane) -> Found | None:
        """Ended orders soon leave the first place; the second keeps them longer."""
        wire_id = self.wire_id(request.client_order_id)
        market_id = api.client.market(request.symbol)["id"]
        everything = {"contract_code": market_id, "limit": _PAGE, **_CROSS}
        if request.trigger_price is None:
            places: Sequence[tuple[str, dict[str, Any]]] = (
                (_ORDER, {"contract_code": market_id, "client_order_id": wire_id, **_CROSS}),
                ("contractPrivateGetV5TradeOrderHistory", everything),
            )
        else:
            kind = {"type": _kind(request)}
            places = (
                ("contractPrivateGetV5AlgoOrder", kind | {"algo_client_order_id": wire_id}),
                ("contractPrivateGetV5AlgoOrderHistory", everything | kind),
            )
        for method, params in places:
            for found in await self._ask(api, method, params, request.symbol, lane):
                if found.wire_id == wire_id:
                    return await self._became(api, found, request.symbol, lane)
        return None

    async def _became(self, api: Api, algo: Found, symbol: str, lane: Lane) -> Found:
        """An algo order that took effect goes on as another order, under another id."""
        order_id = algo.raw["info"].get("relation_order_id")
        if algo.raw["status"] != "closed" or order_id in (None, "", "-1"):
            return algo
        params = {"contract_code": api.client.market(symbol)["id"], "order_id": order_id, **_CROSS}
        for found in await self._ask(api, _ORDER, params, symbol, lane):
            if str(found.raw["id"]) == str(order_id):
                return Found(raw=found.raw, wire_id=algo.wire_id)
        return algo

    async def _ask(
        self, api: Api, method: str, params: Mapping[str, Any], symbol: str, lane: Lane
    ) -> list[Found]:
        """The orders in an answer; empty only when the exchange says that there are none.

        Raises:
            Unavailable: it says anything else.
        """
        try:
            answer = await api.read(method, dict(params), lane=lane, cost=self.lookup_cost)
        except OrderNotFound:
            return []
        if str(answer.get("code")) != _SUCCESS:
            error = read_refused(answer.get("code"), answer.get("message"), codes=self.codes)
            if isinstance(error, OrderNotFound):
                return []
            raise api.note(error, lane=lane)
        market = api.client.market(symbol)
        return [self.found(api.client.parse_order(row, market)) for row in _rows(answer)]

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        return ({}, {"stopLoss": True}, {"takeProfit": True}, {"stopLossTakeProfit": True})

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        """Fees there are positive when paid; ccxt turns them round as it must for older APIs."""
        params = {} if order_id is None else {"order_id": order_id}
        start_ms = since_ms if order_id is None else None
        raws = await api.read(
            "fetch_my_trades", symbol, start_ms, _PAGE, params, lane=lane, cost=self.trades_cost
        )
        return [
            {**raw, "fee": {**(raw.get("fee") or {}), "cost": number(raw["info"].get("trade_fee"))}}
            for raw in raws
            if order_id is None or raw.get("order") == order_id
        ]

    def is_liquidation(self, trade: Raw) -> bool:
        return str(trade["info"].get("order_type")) in _FORCED

    # --- the account ----------------------------------------------------------------------

    async def is_one_way(self, api: Api, symbol: str) -> bool | None:
        answer = await api.read("contractPrivateGetV5PositionMode", lane=Lane.POLL)
        mode = (answer.get("data") or {}).get("position_mode")
        return None if mode is None else bool(mode == "single_side")

    async def margin(self, api: Api, symbol: str, *, wanted: MarginMode | None = None) -> Margin:
        market_id = api.client.market(symbol)["id"]
        answer = await api.read(
            "contractPrivateGetV5PositionLever",
            {"contract_code": market_id, **_CROSS},
            lane=Lane.POLL,
        )
        row = next((r for r in _rows(answer) if r.get("contract_code") == market_id), {})
        lever = number(row.get("lever_rate"))
        return Margin(leverage=None if lever is None else int(lever), mode=MarginMode.CROSS)

    async def set_leverage(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        await api.order("set_leverage", leverage, symbol, dict(_CROSS), lane=Lane.POLL)

    async def set_margin_mode(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """There is only one; reading it back tells that another was wanted."""


_ORDER = "contractPrivateGetV5TradeOrder"


def _kind(request: OrderRequest) -> str:
    return "sl" if request.type is OrderType.STOP else "tp"


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = answer.get("data")
    if isinstance(content, dict):
        return [content]
    return [row for row in content or () if isinstance(row, dict)]


class HtxSpot(BuysByCost):
    """No stops: only stop-limit orders exist, which a falling price can leave behind."""

    capabilities: ClassVar = spot_capabilities("htx", lookup="order by client id", rates=_RATES)
    codes: ClassVar = _CODES
    shapes: ClassVar = shapes.HTX
    validity_ms: ClassVar = 60_000

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        """Orders name an account number; asked for before, so that it is not part of the order."""
        await api.read("load_accounts", lane=lane)
        return await super().send(api, create, lane)

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        if order_id is None:
            return await super().trades(api, symbol, lane=lane, since_ms=since_ms)
        raws: Sequence[Raw] = await api.read(
            "fetch_order_trades", order_id, symbol, lane=lane, cost=self.trades_cost
        )
        return raws
