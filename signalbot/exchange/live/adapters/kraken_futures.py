"""Kraken Futures: ended orders are known for seconds, then by their fills and the history."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import OrderOutcomeUnknown
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO, average, text
from signalbot.domain.orders import ForcedClose, OrderRequest
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.error_responses import (
    rejected_order_error,
    while_building,
)
from signalbot.exchange.live.adapters.kraken_futures_fills import fetch_fills, history, with_fees
from signalbot.exchange.live.adapters.types import (
    CreateOrderArgs,
    FoundOrder,
    SymbolMargin,
    parse_margin,
)
from signalbot.exchange.live.capabilities import MINUTES_TO_FOUR_HOURS, Capabilities, RateLimit
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.client_profile import ServerTimeEndpoint
from signalbot.exchange.live.transport.error_codes import OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_DEADLINE_MS = 30_000
_SKEW_MS = 5_000
_COST = 10  # of every call that changes something
_ACCEPTED_STATUSES = ("placed", "partiallyFilled", "filled")
_FORCED = ("liquidation", "assignor", "unwindBankrupt")
_REJECTED = {"REJECTED": "rejected", "TRIGGER_ACTIVATION_FAILURE": "rejected"}
_END_EVENTS = {
    "OrderCancelled": "canceled",
    "OrderRejected": "rejected",
    "OrderTriggerCancelled": "canceled",
}


class KrakenFutures(ExchangeAdapter):
    """Positions always net; a margin mode is a preference of the market, cross unless set."""

    capabilities: ClassVar = Capabilities(
        exchange="krakenfutures",
        kind=MarketKind.SWAP,
        lookup="order status by client id for 5 s, then fills and history by client id",
        # Kraken limits accounts (500 units in 10 s), not addresses: this smooths bursts.
        rates=(RateLimit(cost=5_000, per_ms=10_000),),
        client_id_retention="5 s after the end; fills and history carry it",
        streams_candles=False,
        timeframes=MINUTES_TO_FOUR_HOURS | {Timeframe.H12, Timeframe.D1},
    )
    # https://docs.kraken.com/api/docs/futures-api/trading/send-order
    codes: ClassVar = error_tables.KRAKEN_FUTURES
    request_validity_ms: ClassVar = _DEADLINE_MS
    shapes: ClassVar = response_shapes.KRAKEN_FUTURES
    order_cost: ClassVar = _COST
    server_time: ClassVar = ServerTimeEndpoint(
        method="publicGetTickersSymbol", params={"symbol": "PF_XBTUSD"}, field="serverTime"
    )
    has_lists_by_symbol: ClassVar = False

    def to_found_order(self, raw: CcxtDict) -> FoundOrder:
        found = super().to_found_order(raw)
        status = raw.get("status")
        return FoundOrder(
            raw={**raw, "status": _REJECTED.get(str(status), status)}, wire_id=found.wire_id
        )

    # --- sending --------------------------------------------------------------------------

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        return super().trigger_params(request, trigger_price) | {"triggerSignal": "last"}

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """ccxt builds the request; its response is read here: ccxt's error omits the status.

        A rejection may follow an execution: REJECTED_AFTER_EXECUTION is one of its reasons.
        https://docs.kraken.com/api/docs/futures-api/trading/send-order (``orderEvents``)

        Raises:
            OrderRejected, OrderOutcomeUnknown, Unavailable: by the status in the response.
        """
        deadline_ms = api.client.milliseconds() - _clock_offset_ms(api) + _DEADLINE_MS
        create.params["processBefore"] = api.client.iso8601(deadline_ms)
        with while_building():
            request = api.client.create_order_request(*create.positional_args)
        response = await api.execute(
            "privatePostSendorder", request, priority=priority, cost=self.order_cost
        )
        reported = response.get("sendStatus") or {}
        status = reported.get("status")
        if status not in _ACCEPTED_STATUSES and _has_traded(reported):
            raise OrderOutcomeUnknown(f"it traded before it was rejected: {status}")
        if status not in _ACCEPTED_STATUSES:
            error = rejected_order_error(status, "the order was not placed", codes=self.codes)
            raise api.apply_error(error, priority=priority)
        raw: CcxtDict = api.client.parse_order(reported, api.client.market(create.symbol))
        return raw

    async def cancel_by_id(
        self, api: ExchangeApi, request: OrderRequest, order_id: str, *, priority: RequestPriority
    ) -> None:
        await self._cancel(api, {"order_id": order_id}, priority)

    async def cancel_by_client_id(
        self, api: ExchangeApi, request: OrderRequest, *, priority: RequestPriority
    ) -> None:
        """ccxt's own cancel knows exchange ids only."""
        await self._cancel(api, {"cliOrdId": self.wire_id(request.client_order_id)}, priority)

    async def _cancel(
        self, api: ExchangeApi, named: Mapping[str, str], priority: RequestPriority
    ) -> None:
        """A response of success reports that an order does not rest.

        https://docs.kraken.com/api/docs/futures-api/trading/cancel-order
        """
        response = await api.execute(
            "privatePostCancelorder", dict(named), priority=priority, cost=_COST
        )
        if (response.get("cancelStatus") or {}).get("status") == "notFound":
            raise OrderNotFound("no such order rests")

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        """Conditional orders are in the same list as others."""
        return {}

    # --- reading --------------------------------------------------------------------------

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        symbol, wire_id = request.symbol, self.wire_id(request.client_order_id)
        raws = await api.read(
            "fetch_orders", symbol, None, None, {"cliOrdIds": wire_id},
            priority=priority, cost=self.lookup_cost,
        )  # fmt: skip
        found_order = next(
            (f for f in map(self.to_found_order, raws) if f.wire_id == wire_id), None
        )
        if (
            found_order is not None
            and found_order.raw["status"] == "open"
            and not parse_decimal(found_order.raw["filled"])
        ):
            return found_order
        since_ms = Ms(max(0, request.intended_at_ms - _SKEW_MS))
        executed = [
            trade
            for trade in await fetch_fills(api, symbol, since_ms=since_ms, priority=priority)
            if trade["info"].get("cliOrdId") == wire_id
        ]
        if executed:
            return FoundOrder(raw=_with_fills(found_order, executed), wire_id=wire_id)
        return found_order or await self._find_ended(api, request, wire_id, priority)

    async def _find_ended(
        self, api: ExchangeApi, request: OrderRequest, wire_id: str, priority: RequestPriority
    ) -> FoundOrder | None:
        """An order that ended without a fill, from the account's history."""
        since_ms = max(0, request.intended_at_ms - _clock_offset_ms(api) - _SKEW_MS)
        methods = ("historyGetTriggers", "historyGetOrders")
        for method in methods if request.trigger_price is not None else methods[1:]:
            async for element in history(api, method, since_ms=since_ms, priority=priority):
                for name, event in (element.get("event") or {}).items():
                    order = event.get("order") or {}
                    if name in _END_EVENTS and order.get("clientId") == wire_id:
                        raw = {"id": order.get("uid"), "status": _END_EVENTS[name], "info": element}
                        return FoundOrder(raw=raw, wire_id=wire_id)
        return None

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: Collection[str],
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> Sequence[FoundOrder]:
        """One response holds the open orders of every symbol, conditional ones included."""
        raws = await api.read("fetch_open_orders", priority=priority, cost=self.open_orders_cost)
        return [self.to_found_order(raw) for raw in raws if raw.get("symbol") in symbols]

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """Fills cannot be selected by order, and their fees are in the history."""
        reported = await fetch_fills(api, symbol, since_ms=since_ms, priority=priority)
        mine = [raw for raw in reported if order_id in (None, raw.get("order"))]
        now_ms = Ms(api.client.milliseconds() - _clock_offset_ms(api))
        return await with_fees(api, mine, now_ms=now_ms, priority=priority)

    def forced_reason(self, trade: CcxtDict) -> ForcedClose | None:
        is_forced = trade["info"].get("fillType") in _FORCED
        return ForcedClose.LIQUIDATION if is_forced else None

    # --- the account ----------------------------------------------------------------------

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        """The multi-collateral wallet, valued in US dollars."""
        raw = await api.read(
            "fetch_balance", {"type": "flex"}, priority=priority, cost=self.balance_cost
        )
        wallet = raw["info"]["accounts"]["flex"]
        return Balance(
            equity=parse_decimal(wallet.get("portfolioValue")) or ZERO,
            free=parse_decimal(wallet.get("availableMargin")) or ZERO,
            as_of_ms=now_ms,
        )

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        return None

    async def symbol_margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        raw = await api.read("fetch_leverage", symbol, priority=RequestPriority.POLL)
        leverage = parse_margin(raw).leverage
        mode = MarginMode.CROSS if leverage is None else MarginMode.ISOLATED
        return SymbolMargin(leverage=leverage, mode=mode)

    async def set_leverage(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Only in isolated mode: cross mode has the highest leverage of the market."""
        if mode is MarginMode.ISOLATED:
            await api.execute(
                "set_leverage", leverage, symbol, priority=RequestPriority.POLL, cost=_COST
            )

    async def set_margin_mode(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """A leverage preference makes a market isolated, its removal cross."""
        if mode is MarginMode.CROSS:
            market_id = api.client.market(symbol)["id"].upper()
            await api.execute(
                "privatePutLeveragepreferences",
                {"symbol": market_id},
                priority=RequestPriority.POLL,
                cost=_COST,
            )


def _has_traded(reported: CcxtDict) -> bool:
    """Whether the events in the response to an order contain an execution."""
    return any(event.get("type") == "EXECUTION" for event in reported.get("orderEvents") or ())


def _clock_offset_ms(api: ExchangeApi) -> int:
    """How far our clock is ahead of the exchange's, as last measured."""
    return int(api.client.options.get("timeDifference") or 0)


def _with_fills(found_order: FoundOrder | None, fills: Iterable[CcxtDict]) -> Mapping[str, Any]:
    """An order from its fills; it has ended unless the exchange still lists it as open.

    A triggered stop is listed as cancelled, and continues as an order with another id.
    """
    parts = [
        (parse_decimal(f["amount"]) or ZERO, parse_decimal(f["price"]) or ZERO, f) for f in fills
    ]
    filled = sum((amount for amount, _, _ in parts), ZERO)
    cost = sum((amount * price for amount, price, _ in parts), ZERO)
    last: CcxtDict = max(parts, key=lambda part: part[2]["timestamp"])[2]
    requested_amount: Decimal | None = (
        None if found_order is None else parse_decimal(found_order.raw.get("amount"))
    )
    return {
        "id": last["order"],
        "symbol": last["symbol"],
        "status": "open"
        if found_order is not None and found_order.raw["status"] == "open"
        else "closed",
        "amount": None if requested_amount is None else text(requested_amount),
        "filled": text(filled),
        "average": text(average(cost, filled)),
        "lastUpdateTimestamp": last["timestamp"],
        "info": last["info"],
    }
