"""One user's account at a live exchange: sends an order once and believes only what it reads back.

A response counts when it names an order with our id; any other is followed by a look-up. An order
that is not shown is not gone: lists have lagged before, so an absence is only ever one observation.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal

import structlog

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import (
    AccessDenied,
    Unavailable,
)
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Fees, Instrument, MarketKind, PriceRange
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Order,
    OrderReport,
    OrderRequest,
)
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import User
from signalbot.exchange.live.account_markets import AccountMarkets
from signalbot.exchange.live.accounts.account_memory import AccountMemory
from signalbot.exchange.live.accounts.account_queries import AccountQueries
from signalbot.exchange.live.accounts.account_setup import AccountSetup
from signalbot.exchange.live.accounts.balances import Balances
from signalbot.exchange.live.accounts.order_poller import OrderPoller
from signalbot.exchange.live.accounts.order_sender import OrderSender
from signalbot.exchange.live.capabilities import StopSupport
from signalbot.exchange.live.orders.order_index import OrderIndex
from signalbot.exchange.live.orders.order_status import OrderStatusReader
from signalbot.exchange.live.preflight import AccountFacts
from signalbot.exchange.live.transport.exchange_api import (
    ExchangeApi,
    PriorityOverride,
    RequestPriority,
)
from signalbot.ports import Clock, Holding

log = structlog.get_logger()

_DEFAULT_LAG_MS = 60_000


def _ignore(_wire_id: str) -> None:
    """No stream reports orders."""


class LiveBroker:
    """Implements ``Broker``. ``api`` is None for a user without a key: every request is denied.

    ``on_placed`` is called with each order that the exchange has acknowledged, by its client order
    id in the exchange's form.
    """

    def __init__(
        self,
        user: User,
        *,
        api: ExchangeApi | None,
        markets: AccountMarkets,
        clock: Clock,
        visibility_lag_ms: int = _DEFAULT_LAG_MS,
        memory: AccountMemory | None = None,
        on_placed: Callable[[str], None] = _ignore,
    ) -> None:
        self.user = user
        self.visibility_lag_ms = visibility_lag_ms
        self._api_or_none = api
        self._markets = markets
        memory = memory or AccountMemory(user.user_id)
        self.setup = AccountSetup(user, markets=markets, memory=memory, clock=clock)
        self._balances = Balances(markets, memory=memory, clock=clock)
        self._order_index = OrderIndex(markets.adapter_of)
        self._order_status = OrderStatusReader(
            user.user_id,
            api=lambda: self._api,
            markets=markets,
            order_index=self._order_index,
            clock=clock,
        )
        self._sender = OrderSender(
            user.user_id,
            api=lambda: self._api,
            markets=markets,
            setup=self.setup,
            order_status=self._order_status,
            clock=clock,
            on_placed=on_placed,
        )
        self._queries = AccountQueries(
            user,
            markets=markets,
            order_index=self._order_index,
            balances=self._balances,
            clock=clock,
        )
        self._poller = OrderPoller(
            user.user_id,
            markets=markets,
            queries=self._queries,
            order_status=self._order_status,
            record=self._sender.record,
            clock=clock,
        )
        #: It was compared once; until then its reads have the lowest priority.
        self.is_initialized = False

    @property
    def watched(self) -> dict[ClientOrderId, OrderRequest]:
        """Orders that should be resting."""
        return self._order_index.watched

    # --- without a request ----------------------------------------------------------------

    def balance(self) -> Balance:
        return self._balances.balance

    def fees(self, instrument: Instrument) -> Fees:
        """The market's fees, without a rebate of the account."""
        return instrument.fees

    def attaches_stops(self, symbol: str) -> bool:
        adapter = self._markets.adapter_of(symbol)
        return adapter.capabilities.stops is StopSupport.ATTACHED

    def events(self) -> AsyncIterator[OrderReport]:
        return self._poller.events

    def watch(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        """Watch an order that was sent before this process began."""
        self._order_index.add(request, exchange_order_id=exchange_order_id)
        self.watched[request.client_order_id] = request

    # --- costs of reads, in the exchange's weights ----------------------------------------

    @property
    def poll_cost(self) -> int:
        """The cost of one poll of the watched orders."""
        symbols = self._markets.by_kind(self._order_index.watched_symbols)
        return self._markets.open_orders_cost(symbols)

    @property
    def comparison_cost(self) -> int:
        """The cost of one comparison with the ledger."""
        return self._markets.comparison_cost(self._symbols_by_kind())

    @property
    def balance_cost(self) -> int:
        return self._markets.balance_cost(self._symbols_by_kind())

    @property
    def setup_cost(self) -> int:
        return self._markets.margins_cost(self._symbols_by_kind())

    def is_price_touched(self, price_range: PriceRange) -> bool:
        """Whether the price has reached one of the watched orders."""
        return self._poller.is_price_touched(price_range)

    def is_own_order(self, wire_id: str | None, exchange_id: str | None) -> bool:
        """Whether an order of a stream is one of ours, by either id."""
        return self._order_index.contains(wire_id, exchange_id)

    def wire_id(self, client_order_id: ClientOrderId, symbol: str) -> str:
        return self._markets.adapter_of(symbol).wire_id(client_order_id)

    def is_own_order_id(self, order_id: str, symbol: str) -> bool:
        return self._markets.adapter_of(symbol).is_own_order_id(order_id)

    # --- orders ---------------------------------------------------------------------------

    async def submit(
        self, request: OrderRequest, *, stop: OrderRequest | None = None
    ) -> OrderReport:
        return await self._sender.submit(request, stop)

    def amends_stops(self, symbol: str) -> bool:
        adapter = self._markets.adapter_of(symbol)
        return adapter.capabilities.can_amend_stops

    def stop_lifetime_ms(self, symbol: str) -> int | None:
        adapter = self._markets.adapter_of(symbol)
        return adapter.capabilities.stop_lifetime_ms

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        return await self._sender.amend(order, request)

    async def cancel(self, order: Order) -> OrderReport:
        return await self._sender.cancel(order)

    async def lookup(self, order: Order) -> OrderReport | None:
        return await self._sender.lookup(order)

    # --- the account ----------------------------------------------------------------------

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        symbols_by_kind = (
            self._symbols_by_kind() if symbols is None else self._markets.by_kind(symbols)
        )
        if not is_urgent:
            return await self._queries.open_orders(
                self._api, symbols_by_kind, priority=self._routine_priority
            )
        has_plain = any(each.trigger_price is None for each in self.watched.values())
        return await self._queries.open_orders(
            self._api,
            symbols_by_kind,
            priority=RequestPriority.PROTECT,
            is_conditional=None if has_plain else True,
        )

    async def holdings(
        self, claimed: Mapping[str, Decimal], *, is_urgent: bool = False
    ) -> Sequence[Holding]:
        priority = RequestPriority.PROTECT if is_urgent else self._routine_priority
        symbols_by_kind = self._symbols_by_kind(claimed)
        held = await self._queries.holdings(
            self._api,
            symbols_by_kind,
            claimed,
            priority=priority,
            on_hedge=self.setup.hedge_mode_error,
        )
        self.is_initialized = self.is_initialized or not is_urgent
        return held

    async def closable_quantity(self, symbol: str, quantity: Decimal) -> Decimal:
        if self._markets.market.instrument(symbol).kind is not MarketKind.SPOT:
            return quantity
        await self._balances.refresh_coins(self._api, priority=RequestPriority.PROTECT)
        return self._balances.closable_quantity(symbol, quantity)

    async def order_fills(self, order: Order) -> Sequence[Fill]:
        return await self._queries.order_fills(self._api, order)

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        return await self._queries.fills(self._api, symbol, since_ms=since_ms)

    async def funding(self, symbols: Collection[str], *, since_ms: Ms) -> Sequence[FundingPayment]:
        by_kind = self._markets.by_kind(symbols)
        return await self._queries.funding(
            self._api, by_kind.get(MarketKind.SWAP, ()), since_ms=since_ms
        )

    async def set_up(self) -> None:
        api = PriorityOverride(self._api, self._routine_priority)
        await self.setup.ensure_complete(api, self._symbols_by_kind())
        await self.setup.retry_blocked(api)
        if self._balances.balance.as_of_ms == EPOCH:
            await self._balances.refresh(api, self._symbols_by_kind())
        self.is_initialized = True

    async def refresh_setup(self) -> None:
        """Read leverage and margin mode of stale symbols again, and set what differs."""
        for kind, symbols in self._symbols_by_kind().items():
            await self.setup.set_up(self._api, kind, self.setup.stale_symbols(symbols))

    def is_setup_due(self) -> bool:
        """Whether ``refresh_setup`` has something to read."""
        return bool(self.setup.stale_symbols(self._markets.symbols))

    async def inspect(self) -> AccountFacts:
        """Read the account without changing anything.

        Raises:
            AccessDenied: there is no key, or the exchange denies it.
            Unavailable: the exchange does not answer.
        """
        await self.refresh_balance()
        return await self._queries.inspect(self._api, self._symbols_by_kind())

    async def may_withdraw(self) -> bool | None:
        return await self._queries.may_withdraw(self._api, self._symbols_by_kind())

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        """Read equity and free margin; ``urgent`` when an order waits for them."""
        priority = RequestPriority.ENTRY if urgent else RequestPriority.POLL
        await self._balances.refresh(self._api, self._symbols_by_kind(), priority=priority)
        return False

    async def poll(self) -> None:
        """Read every watched order; ``events`` gets what has changed."""
        if self.watched:
            await self._poller.poll(self._api)

    @property
    def _api(self) -> ExchangeApi:
        if self._api_or_none is None:
            raise AccessDenied(
                f"no key is stored: set one with 'signalbot keys set {self.user.user_id}'"
            )
        if not self._markets.market.is_open:
            raise Unavailable(f"{self.user.account.exchange} has not been reached since the start")
        return self._api_or_none

    @property
    def _routine_priority(self) -> RequestPriority:
        return RequestPriority.POLL if self.is_initialized else RequestPriority.RECOVER

    def _symbols_by_kind(self, more: Iterable[str] = ()) -> dict[MarketKind, list[str]]:
        symbols = (*self._markets.symbols, *more, *self._order_index.watched_symbols)
        return self._markets.by_kind(symbols)
