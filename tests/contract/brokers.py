"""An account behind ``ports.Broker``, and a far side that a test moves by hand."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from signalbot.domain.market import Instrument
from signalbot.domain.orders import (
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderType,
    client_order_id_of,
)
from signalbot.domain.signals import SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.database import Database
from signalbot.ports import Broker
from signalbot.tasks import SystemClock

BTC = "BTC/USDT:USDT"
SIGNAL = SignalId("sig_contract")
ALICE, BOB = UserId("alice"), UserId("bob")
DEPOSIT = Decimal(10_000)
START = Decimal(50_000)
LEAST = Decimal("0.002")  # the least quantity of every kind, two steps of its grid
SIZE = Decimal("0.02")
NAME = "far"
DOUBT_S = 70.0  # longer than an order can be on its way unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFeatures:
    """What one kind of account can do, and what it cannot."""

    attaches: bool = False  #: an entry carries its stop
    amends: bool = False  #: a resting stop moves in place
    is_sure_at_once: bool = False  #: what it does not find has never arrived
    keeps_ids: bool = True  #: the id of an order that has ended is not given away again
    reserves_ids: bool = True  #: the id of an order that rests is refused to a second one
    refuses_passed_stops: bool = True  #: a stop beyond the price is refused, and does not fire
    trims: bool = True  #: an exit larger than the position closes the position; else it is refused
    trims_stops: bool = True  #: the same of a stop when it fires; else it comes to nothing
    least: Decimal = LEAST  #: the least quantity that it takes
    tells_least: bool = True  #: its rules say so; else the grid alone is known
    fills_kept_days: int = 30  #: and more; how long fills are told
    tells_funding: bool = True  #: its loopback exchange pays funding
    funding_interval_ms: int | None = 28_800_000  #: as far as the exchange lists it
    says_ids: bool = True  #: orders are listed under our own ids without being known before
    symbol: str = BTC  #: what is traded


class FastClock(SystemClock):
    """The computer's own time, which a test may move on."""

    ahead_ms = 0

    def now_ms(self) -> Ms:
        return Ms(super().now_ms() + self.ahead_ms)


class BrokerFixture(ABC):
    """Two accounts, Alice's and Bob's, at one exchange; tests sit at Alice's."""

    can: BrokerFeatures

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FastClock()
        self.now = START  #: the price
        self._ids = {leg: count() for leg in Leg}

    # --- the far side -----------------------------------------------------------------------

    async def open(self) -> None:
        """Come to life, and look at the accounts as the daemon does before anything is sent."""
        await self.connect()
        for user_id in (ALICE, BOB):
            await self.of(user_id).set_up()
            await self.of(user_id).open_orders()
            await self.of(user_id).holdings({})

    @abstractmethod
    async def connect(self) -> None:
        """Be there; nothing has been asked yet."""

    @abstractmethod
    async def close(self) -> None:
        """Die; the far side goes on."""

    @abstractmethod
    def of(self, user_id: UserId) -> Broker:
        """An account; asked again, the same."""

    @abstractmethod
    async def price(self, price: int) -> None:
        """The price is here now; whatever it has passed trades or triggers."""

    @abstractmethod
    async def by_hand(self, request: OrderRequest) -> str:
        """Alice's owner orders something elsewhere; the id it is known by there."""

    @abstractmethod
    async def trade_in_parts(self) -> None:
        """The next entry finds only part of what it wants at first."""

    @property
    @abstractmethod
    def instrument(self) -> Instrument: ...

    @property
    @abstractmethod
    def held(self) -> Decimal:
        """What Alice holds by the far side's own book: coins, negative when short."""

    @property
    def symbol(self) -> str:
        """What is traded here."""
        return self.can.symbol

    # --- the near side ----------------------------------------------------------------------

    @property
    def broker(self) -> Broker:
        return self.of(ALICE)

    async def restart(self) -> None:
        """The daemon has died and is started again."""
        await self.close()
        await self.open()

    def wait_long(self) -> None:
        """So much time passes that nothing can still be on its way."""
        self.clock.ahead_ms += int(DOUBT_S * 1000)

    def entry(
        self, type_: OrderType = OrderType.MARKET, *, side: OrderSide = OrderSide.BUY,
        size: Decimal = SIZE, at: int | None = None, user_id: UserId = ALICE,
    ) -> OrderRequest:  # fmt: skip
        """An order that opens: at market, or with ``at`` a limit."""
        is_limit = at is not None
        return self._request(
            Leg.ENTRY, OrderType.LIMIT if is_limit else type_, side, size,
            price=at, user_id=user_id,
        )  # fmt: skip

    def stop(
        self, at: int, *, side: OrderSide = OrderSide.SELL, size: Decimal = SIZE
    ) -> OrderRequest:
        """A stop of a long, or of a short when it buys."""
        return self._request(Leg.STOP_LOSS, OrderType.STOP, side, size, trigger=at)

    def target(
        self, at: int, *, side: OrderSide = OrderSide.SELL, size: Decimal = SIZE
    ) -> OrderRequest:
        return self._request(Leg.TAKE_PROFIT, OrderType.TAKE_PROFIT, side, size, trigger=at)

    def exit(self, *, side: OrderSide = OrderSide.SELL, size: Decimal = SIZE) -> OrderRequest:
        return self._request(Leg.EXIT, OrderType.MARKET, side, size)

    def _request(
        self, leg: Leg, type_: OrderType, side: OrderSide, size: Decimal, *,
        price: int | None = None, trigger: int | None = None, user_id: UserId = ALICE,
    ) -> OrderRequest:  # fmt: skip
        return OrderRequest(
            client_order_id=client_order_id_of(
                signal_id=SIGNAL, user_id=user_id, leg=leg, attempt=next(self._ids[leg]),
            ),
            user_id=user_id, exchange=NAME, symbol=self.symbol, leg=leg, side=side, type=type_,
            quantity=size, price=None if price is None else Decimal(price),
            trigger_price=None if trigger is None else Decimal(trigger),
            reduce_only=leg is not Leg.ENTRY, leverage=5, signal_id=SIGNAL,
            intended_at_ms=self.clock.now_ms(),
        )  # fmt: skip

    async def enter(self, *, side: OrderSide = OrderSide.BUY) -> Order:
        """A position of the usual size."""
        request = self.entry(side=side)
        return Order(request=request).apply(await self.broker.submit(request))

    async def rest(self, request: OrderRequest) -> Order:
        """Send an order that waits."""
        return Order(request=request).apply(await self.broker.submit(request))

    async def found(self, request: OrderRequest) -> OrderReport:
        """What became of an order, which exists."""
        report = await self.broker.lookup(Order(request=request))
        assert report is not None, "it was sent and is not found"
        return report

    async def listed(self, user_id: UserId = ALICE) -> dict[str, OrderReport]:
        """What rests, by the id it is known under."""
        return {each.client_order_id: each for each in await self.of(user_id).open_orders()}
