"""One user's account at a live exchange: sends once, believes only what it can read back.

An answer counts when it names an order with our id. Anything else is looked up, and an absence is
proven only when the request can no longer be accepted and nothing else tells of it.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from decimal import Decimal

import structlog

from signalbot.domain.book import Balance
from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
)
from signalbot.domain.market import Fees, Instrument, MarketKind, PriceRange
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderType,
)
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import User
from signalbot.exchange.live.capability import Stops
from signalbot.exchange.live.codes import OrderNotFound
from signalbot.exchange.live.dialects.base import Api, Dialect, Found, KeyRights, Margin
from signalbot.exchange.live.in_lane import InLane
from signalbot.exchange.live.known import KnownOrders
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.margins import Margins
from signalbot.exchange.live.parse import fill_of, holding_of, report_of
from signalbot.exchange.live.preflight import AccountFacts
from signalbot.exchange.live.shown import UNREADABLE, Shown
from signalbot.exchange.live.wallet import Dialects, Wallet
from signalbot.exchange.stream import Stream
from signalbot.ports import Clock, Holding, Market

log = structlog.get_logger()

_ENTRY_LAG_MS = 10_000  # exchanges show an order late; positions and trades are asked as well
_PROTECTION_LAG_MS = 2_000  # a second reduce-only order does no harm


class LiveBroker:
    """Implements ``Broker``. ``api`` is None for a user without a key: everything is refused."""

    def __init__(
        self,
        user: User,
        *,
        api: Api | None,
        dialects: Dialects,
        market: Market,
        symbols: Collection[str],
        clock: Clock,
    ) -> None:
        self.user = user
        self._api_or_none = api
        self._recovering = InLane(api, Lane.RECOVER) if api is not None else None
        self._dialects = dialects
        self._market = market
        self._symbols = set(symbols)
        self._clock = clock
        self._born_ms = clock.now_ms()
        self._sent_ms: dict[ClientOrderId, Ms] = {}
        self._known = KnownOrders(self._dialect_of)
        self._shown = Shown(user.user_id, api=lambda: self._api, place=self._place, clock=clock)
        self._margins = Margins(user, self._dialect_of, clock)
        self._told: dict[ClientOrderId, OrderReport] = {}
        self._events: Stream[OrderReport] = Stream()
        self._wallet = Wallet(dialects, market, clock)
        self._is_set_up = False
        self._is_compared = False  #: until then its questions go behind everybody's polls

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

    def watch(self, request: OrderRequest) -> None:
        """Keep an eye on an order that was sent before this process began."""
        self._known.remember(request)
        self.live[request.client_order_id] = request

    def is_touched(self, reached: PriceRange) -> bool:
        """Whether the price has been where one of the resting orders waits for it."""
        return any(
            request.symbol == reached.symbol and _touches(request, reached)
            for request in self.live.values()
        )

    # --- orders ---------------------------------------------------------------------------

    async def submit(
        self, request: OrderRequest, *, stop: OrderRequest | None = None
    ) -> OrderReport:
        dialect, instrument = self._place(request.symbol)
        refused = self._margins.refusal(request.symbol)
        if request.leg is Leg.ENTRY and refused is not None:
            raise OrderRejected(refused)
        if dialect.capabilities.stops is not Stops.ATTACHED:
            stop = None
        mode = await self._margins.mode(self._api, request.symbol)
        for each in (request, stop):
            if each is not None:
                self._known.remember(each)
                self._sent_ms[each.client_order_id] = self._clock.now_ms()
        create = dialect.create(request, instrument, stop=stop, margin_mode=mode)
        try:
            raw = await dialect.send(self._api, create, _lane(request))
            report = self._shown.report(dialect.found(raw), request, instrument)
        except OrderNotFound as e:
            raise OrderOutcomeUnknown(str(e)) from None
        except UNREADABLE as e:
            raise OrderOutcomeUnknown(f"unreadable answer: {type(e).__name__}: {e}") from None
        self.live[request.client_order_id] = request
        if stop is not None:
            self.live[stop.client_order_id] = stop
        if not _is_sure(request, report):
            report = await self._shown.until_sure(request, report)
        return self._note(request, report)

    def amends_stops(self, symbol: str) -> bool:
        dialect, _ = self._place(symbol)
        return dialect.capabilities.amends

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
        self._known.remember(order.request)
        try:
            await dialect.cancel(self._api, order, lane=Lane.PROTECT)
        except (OrderNotFound, OrderRejected) as e:
            log.debug("order.not_cancelled", user_id=self.user.user_id, cause=str(e))
        report = await self._shown.cancelled(order)
        return self._note(order.request, report)

    async def lookup(self, request: OrderRequest) -> OrderReport | None:
        self._known.remember(request)
        lane = Lane.PROTECT if request.reduce_only else Lane.SETTLE
        report = await self._shown.find(request, lane)
        if report is not None:
            return self._note(request, report)
        dialect, _ = self._place(request.symbol)
        lag_ms = _PROTECTION_LAG_MS if request.reduce_only else _ENTRY_LAG_MS
        sent_ms = self._sent_ms.get(request.client_order_id, self._born_ms)
        left_ms = sent_ms + dialect.validity_ms + lag_ms - self._clock.now_ms()
        if left_ms > 0:
            raise OrderOutcomeUnknown(f"not found, which is a proof in {left_ms / 1000:.0f} s")
        if request.leg is Leg.ENTRY and await self._has_traces(request, sent_ms):
            raise OrderOutcomeUnknown("not found, but the account holds something in this market")
        self.live.pop(request.client_order_id, None)
        return None

    async def open_orders(self) -> Sequence[OrderReport]:
        if not self._is_set_up:
            await self.set_up()
        else:
            await self._margins.set_up_refused(self._api)
        reports = []
        for kind, symbols in self._symbols_by_kind().items():
            found = await self._dialects[kind].open_orders(self._api, symbols, lane=Lane.POLL)
            named = {each.wire_id for each in found}
            reports += [
                report for each in found if (report := self._listed(each, named)) is not None
            ]
        return reports

    # --- the account ----------------------------------------------------------------------

    async def holdings(self, claimed: Mapping[str, Decimal]) -> Sequence[Holding]:
        found: list[Holding] = []
        for kind, symbols in self._symbols_by_kind(claimed).items():
            if kind is MarketKind.SPOT:
                await self.refresh_balance()
                found += self._wallet.held(claimed)
                continue
            for raw in await self._dialects[kind].holdings(self._api, symbols, lane=Lane.POLL):
                instrument = self._instrument(raw.get("symbol"))
                holding = instrument and holding_of(raw, instrument=instrument)
                if holding:
                    found.append(holding)
        self._is_compared = self._is_set_up
        return found

    async def fills_of(self, order: Order) -> Sequence[Fill]:
        dialect, instrument = self._place(order.request.symbol)
        if order.exchange_order_id is None:
            return ()
        raws = await dialect.trades(
            self._api, instrument.symbol, lane=Lane.SETTLE, order_id=order.exchange_order_id
        )
        return [
            fill_of(
                raw,
                client_order_id=order.client_order_id,
                instrument=instrument,
                is_liquidation=dialect.is_liquidation(raw),
            )
            for raw in raws
        ]

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        dialect, instrument = self._place(symbol)
        raws = await dialect.trades(self._api, symbol, lane=Lane.SETTLE, since_ms=since_ms)
        forced = await dialect.liquidations(self._api, symbol, since_ms=since_ms)
        return [
            fill_of(
                raw,
                client_order_id=self._known.id_of(str(raw.get("order")))
                or ClientOrderId(str(raw.get("order"))),
                instrument=instrument,
                is_liquidation=dialect.is_liquidation(raw) or str(raw.get("order")) in forced,
            )
            for raw in raws
        ]

    async def set_up(self) -> None:
        """Bring the account into the state orders rely on, and read it back.

        Raises:
            AccessDenied: without the owner nothing can be done: no key, hedge mode.
            Unavailable: the exchange does not answer.
        """
        for kind, symbols in self._symbols_by_kind().items():
            if kind is MarketKind.SWAP:
                await self._check_one_way(kind, next(iter(symbols)))
                for symbol in symbols:
                    await self._margins.set_up(self._api, symbol)
        await self.refresh_balance()
        self._is_set_up = True

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
            for symbol in symbols:
                wanted = self.user.account.margin_mode
                margins[symbol] = await dialect.margin(self._api, symbol, wanted=wanted)
        return AccountFacts(
            balance=self._wallet.balance,
            is_one_way=is_one_way,
            margins=margins,
            rights=rights,
        )

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        """Ask for equity and free margin; ``urgent`` when an order waits for the answer."""
        lane = Lane.ENTRY if urgent else Lane.POLL
        await self._wallet.refresh(self._api, self._symbols_by_kind(), lane=lane)
        return False

    async def poll(self) -> None:
        """Look at every order that should be resting, and tell what has changed."""
        listed = {report.client_order_id: report for report in await self.open_orders()}
        for client_order_id, request in list(self.live.items()):
            report = listed.get(client_order_id)
            if report is None:
                try:
                    report = await self._shown.find(request, Lane.POLL)
                except OrderOutcomeUnknown as e:
                    log.debug("order.unsettled", user_id=self.user.user_id, cause=str(e))
            if report is not None:
                self.tell(request, report)

    def tell(self, request: OrderRequest, report: OrderReport) -> None:
        """Pass on what is new about an order."""
        before = self._told.get(request.client_order_id)
        self._note(request, report)
        if before is None or (before.status, before.filled) != (report.status, report.filled):
            self._told[request.client_order_id] = report
            self._events.put(report)
        if report.status.is_final:
            self._told.pop(request.client_order_id, None)

    # --- inside ---------------------------------------------------------------------------

    @property
    def _api(self) -> Api:
        if self._api_or_none is None or self._recovering is None:
            raise AccessDenied(
                f"no key is stored: set one with 'signalbot keys set {self.user.user_id}'"
            )
        return self._api_or_none if self._is_compared else self._recovering

    def _place(self, symbol: str) -> tuple[Dialect, Instrument]:
        instrument = self._market.instrument(symbol)
        return self._dialects[instrument.kind], instrument

    def _dialect_of(self, symbol: str) -> Dialect:
        return self._place(symbol)[0]

    def _instrument(self, symbol: str | None) -> Instrument | None:
        try:
            return None if symbol is None else self._market.instrument(symbol)
        except KeyError:
            return None

    def _symbols_by_kind(self, more: Iterable[str] = ()) -> dict[MarketKind, list[str]]:
        kinds: dict[MarketKind, list[str]] = {}
        resting = (request.symbol for request in self.live.values())
        for symbol in dict.fromkeys((*sorted(self._symbols), *more, *resting)):
            kinds.setdefault(self._market.instrument(symbol).kind, []).append(symbol)
        return kinds

    def _listed(self, found: Found, named: Collection[str | None]) -> OrderReport | None:
        instrument = self._instrument(found.raw.get("symbol"))
        if instrument is None:
            return None
        request = self._known.request_of(found, instrument, named=named)
        known = self._known.id_of(str(found.raw.get("id")))
        ours = request.client_order_id if request else known
        try:
            report = report_of(
                found.raw,
                client_order_id=ours or ClientOrderId(found.wire_id or str(found.raw.get("id"))),
                instrument=instrument,
                asked=request.quantity if request else None,
                now_ms=self._clock.now_ms(),
            )
        except OrderOutcomeUnknown as e:
            log.warning("order.unreadable", user_id=self.user.user_id, cause=str(e))
            return None
        return report if request is None else self._note(request, report)

    def _note(self, request: OrderRequest, report: OrderReport) -> OrderReport:
        self._known.note(request, report)
        return report

    async def _has_traces(self, request: OrderRequest, sent_ms: Ms) -> bool:
        """Whether anything in the account could be the doing of an order nobody can find."""
        if any(each.symbol == request.symbol for each in await self.holdings({})):
            return True
        fills = await self.fills(request.symbol, since_ms=Ms(sent_ms - 1_000))
        return any(fill.side is request.side for fill in fills)

    async def _check_one_way(self, kind: MarketKind, symbol: str) -> None:
        is_one_way = await self._dialects[kind].is_one_way(self._api, symbol)
        if is_one_way is False:
            raise AccessDenied(
                "the account is in hedge mode: switch it to one-way mode at the exchange"
            )


def _lane(request: OrderRequest) -> Lane:
    return Lane.ENTRY if request.leg is Leg.ENTRY else Lane.PROTECT


def _is_sure(request: OrderRequest, report: OrderReport) -> bool:
    """Whether an acknowledgement is enough; a stop must be seen resting, a market order filled."""
    if report.status.is_final:
        return True
    return request.type is OrderType.LIMIT


def _touches(request: OrderRequest, reached: PriceRange) -> bool:
    """Whether an order must have traded if the exchange saw the same price."""
    at = request.trigger_price or request.price
    if at is None:
        return False
    waits_below = (request.side is OrderSide.SELL) == (request.type is OrderType.STOP)
    return reached.low <= at if waits_below else reached.high >= at
