"""How one exchange is talked to: what to send, where to look, what its codes mean.

A dialect holds no state and no account: it turns requests into ccxt calls and recipes. What is
common to most exchanges is here; a subclass overrides only what its exchange does differently, and
says why. Nothing but a ``Caller`` ever reaches the network.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.account_snapshot import Balance
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
from signalbot.exchange.live.capabilities import Capabilities, RateLimit
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.client_profile import ServerTimeEndpoint
from signalbot.exchange.live.transport.error_codes import ErrorCodes, OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority
from signalbot.exchange.live.transport.response_validation import ResponseShapes


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrderArgs:
    """The arguments of ccxt's ``create_order``; ``params`` is new for every order."""

    symbol: str
    type: str
    side: str
    amount: str
    price: str | None
    params: dict[str, Any]

    @property
    def positional_args(self) -> tuple[Any, ...]:
        return (self.symbol, self.type, self.side, self.amount, self.price, self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolMargin:
    """How an account trades one symbol; None where the exchange does not say."""

    leverage: int | None
    mode: MarginMode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOrder:
    """An order an exchange has told of: ccxt's structure, and ours if it is one of ours."""

    raw: CcxtDict
    wire_id: str | None  #: the client order id as the exchange has it


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """What a key may do, as its exchange tells; None where it does not."""

    may_trade: bool | None = None
    may_withdraw: bool | None = None
    is_ip_bound: bool | None = None  #: usable from listed addresses only
    expires_at_ms: Ms | None = None


class ExchangeAdapter:
    """One exchange and one kind of market."""

    capabilities: ClassVar[Capabilities]
    codes: ClassVar[ErrorCodes]
    shapes: ClassVar[ResponseShapes] = {}  #: of answers; endpoints that are missing have to be JSON
    options: ClassVar[Mapping[str, Any]] = {}  #: seeds that keep ccxt from guessing or asking
    #: How long after it was sent an order can still be accepted: the receive window.
    request_validity_ms: ClassVar[int] = 5_000
    #: Requests of one account must go out one after the other (a rising nonce).
    requires_serial_requests: ClassVar[bool] = False
    #: Every order names the margin mode it is for.
    sends_margin_mode: ClassVar[bool] = False
    #: How ccxt is asked for each stream that an account's plain and conditional orders need, each
    #: on a connection of its own; none: the account is only polled.
    order_streams: ClassVar[Sequence[Mapping[str, Any]]] = ()
    #: The exchange tells its time in steps of so much: half of it is added on average.
    clock_step_ms: ClassVar[int] = 1
    server_time: ClassVar[ServerTimeEndpoint | None] = None  #: None: ccxt's ``fetch_time``
    #: Published limits of one account's own requests, besides those of the address.
    account_rates: ClassVar[tuple[RateLimit, ...]] = ()
    order_cost: ClassVar[int] = 1
    lookup_cost: ClassVar[int] = 1
    open_orders_cost: ClassVar[int] = 1  #: of one list, of one symbol if ``lists_by_symbol``
    #: Open orders are asked for symbol by symbol; else one list holds every symbol.
    has_lists_by_symbol: ClassVar[bool] = True
    margin_cost: ClassVar[int] = 2  #: leverage and margin mode of one symbol
    trades_cost: ClassVar[int] = 5
    holdings_cost: ClassVar[int] = 5
    balance_cost: ClassVar[int] = 5
    position_mode_cost: ClassVar[int] = 1

    def account_cost(self, method: str) -> int:
        """What a call counts in ``account_rates``."""
        return 0

    def open_orders_cost_of(self, symbols: int) -> int:
        """What all lists of open orders of so many symbols cost."""
        each = self.open_orders_cost * len(self.open_order_lists())
        return each * symbols if self.has_lists_by_symbol else each

    def margins_cost(self, symbols: int) -> int:
        """What leverage and margin mode of so many symbols cost."""
        return self.margin_cost * symbols

    def reported_usage(self, headers: Mapping[str, str]) -> Mapping[int, int]:
        """What an answer says its address has used of the limits, by their length in ms."""
        return {}

    def account_limit_ms(self, headers: Mapping[str, str], now_ms: Ms) -> int:
        """For how long an answer says that its account must not go on asking; 0 as a rule."""
        return 0

    # --- candles --------------------------------------------------------------------------

    async def candles(
        self, api: ExchangeApi, symbol: str, timeframe: Timeframe, *, since_ms: Ms, limit: int
    ) -> Any:
        """ccxt's rows of up to ``limit`` candles from ``since_ms`` on, one page at most."""
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
        """Our id as this exchange takes it: the same for the same order, always."""
        return client_order_id

    def is_own_order_id(self, wire_id: str | None) -> bool:
        """Whether a client order id has the form that only signalbot gives."""
        return wire_id is not None and is_client_order_id(wire_id)

    def to_found_order(self, raw: CcxtDict) -> FoundOrder:
        """An order structure with the client id the exchange has for it."""
        wire_id = raw.get("clientOrderId")
        return FoundOrder(raw=raw, wire_id=str(wire_id) if wire_id else None)

    def matches_without_id(
        self, raw: CcxtDict, request: OrderRequest, instrument: Instrument
    ) -> bool:
        """Whether an order that carries no id of ours is ``request``, by all that it says."""
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
        """What ``create_order`` is called with; ``stop`` goes along where it can be attached.

        ``margin_mode`` is needed where ``says_margin_mode``: a wrong one would be refused, or open
        the position in a mode its owner did not choose.
        """
        params: dict[str, Any] = {"clientOrderId": self.wire_id(request.client_order_id)}
        if request.reduce_only and self.capabilities.reduce_only:
            params["reduceOnly"] = True
        params |= self.trigger_params(request)
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

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        """How a conditional order names its trigger, and which price it watches."""
        if request.trigger_price is None:
            return {}
        name = "stopLossPrice" if request.type is OrderType.STOP else "takeProfitPrice"
        return {name: text(request.trigger_price)}

    def extra_params(self, request: OrderRequest) -> dict[str, Any]:
        """What else this exchange wants to be told with an order."""
        return {}

    def attached_params(self, stop: OrderRequest) -> dict[str, Any]:
        """How an entry carries its stop; only called where the capabilities say it can."""
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
        """Ask for a resting stop to be as ``request`` says; only where the capabilities allow."""
        raise NotImplementedError

    def matches_amended(self, raw: CcxtDict, request: OrderRequest, instrument: Instrument) -> bool:
        """Whether a resting stop shows the trigger and the size of ``request``."""
        raise NotImplementedError

    async def cancel(self, api: ExchangeApi, order: Order, *, priority: RequestPriority) -> None:
        """Ask for one order to be cancelled. What became of it is looked up afterwards.

        By the exchange's id where it is known: client ids may expire. That of a conditional order
        may be the id of the order it became, so ours is tried as well.
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
        """What tells ccxt that an order lives among the conditional ones."""
        return {} if request.trigger_price is None else {"trigger": True}

    # --- looking --------------------------------------------------------------------------

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        """The order wherever it may be; None when no place knows it *now*.

        ``order_id`` is the exchange's, where it is known; that of a conditional order may be the
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
        """A read that answers None when the exchange says that there is no such order."""
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
        """Everything resting in ``symbols``, conditional orders included.

        ``is_conditional`` asks for those lists only that hold conditional orders, or only for the
        others; what else they hold may be given too.
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

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        """Parameters of every list that together hold all open orders of a symbol.

        The one without parameters holds the plain orders.
        """
        return ({},)

    def order_lists(self, is_conditional: bool | None) -> Sequence[Mapping[str, Any]]:
        """Those lists that hold conditional orders, or the others, or all."""
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
        """The account's own trades since an instant: all, or of one order sent since then."""
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
        """How the trades of one order are asked for."""
        return {"orderId": order_id}

    def forced_reason(self, trade: CcxtDict) -> ForcedClose | None:
        """Why the exchange made a trade unasked; None as a rule."""
        return None

    async def forced_orders(
        self, api: ExchangeApi, symbol: str, *, since_ms: Ms
    ) -> Mapping[str, ForcedClose]:
        """Exchange ids of orders that it made unasked, where trades do not say it themselves."""
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
        """How often each contract is settled, by symbol, as far as the exchange says."""
        return {}

    def is_mode_error(self, refusal: str) -> bool:
        """Whether a refused order says that position mode or leverage is not what it was."""
        return False

    # --- the account ----------------------------------------------------------------------

    async def holdings(
        self, api: ExchangeApi, symbols: Collection[str], *, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        """ccxt's position structures of at least ``symbols``."""
        raws: Sequence[CcxtDict] = await api.read(
            "fetch_positions", list(symbols), priority=priority, cost=self.holdings_cost
        )
        return raws

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        """Equity and free margin in ``currency``, the quote of what is traded."""
        raw = await api.read(
            "fetch_balance", self.balance_params(), priority=priority, cost=self.balance_cost
        )
        mine = raw.get(currency) or {}
        total = parse_decimal(mine.get("total")) or ZERO
        free = parse_decimal(mine.get("free"))
        return Balance(equity=total, free=total if free is None else free, as_of_ms=now_ms)

    async def spot_balances(
        self, api: ExchangeApi, *, priority: RequestPriority
    ) -> dict[str, Decimal]:
        """Everything the wallet holds, by currency: what is locked in orders included."""
        raw = await api.read(
            "fetch_balance", self.balance_params(), priority=priority, cost=self.balance_cost
        )
        totals = raw.get("total") or {}
        return {name: parse_decimal(total) or ZERO for name, total in totals.items()}

    def balance_params(self) -> dict[str, Any]:
        return {"type": self.capabilities.kind.value}

    async def key_permissions(self, api: ExchangeApi) -> KeyPermissions:
        """What the key may do; what the exchange does not tell, or not now, is None."""
        return KeyPermissions()

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        """Whether positions net into one per symbol; None where there is nothing else."""
        raw = await api.read(
            "fetch_position_mode",
            symbol,
            priority=RequestPriority.POLL,
            cost=self.position_mode_cost,
        )
        hedged = raw.get("hedged")
        return None if hedged is None else not hedged

    async def margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """Leverage and margin mode as the exchange has them now.

        Where an account has no mode of its own: what its position has, else what is ``wanted``.
        """
        raw = await api.read("fetch_leverage", symbol, priority=RequestPriority.POLL)
        return parse_margin(raw)

    async def margins(
        self, api: ExchangeApi, symbols: Collection[str], *, wanted: MarginMode | None = None
    ) -> Mapping[str, SymbolMargin]:
        """The same of several symbols: at once where one answer holds them all."""
        return {symbol: await self.margin(api, symbol, wanted=wanted) for symbol in symbols}

    async def set_leverage(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        await api.execute("set_leverage", leverage, symbol, priority=RequestPriority.POLL)

    async def set_margin_mode(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Called only when ``margin`` does not say the wanted mode."""
        await api.execute("set_margin_mode", mode.value, symbol, priority=RequestPriority.POLL)


def parse_margin(raw: CcxtDict) -> SymbolMargin:
    """ccxt's leverage structure, as far as it is filled."""
    leverage = raw.get("longLeverage") or raw.get("shortLeverage")
    mode = raw.get("marginMode")
    return SymbolMargin(
        leverage=None if leverage is None else int(Decimal(str(leverage))),
        mode=MarginMode(mode) if mode in tuple(MarginMode) else None,
    )
