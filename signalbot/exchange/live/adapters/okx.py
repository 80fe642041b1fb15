"""OKX: plain orders at one endpoint, stops and targets ("algo" orders) at another.

An algo order has an id of ours, ``algoClOrdId``, and one of theirs; when it triggers it becomes a
plain order with ids of its own. Quantities of perpetuals are counts of contracts. An account has no
margin mode: every order says its own.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Final

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ZERO, average, text
from signalbot.domain.orders import ForcedClose, Leg, Order, OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.base import (
    CreateOrderArgs,
    ExchangeAdapter,
    FoundOrder,
    KeyPermissions,
    SymbolMargin,
)
from signalbot.exchange.live.adapters.error_responses import rejected_order_error
from signalbot.exchange.live.adapters.spot import SpotAdapter
from signalbot.exchange.live.adapters.spot_market_buy import spot_capabilities
from signalbot.exchange.live.capabilities import Capabilities, QuantityUnit, RateLimit, StopSupport
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

_LOOKUP: Final = "order by clOrdId, or order-algo by algoClOrdId and the order it became"
# Limits of private requests are each account's own; an address has none but for market data.
_RATES: Final = (RateLimit(cost=400, per_ms=2_000),)
_MAX_PAGE = 100  # of one page
_RECENT_MS = 3 * 86_400_000 - 60_000  # trades older than this are at another endpoint
_BILLS_MS = 7 * 86_400_000 - 60_000
_CASH_OR_CROSS = "signalbot.spotMode"
_LIQUIDATION = frozenset(map(str, range(100, 108)))  # subTypes, partial liquidation included
_DELEVERAGING = frozenset(map(str, range(125, 129)))

_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({
    "createOrder": "privatePostTradeOrder",  # a batch of one answers for the batch
    "fetchMarkets": {"types": ["spot", "swap"]},
})  # fmt: skip


class _OkxAdapter(ExchangeAdapter):
    codes: ClassVar = error_tables.OKX
    shapes: ClassVar = response_shapes.OKX
    options: ClassVar = _OPTIONS
    #: Of every kind of instrument; conditional orders are in a channel of their own.
    order_streams: ClassVar = (MappingProxyType({}), MappingProxyType({"trigger": True}))
    request_validity_ms: ClassVar = 30_000  # how old a request's time stamp may be
    trades_cost: ClassVar = 1
    holdings_cost: ClassVar = 1
    has_lists_by_symbol: ClassVar = False
    balance_cost: ClassVar = 1

    def to_found_order(self, raw: CcxtDict) -> FoundOrder:
        """ccxt shows a plain order that came of an algo order under the id of the latter."""
        reported = raw["info"]
        algo_id = reported.get("algoClOrdId") or None
        if reported.get("algoId") and "accFillSz" not in reported:
            return FoundOrder(raw=raw, wire_id=algo_id)
        plain = {**raw, "id": reported.get("ordId") or raw.get("id")}
        return FoundOrder(raw=plain, wire_id=reported.get("clOrdId") or algo_id)

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return super().trigger_params(request) | {
            "algoClOrdId": self.wire_id(request.client_order_id),
            "slTriggerPxType": "last",
            "tpTriggerPxType": "last",
        }

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        raw = await super().send(api, create, priority)
        if raw.get("status") == "rejected":
            reported = raw["info"]
            error = rejected_order_error(
                reported.get("sCode"), reported.get("sMsg"), codes=self.codes
            )
            raise api.apply_error(error, priority=priority)
        return raw

    async def amend(
        self,
        api: ExchangeApi,
        order: Order,
        request: OrderRequest,
        instrument: Instrument,
        *,
        priority: RequestPriority,
    ) -> None:
        """By our id, whether it came with its entry or by itself."""
        assert request.trigger_price is not None  # noqa: S101 - a stop has one
        request_params = {
            "instId": api.client.market(request.symbol)["id"],
            "algoClOrdId": self.wire_id(request.client_order_id),
            "newSlTriggerPx": text(request.trigger_price),
            "newSlTriggerPxType": "last",
            "newSlOrdPx": "-1",  # at market
            "newSz": text(request.quantity / instrument.contract_size),
        }
        await api.execute("privatePostTradeAmendAlgos", request_params, priority=priority)

    def matches_amended(self, raw: CcxtDict, request: OrderRequest, instrument: Instrument) -> bool:
        reported = raw["info"]
        size = (parse_decimal(reported.get("sz")) or ZERO) * instrument.contract_size
        return (
            parse_decimal(reported.get("slTriggerPx")) == request.trigger_price
            and size == request.quantity
        )

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        """A conditional order that has triggered goes on as another order.

        Raises:
            OrderOutcomeUnknown: it has triggered, and what it became is not shown yet; or it
                still waits for the entry that carries it.
        """
        found = await super().lookup(api, request, priority=priority, order_id=order_id)
        if found is None and request.leg is Leg.STOP_LOSS:
            await self._raise_if_attached(api, request, priority)
        if found is None or request.trigger_price is None:
            return found
        reported = found.raw["info"]
        if reported.get("state") not in ("effective", "partially_effective"):
            return found
        became = []
        for became_id in reported.get("ordIdList") or [reported.get("ordId")]:
            raw = became_id and await self.read_or_none(
                api, "fetch_order", became_id, request.symbol, {}, priority=priority
            )
            if not raw:
                raise OrderOutcomeUnknown("it has triggered; the order it became is not shown yet")
            became.append(self.to_found_order(raw).raw)
        return FoundOrder(raw=_merge_child_orders(became), wire_id=found.wire_id)

    async def _raise_if_attached(
        self, api: ExchangeApi, request: OrderRequest, priority: RequestPriority
    ) -> None:
        """An attached stop becomes an order when its entry has filled, and not before."""
        wire_id = self.wire_id(request.client_order_id)
        resting = await api.read(
            "fetch_open_orders", request.symbol, None, None, {}, priority=priority
        )
        for raw in resting:
            for attached in raw["info"].get("attachAlgoOrds") or ():
                if attached.get("attachAlgoClOrdId") == wire_id:
                    raise OrderOutcomeUnknown("the entry that carries this stop still rests")

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: Collection[str],
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> Sequence[FoundOrder]:
        """Each list holds every symbol of a kind."""
        kind = {"instType": self.capabilities.kind.value.upper()}
        listed: list[FoundOrder] = []
        for params in self.order_lists(is_conditional):
            more: dict[str, Any] = {}
            while True:
                raws = await api.read(
                    "fetch_open_orders",
                    None,
                    None,
                    _MAX_PAGE,
                    {**kind, **params, **more},
                    priority=priority,
                )
                listed += [self.to_found_order(raw) for raw in raws if raw.get("symbol") in symbols]
                if len(raws) < _MAX_PAGE:
                    break
                more = {"after": min(raws, key=lambda raw: raw["timestamp"])["id"]}
        return listed

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        return (
            {},
            {"trigger": True, "ordType": "conditional,oco"},
            {"trigger": True},
            {"trailing": True},
        )

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """Trades of the last days are told at once at one endpoint, those before at another.

        https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-transaction-details-last-3-days
        """
        request_params = {} if order_id is None else {"ordId": order_id}
        recent_ms = api.client.milliseconds() - _RECENT_MS
        since = {"begin": str(max(since_ms, recent_ms))}
        found = await _fetch_fills(
            api, "privateGetTradeFills", symbol, request_params | since, priority
        )
        if since_ms < recent_ms:
            before = {"begin": str(since_ms), "end": str(recent_ms - 1)}
            method = "privateGetTradeFillsHistory"
            found = [
                *await _fetch_fills(api, method, symbol, request_params | before, priority),
                *found,
            ]
        return found

    def forced_reason(self, trade: CcxtDict) -> ForcedClose | None:
        kind = str(trade["info"].get("subType"))
        if kind in _LIQUIDATION:
            return ForcedClose.LIQUIDATION
        return ForcedClose.DELEVERAGING if kind in _DELEVERAGING else None

    async def key_permissions(self, api: ExchangeApi) -> KeyPermissions:
        return await _fetch_key_permissions(api)


class OkxSwap(_OkxAdapter):
    capabilities: ClassVar = Capabilities(
        exchange="okx",
        kind=MarketKind.SWAP,
        stops=StopSupport.ATTACHED,
        can_amend_stops=True,
        unit=QuantityUnit.CONTRACTS,
        lookup=_LOOKUP,
        rates=_RATES,
    )
    sends_margin_mode: ClassVar = True

    def attached_params(self, stop: OrderRequest) -> dict[str, Any]:
        """ccxt would leave out the id; the stop is placed when the entry has filled completely."""
        assert stop.trigger_price is not None  # noqa: S101 - a stop has one
        attached = {
            "attachAlgoClOrdId": self.wire_id(stop.client_order_id),
            "slTriggerPx": text(stop.trigger_price),
            "slTriggerPxType": "last",
            "slOrdPx": "-1",  # at market
        }
        return {"attachAlgoOrds": [attached]}

    async def funding(
        self, api: ExchangeApi, symbols: Collection[str], *, since_ms: Ms, priority: RequestPriority
    ) -> Sequence[FundingPayment]:
        """Bills of type 8, newest first; those of three months are at the second endpoint.

        https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-bills-details-last-7-days
        """
        ids = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        is_old = since_ms < api.client.milliseconds() - _BILLS_MS
        method = "privateGetAccountBillsArchive" if is_old else "privateGetAccountBills"
        request_params = {
            "instType": "SWAP",
            "type": "8",
            "begin": str(since_ms),
            "limit": str(_MAX_PAGE),
        }
        found: list[FundingPayment] = []
        while True:
            rows = (await api.read(method, request_params, priority=priority))["data"]
            found += [
                FundingPayment(
                    payment_id=str(row["billId"]),
                    symbol=ids[row["instId"]],
                    amount=parse_decimal(row.get("balChg"))
                    or parse_decimal(row.get("posBalChg"))
                    or ZERO,
                    paid_at_ms=Ms(int(row["ts"])),
                )
                for row in rows
                if row.get("instId") in ids and int(row["ts"]) >= since_ms
            ]
            if len(rows) < _MAX_PAGE or int(rows[-1]["ts"]) < since_ms:
                return found
            request_params["after"] = str(rows[-1]["billId"])

    def is_mode_error(self, refusal: str) -> bool:
        """51000 names ``posSide`` where the position mode is another."""
        return "posside" in refusal.lower()

    # --- the account ----------------------------------------------------------------------

    async def holdings(
        self, api: ExchangeApi, symbols: Collection[str], *, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        raws: Sequence[CcxtDict] = await api.read(
            "fetch_positions", None, {"instType": "SWAP"}, priority=priority
        )
        return raws

    async def margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """Leverage is one for each mode. A position keeps the mode it was opened in.

        Otherwise the orders that close it would be refused.
        """
        mode = await self._position_mode(api, symbol, RequestPriority.POLL) or wanted
        if mode is None:
            return SymbolMargin(leverage=None, mode=None)
        return SymbolMargin(leverage=await self._fetch_leverage(api, symbol, mode), mode=mode)

    async def _fetch_leverage(self, api: ExchangeApi, symbol: str, mode: MarginMode) -> int | None:
        raw = await api.read(
            "fetch_leverage", symbol, {"marginMode": mode.value}, priority=RequestPriority.POLL
        )
        leverage = parse_decimal(raw.get("longLeverage"))
        return None if leverage is None else int(leverage)

    async def set_leverage(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Not set again to what it is: with orders resting even that can be refused."""
        if await self._fetch_leverage(api, symbol, mode) != leverage:
            params = {"marginMode": mode.value}
            await api.execute(
                "set_leverage", leverage, symbol, params, priority=RequestPriority.POLL
            )

    async def set_margin_mode(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """There is none to set: every order says its own."""

    async def _position_mode(
        self, api: ExchangeApi, symbol: str, priority: RequestPriority
    ) -> MarginMode | None:
        raws = await api.read("fetch_positions", [symbol], priority=priority)
        held = (raw.get("marginMode") for raw in raws if parse_decimal(raw.get("contracts")))
        return next((MarginMode(mode) for mode in held if mode in tuple(MarginMode)), None)


class OkxSpot(SpotAdapter, _OkxAdapter):
    capabilities: ClassVar = spot_capabilities(
        "okx", lookup=_LOOKUP, rates=_RATES, stops=StopSupport.SEPARATE, can_amend_stops=True
    )

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """Unified margin accounts refuse "cash"; under "cross" a market buy would count quote."""
        mode = await _spot_mode(api, priority)
        create.params["tdMode"] = mode
        if mode == "cross" and create.type == "market" and "stopLossPrice" not in create.params:
            create.params["tgtCcy"] = "base_ccy"
        return await super().send(api, create, priority)

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        """Free is what can be paid with, not what can be margin."""
        raw = await api.read("fetch_balance", self.balance_params(), priority=priority)
        coins = {each["ccy"]: each for each in raw["info"]["data"][0]["details"]}
        mine = coins.get(currency, {})
        return Balance(
            equity=parse_decimal(mine.get("eq")) or ZERO,
            free=parse_decimal(mine.get("availBal")) or ZERO,
            as_of_ms=now_ms,
        )


async def _fetch_key_permissions(api: ExchangeApi) -> KeyPermissions:
    """https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-account-configuration"""
    try:
        response = await api.read("privateGetAccountConfig", {}, priority=RequestPriority.POLL)
    except Unavailable:
        return KeyPermissions()
    found = (response.get("data") or [{}])[0]
    granted, addresses = found.get("perm"), found.get("ip")
    rights = None if granted is None else str(granted).split(",")
    return KeyPermissions(
        may_trade=None if rights is None else "trade" in rights,
        may_withdraw=None if rights is None else "withdraw" in rights,
        is_ip_bound=None if addresses is None else bool(addresses),
    )


async def _spot_mode(api: ExchangeApi, priority: RequestPriority) -> str:
    """The trade mode of spot orders, from the account's level; asked once."""
    mode = api.client.options.get(_CASH_OR_CROSS)
    if mode is None:
        response = await api.read("privateGetAccountConfig", {}, priority=priority)
        level = str(response["data"][0].get("acctLv"))
        mode = {"1": "cash", "2": "cash", "3": "cross", "4": "cross"}.get(level)
        if mode is None:
            raise Unavailable(f"never sent: account level {level} is not known")
        api.client.options[_CASH_OR_CROSS] = mode
    return str(mode)


async def _fetch_fills(
    api: ExchangeApi,
    method: str,
    symbol: str,
    request_params: Mapping[str, str],
    priority: RequestPriority,
) -> Sequence[CcxtDict]:
    """Every page, newest first. Trade ids are the market's own: bills are the account's."""
    market = api.client.market(symbol)
    params = {"instType": market["type"].upper(), "instId": market["id"], **request_params}
    found: list[CcxtDict] = []
    while True:
        rows = (await api.read(method, params, priority=priority))["data"]
        found += [
            {**trade, "id": trade["info"]["billId"]}
            for trade in api.client.parse_trades(rows, market)
        ]
        if len(rows) < _MAX_PAGE:
            return found
        params = {**params, "after": rows[-1]["billId"]}


def _merge_child_orders(raws: Sequence[CcxtDict]) -> CcxtDict:
    """What one algo order became: large ones are placed in parts."""
    if len(raws) == 1:
        return raws[0]
    filled = [parse_decimal(raw.get("filled")) or ZERO for raw in raws]
    total = sum(filled, ZERO)
    cost = sum(
        (
            each * (parse_decimal(raw.get("average")) or ZERO)
            for each, raw in zip(filled, raws, strict=True)
        ),
        ZERO,
    )
    is_open = any(raw.get("status") == "open" for raw in raws)
    mean: Decimal | None = average(cost, total) if total else None
    status = "open" if is_open else "closed"
    return {**raws[-1], "filled": total, "average": mean, "status": status}
