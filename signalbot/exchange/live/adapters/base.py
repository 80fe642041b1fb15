"""Requests of one exchange and kind of market: how orders are sent, found and listed there.

An adapter holds no account: it turns our requests into ccxt calls. What most exchanges have in
common is here; a subclass overrides only what its exchange does differently and states why. Only
the ``RequestExecutor`` behind ``ExchangeApi`` reaches the network.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.errors import OrderRejected
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Instrument
from signalbot.domain.money import ZERO, text
from signalbot.domain.orders import (
    ClientOrderId,
    ForcedClose,
    Order,
    OrderRequest,
    OrderType,
    is_client_order_id,
)
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.account_requests import AccountRequests
from signalbot.exchange.live.adapters.types import CreateOrderArgs, FoundOrder
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.client_profile import ServerTimeEndpoint
from signalbot.exchange.live.transport.error_codes import ErrorCodes, OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority
from signalbot.exchange.live.transport.response_validation import ResponseShapes


class ExchangeAdapter(AccountRequests):
    """One exchange and one kind of market."""

    codes: ClassVar[ErrorCodes]
    shapes: ClassVar[ResponseShapes] = {}  #: of responses; of other endpoints any JSON
    options: ClassVar[Mapping[str, Any]] = {}  #: of ccxt; some keep it from requests of its own
    #: How long after it was sent an order can still be accepted: the receive window.
    request_validity_ms: ClassVar[int] = 5_000
    #: Requests of one account must go out one after the other (a rising nonce).
    requires_serial_requests: ClassVar[bool] = False
    #: Every order names the margin mode it is for.
    sends_margin_mode: ClassVar[bool] = False
    #: Parameters of each stream that an account's plain and conditional orders need, each on its
    #: own connection; none: accounts are only polled.
    order_streams: ClassVar[Sequence[Mapping[str, Any]]] = ()
    #: Resolution of the exchange's time; half of it is added to a measurement.
    clock_step_ms: ClassVar[int] = 1
    server_time: ClassVar[ServerTimeEndpoint | None] = None  #: None: ccxt's ``fetch_time``
    #: Open orders are listed symbol by symbol; else one list holds every symbol.
    has_lists_by_symbol: ClassVar[bool] = True

    # --- candles --------------------------------------------------------------------------

    async def candles(
        self, api: ExchangeApi, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """ccxt's rows of up to ``limit`` candles from ``since_ms``, at most one page."""
        return await api.read(
            "fetch_ohlcv",
            symbol,
            timeframe.value,
            since_ms,
            limit,
            priority=RequestPriority.POLL,
            cost=2,
        )

    # --- identity -------------------------------------------------------------------------

    def wire_id(self, client_order_id: ClientOrderId) -> str:
        """A client order id in this exchange's form; the same order always has the same."""
        return client_order_id

    def is_own_order_id(self, wire_id: str | None) -> bool:
        """Whether a client order id has the form that only signalbot gives."""
        return wire_id is not None and is_client_order_id(wire_id)

    def to_found_order(self, raw: CcxtDict) -> FoundOrder:
        """An order structure with the client order id that the exchange holds."""
        wire_id = raw.get("clientOrderId")
        return FoundOrder(raw=raw, wire_id=str(wire_id) if wire_id else None)

    def matches_without_id(
        self, raw: CcxtDict, request: OrderRequest, instrument: Instrument
    ) -> bool:
        """Whether an order without a client order id is ``request``, by its other fields."""
        return False

    # --- sending --------------------------------------------------------------------------

    def order_args(
        self,
        request: OrderRequest,
        instrument: Instrument,
        *,
        stop: OrderRequest | None,
        margin_mode: MarginMode | None = None,
    ) -> CreateOrderArgs:
        """The arguments of ``create_order``; with ``stop`` where an entry can carry its stop.

        ``margin_mode`` is needed where ``sends_margin_mode``: a wrong one would be rejected, or
        open the position in a mode that the owner did not choose.
        """
        params: dict[str, Any] = {"clientOrderId": self.wire_id(request.client_order_id)}
        if request.reduce_only and self.capabilities.reduce_only:
            params["reduceOnly"] = True
        if request.trigger_price is not None:
            params |= self.trigger_params(request, request.trigger_price)
        params |= self.extra_params(request)
        if self.sends_margin_mode and margin_mode is not None:
            params["marginMode"] = margin_mode.value
        if stop is not None:
            params |= self.attached_params(stop)
        return CreateOrderArgs(
            symbol=request.symbol,
            type="limit" if request.type is OrderType.LIMIT else "market",
            side=request.side.value,
            amount=text(request.quantity / instrument.contract_size),
            price=None if request.price is None else text(request.price),
            params=params,
        )

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        """Parameters of a conditional order: its trigger, and which price triggers it."""
        name = "stopLossPrice" if request.type is OrderType.STOP else "takeProfitPrice"
        return {name: text(trigger_price)}

    def extra_params(self, request: OrderRequest) -> dict[str, Any]:
        """Further parameters that this exchange needs with every order."""
        return {}

    def attached_params(self, stop: OrderRequest) -> dict[str, Any]:
        """Parameters of an entry that carries its stop; only where capabilities allow it."""
        raise NotImplementedError

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """Send one order and return ccxt's structure of it."""
        raw: CcxtDict = await api.execute(
            "create_order", *create.positional_args, priority=priority, cost=self.order_cost
        )
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
        """Change a resting stop to ``request``; only where capabilities allow it."""
        raise NotImplementedError

    def matches_amended(self, raw: CcxtDict, request: OrderRequest, instrument: Instrument) -> bool:
        """Whether a resting stop has the trigger and the size of ``request``."""
        raise NotImplementedError

    async def cancel(self, api: ExchangeApi, order: Order, *, priority: RequestPriority) -> None:
        """Request the cancellation of one order; the caller looks its outcome up afterwards.

        By the exchange's id where it is known: client order ids may expire. That of a conditional
        order may be the id of the order it became, so the client order id is tried as well.
        """
        if order.exchange_order_id is not None:
            try:
                await self.cancel_by_id(
                    api, order.request, order.exchange_order_id, priority=priority
                )
            except (OrderNotFound, OrderRejected):
                pass
            else:
                return
        await self.cancel_by_client_id(api, order.request, priority=priority)

    async def cancel_by_id(
        self, api: ExchangeApi, request: OrderRequest, order_id: str, *, priority: RequestPriority
    ) -> None:
        """Raises ``OrderNotFound`` when no such order rests."""
        params = self.conditional_params(request)
        await api.execute("cancel_order", order_id, request.symbol, params, priority=priority)

    async def cancel_by_client_id(
        self, api: ExchangeApi, request: OrderRequest, *, priority: RequestPriority
    ) -> None:
        """Raises ``OrderNotFound`` when no such order rests."""
        wire_id = self.wire_id(request.client_order_id)
        params = {"clientOrderId": wire_id} | self.conditional_params(request)
        await api.execute("cancel_order", "", request.symbol, params, priority=priority)

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        """Parameters by which ccxt addresses the exchange's conditional orders."""
        return {} if request.trigger_price is None else {"trigger": True}

    # --- reading --------------------------------------------------------------------------

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        """The order from whichever list holds it; None when none holds it *now*.

        ``order_id`` is the exchange's id where it is known; that of a conditional order may be the
        id of the order it became. The caller compares ids and decides when an absence is proven.
        """
        conditional_params = self.conditional_params(request)
        if order_id is not None:
            raw = await self.read_or_none(
                api,
                "fetch_order",
                order_id,
                request.symbol,
                dict(conditional_params),
                priority=priority,
            )
            if raw is not None:
                return self.to_found_order(raw)
        params = {"clientOrderId": self.wire_id(request.client_order_id)} | conditional_params
        raw = await self.read_or_none(
            api, "fetch_order", "", request.symbol, params, priority=priority
        )
        return None if raw is None else self.to_found_order(raw)

    async def read_or_none(
        self, api: ExchangeApi, method: str, *args: Any, priority: RequestPriority
    ) -> Any | None:
        """A read that returns None when the exchange knows no such order."""
        try:
            return await api.read(method, *args, priority=priority, cost=self.lookup_cost)
        except OrderNotFound:
            return None

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: Collection[str],
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> Sequence[FoundOrder]:
        """Every order resting in ``symbols``, conditional orders included.

        With ``is_conditional`` only the lists that hold conditional orders are read, or only the
        others; whatever those lists hold is returned.
        """
        listed: list[FoundOrder] = []
        for symbol in symbols:
            for params in self.order_lists(is_conditional):
                raws = await api.read(
                    "fetch_open_orders", symbol, None, None, dict(params),
                    priority=priority, cost=self.open_orders_cost,
                )  # fmt: skip
                listed += map(self.to_found_order, raws)
        return listed

    def open_orders_cost_of(self, symbols: int) -> int:
        """The cost of all lists of open orders of ``symbols`` symbols."""
        each = self.open_orders_cost * len(self.open_order_lists())
        return each * symbols if self.has_lists_by_symbol else each

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        """Parameters of every list that together hold all open orders of a symbol.

        The one without parameters holds the plain orders.
        """
        return ({},)

    def order_lists(self, is_conditional: bool | None) -> Sequence[Mapping[str, Any]]:
        """The lists that hold conditional orders, or the others, or all."""
        lists = self.open_order_lists()
        if is_conditional is None or len(lists) == 1:
            return lists
        return [params for params in lists if bool(params) is is_conditional]

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """The account's trades since an instant: all, or of one order sent since then."""
        params = {} if order_id is None else self.trade_params(order_id)
        start_ms = since_ms if order_id is None else None
        raws: Sequence[CcxtDict] = await api.read(
            "fetch_my_trades",
            symbol,
            start_ms,
            None,
            params,
            priority=priority,
            cost=self.trades_cost,
        )
        if order_id is None:
            return raws
        return [raw for raw in raws if raw.get("order") == order_id]

    def trade_params(self, order_id: str) -> dict[str, Any]:
        """Parameters that select the trades of one order."""
        return {"orderId": order_id}

    def forced_reason(self, trade: CcxtDict) -> ForcedClose | None:
        """Why the exchange forced a trade; None if it did not."""
        return None

    async def forced_orders(
        self, api: ExchangeApi, symbol: str, *, since_ms: Ms
    ) -> Mapping[str, ForcedClose]:
        """Ids of orders that the exchange forced, where trades are not marked as forced."""
        return {}

    async def funding(
        self, api: ExchangeApi, symbols: Collection[str], *, since_ms: Ms, priority: RequestPriority
    ) -> Sequence[FundingPayment]:
        """Funding of the account's positions in ``symbols`` since an instant."""
        found: list[FundingPayment] = []
        for symbol in symbols:
            raws = await api.read(
                "fetch_funding_history", symbol, since_ms, None, {}, priority=priority
            )
            found += (
                FundingPayment(
                    payment_id=str(raw.get("id") or raw["timestamp"]),
                    symbol=symbol,
                    amount=parse_decimal(raw.get("amount")) or ZERO,
                    paid_at_ms=Ms(int(raw["timestamp"])),
                )
                for raw in raws
            )
        return found

    async def funding_intervals_ms(self, api: ExchangeApi) -> Mapping[str, int]:
        """The funding interval of each contract by symbol, as far as it is published."""
        return {}

    def is_mode_error(self, rejection: str) -> bool:
        """Whether a rejection is about a position mode or leverage that the owner changed."""
        return False
