"""The interfaces to the outside world on one page: clock, exchanges and AI.

The pipeline depends only on these. The ledger is not behind a port: SQLite is part of the product.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.advice import Advice
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Candle, Fees, Instrument, PriceRange
from signalbot.domain.orders import ClientOrderId, Fill, Order, OrderReport, OrderRequest
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Side, Signal
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import User, UserId


class Clock(Protocol):
    """The daemon's time. A replay's clock runs as fast as it can."""

    def now_ms(self) -> Ms: ...

    async def sleep(self, delay_s: float) -> None: ...

    async def sleep_until(self, at_ms: Ms) -> None:
        """Sleep until ``at_ms``; return at once if it has passed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleSource:
    """The current source of one candle stream."""

    via: str  #: of the last candle: "websocket", "rest" or "simulated"
    checked_at_ms: Ms  #: last message or request, successful or not


class Market(Protocol):
    """An exchange's public market data. Reads raise ``Unavailable`` if it cannot be reached."""

    @property
    def is_open(self) -> bool:
        """Whether its instruments are loaded: it was reached since the start."""
        ...

    async def wait_until_open(self) -> None:
        """Wait until the market is open."""
        ...

    def instrument(self, symbol: str) -> Instrument:
        """Trading rules of ``symbol``; ``KeyError`` if the exchange does not list it.

        Raises:
            Unavailable: the market is not open yet.
        """
        ...

    def last_price(self, symbol: str) -> Decimal | None:
        """The last known price, without I/O; None before the first."""
        ...

    async def fresh_price(self, symbol: str) -> Decimal | None:
        """A price to decide on: at most two seconds old if the exchange responds.

        Concurrent callers share one request. None if no price is available.
        """
        ...

    async def history(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        """Up to ``limit`` closed candles with ``close_ms <= end_ms``, oldest first."""
        ...

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        """Closed candles as they close. May repeat, skip and reorder: the feed corrects it."""
        ...

    def funding_interval_ms(self, symbol: str) -> int | None:
        """Funding interval of a contract, counted from midnight UTC.

        None if the exchange does not publish it.
        """
        ...

    def source(self, symbol: str, timeframe: Timeframe) -> CandleSource | None:
        """The current source of ``candles``; None before they are read."""
        ...

    def prices(self, symbol: str) -> AsyncIterator[PriceRange]:
        """The price range since the last item; slow readers get wider ranges, no backlog."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An account's holding in one symbol, as reported by the exchange."""

    symbol: str
    side: Side
    quantity: Decimal  #: base units, > 0
    entry_price: Decimal


class Broker(Protocol):
    """One user's account at one exchange."""

    def balance(self) -> Balance:
        """The last known balance, without I/O."""
        ...

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        """Fetch the balance; the request is ``urgent`` if an order waits for it.

        Returns whether it includes all fills; some exchanges include the last fills late.

        Raises:
            Unavailable: the exchange does not respond; ``balance`` stays unchanged.
        """
        ...

    def fees(self, instrument: Instrument) -> Fees:
        """The account's last known fees, without I/O."""
        ...

    @property
    def visibility_lag_ms(self) -> int:
        """Maximum delay until the exchange shows an order it has accepted.

        Within it a missing order is not proof of its absence. 0: responses are always current.
        """
        ...

    async def set_up(self) -> None:
        """Set the account up for entries: position mode, margin mode, leverage, balance.

        Settings confirmed recently, by this process or the previous one, are not requested again.

        Raises:
            AccessDenied: the owner must act: no key, or hedge mode.
            Unavailable: the exchange does not respond.
        """
        ...

    def attaches_stops(self, symbol: str) -> bool:
        """Whether an entry can carry its stop, so that the position is never without one."""
        ...

    async def submit(
        self, request: OrderRequest, *, stop: OrderRequest | None = None
    ) -> OrderReport:
        """Send one order, once; an entry with its first ``stop`` where ``attaches_stops``.

        The report may have the filled quantity before it has the fills.

        Raises:
            OrderRejected: the exchange rejected it; no order is live.
            OrderOutcomeUnknown: it may be live; only ``lookup`` determines its state.
            Unavailable: it was provably not accepted, and may be sent again under the same id.
        """
        ...

    def amends_stops(self, symbol: str) -> bool:
        """Whether a working stop can be moved in place, by ``amend``."""
        ...

    def stop_lifetime_ms(self, symbol: str) -> int | None:
        """Lifetime of stops and targets at the exchange; None: unlimited."""
        ...

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        """Change a working stop to the trigger and quantity of ``request``, which has its id.

        The report is of the stop as it was read back.

        Raises:
            OrderRejected: the stop is unchanged; always, unless ``amends_stops``.
            OrderOutcomeUnknown: the stop is either unchanged or changed.
            Unavailable: the request was not sent.
        """
        ...

    async def cancel(self, order: Order) -> OrderReport:
        """Cancel an order and report its final state: it may have filled before the cancel.

        Raises:
            OrderOutcomeUnknown: the cancel was not confirmed.
        """
        ...

    async def lookup(self, order: Order) -> OrderReport | None:
        """The current state of an order.

        None: every endpoint that could show it responded without it, and it can no longer be in
        transit. Within ``visibility_lag_ms`` that is not yet proof of its absence.

        Raises:
            OrderOutcomeUnknown: not found, but not every endpoint has responded.
            Unavailable: the exchange does not respond.
        """
        ...

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Every open order, ours or not, including conditional ones.

        In ``symbols``, or in all symbols the account trades. Urgent requests have the priority of
        protective orders, and omit lists that can contain none of the watched orders.
        """
        ...

    async def holdings(
        self, claimed: Mapping[str, Decimal], *, is_urgent: bool = False
    ) -> Sequence[Holding]:
        """The account's holdings; on spot at most the ``claimed`` quantity of each symbol.

        ``claimed`` is the quantity of the ledger's positions by symbol, in base units: other coins
        of the account are the owner's.
        """
        ...

    async def closable_quantity(self, symbol: str, quantity: Decimal) -> Decimal:
        """The part of ``quantity`` that an order can close now.

        Less than all of it only on spot, where fees are deducted from the coins.

        Raises:
            Unavailable: the exchange does not respond.
        """
        ...

    async def funding(self, symbols: Collection[str], *, since_ms: Ms) -> Sequence[FundingPayment]:
        """Funding payments of the account's positions in ``symbols`` since ``since_ms``."""
        ...

    async def order_fills(self, order: Order) -> Sequence[Fill]:
        """Every fill of one order that the exchange reports now; some may be reported later."""
        ...

    async def may_withdraw(self) -> bool | None:
        """Whether the account's key may withdraw; None if the exchange does not report it.

        Raises:
            Unavailable: the exchange does not respond. AccessDenied: it refuses the key.
        """
        ...

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        """All the account's fills in a symbol, including those of foreign orders."""
        ...

    def wire_id(self, client_order_id: ClientOrderId, symbol: str) -> str:
        """The form in which the exchange holds a client order id in ``symbol``'s market."""
        ...

    def is_own_order_id(self, order_id: str, symbol: str) -> bool:
        """Whether an order id that the exchange lists has the form that only signalbot gives."""
        ...

    def watch(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        """Report an order of a previous process in ``events``, too."""
        ...

    def events(self) -> AsyncIterator[OrderReport]:
        """Changes of orders as they happen; may repeat reports of other methods."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateAllowance:
    """The remaining rate limit of one egress address at an exchange."""

    egress: str  #: "direct", or which address or proxy
    left: float  #: the free part of the tightest limit, 0 to 1
    queued: int  #: waiting requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An exchange that does not respond to one egress address."""

    egress: str  #: "direct", or which address or proxy
    since_ms: Ms
    cause: str  #: the error of the last request


class Exchange(Protocol):
    """One configured exchange: its market data, and a broker for each of its users."""

    @property
    def market(self) -> Market: ...

    async def connect(self) -> None:
        """Load its time and instruments; then the market is open.

        Raises:
            Unavailable: it does not respond; retry not before ``retry_at_ms``.
        """
        ...

    @property
    def retry_at_ms(self) -> Ms:
        """When requests are allowed again after a ban; an instant in the past: now."""
        ...

    @property
    def entry_block_reason(self) -> str | None:
        """Why entries are blocked here: a ban, or a clock that is off. None if they are not."""
        ...

    def rate_allowances(self) -> Sequence[RateAllowance]:
        """Remaining rate limits by egress address; empty without rate limits."""
        ...

    def outages(self) -> Sequence[Outage]:
        """Ongoing outages by egress address: no response for several seconds."""
        ...

    def unexplained_changes(self) -> AsyncIterator[UserId]:
        """Users with account changes that no order of ours explains; for one reader."""
        ...

    @property
    def needs_reconciliation(self) -> bool:
        """Whether accounts can differ from the ledger."""
        ...

    def reconciliation_interval_ms(self, user_id: UserId) -> int:
        """Maximum time between two reconciliations of an account with positions or orders."""
        ...

    def broker(self, user: User, *, symbols: Collection[str]) -> Broker:
        """The broker of one user for ``symbols``; repeated calls return the same broker."""
        ...

    def release(self, user_id: UserId) -> None:
        """Close a user's broker; the next ``broker`` call opens a new one."""
        ...

    async def prepare(self) -> None:
        """Update prices and paper accounts to the present, before the first decision."""
        ...

    async def run(self) -> None:
        """Keep prices and paper accounts up to date, until cancelled."""
        ...


class Advisor(Protocol):
    """Advises on signals; users with equal rules share one AI call."""

    async def advise(self, signal: Signal, rules: AiRules) -> Advice:
        """Advise on one signal. Every failure is an ABSTAIN; the caller may cancel."""
        ...
