"""A broker that misbehaves on demand, in front of one that does not."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Fees, Instrument
from signalbot.domain.orders import ClientOrderId, Fill, Leg, Order, OrderReport, OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.ports import Broker, Clock, Holding

Match = Callable[[OrderRequest], bool]


def of_leg(leg: Leg) -> Match:
    """Matches every order of one leg."""
    return lambda request: request.leg is leg


class FaultyBroker:
    """Passes everything on; faults are armed per order and used up once each."""

    def __init__(self, real: Broker, clock: Clock) -> None:
        self.real = real
        self.sent: list[OrderRequest] = []  #: every submit, whatever came of it
        self.fills_asked_ms: list[Ms] = []  #: when somebody asked for the fills of an order
        self._clock = clock
        self._lost_answers: list[Match] = []
        self._lost_requests: list[Match] = []
        self._refusals: list[tuple[Match, str]] = []
        self._delays: list[tuple[Match, float]] = []
        self._hangs: list[Match] = []
        self.blind = False  #: while set, nothing can be looked up
        self.deaf = False  #: while set, its stream tells nothing; what it would have is lost
        self.unread = False  #: while set, what is held cannot be read
        self.stumble: Match | None = None  #: a bug in looking up matching orders, while set
        self.broken: Exception | None = None  #: raised by every submit while set
        self.drops_reduce_only: Match | None = None  #: matching orders go without that flag
        self.stop_lives: int | None = None  #: ms
        self.fee: tuple[Decimal, str] | None = None  #: what every fill costs, and in which coin

    def lose_answer(self, match: Match) -> None:
        """The next matching order arrives, its answer does not."""
        self._lost_answers.append(match)

    def lose_request(self, match: Match) -> None:
        """The next matching order never arrives, and nobody says so."""
        self._lost_requests.append(match)

    def refuse(self, match: Match, reason: str, *, times: int = 1) -> None:
        """The next matching orders are refused."""
        self._refusals.extend([(match, reason)] * times)

    def delay(self, match: Match, seconds: float) -> None:
        """The next matching order takes this much longer."""
        self._delays.append((match, seconds))

    def hang(self, match: Match) -> None:
        """The next matching order arrives, and its answer takes an hour."""
        self._hangs.append(match)

    @property
    def visibility_lag_ms(self) -> int:
        return self.real.visibility_lag_ms

    async def set_up(self) -> None:
        await self.real.set_up()

    def balance(self) -> Balance:
        return self.real.balance()

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        return await self.real.refresh_balance(urgent=urgent)

    def wire_id(self, client_order_id: ClientOrderId, symbol: str) -> str:
        return self.real.wire_id(client_order_id, symbol)

    def is_own_order_id(self, order_id: str, symbol: str) -> bool:
        return self.real.is_own_order_id(order_id, symbol)

    def fees(self, instrument: Instrument) -> Fees:
        return self.real.fees(instrument)

    def attaches_stops(self, symbol: str) -> bool:
        return self.real.attaches_stops(symbol)

    async def submit(
        self, request: OrderRequest, *, stop: OrderRequest | None = None
    ) -> OrderReport:
        self.sent.append(request)
        if self.broken is not None:
            raise self.broken
        for entry in self._delays:
            if entry[0](request):
                self._delays.remove(entry)
                await self._clock.sleep(entry[1])
                break
        for match, reason in self._refusals:
            if match(request):
                self._refusals.remove((match, reason))
                raise OrderRejected(reason)
        if _take(self._lost_requests, request):
            raise OrderOutcomeUnknown("connection reset before the request arrived")
        if self.drops_reduce_only is not None and self.drops_reduce_only(request):
            request = replace(request, reduce_only=False)
        report = await self.real.submit(request, stop=stop)
        report = replace(report, fills=self._with_fee(report.fills))
        if _take(self._hangs, request):
            await self._clock.sleep(3600)
        if _take(self._lost_answers, request):
            raise OrderOutcomeUnknown("connection reset before the answer arrived")
        return report

    def amends_stops(self, symbol: str) -> bool:
        return self.real.amends_stops(symbol)

    def stop_lifetime_ms(self, symbol: str) -> int | None:
        return self.stop_lives

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        return await self.real.amend(order, request)

    async def cancel(self, order: Order) -> OrderReport:
        return await self.real.cancel(order)

    async def lookup(self, order: Order) -> OrderReport | None:
        if self.blind:
            raise OrderOutcomeUnknown("not found, which proves nothing yet")
        if self.stumble is not None and self.stumble(order.request):
            raise ValueError("a bug in reading this order")
        return await self.real.lookup(order)

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        return await self.real.open_orders(symbols, is_urgent=is_urgent)

    async def holdings(
        self, claimed: Mapping[str, Decimal], *, is_urgent: bool = False
    ) -> Sequence[Holding]:
        if self.unread:
            raise Unavailable("no answer")
        return await self.real.holdings(claimed, is_urgent=is_urgent)

    async def closable_quantity(self, symbol: str, quantity: Decimal) -> Decimal:
        return await self.real.closable_quantity(symbol, quantity)

    async def funding(self, symbols: Collection[str], *, since_ms: Ms) -> Sequence[FundingPayment]:
        return await self.real.funding(symbols, since_ms=since_ms)

    async def order_fills(self, order: Order) -> Sequence[Fill]:
        self.fills_asked_ms.append(self._clock.now_ms())
        return self._with_fee(await self.real.order_fills(order))

    async def may_withdraw(self) -> bool | None:
        return await self.real.may_withdraw()

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        return await self.real.fills(symbol, since_ms=since_ms)

    def _with_fee(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        if self.fee is None:
            return tuple(fills)
        fee, coin = self.fee
        return tuple(replace(fill, fee=fee, fee_currency=coin) for fill in fills)

    def watch(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        self.real.watch(request)

    async def events(self) -> AsyncIterator[OrderReport]:
        async for report in self.real.events():
            if not self.deaf:
                yield report


def _take(armed: list[Match], request: OrderRequest) -> bool:
    for match in armed:
        if match(request):
            armed.remove(match)
            return True
    return False
