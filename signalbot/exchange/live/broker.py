"""One user's account at a live exchange: sends once, believes only what it can read back.

An answer counts when it names an order with our id. Anything else is looked up. What is not shown
is not gone: places that answered were late before, so an absence is only ever reported as one look.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal

import structlog

from signalbot.domain.book import Balance
from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    Refusal,
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
from signalbot.exchange.live.account_reads import AccountReads
from signalbot.exchange.live.account_setup import AccountSetup
from signalbot.exchange.live.capability import Stops
from signalbot.exchange.live.codes import OrderNotFound
from signalbot.exchange.live.dialects.base import Api, Dialect, KeyRights, Margin
from signalbot.exchange.live.in_lane import InLane
from signalbot.exchange.live.known import KnownOrders
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.preflight import AccountFacts
from signalbot.exchange.live.shown import UNREADABLE, Shown
from signalbot.exchange.live.submission import answer_or_look_up
from signalbot.exchange.live.wallet import Dialects, Wallet
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
        api: Api | None,
        dialects: Dialects,
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
        self._api_or_none = api
        self._dialects = dialects
        self._market = market
        self._symbols = set(symbols)
        self._clock = clock
        self._on_placed = on_placed
        self._born_ms = clock.now_ms()
        self._sent_ms: dict[ClientOrderId, Ms] = {}
        self._missed_ms: dict[ClientOrderId, Ms] = {}
        self._known = KnownOrders(self._dialect_of)
        self._shown = Shown(
            user.user_id, api=lambda: self._api, place=self._place, known=self._known, clock=clock
        )
        remembered = state or AccountState()
        self.setup = AccountSetup(
            user,
            dialects=dialects,
            dialect_of=self._dialect_of,
            state=remembered,
            states=states,
            clock=clock,
        )
        self._wallet = Wallet(
            user.user_id, dialects, market, clock, known=remembered.balance, states=states
        )
        self._reads = AccountReads(
            user.user_id,
            dialects=dialects,
            market=market,
            known=self._known,
            wallet=self._wallet,
            clock=clock,
        )
        self._reported: dict[ClientOrderId, OrderReport] = {}
        self._events: Stream[OrderReport] = Stream()
        self.is_begun = False  #: its first look is over; until then reads go behind everybody's

    @property
    def live(self) -> dict[ClientOrderId, OrderRequest]:
        """Orders to keep an eye on."""
        return self._known.live

    # --- what is known without asking -----------------------------------------------------

    def balance(self) -> Balance:
        return self._wallet.balance

    def fees(self, instrument: Instrument) -> Fees:
        """The market's: what an account pays that has no rebate."""
        return instrument.fees

    def attaches_stops(self, symbol: str) -> bool:
        dialect, _ = self._place(symbol)
        return dialect.capabilities.stops is Stops.ATTACHED

    def events(self) -> AsyncIterator[OrderReport]:
        return self._events

    def watch(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        """Keep an eye on an order that was sent before this process began."""
        self._known.remember(request, exchange_order_id=exchange_order_id)
        self.live[request.client_order_id] = request

    # --- what looking costs ---------------------------------------------------------------

    @property
    def poll_cost(self) -> int:
        """Of one look at what should be resting, in the exchange's weights."""
        symbols = {request.symbol for request in self.live.values()}
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

    def is_touched(self, reached: PriceRange) -> bool:
        """Whether the price has been where one of the resting orders waits for it."""
        return any(
            request.symbol == reached.symbol and _touches(request, reached)
            for request in self.live.values()
        )

    def is_ours(self, wire_id: str | None, exchange_id: str | None) -> bool:
        """Whether an order that a stream names is one of ours, by either id."""
        return self._known.is_known(wire_id, exchange_id)

    # --- orders ---------------------------------------------------------------------------

    async def submit(
        self, request: OrderRequest, *, stop: OrderRequest | None = None
    ) -> OrderReport:
        dialect, _ = self._place(request.symbol)
        if request.leg is Leg.ENTRY:
            await self.setup.before_entry(self._api, request.symbol)
        if dialect.capabilities.stops is not Stops.ATTACHED:
            stop = None
        report = await self._send(request, stop)
        self._known.remember(request, exchange_order_id=report.exchange_order_id)
        self._on_placed(dialect.wire_id(request.client_order_id))
        self.live[request.client_order_id] = request
        if stop is not None:
            self.live[stop.client_order_id] = stop
        if not _is_sure(request, report):
            report = await self._shown.until_sure(request, report)
        return self._note(request, report)

    async def _send(self, request: OrderRequest, stop: OrderRequest | None) -> OrderReport:
        """Send one order, and read its answer; or what a look-up finds while that is awaited."""
        dialect, instrument = self._place(request.symbol)
        mode = await self.setup.mode(self._api, request.symbol)
        for each in (request, stop):
            if each is not None:
                self._known.remember(each)
                self._sent_ms[each.client_order_id] = self._clock.now_ms()
        create = dialect.create(request, instrument, stop=stop, margin_mode=mode)

        async def send() -> OrderReport:
            raw = await dialect.send(self._api, create, _lane(request))
            return self._shown.report(dialect.found(raw), request, instrument)

        try:
            return await answer_or_look_up(
                send(), lambda: self._found_meanwhile(request), self._clock
            )
        except OrderNotFound as e:
            raise OrderOutcomeUnknown(str(e)) from None
        except OrderRejected as e:
            await self._learn_from(e, dialect, request.symbol)
            raise
        except UNREADABLE as e:
            raise OrderOutcomeUnknown(f"unreadable answer: {type(e).__name__}: {e}") from None

    def amends_stops(self, symbol: str) -> bool:
        dialect, _ = self._place(symbol)
        return dialect.capabilities.amends

    def stop_lives_ms(self, symbol: str) -> int | None:
        dialect, _ = self._place(symbol)
        return dialect.capabilities.stop_lives_ms

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        dialect, instrument = self._place(request.symbol)
        if not dialect.capabilities.amends:
            raise OrderRejected(f"{dialect.capabilities.exchange} does not amend orders")
        try:
            await dialect.amend(self._api, order, request, instrument, lane=Lane.PROTECT)
        except OrderNotFound as e:
            raise OrderRejected(str(e)) from None
        report = await self._shown.amended(request)
        self._known.remember(request)
        return self._note(request, report)

    async def cancel(self, order: Order) -> OrderReport:
        dialect, _ = self._place(order.request.symbol)
        self._known.remember(order.request, exchange_order_id=order.exchange_order_id)
        was_sent = order.exchange_order_id or order.client_order_id in self._sent_ms
        is_surely_over = order.request.reduce_only or not was_sent
        try:
            await dialect.cancel(self._api, order, lane=Lane.PROTECT)
        except (OrderNotFound, OrderRejected) as e:
            log.debug("order.not_cancelled", user_id=self.user.user_id, cause=str(e))
        except OrderOutcomeUnknown as e:  # only what is shown now says what became of it
            log.debug("order.cancel_unanswered", user_id=self.user.user_id, cause=str(e))
            is_surely_over = False
        report = await self._shown.cancelled(order, is_surely_over=is_surely_over)
        return self._note(order.request, report)

    async def lookup(self, order: Order) -> OrderReport | None:
        request = order.request
        self._known.remember(request, exchange_order_id=order.exchange_order_id)
        lane = Lane.PROTECT if request.reduce_only else Lane.SETTLE
        report = await self._shown.find(request, lane)
        if report is not None:
            return self._note(request, report)
        self._raise_if_early(order)
        return None

    # --- the account ----------------------------------------------------------------------

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        asked = self._symbols_by_kind() if symbols is None else self._by_kind(symbols)
        if not is_urgent:
            return await self._reads.open_orders(self._api, asked, lane=self._routine_lane)
        has_plain = any(each.trigger_price is None for each in self.live.values())
        return await self._reads.open_orders(
            self._api, asked, lane=Lane.PROTECT, is_conditional=None if has_plain else True
        )

    async def holdings(
        self, claimed: Mapping[str, Decimal], *, is_urgent: bool = False
    ) -> Sequence[Holding]:
        lane = Lane.PROTECT if is_urgent else self._routine_lane
        asked = self._symbols_by_kind(claimed)
        held = await self._reads.holdings(
            self._api, asked, claimed, lane=lane, on_hedge=self.setup.refuse_hedge
        )
        self.is_begun = self.is_begun or not is_urgent
        return held

    async def sellable(self, symbol: str, quantity: Decimal) -> Decimal:
        if self._market.instrument(symbol).kind is not MarketKind.SPOT:
            return quantity
        await self._wallet.refresh_coins(self._api, lane=Lane.PROTECT)
        return self._wallet.sellable(symbol, quantity)

    async def fills_of(self, order: Order) -> Sequence[Fill]:
        return await self._reads.fills_of(self._api, order)

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        return await self._reads.fills(self._api, symbol, since_ms=since_ms)

    async def funding(self, symbols: Collection[str], *, since_ms: Ms) -> Sequence[FundingPayment]:
        by_kind = self._by_kind(symbols)
        return await self._reads.funding(
            self._api, by_kind.get(MarketKind.SWAP, ()), since_ms=since_ms
        )

    async def set_up(self) -> None:
        api = InLane(self._api, self._routine_lane)
        await self.setup.complete(api, self._symbols_by_kind())
        await self.setup.retry_refused(api)
        if self._wallet.balance.as_of_ms == EPOCH:
            await self._wallet.refresh(api, self._symbols_by_kind())
        self.is_begun = True

    async def refresh_setup(self) -> None:
        """Read leverage and margin mode again where that was long ago, and set what differs."""
        for kind, symbols in self._symbols_by_kind().items():
            await self.setup.set_up(self._api, kind, self.setup.due(symbols))

    def is_setup_due(self) -> bool:
        """Whether ``refresh_setup`` has something to read."""
        return bool(self.setup.due(sorted(self._symbols)))

    async def inspect(self) -> AccountFacts:
        """Look at the account without changing anything.

        Raises:
            AccessDenied: there is no key, or it is not let in.
            Unavailable: the exchange does not answer.
        """
        await self.refresh_balance()
        is_one_way: bool | None = None
        rights = KeyRights()
        margins: dict[str, Margin] = {}
        for kind, symbols in self._symbols_by_kind().items():
            dialect = self._dialects[kind]
            rights = await dialect.rights(self._api)
            if kind is not MarketKind.SWAP:
                continue
            is_one_way = await dialect.is_one_way(self._api, symbols[0])
            wanted = self.user.account.margin_mode
            margins |= await dialect.margins(self._api, symbols, wanted=wanted)
        return AccountFacts(
            balance=self._wallet.balance,
            is_one_way=is_one_way,
            margins=margins,
            rights=rights,
        )

    async def may_withdraw(self) -> bool | None:
        told = [
            (await self._dialects[kind].rights(self._api)).may_withdraw
            for kind in self._symbols_by_kind()
        ]
        return True if True in told else next(iter(told), None)

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        """Ask for equity and free margin; ``urgent`` when an order waits for the answer."""
        lane = Lane.ENTRY if urgent else Lane.POLL
        await self._wallet.refresh(self._api, self._symbols_by_kind(), lane=lane)
        return False

    # --- orders that rest -----------------------------------------------------------------

    async def poll(self) -> None:
        """Look at every order that should be resting, and report what has changed."""
        if not self.live:
            return
        symbols = {request.symbol for request in self.live.values()}
        conditional = {request.trigger_price is not None for request in self.live.values()}
        listed = {
            report.client_order_id: report
            for report in await self._reads.open_orders(
                self._api,
                self._by_kind(symbols),
                lane=Lane.POLL,
                is_conditional=next(iter(conditional)) if len(conditional) == 1 else None,
            )
        }
        for client_order_id, request in list(self.live.items()):
            report = listed.get(client_order_id) or await self._look_for(request)
            if report is not None:
                self.report(request, report)

    def report(self, request: OrderRequest, report: OrderReport) -> None:
        """Pass on what is new about an order."""
        before = self._reported.get(request.client_order_id)
        if report.status is not OrderStatus.UNKNOWN:
            self._note(request, report)
        if before is None or (before.status, before.filled) != (report.status, report.filled):
            self._reported[request.client_order_id] = report
            self._events.put(report)
        if report.status.is_final:
            self._reported.pop(request.client_order_id, None)

    async def _look_for(self, request: OrderRequest) -> OrderReport | None:
        """The order as it is shown by its id; missing in two looks in a row, it is unknown."""
        try:
            found = await self._shown.find(request, Lane.POLL, in_list=False)
        except OrderOutcomeUnknown as e:
            log.debug("order.unsettled", user_id=self.user.user_id, cause=str(e))
            return None
        now_ms = self._clock.now_ms()
        if found is not None:
            self._missed_ms.pop(request.client_order_id, None)
            return found
        first_ms = self._missed_ms.setdefault(request.client_order_id, now_ms)
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
    def _api(self) -> Api:
        if self._api_or_none is None:
            raise AccessDenied(
                f"no key is stored: set one with 'signalbot keys set {self.user.user_id}'"
            )
        if not self._market.is_open:
            raise Unavailable(f"{self.user.account.exchange} has not been reached since the start")
        return self._api_or_none

    @property
    def _routine_lane(self) -> Lane:
        return Lane.POLL if self.is_begun else Lane.RECOVER

    def _place(self, symbol: str) -> tuple[Dialect, Instrument]:
        instrument = self._market.instrument(symbol)
        return self._dialects[instrument.kind], instrument

    def _dialect_of(self, symbol: str) -> Dialect:
        return self._place(symbol)[0]

    def _symbols_by_kind(self, more: Iterable[str] = ()) -> dict[MarketKind, list[str]]:
        resting = (request.symbol for request in self.live.values())
        return self._by_kind((*sorted(self._symbols), *more, *resting))

    def _by_kind(self, symbols: Iterable[str]) -> dict[MarketKind, list[str]]:
        kinds: dict[MarketKind, list[str]] = {}
        for symbol in dict.fromkeys(symbols):
            kinds.setdefault(self._market.instrument(symbol).kind, []).append(symbol)
        return kinds

    def _note(self, request: OrderRequest, report: OrderReport) -> OrderReport:
        self._known.note(request, report)
        if report.status.is_final:
            self._sent_ms.pop(request.client_order_id, None)
            self._missed_ms.pop(request.client_order_id, None)
        return report

    async def _learn_from(self, refused: OrderRejected, dialect: Dialect, symbol: str) -> None:
        """A refusal for position mode or leverage says that the owner has changed something.

        Raises:
            OrderRejected: ACCESS_DENIED when that is hedge mode, which only the owner can end.
        """
        if not dialect.is_about_mode(str(refused)):
            return
        self.setup.doubt()
        try:
            await self.setup.check_mode(self._api, symbol)
        except AccessDenied as e:
            raise OrderRejected(str(e), refusal=Refusal.ACCESS_DENIED) from refused
        except Unavailable:
            pass  # it is read again before the next entry

    async def _found_meanwhile(self, request: OrderRequest) -> OrderReport | None:
        """What a look-up shows while the answer is still awaited, if that is worth acting on."""
        try:
            found = await self._shown.find(request, _lane(request))
        except (Unavailable, OrderOutcomeUnknown, OrderRejected):
            return None
        return found if found is not None and _is_worth_acting_on(request, found) else None

    def _raise_if_early(self, order: Order) -> None:
        """An order may still be on its way, or be shown late."""
        request = order.request
        dialect, _ = self._place(request.symbol)
        sent_ms = self._sent_ms.get(request.client_order_id, self._born_ms)
        lag_ms = _PROTECTION_LAG_MS if request.reduce_only else 0
        left_ms = sent_ms + dialect.validity_ms + lag_ms - self._clock.now_ms()
        if left_ms > 0:
            raise OrderOutcomeUnknown(f"not found; it may arrive for {left_ms / 1000:.0f} s more")


def _lane(request: OrderRequest) -> Lane:
    return Lane.ENTRY if request.leg is Leg.ENTRY else Lane.PROTECT


def _is_sure(request: OrderRequest, report: OrderReport) -> bool:
    """Whether an acknowledgement is enough; a stop must be seen resting, a market order filled."""
    if report.status.is_final:
        return True
    return request.type is OrderType.LIMIT


def _is_worth_acting_on(request: OrderRequest, found: OrderReport) -> bool:
    """A conditional or limit order that rests, or any order that has traded or ended."""
    if found.filled or found.status.is_final:
        return True
    return request.type is not OrderType.MARKET


def _touches(request: OrderRequest, reached: PriceRange) -> bool:
    """Whether an order must have traded if the exchange saw the same price."""
    at = request.trigger_price or request.price
    if at is None:
        return False
    waits_below = (request.side is OrderSide.SELL) == (request.type is OrderType.STOP)
    return reached.low <= at if waits_below else reached.high >= at
