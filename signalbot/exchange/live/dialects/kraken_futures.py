"""Kraken Futures forgets ended orders within seconds: fills and history speak for them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.book import Balance
from signalbot.domain.errors import OrderOutcomeUnknown
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO, average, text
from signalbot.domain.orders import Forced, OrderRequest
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.capability import Capabilities, Rate
from signalbot.exchange.live.codes import Codes, OrderNotFound
from signalbot.exchange.live.dialects import shapes
from signalbot.exchange.live.dialects.answers import building, codes_in, order_refused
from signalbot.exchange.live.dialects.base import (
    Api,
    Create,
    Dialect,
    Found,
    Margin,
    margin_of,
)
from signalbot.exchange.live.dialects.candles import MINUTES_TO_FOUR_HOURS
from signalbot.exchange.live.dialects.kraken_futures_fills import fills, history, with_fees
from signalbot.exchange.live.exchange_clock import ExchangeClock
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

_DEADLINE_MS = 30_000
_SKEW_MS = 5_000
_COST = 10  # of every call that changes something
_TAKEN = ("placed", "partiallyFilled", "filled")
_FORCED = ("liquidation", "assignor", "unwindBankrupt")
_REFUSED = {"REJECTED": "rejected", "TRIGGER_ACTIVATION_FAILURE": "rejected"}
_ENDS = {
    "OrderCancelled": "canceled",
    "OrderRejected": "rejected",
    "OrderTriggerCancelled": "canceled",
}


class KrakenFutures(Dialect):
    """Positions always net; a margin mode is a preference of the market, cross unless set."""

    capabilities: ClassVar = Capabilities(
        exchange="krakenfutures",
        kind=MarketKind.SWAP,
        lookup="order status by client id for 5 s, then fills and history by client id",
        # Kraken limits accounts (500 units in 10 s), not addresses: this keeps bursts civil.
        rates=(Rate(cost=5_000, per_ms=10_000),),
        client_id_lives="5 s after the end; fills and history carry it",
        streams_candles=False,
        timeframes=MINUTES_TO_FOUR_HOURS | {Timeframe.H12, Timeframe.D1},
    )
    # https://docs.kraken.com/api/docs/futures-api/trading/send-order
    codes: ClassVar = Codes(
        rejected=codes_in(
            "invalidOrderType invalidSide invalidSize invalidPrice selfFill "
            "tooManySmallOrders maxPositionViolation marketSuspended marketInactive "
            "clientOrderIdTooLong outsidePriceCollar postWouldExecute iocWouldNotExecute "
            "wouldNotReducePosition wouldProcessAfterSpecifiedTime requiredArgumentMissing "
            "invalidArgument contractNotFound marketUnavailable wouldCauseLiquidation "
            "tooManyOrders clientOrderIdTooBig clientOrderIdInvalid wouldIncreasePriceDislocation "
            "marketIsPostOnly fixedLeverageTooHigh orderForEditNotAStop invalidAccount "
            "invalidAmount invalidUnit"
        ),
        duplicate=frozenset(("clientOrderIdAlreadyExist",)),
        no_margin=frozenset(
            ("insufficientAvailableFunds", "insufficientFunds", "INSUFFICIENT_MARGIN", "92")
        ),
        access_denied=frozenset(("authenticationError", "accountInactive", "Forbidden")),
        clock=frozenset(("nonceBelowThreshold", "nonceDuplicate")),
        account_limited=frozenset(("apiLimitExceeded",)),
        not_found=frozenset(("notFound", "orderForEditNotFound")),
    )
    validity_ms: ClassVar = _DEADLINE_MS
    shapes: ClassVar = shapes.KRAKEN_FUTURES
    order_cost: ClassVar = _COST
    clock: ClassVar = ExchangeClock(
        method="publicGetTickersSymbol", params={"symbol": "PF_XBTUSD"}, field="serverTime"
    )
    lists_by_symbol: ClassVar = False

    def found(self, raw: Raw) -> Found:
        found = super().found(raw)
        status = raw.get("status")
        return Found(
            raw={**raw, "status": _REFUSED.get(str(status), status)}, wire_id=found.wire_id
        )

    # --- sending --------------------------------------------------------------------------

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return super().trigger_params(request) | {"triggerSignal": "last"}

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        """Build with ccxt, but read the answer ourselves: ccxt raises without the status.

        A refusal may come after an execution: REJECTED_AFTER_EXECUTION is one of its reasons.
        https://docs.kraken.com/api/docs/futures-api/trading/send-order (``orderEvents``)

        Raises:
            OrderRejected, OrderOutcomeUnknown, Unavailable: as the status in the answer says.
        """
        deadline_ms = api.client.milliseconds() - _ahead_ms(api) + _DEADLINE_MS
        create.params["processBefore"] = api.client.iso8601(deadline_ms)
        with building():
            request = api.client.create_order_request(*create.args)
        answer = await api.order("privatePostSendorder", request, lane=lane, cost=self.order_cost)
        told = answer.get("sendStatus") or {}
        status = told.get("status")
        if status not in _TAKEN and _has_traded(told):
            raise OrderOutcomeUnknown(f"it traded before it was refused: {status}")
        if status not in _TAKEN:
            error = order_refused(status, "the order was not placed", codes=self.codes)
            raise api.note(error, lane=lane)
        raw: Raw = api.client.parse_order(told, api.client.market(create.symbol))
        return raw

    async def cancel_by_id(
        self, api: Api, request: OrderRequest, order_id: str, *, lane: Lane
    ) -> None:
        await self._cancel(api, {"order_id": order_id}, lane)

    async def cancel_by_client_id(self, api: Api, request: OrderRequest, *, lane: Lane) -> None:
        """ccxt's own cancel knows exchange ids only."""
        await self._cancel(api, {"cliOrdId": self.wire_id(request.client_order_id)}, lane)

    async def _cancel(self, api: Api, named: Mapping[str, str], lane: Lane) -> None:
        """An order that is not there is told in an answer of success.

        https://docs.kraken.com/api/docs/futures-api/trading/cancel-order
        """
        answer = await api.order("privatePostCancelorder", dict(named), lane=lane, cost=_COST)
        if (answer.get("cancelStatus") or {}).get("status") == "notFound":
            raise OrderNotFound("no such order rests")

    def conditional(self, request: OrderRequest) -> dict[str, Any]:
        """Conditional orders live among the others."""
        return {}

    # --- looking --------------------------------------------------------------------------

    async def lookup(
        self, api: Api, request: OrderRequest, *, lane: Lane, order_id: str | None = None
    ) -> Found | None:
        symbol, wire_id = request.symbol, self.wire_id(request.client_order_id)
        raws = await api.read(
            "fetch_orders", symbol, None, None, {"cliOrdIds": wire_id},
            lane=lane, cost=self.lookup_cost,
        )  # fmt: skip
        known = next((f for f in map(self.found, raws) if f.wire_id == wire_id), None)
        if known is not None and known.raw["status"] == "open" and not number(known.raw["filled"]):
            return known
        since_ms = Ms(max(0, request.intended_at_ms - _SKEW_MS))
        executed = [
            trade
            for trade in await fills(api, symbol, since_ms=since_ms, lane=lane)
            if trade["info"].get("cliOrdId") == wire_id
        ]
        if executed:
            return Found(raw=_filled(known, executed), wire_id=wire_id)
        return known or await self._ended(api, request, wire_id, lane)

    async def _ended(
        self, api: Api, request: OrderRequest, wire_id: str, lane: Lane
    ) -> Found | None:
        """An order that ended without a fill, as the account's history tells it."""
        since_ms = max(0, request.intended_at_ms - _ahead_ms(api) - _SKEW_MS)
        methods = ("historyGetTriggers", "historyGetOrders")
        for method in methods if request.trigger_price is not None else methods[1:]:
            async for element in history(api, method, since_ms=since_ms, lane=lane):
                for name, event in (element.get("event") or {}).items():
                    order = event.get("order") or {}
                    if name in _ENDS and order.get("clientId") == wire_id:
                        raw = {"id": order.get("uid"), "status": _ENDS[name], "info": element}
                        return Found(raw=raw, wire_id=wire_id)
        return None

    async def open_orders(
        self,
        api: Api,
        symbols: Collection[str],
        *,
        lane: Lane,
        is_conditional: bool | None = None,
    ) -> Sequence[Found]:
        """One answer holds the open orders of every symbol, conditional ones included."""
        raws = await api.read("fetch_open_orders", lane=lane, cost=self.open_orders_cost)
        return [self.found(raw) for raw in raws if raw.get("symbol") in symbols]

    async def trades(
        self,
        api: Api,
        symbol: str,
        *,
        lane: Lane,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[Raw]:
        """Fills cannot be asked for by order, and their fees are told elsewhere."""
        told = await fills(api, symbol, since_ms=since_ms, lane=lane)
        mine = [raw for raw in told if order_id in (None, raw.get("order"))]
        now_ms = Ms(api.client.milliseconds() - _ahead_ms(api))
        return await with_fees(api, mine, now_ms=now_ms, lane=lane)

    def forced(self, trade: Raw) -> Forced | None:
        is_forced = trade["info"].get("fillType") in _FORCED
        return Forced.LIQUIDATION if is_forced else None

    # --- the account ----------------------------------------------------------------------

    async def balance(self, api: Api, currency: str, *, now_ms: Ms, lane: Lane) -> Balance:
        """The multi-collateral wallet, in US dollars whatever it holds."""
        raw = await api.read("fetch_balance", {"type": "flex"}, lane=lane, cost=self.balance_cost)
        wallet = raw["info"]["accounts"]["flex"]
        return Balance(
            equity=number(wallet.get("portfolioValue")) or ZERO,
            free=number(wallet.get("availableMargin")) or ZERO,
            as_of_ms=now_ms,
        )

    async def is_one_way(self, api: Api, symbol: str) -> bool | None:
        return None

    async def margin(self, api: Api, symbol: str, *, wanted: MarginMode | None = None) -> Margin:
        raw = await api.read("fetch_leverage", symbol, lane=Lane.POLL)
        leverage = margin_of(raw).leverage
        mode = MarginMode.CROSS if leverage is None else MarginMode.ISOLATED
        return Margin(leverage=leverage, mode=mode)

    async def set_leverage(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """In cross mode there is nothing to set: the most a market allows is in force."""
        if mode is MarginMode.ISOLATED:
            await api.order("set_leverage", leverage, symbol, lane=Lane.POLL, cost=_COST)

    async def set_margin_mode(self, api: Api, symbol: str, leverage: int, mode: MarginMode) -> None:
        """A leverage preference makes a market isolated, its removal cross."""
        if mode is MarginMode.CROSS:
            market_id = api.client.market(symbol)["id"].upper()
            await api.order(
                "privatePutLeveragepreferences", {"symbol": market_id}, lane=Lane.POLL, cost=_COST
            )


def _has_traded(told: Raw) -> bool:
    """Whether the events in the answer to an order tell of an execution."""
    return any(event.get("type") == "EXECUTION" for event in told.get("orderEvents") or ())


def _ahead_ms(api: Api) -> int:
    """How far our clock is ahead of the exchange's, as last measured."""
    return int(api.client.options.get("timeDifference") or 0)


def _filled(known: Found | None, fills: Iterable[Raw]) -> Mapping[str, Any]:
    """An order as its fills show it; it has ended unless the exchange still shows it open.

    A stop that has triggered reads "cancelled", and goes on as an order with another id.
    """
    parts = [(number(f["amount"]) or ZERO, number(f["price"]) or ZERO, f) for f in fills]
    filled = sum((amount for amount, _, _ in parts), ZERO)
    cost = sum((amount * price for amount, price, _ in parts), ZERO)
    last: Raw = max(parts, key=lambda part: part[2]["timestamp"])[2]
    whole: Decimal | None = None if known is None else number(known.raw.get("amount"))
    return {
        "id": last["order"],
        "symbol": last["symbol"],
        "status": "open" if known is not None and known.raw["status"] == "open" else "closed",
        "amount": None if whole is None else text(whole),
        "filled": text(filled),
        "average": text(average(cost, filled)),
        "lastUpdateTimestamp": last["timestamp"],
        "info": last["info"],
    }
