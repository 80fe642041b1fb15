"""One user's account at a live exchange: sends once, believes only what it can read back.

An answer counts when it names an order with our id. Anything else is looked up. What is not shown
is not gone: places that answered were late before, so an absence is only ever reported as one look.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal

import structlog

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    Unavailable,
)
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Fees, Instrument, MarketKind, PriceRange
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
)
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import User
from signalbot.exchange.live.accounts.account_queries import AccountQueries
from signalbot.exchange.live.accounts.account_setup import AccountSetup
from signalbot.exchange.live.accounts.balances import AdaptersByKind, Balances
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import KeyPermissions, SymbolMargin
from signalbot.exchange.live.capabilities import StopSupport
from signalbot.exchange.live.orders.order_index import OrderIndex
from signalbot.exchange.live.orders.order_status import PARSE_ERRORS, OrderStatusReader
from signalbot.exchange.live.orders.order_submission import response_or_lookup
from signalbot.exchange.live.preflight import AccountFacts
from signalbot.exchange.live.transport.error_codes import OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority
from signalbot.exchange.live.transport.priority_override import PriorityOverride
from signalbot.ledger.account_states import AccountState, AccountStates
from signalbot.ports import Clock, Holding, Market
from signalbot.stream import Stream

log = structlog.get_logger()

_PROTECTION_LAG_MS = 2_000  # a second reduce-only order does no harm
_DEFAULT_LAG_MS = 60_000


def _ignore(_wire_id: str) -> None:
    """No stream is expected to name it."""


class LiveBroker:
    """Implements ``Broker``. ``api`` is None for a user without a key: everything is refused.

    ``on_placed`` is called with each order that the exchange has acknowledged, by the id it has
    there.
    """

    def __init__(
        self,
        user: User,
        *,
        api: ExchangeApi | None,
        adapters: AdaptersByKind,
        market: Market,
        symbols: Collection[str],
        clock: Clock,
        visibility_lag_ms: int = _DEFAULT_LAG_MS,
        state: AccountState | None = None,
        states: AccountStates | None = None,
        on_placed: Callable[[str], None] = _ignore,
    ) -> None:
        self.user = user
        self.visibility_lag_ms = visibility_lag_ms
        self._executor_or_none = api
        self._dialects = adapters
        self._market = market
        self._symbols = set(symbols)
        self._clock = clock
        self._on_placed = on_placed
        self._created_ms = clock.now_ms()
        self._sent_ms: dict[ClientOrderId, Ms] = {}
        self._missing_since_ms: dict[ClientOrderId, Ms] = {}
        self._order_index = OrderIndex(self._adapter_of)
        self._order_status = OrderStatusReader(
            user.user_id,
            api=lambda: self._api,
            adapter_and_instrument=self._adapter_and_instrument,
            order_index=self._order_index,
            clock=clock,
        )
        saved = state or AccountState()
        self.setup = AccountSetup(
            user,
            adapters=adapters,
            adapter_of=self._adapter_of,
            state=saved,
            states=states,
            clock=clock,
        )
        self._balances = Balances(
            user.user_id, adapters, market, clock, saved=saved.balance, states=states
        )
        self._queries = AccountQueries(
            user.user_id,
            adapters=adapters,
            market=market,
            order_index=self._order_index,
            balances=self._balances,
            clock=clock,
        )
        self._reported: dict[ClientOrderId, OrderReport] = {}
        self._events: Stream[OrderReport] = Stream()
        self.is_initialized = (
            False  #: its first look is over; until then reads go behind everybody's
        )

    @property
    def watched(self) -> dict[ClientOrderId, OrderRequest]:
        """Orders to keep an eye on."""
        return self._order_index.watched

    # --- what is known without asking -----------------------------------------------------

    def balance(self) -> Balance:
        return self._balances.balance

    def fees(self, instrument: Instrument) -> Fees:
        """The market's: what an account pays that has no rebate."""
        return instrument.fees

    def attaches_stops(self, symbol: str) -> bool:
        adapter, _ = self._adapter_and_instrument(symbol)
        return adapter.capabilities.stops is StopSupport.ATTACHED

    def events(self) -> AsyncIterator[OrderReport]:
        return self._events

    def watch(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        """Keep an eye on an order that was sent before this process began."""
        self._order_index.add(request, exchange_order_id=exchange_order_id)
        self.watched[request.client_order_id] = request

    # --- what looking costs ---------------------------------------------------------------

    @property
    def poll_cost(self) -> int:
        """Of one look at what should be resting, in the exchange's weights."""
        symbols = {request.symbol for request in self.watched.values()}
        return self._list_cost(self._by_kind(symbols))

    @property
    def comparison_cost(self) -> int:
        """Of one comparison: every list, and what is held."""
        kinds = self._symbols_by_kind()
        held = sum(self._dialects[kind].holdings_cost for kind in kinds)
        return self._list_cost(kinds) + held

    @property
    def balance_cost(self) -> int:
        return sum(self._dialects[kind].balance_cost for kind in self._symbols_by_kind())

    @property
    def setup_cost(self) -> int:
        return sum(
            self._dialects[kind].margins_cost(len(symbols))
            for kind, symbols in self._symbols_by_kind().items()
        )

    def _list_cost(self, kinds: Mapping[MarketKind, Sequence[str]]) -> int:
        return sum(
            self._dialects[kind].open_orders_cost_of(len(symbols))
            for kind, symbols in kinds.items()
        )

    def is_price_touched(self, price_range: PriceRange) -> bool:
        """Whether the price has been where one of the resting orders waits for it."""
        return any(
            request.symbol == price_range.symbol and _is_price_touched(request, price_range)
            for request in self.watched.values()
        )

    def is_own_order(self, wire_id: str | None, exchange_id: str | None) -> bool:
        """Whether an order that a stream names is one of ours, by either id."""
        return self._order_index.contains(wire_id, exchange_id)

    def wire_id(self, client_order_id: ClientOrderId, symbol: str) -> str:
        return self._adapter_of(symbol).wire_id(client_order_id)

    def is_own_order_id(self, order_id: str, symbol: str) -> bool:
        return self._adapter_of(symbol).is_own_order_id(order_id)

    # --- orders ---------------------------------------------------------------------------

    async def submit(
        self, request: OrderRequest, *, stop: OrderRequest | None = None
    ) -> OrderReport:
        adapter, _ = self._adapter_and_instrument(request.symbol)
        if request.leg is Leg.ENTRY:
            await self.setup.prepare_entry(self._api, request.symbol)
        if adapter.capabilities.stops is not StopSupport.ATTACHED:
            stop = None
        report = await self._send(request, stop)
        self._order_index.add(request, exchange_order_id=report.exchange_order_id)
        self._on_placed(adapter.wire_id(request.client_order_id))
        self.watched[request.client_order_id] = request
        if stop is not None:
            self.watched[stop.client_order_id] = stop
            if request.type is OrderType.MARKET:  # it rests once the entry has filled
                self._on_placed(adapter.wire_id(stop.client_order_id))
        if not _is_acknowledgement_enough(request, report):
            report = await self._order_status.confirm(request, report)
        return self._record(request, report)

    async def _send(self, request: OrderRequest, stop: OrderRequest | None) -> OrderReport:
        """Send one order, and read its answer; or what a look-up finds while that is awaited."""
        adapter, instrument = self._adapter_and_instrument(request.symbol)
        mode = await self.setup.mode(self._api, request.symbol)
        for each in (request, stop):
            if each is not None:
                self._order_index.add(each)
                self._sent_ms[each.client_order_id] = self._clock.now_ms()
        create = adapter.order_args(request, instrument, stop=stop, margin_mode=mode)

        async def send() -> OrderReport:
            raw = await adapter.send(self._api, create, _priority_of(request))
            return self._order_status.report(adapter.to_found_order(raw), request, instrument)

        try:
            return await response_or_lookup(
                send(), lambda: self._lookup_while_pending(request), self._clock
            )
        except OrderNotFound as e:
            raise OrderOutcomeUnknown(str(e)) from None
        except OrderRejected as e:
            await self._mark_setup_stale(e, adapter, request.symbol)
            raise
        except PARSE_ERRORS as e:
            raise OrderOutcomeUnknown(f"unreadable answer: {type(e).__name__}: {e}") from None

    def amends_stops(self, symbol: str) -> bool:
        adapter, _ = self._adapter_and_instrument(symbol)
        return adapter.capabilities.can_amend_stops

    def stop_lifetime_ms(self, symbol: str) -> int | None:
        adapter, _ = self._adapter_and_instrument(symbol)
        return adapter.capabilities.stop_lifetime_ms

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        adapter, instrument = self._adapter_and_instrument(request.symbol)
        if not adapter.capabilities.can_amend_stops:
            raise OrderRejected(f"{adapter.capabilities.exchange} does not amend orders")
        try:
            await adapter.amend(
                self._api, order, request, instrument, priority=RequestPriority.PROTECT
            )
        except OrderNotFound as e:
            raise OrderRejected(str(e)) from None
        report = await self._order_status.confirm_amended(request)
        self._order_index.add(request)
        return self._record(request, report)

    async def cancel(self, order: Order) -> OrderReport:
        adapter, _ = self._adapter_and_instrument(order.request.symbol)
        self._order_index.add(order.request, exchange_order_id=order.exchange_order_id)
        was_sent = order.exchange_order_id or order.client_order_id in self._sent_ms
        is_surely_over = order.request.reduce_only or not was_sent
        try:
            await adapter.cancel(self._api, order, priority=RequestPriority.PROTECT)
        except (OrderNotFound, OrderRejected) as e:
            log.debug("order.cancel_rejected", user_id=self.user.user_id, cause=str(e))
        except OrderOutcomeUnknown as e:  # only what is shown now says what became of it
            log.debug("order.cancel_unconfirmed", user_id=self.user.user_id, cause=str(e))
            is_surely_over = False
        report = await self._order_status.confirm_cancelled(order, is_surely_over=is_surely_over)
        return self._record(order.request, report)

    async def lookup(self, order: Order) -> OrderReport | None:
        request = order.request
        self._order_index.add(request, exchange_order_id=order.exchange_order_id)
        priority = RequestPriority.PROTECT if request.reduce_only else RequestPriority.SETTLE
        report = await self._order_status.find(request, priority)
        if report is not None:
            return self._record(request, report)
        self._raise_if_too_early(order)
        return None

    # --- the account ----------------------------------------------------------------------

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        symbols_by_kind = self._symbols_by_kind() if symbols is None else self._by_kind(symbols)
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
        if self._market.instrument(symbol).kind is not MarketKind.SPOT:
            return quantity
        await self._balances.refresh_coins(self._api, priority=RequestPriority.PROTECT)
        return self._balances.closable_quantity(symbol, quantity)

    async def order_fills(self, order: Order) -> Sequence[Fill]:
        return await self._queries.order_fills(self._api, order)

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        return await self._queries.fills(self._api, symbol, since_ms=since_ms)

    async def funding(self, symbols: Collection[str], *, since_ms: Ms) -> Sequence[FundingPayment]:
        by_kind = self._by_kind(symbols)
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
        """Read leverage and margin mode again where that was long ago, and set what differs."""
        for kind, symbols in self._symbols_by_kind().items():
            await self.setup.set_up(self._api, kind, self.setup.stale_symbols(symbols))

    def is_setup_due(self) -> bool:
        """Whether ``refresh_setup`` has something to read."""
        return bool(self.setup.stale_symbols(sorted(self._symbols)))

    async def inspect(self) -> AccountFacts:
        """Look at the account without changing anything.

        Raises:
            AccessDenied: there is no key, or it is not let in.
            Unavailable: the exchange does not answer.
        """
        await self.refresh_balance()
        is_one_way: bool | None = None
        rights = KeyPermissions()
        margins: dict[str, SymbolMargin] = {}
        for kind, symbols in self._symbols_by_kind().items():
            adapter = self._dialects[kind]
            rights = await adapter.key_permissions(self._api)
            if kind is not MarketKind.SWAP:
                continue
            is_one_way = await adapter.is_one_way(self._api, symbols[0])
            wanted = self.user.account.margin_mode
            margins |= await adapter.symbol_margins(self._api, symbols, wanted=wanted)
        return AccountFacts(
            balance=self._balances.balance,
            is_one_way=is_one_way,
            margins=margins,
            rights=rights,
        )

    async def may_withdraw(self) -> bool | None:
        permissions = [
            (await self._dialects[kind].key_permissions(self._api)).may_withdraw
            for kind in self._symbols_by_kind()
        ]
        return True if True in permissions else next(iter(permissions), None)

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        """Ask for equity and free margin; ``urgent`` when an order waits for the answer."""
        priority = RequestPriority.ENTRY if urgent else RequestPriority.POLL
        await self._balances.refresh(self._api, self._symbols_by_kind(), priority=priority)
        return False

    # --- orders that rest -----------------------------------------------------------------

    async def poll(self) -> None:
        """Look at every order that should be resting, and report what has changed."""
        if not self.watched:
            return
        symbols = {request.symbol for request in self.watched.values()}
        conditional = {request.trigger_price is not None for request in self.watched.values()}
        listed = {
            report.client_order_id: report
            for report in await self._queries.open_orders(
                self._api,
                self._by_kind(symbols),
                priority=RequestPriority.POLL,
                is_conditional=next(iter(conditional)) if len(conditional) == 1 else None,
            )
        }
        for client_order_id, request in list(self.watched.items()):
            report = listed.get(client_order_id) or await self._find_or_unknown(request)
            if report is not None:
                self.report(request, report)

    def report(self, request: OrderRequest, report: OrderReport) -> None:
        """Pass on what is new about an order."""
        before = self._reported.get(request.client_order_id)
        if report.status is not OrderStatus.UNKNOWN:
            self._record(request, report)
        if before is None or (before.status, before.filled) != (report.status, report.filled):
            self._reported[request.client_order_id] = report
            self._events.put(report)
        if report.status.is_final:
            self._reported.pop(request.client_order_id, None)

    async def _find_or_unknown(self, request: OrderRequest) -> OrderReport | None:
        """The order as it is shown by its id; missing in two looks in a row, it is unknown."""
        try:
            found = await self._order_status.find(request, RequestPriority.POLL, in_list=False)
        except OrderOutcomeUnknown as e:
            log.debug("order.outcome_pending", user_id=self.user.user_id, cause=str(e))
            return None
        now_ms = self._clock.now_ms()
        if found is not None:
            self._missing_since_ms.pop(request.client_order_id, None)
            return found
        first_ms = self._missing_since_ms.setdefault(request.client_order_id, now_ms)
        if now_ms - first_ms < _PROTECTION_LAG_MS or not request.reduce_only:
            return None
        return OrderReport(
            client_order_id=request.client_order_id,
            exchange_order_id=None,
            symbol=request.symbol,
            status=OrderStatus.UNKNOWN,
            updated_at_ms=now_ms,
            error="the exchange does not show it any more",
        )

    # --- inside ---------------------------------------------------------------------------

    @property
    def _api(self) -> ExchangeApi:
        if self._executor_or_none is None:
            raise AccessDenied(
                f"no key is stored: set one with 'signalbot keys set {self.user.user_id}'"
            )
        if not self._market.is_open:
            raise Unavailable(f"{self.user.account.exchange} has not been reached since the start")
        return self._executor_or_none

    @property
    def _routine_priority(self) -> RequestPriority:
        return RequestPriority.POLL if self.is_initialized else RequestPriority.RECOVER

    def _adapter_and_instrument(self, symbol: str) -> tuple[ExchangeAdapter, Instrument]:
        instrument = self._market.instrument(symbol)
        return self._dialects[instrument.kind], instrument

    def _adapter_of(self, symbol: str) -> ExchangeAdapter:
        return self._adapter_and_instrument(symbol)[0]

    def _symbols_by_kind(self, more: Iterable[str] = ()) -> dict[MarketKind, list[str]]:
        resting = (request.symbol for request in self.watched.values())
        return self._by_kind((*sorted(self._symbols), *more, *resting))

    def _by_kind(self, symbols: Iterable[str]) -> dict[MarketKind, list[str]]:
        kinds: dict[MarketKind, list[str]] = {}
        for symbol in dict.fromkeys(symbols):
            kinds.setdefault(self._market.instrument(symbol).kind, []).append(symbol)
        return kinds

    def _record(self, request: OrderRequest, report: OrderReport) -> OrderReport:
        self._order_index.update(request, report)
        if report.status.is_final:
            self._sent_ms.pop(request.client_order_id, None)
            self._missing_since_ms.pop(request.client_order_id, None)
        return report

    async def _mark_setup_stale(
        self, rejection: OrderRejected, adapter: ExchangeAdapter, symbol: str
    ) -> None:
        """A refusal for position mode or leverage says that the owner has changed something.

        Raises:
            OrderRejected: ACCESS_DENIED when that is hedge mode, which only the owner can end.
        """
        if not adapter.is_mode_error(str(rejection)):
            return
        self.setup.mark_stale()
        try:
            await self.setup.recheck_position_mode(self._api, symbol)
        except AccessDenied as e:
            raise OrderRejected(
                str(e), rejection_reason=RejectionReason.ACCESS_DENIED
            ) from rejection
        except Unavailable:
            pass  # it is read again before the next entry

    async def _lookup_while_pending(self, request: OrderRequest) -> OrderReport | None:
        """What a look-up shows while the answer is still awaited, if that is worth acting on."""
        try:
            found = await self._order_status.find(request, _priority_of(request))
        except (Unavailable, OrderOutcomeUnknown, OrderRejected):
            return None
        return found if found is not None and _is_worth_acting_on(request, found) else None

    def _raise_if_too_early(self, order: Order) -> None:
        """An order may still be on its way, or be shown late."""
        request = order.request
        adapter, _ = self._adapter_and_instrument(request.symbol)
        sent_ms = self._sent_ms.get(request.client_order_id, self._created_ms)
        lag_ms = _PROTECTION_LAG_MS if request.reduce_only else 0
        remaining_ms = sent_ms + adapter.request_validity_ms + lag_ms - self._clock.now_ms()
        if remaining_ms > 0:
            raise OrderOutcomeUnknown(
                f"not found; it may arrive for {remaining_ms / 1000:.0f} s more"
            )


def _priority_of(request: OrderRequest) -> RequestPriority:
    return RequestPriority.ENTRY if request.leg is Leg.ENTRY else RequestPriority.PROTECT


def _is_acknowledgement_enough(request: OrderRequest, report: OrderReport) -> bool:
    """Whether an acknowledgement is enough; a stop must be seen resting, a market order filled."""
    if report.status.is_final:
        return True
    return request.type is OrderType.LIMIT


def _is_worth_acting_on(request: OrderRequest, found: OrderReport) -> bool:
    """A conditional or limit order that rests, or any order that has traded or ended."""
    if found.filled or found.status.is_final:
        return True
    return request.type is not OrderType.MARKET


def _is_price_touched(request: OrderRequest, price_range: PriceRange) -> bool:
    """Whether an order must have traded if the exchange saw the same price."""
    at = request.trigger_price or request.price
    if at is None:
        return False
    waits_below = (request.side is OrderSide.SELL) == (request.type is OrderType.STOP)
    return price_range.low <= at if waits_below else price_range.high >= at
