"""One user's account in memory: positions, unfinished orders, and what blocks its entries.

The ledger is the record and the exchange the truth; a decision reads this copy without waiting.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from signalbot.decision.decision_input import Skip
from signalbot.domain.account_snapshot import AccountSnapshot, Balance, DayRecord
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.market import Fees, Instrument
from signalbot.domain.money import ZERO
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderRequest
from signalbot.domain.positions import Position
from signalbot.domain.settings import Settings
from signalbot.domain.signals import PositionId, Signal
from signalbot.domain.timeframe import DAY_MS, EPOCH, Ms, day_start
from signalbot.domain.users import User, UserId
from signalbot.ledger.position_mismatches import PositionMismatch
from signalbot.pipeline.absence_tracker import AbsenceTracker
from signalbot.pipeline.late_entries import LateEntries
from signalbot.pipeline.slippage_history import SlippageHistory
from signalbot.ports import Broker, Exchange

MAX_BALANCE_AGE_MS = 900_000
"""An older balance blocks entries."""

_MAX_ATTEMPT_COUNTERS = 32


class Account:
    """Owned by one event loop; everything about one symbol happens under its lock."""

    def __init__(
        self,
        user: User,
        *,
        exchange: Exchange,
        broker: Broker | None,
        settings: dict[str, Settings],
    ) -> None:
        self.user = user
        self.market = exchange.market
        self._exchange = exchange
        self.broker = broker  #: None for users who only receive signals
        self.settings = settings  #: by strategy
        self.positions: dict[str, Position] = {}  #: open ones by symbol
        self.working_orders: dict[
            str, dict[ClientOrderId, Order]
        ] = {}  #: unfinished orders by symbol
        self.unresolved_symbols: set[str] = set()  #: symbols that take no entries until resolved
        self.foreign_orders: dict[str, frozenset[str]] = {}  #: orders that are not ours, by symbol
        self.slippage = SlippageHistory()
        self.is_ready = False  #: compared with its exchange, and set up for entries there
        self.is_leaving = False  #: it is being removed, or replaced by another account
        self.margin_rejections = 0  #: consecutive entries rejected for insufficient margin
        self.absences = AbsenceTracker()  #: orders and positions missing from exchange responses
        self.late_entries = LateEntries()
        self.mismatches: dict[
            str, PositionMismatch
        ] = {}  #: unresolved differences from the exchange, by symbol
        self.unprotected_since_ms: dict[PositionId, Ms] = {}  #: since when no stop is confirmed
        self._attempts: dict[PositionId, Counter[Leg]] = {}  # most recently used last
        self._last_close_ms: dict[str, Ms] = {}
        self._day = DayRecord(day_ms=EPOCH)
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def user_id(self) -> UserId:
        return self.user.user_id

    @property
    def active_symbols(self) -> list[str]:
        """Symbols with a position, order or mismatch at the exchange, or possibly there."""
        working = (symbol for symbol, orders in self.working_orders.items() if orders)
        return sorted({*self.positions, *self.unresolved_symbols, *self.mismatches, *working})

    @property
    def has_activity(self) -> bool:
        """Whether any symbol is active."""
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
            for position in self.positions.values()
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
        return [
            order
            for order in self.working_orders.get(symbol, {}).values()
            if order.request.leg is leg
        ]

    def orders_of(self, position: Position) -> list[Order]:
        """Unfinished orders that belong to one position."""
        return [
            order
            for order in self.working_orders.get(position.symbol, {}).values()
            if order.request.position_id == position.position_id
        ]

    def track_order(self, order: Order) -> None:
        """Store an unfinished order; remove a final one."""
        orders = self.working_orders.setdefault(order.request.symbol, {})
        if order.status.is_final:
            orders.pop(order.client_order_id, None)
        else:
            orders[order.client_order_id] = order

    def update_position(self, position: Position) -> None:
        """Store an open position; remove a closed one and count its result for the day."""
        if position.is_open:
            self.positions[position.symbol] = position
            return
        held = self.positions.get(position.symbol)
        if held is not None and held.position_id == position.position_id:
            del self.positions[position.symbol]
            self.unprotected_since_ms.pop(position.position_id, None)
            self._record_close(position)

    def apply_funding(self, position: Position, amount: Decimal) -> None:
        """Store a position that received ``amount``; of a closed one, add it to the day's PnL."""
        held = self.positions.get(position.symbol)
        if held is not None and held.position_id == position.position_id:
            self.positions[position.symbol] = position
        elif (position.closed_at_ms or EPOCH) >= self._day.day_ms:
            self._day = replace(self._day, net_pnl=self._day.net_pnl + amount)

    def next_attempt(self, position_id: PositionId, leg: Leg) -> int:
        """Return a number that no order of this leg and position has used."""
        used = self._attempts.pop(position_id, None) or Counter()
        self._attempts[position_id] = used
        attempt = used[leg]
        used[leg] += 1
        if len(self._attempts) > _MAX_ATTEMPT_COUNTERS:
            self._evict_attempts()
        return attempt

    def reset_attempts(self, position_id: PositionId, orders: Iterable[Order]) -> None:
        """Count every stored order of a position, so that no order id is used twice."""
        self._attempts[position_id] = Counter(order.request.leg for order in orders)

    def _evict_attempts(self) -> None:
        """Forget the counters of the inactive position that was used least recently."""
        active: set[PositionId | None] = {
            position.position_id for position in self.positions.values()
        }
        for orders in self.working_orders.values():
            active |= {order.request.position_id for order in orders.values()}
        inactive = next((each for each in self._attempts if each not in active), None)
        if inactive is not None:
            del self._attempts[inactive]

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

        ``unconfirmed`` are recent entries that ended without a report of the exchange.
        ``position_orders`` are all orders of its open positions. ``closed`` are positions closed
        since midnight UTC, or since the longest cooldown if that is earlier, oldest first.
        ``slippages`` are those of its latest market entries, oldest first.
        """
        self.slippage.restore(slippages)
        self.positions = {position.symbol: position for position in positions}
        for order in unfinished:
            self.track_order(order)
        for order in unconfirmed:
            self.late_entries.expect(order)
        for order in position_orders:
            if order.request.position_id is not None:
                self.next_attempt(order.request.position_id, order.request.leg)
        self._day = DayRecord(day_ms=day_start(now_ms), trades=entries_today)
        for position in closed:
            self._record_close(position)

    def claim(self, intents: Iterable[OrderRequest], now_ms: Ms) -> None:
        """Store the orders of a claimed entry, and count the entry among today's trades."""
        for request in intents:
            self.track_order(Order(request=request))
            if request.position_id is not None:
                self.next_attempt(request.position_id, request.leg)
        day = self._today(now_ms)
        self._day = replace(day, trades=day.trades + 1)

    def settings_for(self, strategy: str) -> Settings:
        """Return the user's settings for a strategy; the defaults if no longer subscribed."""
        return self.settings.get(strategy) or Settings()

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
        if self.is_leaving:
            why = "its user is being removed, or changes accounts"
            return Skip(DecisionCode.ACCOUNT_NOT_READY, {"why": why})
        if not self.is_ready:
            return Skip(
                DecisionCode.ACCOUNT_NOT_READY, {"why": "not compared with its exchange yet"}
            )
        age_ms = now_ms - self.broker.balance().as_of_ms
        if age_ms > MAX_BALANCE_AGE_MS:
            return Skip(DecisionCode.ACCOUNT_NOT_READY, {"balance_age_ms": age_ms})
        return None

    def snapshot(self, now_ms: Ms) -> AccountSnapshot:
        """Return the snapshot a decision reads, at the last prices."""
        notional = open_pnl = ZERO
        for symbol, position in self.positions.items():
            price = self.market.last_price(symbol) or position.entry_price
            notional += position.notional(price)
            open_pnl += position.net_pnl + position.unrealized_pnl(price)
        return AccountSnapshot(
            balance=self._balance(now_ms),
            positions=self.positions,
            notional=notional,
            open_pnl=open_pnl,
            day=self._today(now_ms),
            last_close_ms=self._last_close_ms,
            pending_entries=self._pending_entry_notional(),
            unresolved_symbols=frozenset(self.unresolved_symbols | self.foreign_orders.keys()),
        )

    def _pending_entry_notional(self) -> dict[str, Decimal]:
        """Notional of the unfilled part of entries, by symbol."""
        pending: dict[str, Decimal] = {}
        for symbol, orders in self.working_orders.items():
            for order in orders.values():
                if order.request.leg is Leg.ENTRY:
                    price = order.request.price or self.market.last_price(symbol) or ZERO
                    left = (order.request.quantity - order.filled) * price
                    pending[symbol] = pending.get(symbol, ZERO) + left
        return pending

    def _balance(self, now_ms: Ms) -> Balance:
        if self.broker is not None:
            return self.broker.balance()
        nominal: Decimal = self.user.account.paper_balance
        return Balance(equity=nominal, free=nominal, as_of_ms=now_ms)

    def _today(self, now_ms: Ms) -> DayRecord:
        if now_ms - self._day.day_ms >= DAY_MS:
            self._day = DayRecord(day_ms=day_start(now_ms))
        return self._day

    def _record_close(self, closed: Position) -> None:
        closed_ms = closed.closed_at_ms or EPOCH
        self._last_close_ms[closed.symbol] = closed_ms
        day = self._today(closed_ms)
        if closed_ms < day.day_ms:
            return
        earned = closed.net_pnl
        self._day = replace(
            day,
            net_pnl=day.net_pnl + earned,
            consecutive_losses=day.consecutive_losses + 1 if earned < 0 else 0,
        )
