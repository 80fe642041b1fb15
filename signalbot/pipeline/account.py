"""One user's account as the pipeline holds it in memory: positions, live orders, how the day went.

The ledger is the record and the exchange the truth; this is what a decision can read at once.
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
"""A balance older than this is no ground for an entry."""

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
        self.unresolved_symbols: set[str] = set()  #: symbols whose entries wait for an answer
        self.foreign_orders: dict[str, frozenset[str]] = {}  #: orders that are not ours, by symbol
        self.slippage = SlippageHistory()
        self.is_ready = False  #: in step with its exchange, and set up for entries there
        self.is_leaving = False  #: it is about to be closed, or to become another
        self.margin_rejections = 0  #: entries refused in a row because margin was short
        self.absences = AbsenceTracker()  #: what its exchange does not show, by order or position
        self.late = LateEntries()
        self.mismatches: dict[
            str, PositionMismatch
        ] = {}  #: what its exchange holds otherwise, by symbol
        self.unprotected_since_ms: dict[PositionId, Ms] = {}  #: since when no stop is confirmed
        self._attempts: dict[PositionId, Counter[Leg]] = {}  # the last one asked for is last
        self._last_close_ms: dict[str, Ms] = {}
        self._day = DayRecord(day_ms=EPOCH)
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def user_id(self) -> UserId:
        return self.user.user_id

    @property
    def active_symbols(self) -> list[str]:
        """Symbols in which anything of it is at the exchange, or may be."""
        working = (symbol for symbol, orders in self.working_orders.items() if orders)
        return sorted({*self.positions, *self.unresolved_symbols, *self.mismatches, *working})

    @property
    def has_activity(self) -> bool:
        """Whether anything of it is at the exchange, or may be."""
        return bool(self.active_symbols)

    @property
    def is_unprotected(self) -> bool:
        """Whether a position wants a stop, and none rests as far as is known."""
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
        """Return once everything begun or queued for a symbol's lock by now is finished."""
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
        """Remember an order while it is unfinished, forget it when it is."""
        orders = self.working_orders.setdefault(order.request.symbol, {})
        if order.status.is_final:
            orders.pop(order.client_order_id, None)
        else:
            orders[order.client_order_id] = order

    def update_position(self, position: Position) -> None:
        """Remember an open position; learn from one that has closed."""
        if position.is_open:
            self.positions[position.symbol] = position
            return
        held = self.positions.get(position.symbol)
        if held is not None and held.position_id == position.position_id:
            del self.positions[position.symbol]
            self.unprotected_since_ms.pop(position.position_id, None)
            self._record_close(position)

    def apply_funding(self, position: Position, amount: Decimal) -> None:
        """Remember a position that was paid ``amount``, and its day if it has closed already."""
        held = self.positions.get(position.symbol)
        if held is not None and held.position_id == position.position_id:
            self.positions[position.symbol] = position
        elif (position.closed_at_ms or EPOCH) >= self._day.day_ms:
            self._day = replace(self._day, net_pnl=self._day.net_pnl + amount)

    def next_attempt(self, position_id: PositionId, leg: Leg) -> int:
        """A number not used yet for this leg of this position."""
        used = self._attempts.pop(position_id, None) or Counter()
        self._attempts[position_id] = used
        attempt = used[leg]
        used[leg] += 1
        if len(self._attempts) > _MAX_ATTEMPT_COUNTERS:
            self._evict_attempts()
        return attempt

    def reset_attempts(self, position_id: PositionId, orders: Iterable[Order]) -> None:
        """Count every order of a position that the ledger knows, so that no id is used twice."""
        self._attempts[position_id] = Counter(order.request.leg for order in orders)

    def _evict_attempts(self) -> None:
        """Of the positions that are over, the one whose last order was longest ago."""
        going_on: set[PositionId | None] = {
            position.position_id for position in self.positions.values()
        }
        for orders in self.working_orders.values():
            going_on |= {order.request.position_id for order in orders.values()}
        over = next((each for each in self._attempts if each not in going_on), None)
        if over is not None:
            del self._attempts[over]

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

        ``unconfirmed`` are entries that ended lately without a word of the exchange; ``known`` are
        all orders of its open positions; ``closed`` the positions closed lately, in
        order: since midnight UTC, and as far back as a cooldown reaches. ``slippages`` are those
        of its latest entries at market, oldest first.
        """
        self.slippage.restore(slippages)
        self.positions = {position.symbol: position for position in positions}
        for order in unfinished:
            self.track_order(order)
        for order in unconfirmed:
            self.late.expect(order)
        for order in position_orders:
            if order.request.position_id is not None:
                self.next_attempt(order.request.position_id, order.request.leg)
        self._day = DayRecord(day_ms=day_start(now_ms), trades=entries_today)
        for position in closed:
            self._record_close(position)

    def claim(self, intents: Iterable[OrderRequest], now_ms: Ms) -> None:
        """Remember the orders of a claimed entry; it counts as one of today's."""
        for request in intents:
            self.track_order(Order(request=request))
            if request.position_id is not None:
                self.next_attempt(request.position_id, request.leg)
        day = self._today(now_ms)
        self._day = replace(day, trades=day.trades + 1)

    def settings_for(self, strategy: str) -> Settings:
        """The user's settings for a strategy; the built-in ones if no longer subscribed."""
        return self.settings.get(strategy) or Settings()

    def fees(self, instrument: Instrument) -> Fees:
        """What a trade costs the user in a market."""
        return instrument.fees if self.broker is None else self.broker.fees(instrument)

    def slippage_bps(self, signal: Signal) -> Decimal:
        """By how much market orders are expected to fill worse: as set, else as of late."""
        fixed = self.settings_for(signal.strategy).sizing.slippage_bps
        return self.slippage.expected_bps(signal.symbol) if fixed is None else fixed

    def entry_block(self, now_ms: Ms) -> Skip | None:
        """Why this account takes no entries now, whatever the signal; exits go on."""
        if self.broker is None:
            return None
        trouble = self._exchange.entry_block_reason
        if trouble is not None:
            return Skip(DecisionCode.EXCHANGE_HALTED, {"why": trouble})
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
        """The snapshot a decision sees, at last known prices."""
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
        """Notional of entries that are not filled yet, by symbol."""
        waiting: dict[str, Decimal] = {}
        for symbol, orders in self.working_orders.items():
            for order in orders.values():
                if order.request.leg is Leg.ENTRY:
                    price = order.request.price or self.market.last_price(symbol) or ZERO
                    left = (order.request.quantity - order.filled) * price
                    waiting[symbol] = waiting.get(symbol, ZERO) + left
        return waiting

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
