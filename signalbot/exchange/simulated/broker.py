"""One user's account at a simulated exchange, as a ``Broker``."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from decimal import Decimal

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import OrderRejected
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Fees, Instrument
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Order,
    OrderReport,
    OrderRequest,
    OrderStatus,
    is_client_order_id,
)
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.ports import Clock, Holding


class SimulatedBroker:
    """Implements ``Broker``. The account opens with ``deposit`` quote units on first use.

    ``submit`` and ``cancel`` take ``latency_ms``, half of it before the venue acts. The venue
    keeps every order for seven days, so within them a look-up is always conclusive.
    """

    def __init__(
        self,
        *,
        engine: MatchingEngine,
        user_id: UserId,
        deposit: Decimal,
        clock: Clock,
        is_paper: bool = False,
    ) -> None:
        self._engine = engine
        self._account = engine.account(user_id, deposit=deposit, is_paper=is_paper)
        self._clock = clock
        self._fees = engine.rules.fees
        self._half_latency_s = engine.rules.latency_ms / 2000

    visibility_lag_ms = 0

    async def set_up(self) -> None:
        """Does nothing: an account needs no settings."""

    def balance(self) -> Balance:
        account = self._account
        return Balance(equity=account.equity, free=account.free, as_of_ms=self._clock.now_ms())

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        """Does nothing: ``balance`` is always current."""
        return True

    def fees(self, instrument: Instrument) -> Fees:
        """The fees of the simulation's rules, not the market's."""
        return self._fees

    def attaches_stops(self, symbol: str) -> bool:
        """False: stops are separate orders."""
        return False

    async def submit(
        self, request: OrderRequest, *, stop: OrderRequest | None = None
    ) -> OrderReport:
        """Send one order; when this returns or raises, the venue has it on disk or never had it.

        A paper account's order reaches the disk no later than the ledger's record of it.

        Raises:
            OrderRejected: the venue rejected it; nothing is live.
            OrderOutcomeUnknown: its client order id is taken: an earlier attempt stands.
        """
        await self._network_delay()
        report = await self._engine.submit(self._account, request, at_ms=self._clock.now_ms())
        await self._network_delay()
        return report

    def amends_stops(self, symbol: str) -> bool:
        """False: a stop moves by being replaced."""
        return False

    def stop_lifetime_ms(self, symbol: str) -> int | None:
        """None: stops do not expire."""
        return None

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        """Always rejected: orders cannot be amended."""
        raise OrderRejected("the venue does not amend orders")

    async def cancel(self, order: Order) -> OrderReport:
        """Cancel and report the final order; one that never arrived is CANCELLED."""
        await self._network_delay()
        now_ms = self._clock.now_ms()
        report = await self._engine.cancel(self._account, order.client_order_id, at_ms=now_ms)
        await self._network_delay()
        return report if report is not None else _absent(order, now_ms)

    async def lookup(self, order: Order) -> OrderReport | None:
        found = self._account.orders.get(order.client_order_id)
        return found.report() if found is not None else None

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        return [
            order.report()
            for symbol, account_position in self._account.positions.items()
            for order in account_position.resting
            if symbols is None or symbol in symbols
        ]

    async def closable_quantity(self, symbol: str, quantity: Decimal) -> Decimal:
        return quantity

    async def funding(self, symbols: Collection[str], *, since_ms: Ms) -> Sequence[FundingPayment]:
        """Empty: no funding is paid."""
        return ()

    async def holdings(
        self, claimed: Mapping[str, Decimal], *, is_urgent: bool = False
    ) -> Sequence[Holding]:
        positions = (
            account_position.position for account_position in self._account.positions.values()
        )
        return [
            Holding(
                symbol=position.symbol,
                side=position.side,
                quantity=position.quantity,
                entry_price=position.entry_price,
            )
            for position in positions
            if position is not None
        ]

    async def order_fills(self, order: Order) -> Sequence[Fill]:
        found = self._account.orders.get(order.client_order_id)
        return found.report().fills if found is not None else ()

    async def may_withdraw(self) -> bool | None:
        """False: simulated money cannot be withdrawn."""
        return False

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        return [fill for fill in self._account.fills_since(since_ms) if fill.symbol == symbol]

    def wire_id(self, client_order_id: ClientOrderId, symbol: str) -> str:
        return client_order_id

    def is_own_order_id(self, order_id: str, symbol: str) -> bool:
        return is_client_order_id(order_id)

    def watch(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        """Does nothing: ``events`` holds all orders."""

    def events(self) -> AsyncIterator[OrderReport]:
        """Changes of orders other than by ``submit`` and ``cancel``, for one reader."""
        return self._account.events

    async def _network_delay(self) -> None:
        if self._half_latency_s:
            await self._clock.sleep(self._half_latency_s)


def _absent(order: Order, now_ms: Ms) -> OrderReport:
    return OrderReport(
        client_order_id=order.client_order_id,
        exchange_order_id=None,
        symbol=order.request.symbol,
        status=OrderStatus.CANCELLED,
        updated_at_ms=now_ms,
        error="the venue never had this order",
    )
