"""The outside world on one page: time, and other people's computers.

The pipeline sees nothing else of them. SQLite is neither, so the ledger is not behind a port.
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
    """Time as the whole daemon sees it; a replay's clock runs as fast as it can."""

    def now_ms(self) -> Ms: ...

    async def sleep(self, delay_s: float) -> None: ...

    async def sleep_until(self, at_ms: Ms) -> None:
        """Return at once when ``at_ms`` has passed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleSource:
    """Where the candles of one stream come from."""

    via: str  #: of the last candle: "websocket", "rest" or "simulated"
    checked_at_ms: Ms  #: when it was last heard or asked, whatever came of it


class Market(Protocol):
    """An exchange's public side. Reads raise ``Unavailable`` when it cannot be reached."""

    @property
    def is_open(self) -> bool:
        """Whether its rules are known: it has been reached since the start."""
        ...

    async def wait_until_open(self) -> None:
        """Return once the market is open."""
        ...

    def instrument(self, symbol: str) -> Instrument:
        """Rules of ``symbol``; ``KeyError`` when the exchange does not list it.

        Raises:
            Unavailable: the market is not open yet.
        """
        ...

    def last_price(self, symbol: str) -> Decimal | None:
        """Last known price, without I/O; None before the first."""
        ...

    async def fresh_price(self, symbol: str) -> Decimal | None:
        """A price to decide on: at most two seconds old wherever the exchange can be asked.

        Many who want it at once share one request. None when no price can be had.
        """
        ...

    async def history(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        """Up to ``limit`` closed candles with ``close_ms <= end_ms``, oldest first."""
        ...

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        """Closed candles as they close. May repeat, skip and reorder: the feed puts it right."""
        ...

    def funding_interval_ms(self, symbol: str) -> int | None:
        """How often holders of a contract pay each other, counted from midnight UTC.

        None where the exchange does not say.
        """
        ...

    def source(self, symbol: str, timeframe: Timeframe) -> CandleSource | None:
        """What feeds ``candles``; None before somebody reads them."""
        ...

    def prices(self, symbol: str) -> AsyncIterator[PriceRange]:
        """Where the price went since the last item; slow readers get wider ranges, no backlog."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What the exchange says an account holds in one symbol."""

    symbol: str
    side: Side
    quantity: Decimal  #: base units, > 0
    entry_price: Decimal


class Broker(Protocol):
    """One user's account at one exchange."""

    def balance(self) -> Balance:
        """As last known, without I/O."""
        ...

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        """Ask for the balance now; costs a request, an ``urgent`` one if an order waits for it.

        Whether it counts all that has filled; some exchanges show the last fills a moment late.

        Raises:
            Unavailable: it cannot be asked; ``balance`` stays as it was.
        """
        ...

    def fees(self, instrument: Instrument) -> Fees:
        """What this account pays for a trade, as far as is known without I/O."""
        ...

    @property
    def visibility_lag_ms(self) -> int:
        """How late this exchange may show what it has done: until then absence proves nothing.

        0 where what is not shown is certainly not there.
        """
        ...

    async def set_up(self) -> None:
        """Bring the account into the state that entries rely on: mode, leverage, balance.

        What was so lately, by this process or a former one, is not asked for again.

        Raises:
            AccessDenied: only the owner can help: no key, hedge mode.
            Unavailable: the exchange does not answer.
        """
        ...

    def attaches_stops(self, symbol: str) -> bool:
        """Whether an entry can carry its stop, so that there is no moment without one."""
        ...

    async def submit(
        self, request: OrderRequest, *, stop: OrderRequest | None = None
    ) -> OrderReport:
        """Send one order, once; an entry with its first ``stop`` where ``attaches_stops``.

        The report may know what was filled before it knows the fills.

        Raises:
            OrderRejected: the exchange refused it; nothing is live.
            OrderOutcomeUnknown: it may be live; only ``lookup`` can tell.
            Unavailable: it was provably not accepted, and may be sent again under the same id.
        """
        ...

    def amends_stops(self, symbol: str) -> bool:
        """Whether a resting stop can be moved in place, by ``amend``."""
        ...

    def stop_lifetime_ms(self, symbol: str) -> int | None:
        """How long stops and targets rest before the exchange ends them; None for ever."""
        ...

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        """Give a resting stop the trigger and quantity of ``request``, which has its id.

        The report is of the stop as it was read back.

        Raises:
            OrderRejected: it rests as it was; always, unless ``amends_stops``.
            OrderOutcomeUnknown: it rests as it was, or as it was to be.
            Unavailable: nothing was sent.
        """
        ...

    async def cancel(self, order: Order) -> OrderReport:
        """Cancel, then report what the order finally came to: it may have filled meanwhile.

        Raises:
            OrderOutcomeUnknown: whether it was cancelled is not known.
        """
        ...

    async def lookup(self, order: Order) -> OrderReport | None:
        """What became of an order.

        None: every place that should know it was asked, answered, and does not show it, and it
        can no longer be on its way. Within ``visibility_lag_ms`` that is no proof yet.

        Raises:
            OrderOutcomeUnknown: neither found nor looked for everywhere in vain.
            Unavailable: the exchange cannot be asked now.
        """
        ...

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Every order now resting, ours or not, conditional ones included.

        Of ``symbols``, or of all the account trades. What is urgent goes with what protects, and
        leaves out lists that can hold none of the orders that are watched.
        """
        ...

    async def holdings(
        self, claimed: Mapping[str, Decimal], *, is_urgent: bool = False
    ) -> Sequence[Holding]:
        """What the account holds; of coins it owns anyway, at most what is ``claimed`` by symbol.

        ``claimed`` is what the ledger believes to be held, in base units.
        """
        ...

    async def closable_quantity(self, symbol: str, quantity: Decimal) -> Decimal:
        """How much of ``quantity`` an order can close now.

        Less than all of it only on spot, where fees are kept in coins.

        Raises:
            Unavailable: the exchange cannot be asked.
        """
        ...

    async def funding(self, symbols: Collection[str], *, since_ms: Ms) -> Sequence[FundingPayment]:
        """Funding that the account's positions in ``symbols`` paid or received since then."""
        ...

    async def order_fills(self, order: Order) -> Sequence[Fill]:
        """Every fill of one order that the exchange tells now; it may tell them late."""
        ...

    async def may_withdraw(self) -> bool | None:
        """Whether the account's key may withdraw; None where the exchange does not tell.

        Raises:
            Unavailable: the exchange cannot be asked now; AccessDenied when the key is not let in.
        """
        ...

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        """All the account's fills in a symbol, whoever ordered them."""
        ...

    def wire_id(self, client_order_id: ClientOrderId, symbol: str) -> str:
        """The form in which the exchange holds a client order id in ``symbol``'s market."""
        ...

    def is_own_order_id(self, order_id: str, symbol: str) -> bool:
        """Whether an order id that the exchange lists has the form that only signalbot gives."""
        ...

    def watch(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        """An order sent before this process began may be live: tell of it in ``events`` too."""
        ...

    def events(self) -> AsyncIterator[OrderReport]:
        """Changes of orders as they happen; may repeat what was reported elsewhere."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateAllowance:
    """What an exchange still lets one address of ours ask."""

    egress: str  #: "direct", or which address or proxy
    left: float  #: the free part of the tightest limit, 0 to 1
    queued: int  #: requests that wait for their turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An exchange answers nothing that one address of ours asks."""

    egress: str  #: "direct", or which address or proxy
    since_ms: Ms
    cause: str  #: what the last request has met


class Exchange(Protocol):
    """One configured exchange: its public side, and an account for each of its users."""

    @property
    def market(self) -> Market: ...

    async def connect(self) -> None:
        """Learn its time and its markets: it is open then.

        Whoever calls it tries again, not before ``retry_at_ms``.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    @property
    def retry_at_ms(self) -> Ms:
        """When it may be asked again after a refusal; an instant that has passed: at once."""
        ...

    @property
    def entry_block_reason(self) -> str | None:
        """Why nobody should enter here now: a ban, a clock that is off. None when all is well."""
        ...

    def rate_allowances(self) -> Sequence[RateAllowance]:
        """One for each address that its requests leave from; none where nothing is limited."""
        ...

    def outages(self) -> Sequence[Outage]:
        """The addresses that have had no answer for seconds; none while all is well."""
        ...

    def unexplained_changes(self) -> AsyncIterator[UserId]:
        """Accounts in which something happened that no order of ours explains: for one reader."""
        ...

    @property
    def needs_reconciliation(self) -> bool:
        """Whether accounts can come to differ from what the ledger has of them."""
        ...

    def reconciliation_interval_ms(self, user_id: UserId) -> int:
        """How long an account with business may go without being compared with its exchange."""
        ...

    def broker(self, user: User, *, symbols: Collection[str]) -> Broker:
        """The account of one user, who trades ``symbols``; asking again gives the same account."""
        ...

    def release(self, user_id: UserId) -> None:
        """Forget an account that is no longer traded; asked for again, it is opened anew."""
        ...

    async def prepare(self) -> None:
        """Bring prices and paper accounts up to now, before anything is decided."""
        ...

    async def run(self) -> None:
        """Keep them there, until cancelled."""
        ...


class Advisor(Protocol):
    """Gives its opinion on one signal, for everybody whose rules ask the same question."""

    async def advise(self, signal: Signal, rules: AiRules) -> Advice:
        """What it says. Whatever goes wrong is an ABSTAIN; the caller may stop waiting."""
        ...
