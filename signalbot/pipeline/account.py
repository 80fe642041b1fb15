"""One user's account in memory: positions, unfinished orders, and what blocks its entries.

The ledger is the record and the exchange the truth; a decision reads this copy without waiting.
"""

import asyncio
from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from decimal import Decimal

from signalbot.decision.decision_input import Skip
from signalbot.domain.account_snapshot import AccountSnapshot, Balance
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.market import Fees, Instrument
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderRequest
from signalbot.domain.positions import Position
from signalbot.domain.settings import Settings
from signalbot.domain.signals import PositionId, Signal
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import StatusBy, User, UserId, UserStatus
from signalbot.ledger.position_mismatches import PositionMismatch
from signalbot.pipeline.absence_tracker import AbsenceTracker
from signalbot.pipeline.account_history import DayHistory, OrderAttempts
from signalbot.pipeline.account_valuation import pending_entry_notional, value_positions
from signalbot.pipeline.late_entries import LateEntries
from signalbot.pipeline.slippage_history import SlippageHistory
from signalbot.ports import Broker, Exchange

MAX_BALANCE_AGE_MS = 900_000
"""An older balance blocks entries."""


class Account:
    """The state of one account; anything about a symbol is changed under the symbol's lock."""

    def __init__(
        self,
        user: User,
        *,
        exchange: Exchange,
        broker: Broker | None,
        settings: Mapping[str, Settings],
    ) -> None:
        """``broker`` is None for users who only receive signals; ``settings`` are by strategy."""
        self.market = exchange.market
        self.broker = broker
        self.slippage = SlippageHistory()
        self.absences = AbsenceTracker()  #: orders and positions missing from exchange responses
        self.late_entries = LateEntries()
        self._user = user
        self._exchange = exchange
        self._settings = dict(settings)
        self._positions: dict[str, Position] = {}
        self._working_orders: dict[str, dict[ClientOrderId, Order]] = {}
        self._unresolved_symbols: set[str] = set()
        self._foreign_orders: Mapping[str, frozenset[str]] = {}
        self._mismatches: dict[str, PositionMismatch] = {}
        self._unprotected_since_ms: dict[PositionId, Ms] = {}
        self._margin_rejections = 0
        self._is_ready = False
        self._is_retiring = False
        self._attempts = OrderAttempts()
        self._history = DayHistory()
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def user(self) -> User:
        """The user with the current status."""
        return self._user

    @property
    def user_id(self) -> UserId:
        return self._user.user_id

    @property
    def settings(self) -> Mapping[str, Settings]:
        """The user's settings by strategy."""
        return self._settings

    @property
    def positions(self) -> Mapping[str, Position]:
        """Open positions by symbol."""
        return self._positions

    @property
    def working_orders(self) -> Mapping[str, Mapping[ClientOrderId, Order]]:
        """Unfinished orders by symbol and id."""
        return self._working_orders

    @property
    def unresolved_symbols(self) -> Set[str]:
        """Symbols that take no entries until an order or holding in them is resolved."""
        return self._unresolved_symbols

    @property
    def foreign_orders(self) -> Mapping[str, frozenset[str]]:
        """Ids of open orders that are not in the ledger, by symbol."""
        return self._foreign_orders

    @property
    def mismatches(self) -> Mapping[str, PositionMismatch]:
        """Unresolved differences between ledger and exchange, by symbol."""
        return self._mismatches

    @property
    def is_ready(self) -> bool:
        """Whether it was compared with its exchange and set up for entries there."""
        return self._is_ready

    @property
    def active_symbols(self) -> list[str]:
        """Symbols with a position, order or mismatch at the exchange, or possibly there."""
        working = (symbol for symbol, orders in self._working_orders.items() if orders)
        return sorted({*self._positions, *self._unresolved_symbols, *self._mismatches, *working})

    @property
    def has_activity(self) -> bool:
        return bool(self.active_symbols)

    @property
    def is_unprotected(self) -> bool:
        """Whether a position requires a stop and has no live one in the ledger."""
        return any(
            position.stop_loss is not None
            and not any(
                order.status.is_live and order.request.leg is Leg.STOP_LOSS
                for order in self.orders_of(position)
            )
            for position in self._positions.values()
        )

    @property
    def trading_broker(self) -> Broker:
        """The broker of a user who trades."""
        assert self.broker is not None, f"{self.user_id} has no broker"  # noqa: S101 - a bug
        return self.broker

    def lock(self, symbol: str) -> asyncio.Lock:
        """Held while anything about this symbol is decided, sent or booked."""
        return self._locks.setdefault(symbol, asyncio.Lock())

    async def wait_idle(self) -> None:
        """Return once all work that now holds or awaits a symbol's lock is finished."""
        for lock in list(self._locks.values()):
            async with lock:
                pass

    def orders(self, symbol: str, leg: Leg) -> list[Order]:
        """Unfinished orders of one leg in one symbol."""
        working = self._working_orders.get(symbol, {}).values()
        return [order for order in working if order.request.leg is leg]

    def orders_of(self, position: Position) -> list[Order]:
        """Unfinished orders that belong to one position."""
        working = self._working_orders.get(position.symbol, {}).values()
        return [each for each in working if each.request.position_id == position.position_id]

    def track_order(self, order: Order) -> None:
        """Store an unfinished order; remove a final one."""
        orders = self._working_orders.setdefault(order.request.symbol, {})
        if order.status.is_final:
            orders.pop(order.client_order_id, None)
        else:
            orders[order.client_order_id] = order

    def update_position(self, position: Position) -> None:
        """Store an open position; remove a closed one and count its result for the day."""
        if position.is_open:
            self._positions[position.symbol] = position
            return
        held = self._positions.get(position.symbol)
        if held is not None and held.position_id == position.position_id:
            del self._positions[position.symbol]
            self._unprotected_since_ms.pop(position.position_id, None)
            self._history.record_close(position)

    def apply_funding(self, position: Position, amount: Decimal) -> None:
        """Store a position that received ``amount``; of a closed one, add it to the day's PnL."""
        held = self._positions.get(position.symbol)
        if held is not None and held.position_id == position.position_id:
            self._positions[position.symbol] = position
        else:
            self._history.add_funding(position.closed_at_ms or EPOCH, amount)

    def next_attempt(self, position_id: PositionId, leg: Leg) -> int:
        """Return a number that no order of this leg and position has used."""
        attempt = self._attempts.next(position_id, leg)
        if self._attempts.is_full:
            self._attempts.evict(self._active_position_ids())
        return attempt

    def reset_attempts(self, position_id: PositionId, orders: Iterable[Order]) -> None:
        """Count every stored order of a position, so that no order id is used twice."""
        self._attempts.reset(position_id, orders)

    def _active_position_ids(self) -> set[PositionId | None]:
        active: set[PositionId | None] = {each.position_id for each in self._positions.values()}
        for orders in self._working_orders.values():
            active |= {order.request.position_id for order in orders.values()}
        return active

    def restore(
        self,
        *,
        positions: Iterable[Position],
        unfinished: Iterable[Order],
        unconfirmed: Iterable[Order],
        position_orders: Iterable[Order],
        closed: Iterable[Position],
        entries_today: int,
        slippages: Iterable[tuple[str, Decimal]],
        now_ms: Ms,
    ) -> None:
        """Fill a fresh account from the ledger.

        ``unconfirmed`` are recent entries that ended without a report of the exchange;
        ``position_orders`` all orders of open positions; ``closed`` positions closed since midnight
        UTC or within the longest cooldown; these and ``slippages`` are given oldest first.
        """
        self.slippage.restore(slippages)
        self._positions = {position.symbol: position for position in positions}
        for order in unfinished:
            self.track_order(order)
        for order in unconfirmed:
            self.late_entries.expect(order)
        for order in position_orders:
            if order.request.position_id is not None:
                self.next_attempt(order.request.position_id, order.request.leg)
        self._history.restore(entries_today=entries_today, closed=closed, now_ms=now_ms)

    def claim(self, intents: Iterable[OrderRequest], now_ms: Ms) -> None:
        """Store the orders of a claimed entry, and count the entry among today's trades."""
        for request in intents:
            self.track_order(Order(request=request))
            if request.position_id is not None:
                self.next_attempt(request.position_id, request.leg)
        self._history.count_entry(now_ms)

    def resolve_symbol(self, symbol: str) -> None:
        """Let a symbol take entries again."""
        self._unresolved_symbols.discard(symbol)

    def mark_unresolved(self, symbol: str) -> None:
        """Block entries in a symbol until an order or holding in it is resolved."""
        self._unresolved_symbols.add(symbol)

    def mark_unprotected(self, position_id: PositionId, since_ms: Ms) -> None:
        """Note that a position has had no confirmed stop since ``since_ms``, or since earlier."""
        self._unprotected_since_ms.setdefault(position_id, since_ms)

    def mark_protected(self, position_id: PositionId) -> None:
        """Note that a position's stop is confirmed."""
        self._unprotected_since_ms.pop(position_id, None)

    def unprotected_since_ms(self, position_id: PositionId) -> Ms | None:
        """Return since when a position has had no confirmed stop; None if it has one."""
        return self._unprotected_since_ms.get(position_id)

    def set_foreign_orders(self, orders: Mapping[str, frozenset[str]]) -> None:
        """Replace the open orders that are not in the ledger, by symbol."""
        self._foreign_orders = orders

    def set_mismatch(self, symbol: str, mismatch: PositionMismatch) -> None:
        """Store a difference between ledger and exchange."""
        self._mismatches[symbol] = mismatch

    def clear_mismatch(self, symbol: str) -> bool:
        """Forget a symbol's difference; False if there was none."""
        return self._mismatches.pop(symbol, None) is not None

    def mark_ready(self) -> None:
        """Let the account take entries."""
        self._is_ready = True

    def set_retiring(self, *, is_retiring: bool) -> None:
        """Block entries of an account that is being removed or replaced, or allow them again."""
        self._is_retiring = is_retiring

    def set_status(self, status: UserStatus, *, reason: str, by: StatusBy) -> None:
        """Change the user's status in memory; ``TradingState`` persists it."""
        self._user = replace(self._user, status=status, status_reason=reason, status_by=by)

    def set_settings(self, strategy: str, settings: Settings) -> None:
        """Replace the user's settings for a strategy."""
        self._settings[strategy] = settings

    def count_margin_rejection(self) -> int:
        """Count an entry rejected for insufficient margin; return the consecutive ones."""
        self._margin_rejections += 1
        return self._margin_rejections

    def reset_margin_rejections(self) -> None:
        """Forget the consecutive rejections for insufficient margin."""
        self._margin_rejections = 0

    def settings_for(self, strategy: str) -> Settings:
        """Return the user's settings for a strategy; the defaults if no longer subscribed."""
        return self._settings.get(strategy) or Settings()

    def fees(self, instrument: Instrument) -> Fees:
        """Return the user's fee rates in a market."""
        return instrument.fees if self.broker is None else self.broker.fees(instrument)

    def slippage_bps(self, signal: Signal) -> Decimal:
        """Return the expected slippage of market orders: as configured, else as measured."""
        fixed = self.settings_for(signal.strategy).sizing.slippage_bps
        return self.slippage.expected_bps(signal.symbol) if fixed is None else fixed

    def entry_block(self, now_ms: Ms) -> Skip | None:
        """Why this account takes no entries now, for any signal; exits are not affected."""
        if self.broker is None:
            return None
        reason = self._exchange.entry_block_reason
        if reason is not None:
            return Skip(DecisionCode.EXCHANGE_HALTED, {"why": reason})
        if self._is_retiring:
            why = "its user is being removed, or changes accounts"
            return Skip(DecisionCode.ACCOUNT_NOT_READY, {"why": why})
        if not self._is_ready:
            return Skip(
                DecisionCode.ACCOUNT_NOT_READY, {"why": "not compared with its exchange yet"}
            )
        age_ms = now_ms - self.broker.balance().as_of_ms
        if age_ms > MAX_BALANCE_AGE_MS:
            return Skip(DecisionCode.ACCOUNT_NOT_READY, {"balance_age_ms": age_ms})
        return None

    def snapshot(self, now_ms: Ms) -> AccountSnapshot:
        """Return the snapshot a decision reads, at the last prices."""
        notional, open_pnl = value_positions(self._positions.values(), self.market)
        return AccountSnapshot(
            balance=self._balance(now_ms),
            positions=self._positions,
            notional=notional,
            open_pnl=open_pnl,
            day=self._history.today(now_ms),
            last_close_ms=self._history.last_close_ms,
            pending_entries=pending_entry_notional(self._working_orders, self.market),
            unresolved_symbols=frozenset(self._unresolved_symbols | self._foreign_orders.keys()),
        )

    def _balance(self, now_ms: Ms) -> Balance:
        if self.broker is not None:
            return self.broker.balance()
        nominal: Decimal = self._user.account.paper_balance
        return Balance(equity=nominal, free=nominal, as_of_ms=now_ms)


AccountsByUser = Mapping[UserId, Account]
