"""OKX: plain orders at one endpoint, stops and targets ("algo" orders) at another.

An algo order has a client order id, ``algoClOrdId``, and an id of the exchange; when it triggers it
becomes a plain order with other ids. An account has no margin mode: every order names one.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Final

from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.market import Instrument
from signalbot.domain.money import ZERO, average, text
from signalbot.domain.orders import ForcedClose, Leg, Order, OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.error_responses import rejected_order_error
from signalbot.exchange.live.adapters.order_lookup import TriggeredOrderLookup
from signalbot.exchange.live.adapters.paging import all_rows, paged
from signalbot.exchange.live.adapters.types import CreateOrderArgs, FoundOrder, KeyPermissions
from signalbot.exchange.live.capabilities import RateLimit
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

LOOKUP: Final = "order by clOrdId, or order-algo by algoClOrdId and the order it became"
# Private requests are limited by account; an address is limited for market data only.
RATES: Final = (RateLimit(cost=400, per_ms=2_000),)
MAX_PAGE: Final = 100
_RECENT_MS = 3 * 86_400_000 - 60_000  # older trades are at another endpoint
_LIQUIDATION = frozenset(map(str, range(100, 108)))  # subTypes, partial liquidation included
_DELEVERAGING = frozenset(map(str, range(125, 129)))

_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({
    "createOrder": "privatePostTradeOrder",  # a batch of one has the response of a batch
    "fetchMarkets": {"types": ["spot", "swap"]},
})  # fmt: skip


class OkxAdapter(TriggeredOrderLookup):
    """What both markets have in common."""

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
        """ccxt gives a plain order that an algo order became the id of the algo order."""
        reported = raw["info"]
        algo_id = reported.get("algoClOrdId") or None
        if reported.get("algoId") and "accFillSz" not in reported:
            return FoundOrder(raw=raw, wire_id=algo_id)
        plain = {**raw, "id": reported.get("ordId") or raw.get("id")}
        return FoundOrder(raw=plain, wire_id=reported.get("clOrdId") or algo_id)

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        return super().trigger_params(request, trigger_price) | {
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
        """By our id, also of a stop that its entry carried."""
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
        """A triggered conditional order is looked up as the order that it became.

        Raises:
            OrderOutcomeUnknown: it has triggered and the order that it became is not shown yet;
                or the entry that carries it still rests.
        """
        found = await super().lookup(api, request, priority=priority, order_id=order_id)
        if found is None and request.leg is Leg.STOP_LOSS:
            await self._raise_if_attached(api, request, priority)
        if found is None or request.trigger_price is None:
            return found
        return await self.follow_triggered(api, found, request.symbol, priority)

    async def follow_triggered(
        self, api: ExchangeApi, found: FoundOrder, symbol: str, priority: RequestPriority
    ) -> FoundOrder:
        """A large algo order becomes several orders, which are merged."""
        reported = found.raw["info"]
        if reported.get("state") not in ("effective", "partially_effective"):
            return found
        children = []
        for order_id in reported.get("ordIdList") or [reported.get("ordId")]:
            raw = order_id and await self.fetch_triggered(api, order_id, symbol, priority)
            if not raw:
                raise OrderOutcomeUnknown("it has triggered; the order it became is not shown yet")
            children.append(self.to_found_order(raw).raw)
        return FoundOrder(raw=_merge_child_orders(children), wire_id=found.wire_id)

    async def _raise_if_attached(
        self, api: ExchangeApi, request: OrderRequest, priority: RequestPriority
    ) -> None:
        """An attached stop becomes an order only when its entry has filled."""
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
        """Each list holds every symbol of one kind of market."""
        kind = {"instType": self.capabilities.kind.value.upper()}
        listed: list[FoundOrder] = []
        for params in self.order_lists(is_conditional):
            raws = await self._fetch_open_list(api, {**kind, **params}, priority)
            listed += [self.to_found_order(raw) for raw in raws if raw.get("symbol") in symbols]
        return listed

    async def _fetch_open_list(
        self, api: ExchangeApi, params: Mapping[str, Any], priority: RequestPriority
    ) -> list[CcxtDict]:
        async def fetch(after: Mapping[str, Any]) -> Sequence[CcxtDict]:
            raws: Sequence[CcxtDict] = await api.read(
                "fetch_open_orders", None, None, MAX_PAGE, {**params, **after}, priority=priority
            )
            return raws

        def after_oldest(page: Sequence[CcxtDict]) -> Mapping[str, Any]:
            return {"after": min(page, key=lambda raw: raw["timestamp"])["id"]}

        return await all_rows(paged(fetch, size=MAX_PAGE, next_params=after_oldest))

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
        """Trades of the last three days are at one endpoint, older ones at another.

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


async def _fetch_fills(
    api: ExchangeApi,
    method: str,
    symbol: str,
    request_params: Mapping[str, str],
    priority: RequestPriority,
) -> Sequence[CcxtDict]:
    """Every page, newest first. Trade ids are unique in a market, bills in the account."""
    market = api.client.market(symbol)
    params = {"instType": market["type"].upper(), "instId": market["id"], **request_params}

    async def fetch(after: Mapping[str, Any]) -> Sequence[CcxtDict]:
        response = await api.read(method, {**params, **after}, priority=priority)
        rows: Sequence[CcxtDict] = response["data"]
        return rows

    def after_last(page: Sequence[CcxtDict]) -> Mapping[str, Any]:
        return {"after": page[-1]["billId"]}

    rows = await all_rows(paged(fetch, size=MAX_PAGE, next_params=after_last))
    return [
        {**trade, "id": trade["info"]["billId"]} for trade in api.client.parse_trades(rows, market)
    ]


def _merge_child_orders(raws: Sequence[CcxtDict]) -> CcxtDict:
    """One order of the several that a large algo order became."""
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
