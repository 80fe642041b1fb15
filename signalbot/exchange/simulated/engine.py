"""A simulated derivatives exchange: accounts on one side, prices on the other.

Prices come from the caller. Orders that a price reaches trade at once and in full; an accepted
order is durable before its response, as at a real exchange.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Protocol

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, RejectionReason
from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.orders import (
    ClientOrderId,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
)
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.accounts import (
    AccountObserver,
    AccountPosition,
    ExchangeAccount,
    ListedMarket,
    PriceMove,
)
from signalbot.exchange.simulated.matching import (
    OrderMatcher,
    is_protective_stop,
    is_stop_hit,
    is_taker,
)
from signalbot.exchange.simulated.order import EngineOrder
from signalbot.exchange.simulated.persistence import describe_change, restore_account
from signalbot.exchange.simulated.randomness import should_reject
from signalbot.exchange.simulated.validation import (
    check_form,
    check_limits,
    check_trigger,
    insufficient_margin,
)
from signalbot.ledger.simulated_store import SimulatedChange, SimulatedState
from signalbot.settings.simulation import SimulationRules


class EngineStore(Protocol):
    """Persists the venue's state."""

    async def save(self, change: SimulatedChange) -> None:
        """Return once ``change`` is durable."""
        ...

    def save_later(self, change: SimulatedChange) -> None:
        """Write ``change`` after all earlier ones, without waiting."""
        ...

    def record_seen(self, at_ms: Ms) -> None:
        """Record that prices have been matched up to ``at_ms``."""
        ...


class MatchingEngine:
    """One-way positions with isolated margin; fees, slippage and chance as in ``rules``.

    ``instrument`` returns a market's rules or raises ``KeyError``; ``store`` is optional.
    """

    def __init__(
        self,
        *,
        exchange: str,
        rules: SimulationRules,
        instrument: Callable[[str], Instrument],
        store: EngineStore | None = None,
        state: SimulatedState | None = None,
    ) -> None:
        self.exchange = exchange
        self.rules = rules
        self.last_seen_ms = state.last_seen_ms if state else None  #: prices matched up to here
        self._instrument = instrument
        self._store = store
        self._matcher = OrderMatcher(exchange, rules)
        self._markets: dict[str, ListedMarket] = {}
        self._overdue: dict[
            str, list[AccountPosition]
        ] = {}  #: by symbol, to be liquidated unless stopped
        self._accounts: dict[UserId, ExchangeAccount] = {}
        self._observer: Callable[[ExchangeAccount], AccountObserver] | None = None
        for saved in state.accounts if state else ():
            self._accounts[saved.user_id] = restore_account(saved, self._market_or_delisted)

    @property
    def symbols(self) -> Iterable[str]:
        """Markets with any order so far: they need prices."""
        return tuple(self._markets)

    def account(
        self, user_id: UserId, *, deposit: Decimal, is_paper: bool = False
    ) -> ExchangeAccount:
        """The account of ``user_id``; the first time, opened with ``deposit`` quote units.

        A paper account's orders are committed together with the ledger's later writes: a power
        loss undoes both. Orders of other accounts are on disk before their response.
        """
        account = self._accounts.get(user_id)
        if account is None:
            account = self._accounts[user_id] = ExchangeAccount(user_id, deposit)
            if self._observer is not None:
                account.observer = self._observer(account)
        account.is_acknowledged_when_durable = not is_paper
        return account

    def last_price(self, symbol: str) -> Decimal | None:
        market = self._markets.get(symbol)
        return market.last if market else None

    def on_price(self, symbol: str, price: Decimal, at_ms: Ms) -> None:
        """Process a tick: orders that it has passed trade at it."""
        self._on_range(symbol, (price, price, price, price), at_ms)

    def upcoming(self, candle: Candle) -> None:
        """Set the next candle of a market: orders sent meanwhile meet its prices."""
        (self._markets.get(candle.symbol) or self._market(candle.symbol)).upcoming = candle

    def observe(self, observer: Callable[[ExchangeAccount], AccountObserver]) -> None:
        """Give every account opened from now on its own observer."""
        self._observer = observer

    def on_funding(self, symbol: str, rate: Decimal, at_ms: Ms) -> dict[UserId, Decimal]:
        """Longs pay ``rate`` of their notional to shorts; return what each account received."""
        paid: dict[UserId, Decimal] = {}
        for user_id, account in self._accounts.items():
            account_position = account.positions.get(symbol)
            if account_position is None or account_position.position is None:
                continue
            paid[user_id] = account.pay_funding(account_position, rate, at_ms)
            if self._store is not None:
                self._store.save_later(
                    describe_change(
                        account_position, trades_before=account.trades_made, funded=True
                    )
                )
        return paid

    def on_candle(self, candle: Candle) -> None:
        """Process a closed candle: orders that its range reaches trade, dated to its close."""
        prices = (candle.open, candle.high, candle.low, candle.close)
        self._on_range(candle.symbol, prices, candle.close_ms)

    def on_range(self, price_range: PriceRange) -> None:
        """Process a price range of a live market; it starts at the last price if it reaches it."""
        before = self.last_price(price_range.symbol) or price_range.last
        opened = min(max(before, price_range.low), price_range.high)
        prices = (opened, price_range.high, price_range.low, price_range.last)
        self._on_range(price_range.symbol, prices, price_range.at_ms)

    def mark_matched(self, at_ms: Ms) -> None:
        """Record that every market's prices have been matched up to ``at_ms``."""
        self.last_seen_ms = at_ms
        if self._store is not None:
            self._store.record_seen(at_ms)

    async def submit(
        self, account: ExchangeAccount, request: OrderRequest, *, at_ms: Ms
    ) -> OrderReport:
        """Accept an order, durably; what can trade at once has traded.

        Raises:
            OrderRejected: a rule of the market or of the account forbids it.
            OrderOutcomeUnknown: its client order id is taken: an earlier attempt stands.
        """
        before = account.trades_made
        account_position, order = self._place(account, request, at_ms)
        report = order.report()
        forgotten = account.evict_ended(at_ms)
        await self._save(
            account,
            describe_change(
                account_position, opened=(order,), trades_before=before, forgotten=forgotten
            ),
        )
        return report

    async def cancel(
        self, account: ExchangeAccount, client_order_id: ClientOrderId, *, at_ms: Ms
    ) -> OrderReport | None:
        """Cancel a resting order; an ended one stays as it ended. None if there is none."""
        order = account.orders.get(client_order_id)
        if order is None or order.status.is_final:
            return order.report() if order is not None else None
        account_position = account.positions[order.request.symbol]
        order.end(OrderStatus.CANCELLED, at_ms)
        self._finish(account_position, order)
        report = order.report()
        before = account.trades_made
        await self._save(
            account, describe_change(account_position, updated=(order,), trades_before=before)
        )
        return report

    async def _save(self, account: ExchangeAccount, change: SimulatedChange) -> None:
        """Persist a change: before the response, or together with the ledger's record."""
        if self._store is None:
            return
        if account.is_acknowledged_when_durable:
            await self._store.save(change)
        else:
            self._store.save_later(change)

    def _place(
        self, account: ExchangeAccount, request: OrderRequest, at_ms: Ms
    ) -> tuple[AccountPosition, EngineOrder]:
        cid = request.client_order_id
        if (request.exchange, request.user_id) != (self.exchange, account.user_id):
            raise ValueError(f"order {cid} is not for {account.user_id} at {self.exchange}")
        if cid in account.orders:
            raise OrderOutcomeUnknown(f"duplicate client order id {cid}: look it up")
        check_form(request)
        account_position = self._position(account, request.symbol)
        last = account_position.market.price_at(at_ms)
        if last is None:
            raise OrderRejected(f"{request.symbol} has no price yet")
        price = self._expected_price(account_position, request, last)
        if not request.reduce_only:
            self._check_entry(account_position, request, price)
        is_hit = is_stop_hit(account_position, request)
        if not is_hit:
            check_trigger(request, last)
        order_id = account.new_order_id()
        order = EngineOrder(request=request, order_id=order_id, updated_at_ms=at_ms)
        account.orders[cid] = order
        if is_taker(request, last):
            self._matcher.fill_now(account_position, order, price, at_ms)
        elif is_hit:
            self._matcher.trade_triggered(account_position, order, at_ms)
        if is_protective_stop(request):
            account_position.entry_move = (
                None  # a later stop, such as a trailed one, was not resting in that range
            )
        touch_price = order.touch_price
        if order.status.is_final or touch_price is None:
            account.keep_ended(order)
        else:
            account_position.add_resting(order, touch_price)
        return account_position, order

    def _expected_price(
        self, account_position: AccountPosition, request: OrderRequest, last: Decimal
    ) -> Decimal:
        if request.type is OrderType.MARKET:
            return self._matcher.market_price(
                account_position.market.instrument, request.side, last
            )
        if is_taker(request, last):
            return last
        return request.price or request.trigger_price or last

    def _check_entry(
        self, account_position: AccountPosition, request: OrderRequest, price: Decimal
    ) -> None:
        if should_reject(self.rules, request):
            raise OrderRejected("rejected at random, by the rules of the simulation")
        check_limits(request, account_position.market.instrument, price)
        fee = self._matcher.taker_fee(request.quantity, price)
        reason = insufficient_margin(
            account_position, request, quantity=request.quantity, price=price, fee=fee
        )
        if reason is not None:
            raise OrderRejected(reason, rejection_reason=RejectionReason.INSUFFICIENT_MARGIN)

    def _on_range(
        self, symbol: str, prices: tuple[Decimal, Decimal, Decimal, Decimal], at_ms: Ms
    ) -> None:
        market = self._markets.get(symbol) or self._market(symbol)
        opened, high, low, close = prices
        market.last, market.moved_ms = close, at_ms
        overdue = self._overdue.pop(symbol, ())
        if not overdue and not market.levels.is_reached(low, high):
            return
        move = PriceMove(open=opened, high=high, low=low, close=close, at_ms=at_ms)
        price_range = market.levels.reached(low, high)
        for account_position in dict.fromkeys((*overdue, *(level.owner for level in price_range))):
            self._trade_move(account_position, move)
            if account_position.is_overdue:
                self._overdue.setdefault(symbol, []).append(account_position)

    def _trade_move(self, account_position: AccountPosition, move: PriceMove) -> None:
        account = account_position.account
        orders_before, trades_before = account.orders_made, account.trades_made
        changed = self._matcher.trade_through(account_position, move)
        for order in changed:
            if order.status.is_final:
                self._finish(account_position, order)
            account.events.put(order.report())
        if changed and self._store is not None:
            self._store.save_later(
                describe_change(
                    account_position,
                    opened=[order for order in changed if int(order.order_id) > orders_before],
                    updated=[order for order in changed if int(order.order_id) <= orders_before],
                    trades_before=trades_before,
                )
            )

    def _finish(self, account_position: AccountPosition, order: EngineOrder) -> None:
        account_position.remove(order)
        account_position.account.keep_ended(order)

    def _position(self, account: ExchangeAccount, symbol: str) -> AccountPosition:
        account_position = account.positions.get(symbol)
        if account_position is None:
            try:
                market = self._market(symbol)
            except KeyError as e:
                raise OrderRejected(f"{self.exchange} does not list {symbol}") from e
            account_position = account.positions[symbol] = AccountPosition(account, market)
        return account_position

    def _market(self, symbol: str) -> ListedMarket:
        market = self._markets.get(symbol)
        if market is None:
            market = self._markets[symbol] = ListedMarket(self._instrument(symbol))
        return market

    def _market_or_delisted(self, symbol: str) -> ListedMarket:
        """The market of an existing order, without a price if it is no longer listed."""
        try:
            return self._market(symbol)
        except KeyError:
            market = self._markets[symbol] = ListedMarket(_delisted_instrument(symbol))
            return market


def _delisted_instrument(symbol: str) -> Instrument:
    base, _, quote = symbol.partition(":")[0].partition("/")
    step = Decimal("0.00000001")
    return Instrument(symbol=symbol, base=base, quote=quote, tick=step, lot=step)
