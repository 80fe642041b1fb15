"""OKX: plain orders at one endpoint, stops and targets ("algo" orders) at another.

An algo order has an id of ours, ``algoClOrdId``, and one of theirs; when it triggers it becomes a
plain order with ids of its own. Quantities of perpetuals are counts of contracts. An account has no
margin mode: every order says its own.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Final

from signalbot.domain.book import Balance
from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ZERO, average, text
from signalbot.domain.orders import Forced, Leg, Order, OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.capability import Capabilities, Rate, Stops, Unit
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.answers import order_refused
from signalbot.exchange.live.dialects.base import Api, Create, Dialect, Found, KeyRights, Margin
from signalbot.exchange.live.dialects.coins import spot_capabilities
from signalbot.exchange.live.dialects.okx_codes import CODES
from signalbot.exchange.live.dialects.spot import SpotDialect
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

_LOOKUP: Final = "order by clOrdId, or order-algo by algoClOrdId and the order it became"
# Limits of private requests are each account's own; an address has none but for market data.
_RATES: Final = (Rate(cost=400, per_ms=2_000),)
_MOST = 100  # of one page
_RECENT_MS = 3 * 86_400_000 - 60_000  # trades older than this are at another endpoint
_BILLS_MS = 7 * 86_400_000 - 60_000
_CASH_OR_CROSS = "signalbot.spotMode"
_LIQUIDATION = frozenset(map(str, range(100, 108)))  # subTypes, partial liquidation included
_DELEVERAGING = frozenset(map(str, range(125, 129)))

_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({
    "createOrder": "privatePostTradeOrder",  # a batch of one answers for the batch
    "fetchMarkets": {"types": ["spot", "swap"]},
})  # fmt: skip


class _Okx(Dialect):
    codes: ClassVar = CODES
    shapes: ClassVar = shapes.OKX
    options: ClassVar = _OPTIONS
    order_stream: ClassVar = MappingProxyType({})  # of every kind of instrument
    validity_ms: ClassVar = 30_000  # how old a request's time stamp may be
    trades_cost: ClassVar = 1
    holdings_cost: ClassVar = 1
    lists_by_symbol: ClassVar = False
    balance_cost: ClassVar = 1

    def found(self, raw: Raw) -> Found:
        """ccxt shows a plain order that came of an algo order under the id of the latter."""
        said = raw["info"]
        algo_id = said.get("algoClOrdId") or None
        if said.get("algoId") and "accFillSz" not in said:
            return Found(raw=raw, wire_id=algo_id)
        plain = {**raw, "id": said.get("ordId") or raw.get("id")}
        return Found(raw=plain, wire_id=said.get("clOrdId") or algo_id)

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return super().trigger_params(request) | {
            "algoClOrdId": self.wire_id(request.client_order_id),
            "slTriggerPxType": "last",
            "tpTriggerPxType": "last",
        }

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        raw = await super().send(api, create, lane)
        if raw.get("status") == "rejected":
            said = raw["info"]
            error = order_refused(said.get("sCode"), said.get("sMsg"), codes=self.codes)
            raise api.note(error, lane=lane)
        return raw

    async def amend(
        self, api: Api, order: Order, request: OrderRequest, instrument: Instrument, *, lane: Lane
    ) -> None:
        """By our id, whether it came with its entry or by itself."""
        assert request.trigger_price is not None  # noqa: S101 - a stop has one
        asked = {
            "instId": api.client.market(request.symbol)["id"],
            "algoClOrdId": self.wire_id(request.client_order_id),
            "newSlTriggerPx": text(request.trigger_price),
            "newSlTriggerPxType": "last",
            "newSlOrdPx": "-1",  # at market
            "newSz": text(request.quantity / instrument.contract_size),
        }
        await api.order("privatePostTradeAmendAlgos", asked, lane=lane)

    def is_as(self, raw: Raw, request: OrderRequest, instrument: Instrument) -> bool:
        said = raw["info"]
        size = (number(said.get("sz")) or ZERO) * instrument.contract_size
        return number(said.get("slTriggerPx")) == request.trigger_price and size == request.quantity

    async def lookup(
        self, api: Api, request: OrderRequest, *, lane: Lane, order_id: str | None = None
    ) -> Found | None:
        """A conditional order that has triggered goes on as another order.

        Raises:
            OrderOutcomeUnknown: it has triggered, and what it became is not shown yet; or it
                still waits for the entry that carries it.
        """
        found = await super().lookup(api, request, lane=lane, order_id=order_id)
        if found is None and request.leg is Leg.STOP_LOSS:
            await self._raise_if_carried(api, request, lane)
        if found is None or request.trigger_price is None:
            return found
        said = found.raw["info"]
        if said.get("state") not in ("effective", "partially_effective"):
            return found
        became = []
        for became_id in said.get("ordIdList") or [said.get("ordId")]:
            raw = became_id and await self.maybe(
                api, "fetch_order", became_id, request.symbol, {}, lane=lane
            )
            if not raw:
                raise OrderOutcomeUnknown("it has triggered; the order it became is not shown yet")
            became.append(self.found(raw).raw)
        return Found(raw=_together(became), wire_id=found.wire_id)

    async def _raise_if_carried(self, api: Api, request: OrderRequest, lane: Lane) -> None:
        """An attached stop becomes an order when its entry has filled, and not before."""
        wire_id = self.wire_id(request.client_order_id)
        resting = await api.read("fetch_open_orders", request.symbol, None, None, {}, lane=lane)
        for raw in resting:
            for attached in raw["info"].get("attachAlgoOrds") or ():
                if attached.get("attachAlgoClOrdId") == wire_id:
                    raise OrderOutcomeUnknown("the entry that carries this stop still rests")

    async def open_orders(
        self,
        api: Api,
        symbols: Collection[str],
        *,
        lane: Lane,
        is_conditional: bool | None = None,
    ) -> Sequence[Found]:
        """Each list holds every symbol of a kind."""
        kind = {"instType": self.capabilities.kind.value.upper()}
        listed: list[Found] = []
        for params in self.lists(is_conditional):
            more: dict[str, Any] = {}
            while True:
                raws = await api.read(
                    "fetch_open_orders", None, None, _MOST, {**kind, **params, **more}, lane=lane
                )
                listed += [self.found(raw) for raw in raws if raw.get("symbol") in symbols]
                if len(raws) < _MOST:
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
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        """Trades of the last days are told at once at one endpoint, those before at another.

        https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-transaction-details-last-3-days
        """
        asked = {} if order_id is None else {"ordId": order_id}
        recent_ms = api.client.milliseconds() - _RECENT_MS
        since = {"begin": str(max(since_ms, recent_ms))}
        found = await _fills(api, "privateGetTradeFills", symbol, asked | since, lane)
        if since_ms < recent_ms:
            before = {"begin": str(since_ms), "end": str(recent_ms - 1)}
            method = "privateGetTradeFillsHistory"
            found = [*await _fills(api, method, symbol, asked | before, lane), *found]
        return found

    def forced(self, trade: Raw) -> Forced | None:
        kind = str(trade["info"].get("subType"))
        if kind in _LIQUIDATION:
            return Forced.LIQUIDATION
        return Forced.DELEVERAGING if kind in _DELEVERAGING else None

    async def rights(self, api: Api) -> KeyRights:
        return await _rights(api)


class OkxSwap(_Okx):
    capabilities: ClassVar = Capabilities(
        exchange="okx",
        kind=MarketKind.SWAP,
        stops=Stops.ATTACHED,
        amends=True,
        unit=Unit.CONTRACTS,
        lookup=_LOOKUP,
        rates=_RATES,
    )
    says_margin_mode: ClassVar = True

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
        self, api: Api, symbols: Collection[str], *, since_ms: Ms, lane: Lane
    ) -> Sequence[FundingPayment]:
        """Bills of type 8, newest first; those of three months are at the second endpoint.

        https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-bills-details-last-7-days
        """
        ids = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        is_old = since_ms < api.client.milliseconds() - _BILLS_MS
        method = "privateGetAccountBillsArchive" if is_old else "privateGetAccountBills"
        asked = {"instType": "SWAP", "type": "8", "begin": str(since_ms), "limit": str(_MOST)}
        found: list[FundingPayment] = []
        while True:
            rows = (await api.read(method, asked, lane=lane))["data"]
            found += [
                FundingPayment(
                    payment_id=str(row["billId"]),
                    symbol=ids[row["instId"]],
                    amount=number(row.get("balChg")) or number(row.get("posBalChg")) or ZERO,
                    paid_at_ms=Ms(int(row["ts"])),
                )
                for row in rows
                if row.get("instId") in ids and int(row["ts"]) >= since_ms
            ]
            if len(rows) < _MOST or int(rows[-1]["ts"]) < since_ms:
                return found
            asked["after"] = str(rows[-1]["billId"])

    def is_about_mode(self, refusal: str) -> bool:
        """51000 names ``posSide`` where the position mode is another."""
        return "posside" in refusal.lower()

    # --- the account ----------------------------------------------------------------------

    async def holdings(self, api: Api, symbols: Collection[str], *, lane: Lane) -> Sequence[Raw]:
        raws: Sequence[Raw] = await api.read(
            "fetch_positions", None, {"instType": "SWAP"}, lane=lane
        )
        return raws

    async def margin(self, api: Api, symbol: str, *, wanted: MarginMode | None = None) -> Margin:
        """Leverage is one for each mode. A position keeps the mode it was opened in.

        Otherwise the orders that close it would be refused.
        """
        mode = await self._held_mode(api, symbol, Lane.POLL) or wanted
        if mode is None:
            return Margin(leverage=None, mode=None)
        return Margin(leverage=await self._leverage(api, symbol, mode), mode=mode)

    async def _leverage(self, api: Api, symbol: str, mode: MarginMode) -> int | None:
        raw = await api.read("fetch_leverage", symbol, {"marginMode": mode.value}, lane=Lane.POLL)
        leverage = number(raw.get("longLeverage"))
        return None if leverage is None else int(leverage)

    async def set_leverage(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """Not set again to what it is: with orders resting even that can be refused."""
        if await self._leverage(api, symbol, mode) != leverage:
            params = {"marginMode": mode.value}
            await api.order("set_leverage", leverage, symbol, params, lane=Lane.POLL)

    async def set_margin_mode(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """There is none to set: every order says its own."""

    async def _held_mode(self, api: Api, symbol: str, lane: Lane) -> MarginMode | None:
        raws = await api.read("fetch_positions", [symbol], lane=lane)
        held = (raw.get("marginMode") for raw in raws if number(raw.get("contracts")))
        return next((MarginMode(mode) for mode in held if mode in tuple(MarginMode)), None)


class OkxSpot(SpotDialect, _Okx):
    capabilities: ClassVar = spot_capabilities(
        "okx", lookup=_LOOKUP, rates=_RATES, stops=Stops.SEPARATE, amends=True
    )

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        """Unified margin accounts refuse "cash"; under "cross" a market buy would count quote."""
        mode = await _spot_mode(api, lane)
        create.params["tdMode"] = mode
        if mode == "cross" and create.type == "market" and "stopLossPrice" not in create.params:
            create.params["tgtCcy"] = "base_ccy"
        return await super().send(api, create, lane)

    async def balance(self, api: Api, currency: str, *, now_ms: Ms, lane: Lane) -> Balance:
        """Free is what can be paid with, not what can be margin."""
        raw = await api.read("fetch_balance", self.balance_params(), lane=lane)
        coins = {each["ccy"]: each for each in raw["info"]["data"][0]["details"]}
        mine = coins.get(currency, {})
        return Balance(
            equity=number(mine.get("eq")) or ZERO,
            free=number(mine.get("availBal")) or ZERO,
            as_of_ms=now_ms,
        )


async def _rights(api: Api) -> KeyRights:
    """https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-account-configuration"""
    try:
        answer = await api.read("privateGetAccountConfig", {}, lane=Lane.POLL)
    except Unavailable:
        return KeyRights()
    found = (answer.get("data") or [{}])[0]
    granted, addresses = found.get("perm"), found.get("ip")
    rights = None if granted is None else str(granted).split(",")
    return KeyRights(
        may_trade=None if rights is None else "trade" in rights,
        may_withdraw=None if rights is None else "withdraw" in rights,
        is_ip_bound=None if addresses is None else bool(addresses),
    )


async def _spot_mode(api: Api, lane: Lane) -> str:
    """The trade mode of spot orders, from the account's level; asked once."""
    mode = api.client.options.get(_CASH_OR_CROSS)
    if mode is None:
        answer = await api.read("privateGetAccountConfig", {}, lane=lane)
        level = str(answer["data"][0].get("acctLv"))
        mode = {"1": "cash", "2": "cash", "3": "cross", "4": "cross"}.get(level)
        if mode is None:
            raise Unavailable(f"never sent: account level {level} is not known")
        api.client.options[_CASH_OR_CROSS] = mode
    return str(mode)


async def _fills(
    api: Api, method: str, symbol: str, asked: Mapping[str, str], lane: Lane
) -> Sequence[Raw]:
    """Every page, newest first. Trade ids are the market's own: bills are the account's."""
    market = api.client.market(symbol)
    params = {"instType": market["type"].upper(), "instId": market["id"], **asked}
    found: list[Raw] = []
    while True:
        rows = (await api.read(method, params, lane=lane))["data"]
        found += [
            {**trade, "id": trade["info"]["billId"]}
            for trade in api.client.parse_trades(rows, market)
        ]
        if len(rows) < _MOST:
            return found
        params = {**params, "after": rows[-1]["billId"]}


def _together(raws: Sequence[Raw]) -> Raw:
    """What one algo order became: large ones are placed in parts."""
    if len(raws) == 1:
        return raws[0]
    filled = [number(raw.get("filled")) or ZERO for raw in raws]
    total = sum(filled, ZERO)
    cost = sum(
        (
            each * (number(raw.get("average")) or ZERO)
            for each, raw in zip(filled, raws, strict=True)
        ),
        ZERO,
    )
    is_open = any(raw.get("status") == "open" for raw in raws)
    mean: Decimal | None = average(cost, total) if total else None
    status = "open" if is_open else "closed"
    return {**raws[-1], "filled": total, "average": mean, "status": status}
