"""A simulated derivatives exchange: accounts on one side, prices on the other.

It knows nothing of where prices come from. What a price touches is settled at once and in full;
an order it accepted is durable before the caller hears of it, as at a real exchange.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Protocol

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Refusal
from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.orders import (
    ClientOrderId,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
)
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.account import Account, Listing, Move, Observer, Stake
from signalbot.exchange.simulated.chance import is_refused
from signalbot.exchange.simulated.checks import (
    check_form,
    check_limits,
    check_trigger,
    why_unaffordable,
)
from signalbot.exchange.simulated.matching import Matching
from signalbot.exchange.simulated.memory import change_of, restore_account
from signalbot.exchange.simulated.netting import closable
from signalbot.exchange.simulated.order import VenueOrder
from signalbot.exchange.simulated.rules import SimulationRules
from signalbot.ledger.simulated import SimulatedChange, SimulatedState


class Store(Protocol):
    """Where the venue's memory outlives it."""

    async def save(self, change: SimulatedChange) -> None:
        """Return once ``change`` is durable."""
        ...

    def save_later(self, change: SimulatedChange) -> None:
        """Write ``change`` after everything given before, without waiting."""
        ...

    def saw(self, at_ms: Ms) -> None:
        """Note that prices have been matched up to ``at_ms``."""
        ...


class SimulatedVenue:
    """One-way positions with isolated margin; fees, slippage and luck as in ``rules``.

    ``instrument`` gives a market's rules, or ``KeyError``. Without a ``store`` nothing is kept.
    """

    def __init__(
        self,
        *,
        exchange: str,
        rules: SimulationRules,
        instrument: Callable[[str], Instrument],
        store: Store | None = None,
        state: SimulatedState | None = None,
    ) -> None:
        self.exchange = exchange
        self.rules = rules
        self.last_seen_ms = state.last_seen_ms if state else None  #: prices matched up to here
        self._instrument = instrument
        self._store = store
        self._matching = Matching(exchange, rules)
        self._listings: dict[str, Listing] = {}
        self._overdue: dict[str, list[Stake]] = {}  #: by symbol, to be liquidated unless stopped
        self._accounts: dict[UserId, Account] = {}
        self._observer: Callable[[Account], Observer] | None = None
        for saved in state.accounts if state else ():
            self._accounts[saved.user_id] = restore_account(saved, self._known_listing)

    @property
    def symbols(self) -> Iterable[str]:
        """Markets in which anybody has ever ordered, as far as remembered: they need prices."""
        return tuple(self._listings)

    def account(self, user_id: UserId, *, deposit: Decimal, is_paper: bool = False) -> Account:
        """The account of ``user_id``; the first time, opened with ``deposit`` quote units.

        A paper account's orders are committed together with what the ledger writes after them: a
        power loss takes both back. Any other is on disk before it answers, as at a real exchange.
        """
        account = self._accounts.get(user_id)
        if account is None:
            account = self._accounts[user_id] = Account(user_id, deposit)
            if self._observer is not None:
                account.observer = self._observer(account)
        account.answers_when_durable = not is_paper
        return account

    def last_price(self, symbol: str) -> Decimal | None:
        listing = self._listings.get(symbol)
        return listing.last if listing else None

    def on_price(self, symbol: str, price: Decimal, at_ms: Ms) -> None:
        """Take a tick: what it has passed trades at it."""
        self._on_range(symbol, (price, price, price, price), at_ms)

    def ahead(self, candle: Candle) -> None:
        """Learn where a price will go next: what is sent meanwhile meets it on its way."""
        (self._listings.get(candle.symbol) or self._listing(candle.symbol)).ahead = candle

    def observe(self, observer: Callable[[Account], Observer]) -> None:
        """Let every account that is opened from now on be watched by an observer of its own."""
        self._observer = observer

    def on_funding(self, symbol: str, rate: Decimal, at_ms: Ms) -> dict[UserId, Decimal]:
        """Let longs pay ``rate`` of their notional to shorts; what each account received."""
        paid: dict[UserId, Decimal] = {}
        for user_id, account in self._accounts.items():
            stake = account.stakes.get(symbol)
            if stake is None or stake.position is None:
                continue
            paid[user_id] = account.pay_funding(stake, rate, at_ms)
            if self._store is not None:
                self._store.save_later(
                    change_of(stake, trades_before=account.trades_made, funded=True)
                )
        return paid

    def on_candle(self, candle: Candle) -> None:
        """Take a closed candle: what its range reaches trades, dated to its close."""
        prices = (candle.open, candle.high, candle.low, candle.close)
        self._on_range(candle.symbol, prices, candle.close_ms)

    def on_range(self, reached: PriceRange) -> None:
        """Take a range of a live market; it begins where the last one ended, if it reaches it."""
        before = self.last_price(reached.symbol) or reached.last
        opened = min(max(before, reached.low), reached.high)
        prices = (opened, reached.high, reached.low, reached.last)
        self._on_range(reached.symbol, prices, reached.at_ms)

    def seen(self, at_ms: Ms) -> None:
        """Note that every market's price has been given up to ``at_ms``."""
        self.last_seen_ms = at_ms
        if self._store is not None:
            self._store.saw(at_ms)

    async def submit(self, account: Account, request: OrderRequest, *, at_ms: Ms) -> OrderReport:
        """Accept an order, durably; what can trade at once has traded.

        Raises:
            OrderRejected: a rule of the market or the account speaks against it.
            OrderOutcomeUnknown: its client order id is taken: an earlier attempt stands.
        """
        before = account.trades_made
        stake, order = self._place(account, request, at_ms)
        report = order.report()
        forgotten = account.forget(at_ms)
        await self._keep(
            account, change_of(stake, opened=(order,), trades_before=before, forgotten=forgotten)
        )
        return report

    async def cancel(
        self, account: Account, client_order_id: ClientOrderId, *, at_ms: Ms
    ) -> OrderReport | None:
        """Take a resting order out; an ended one stays as it ended. None if there is none."""
        order = account.orders.get(client_order_id)
        if order is None or order.status.is_final:
            return order.report() if order is not None else None
        stake = account.stakes[order.request.symbol]
        order.end(OrderStatus.CANCELLED, at_ms)
        self._retire(stake, order)
        report = order.report()
        before = account.trades_made
        await self._keep(account, change_of(stake, updated=(order,), trades_before=before))
        return report

    async def _keep(self, account: Account, change: SimulatedChange) -> None:
        """Write a change down: before the answer, or in step with what the ledger writes of it."""
        if self._store is None:
            return
        if account.answers_when_durable:
            await self._store.save(change)
        else:
            self._store.save_later(change)

    def _place(
        self, account: Account, request: OrderRequest, at_ms: Ms
    ) -> tuple[Stake, VenueOrder]:
        cid = request.client_order_id
        if (request.exchange, request.user_id) != (self.exchange, account.user_id):
            raise ValueError(f"order {cid} is not for {account.user_id} at {self.exchange}")
        if cid in account.orders:
            raise OrderOutcomeUnknown(f"duplicate client order id {cid}: look it up")
        check_form(request)
        stake = self._stake(account, request.symbol)
        last = stake.listing.price_at(at_ms)
        if last is None:
            raise OrderRejected(f"{request.symbol} has no price yet")
        price = self._expected_price(stake, request, last)
        if not request.reduce_only:
            self._check_entry(stake, request, price)
        is_hit = _is_hit(stake, request)
        if not is_hit:
            check_trigger(request, last)
        order_id = account.new_order_id()
        order = VenueOrder(request=request, order_id=order_id, updated_at_ms=at_ms)
        account.orders[cid] = order
        if _is_taker(request, last):
            self._matching.take(stake, order, price, at_ms)
        elif is_hit:
            self._matching.touch_now(stake, order, at_ms)
        if _guards(request):
            stake.entered = None  # a later stop, such as one that trails, has not seen that range
        touch_price = order.touch_price
        if order.status.is_final or touch_price is None:
            account.remember(order)
        else:
            stake.rest(order, touch_price)
        return stake, order

    def _expected_price(self, stake: Stake, request: OrderRequest, last: Decimal) -> Decimal:
        if request.type is OrderType.MARKET:
            return self._matching.market_price(stake.listing.instrument, request.side, last)
        if _is_taker(request, last):
            return last
        return request.price or request.trigger_price or last

    def _check_entry(self, stake: Stake, request: OrderRequest, price: Decimal) -> None:
        if is_refused(self.rules, request):
            raise OrderRejected("refused at random, as the rules of the simulation ask for")
        check_limits(request, stake.listing.instrument, price)
        fee = self._matching.taker_fee(request.quantity, price)
        reason = why_unaffordable(stake, request, quantity=request.quantity, price=price, fee=fee)
        if reason is not None:
            raise OrderRejected(reason, refusal=Refusal.INSUFFICIENT_MARGIN)

    def _on_range(
        self, symbol: str, prices: tuple[Decimal, Decimal, Decimal, Decimal], at_ms: Ms
    ) -> None:
        listing = self._listings.get(symbol) or self._listing(symbol)
        opened, high, low, close = prices
        listing.last, listing.moved_ms = close, at_ms
        overdue = self._overdue.pop(symbol, ())
        if not overdue and not listing.levels.is_reached(low, high):
            return
        move = Move(open=opened, high=high, low=low, close=close, at_ms=at_ms)
        reached = listing.levels.reached(low, high)
        for stake in dict.fromkeys((*overdue, *(level.owner for level in reached))):
            self._settle(stake, move)
            if stake.is_overdue:
                self._overdue.setdefault(symbol, []).append(stake)

    def _settle(self, stake: Stake, move: Move) -> None:
        account = stake.account
        orders_before, trades_before = account.orders_made, account.trades_made
        changed = self._matching.walk(stake, move)
        for order in changed:
            if order.status.is_final:
                self._retire(stake, order)
            account.events.put(order.report())
        if changed and self._store is not None:
            self._store.save_later(
                change_of(
                    stake,
                    opened=[order for order in changed if int(order.order_id) > orders_before],
                    updated=[order for order in changed if int(order.order_id) <= orders_before],
                    trades_before=trades_before,
                )
            )

    def _retire(self, stake: Stake, order: VenueOrder) -> None:
        stake.remove(order)
        stake.account.remember(order)

    def _stake(self, account: Account, symbol: str) -> Stake:
        stake = account.stakes.get(symbol)
        if stake is None:
            try:
                listing = self._listing(symbol)
            except KeyError as e:
                raise OrderRejected(f"{self.exchange} does not list {symbol}") from e
            stake = account.stakes[symbol] = Stake(account, listing)
        return stake

    def _listing(self, symbol: str) -> Listing:
        listing = self._listings.get(symbol)
        if listing is None:
            listing = self._listings[symbol] = Listing(self._instrument(symbol))
        return listing

    def _known_listing(self, symbol: str) -> Listing:
        """The market of an order that exists, even if it is no longer listed: without a price."""
        try:
            return self._listing(symbol)
        except KeyError:
            listing = self._listings[symbol] = Listing(_delisted(symbol))
            return listing


def _is_taker(request: OrderRequest, last: Decimal) -> bool:
    """Whether an order can trade at once when the market stands at ``last``."""
    if request.type is OrderType.MARKET:
        return True
    if request.type is not OrderType.LIMIT or request.price is None:
        return False
    return last <= request.price if request.side is OrderSide.BUY else last >= request.price


def _guards(request: OrderRequest) -> bool:
    return request.type is OrderType.STOP and request.reduce_only


def _is_hit(stake: Stake, request: OrderRequest) -> bool:
    """Whether the range in which a resting entry traded has reached the first stop that guards it.

    The stop can only be sent once the fill is known, and the range is over by then. What came
    first in it nobody knows, so the stop counts as hit, as wherever a candle hides the order.
    """
    move, position = stake.entered, stake.position
    if move is None or position is None or move.at_ms != stake.listing.moved_ms:
        return False
    trigger = request.trigger_price
    if not _guards(request) or trigger is None or not closable(position, request.side):
        return False
    return move.low <= trigger if request.side is OrderSide.SELL else move.high >= trigger


def _delisted(symbol: str) -> Instrument:
    base, _, quote = symbol.partition(":")[0].partition("/")
    step = Decimal("0.00000001")
    return Instrument(symbol=symbol, base=base, quote=quote, tick=step, lot=step)
