"""How orders trade: accepting, matching, triggering, filling, and what it does to an account.

The inside of ``Engine``. Nothing here waits: a pause between partial fills goes through ``later``.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import count

from tests.venue.candles import Candles
from tests.venue.events import AccountChanged, Event, OrderChanged
from tests.venue.journal import Deed, Journal
from tests.venue.matching import Fills, adverse, is_past, would_take
from tests.venue.model import (
    ZERO,
    Account,
    Attached,
    Kind,
    MarginMode,
    Market,
    Order,
    Origin,
    Position,
    Reason,
    Refused,
    Rules,
    Status,
    Ticket,
    Trade,
    TriggerBy,
)

Listener = Callable[[Event], None]
Later = Callable[[float, Callable[[], None]], object]


def on_loop(delay_s: float, act: Callable[[], None]) -> object:
    """Act later on the running loop."""
    return asyncio.get_running_loop().call_later(delay_s, act)


class Trading:
    """Markets, accounts, prices, and the orders that trade on them."""

    def __init__(
        self, markets: Iterable[Market], *, rules: Rules | None = None, later: Later = on_loop
    ) -> None:
        self.markets = {market.id: market for market in markets}
        self.rules = rules or Rules()
        self.accounts: dict[str, Account] = {}
        self.prices: dict[str, Decimal] = {}
        self.marks: dict[str, Decimal] = {}
        self.slippage: dict[str, Decimal] = {}  #: by symbol: a fraction, against the taker
        self.candles = Candles()
        self.timeframes: tuple[str, ...] = ()  #: those that are built from prices
        self.journal = Journal()
        self.clock_offset_ms = 0  #: serverTime is the real time plus this
        self._later = later
        self._plans: list[Fills] = []
        self._waiting: dict[str, dict[int, Order]] = {each: {} for each in self.markets}
        self._listeners: list[Listener] = []
        self._ids = count(8_389_766_000_000_001)
        self._trade_ids = count(400_000_001)

    # --- around it ------------------------------------------------------------------------

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.clock_offset_ms

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every event, at once and in order."""
        self._listeners.append(listener)

    def market_of(self, symbol: str) -> Market:
        """The market under this id; refuses an unknown one."""
        if symbol not in self.markets:
            raise Refused(Reason.UNKNOWN_SYMBOL)
        return self.markets[symbol]

    # --- what an account has ------------------------------------------------------------------

    def leverage(self, account: Account, symbol: str) -> int:
        return account.leverage.get(symbol, self.rules.default_leverage)

    def margin_mode(self, account: Account, symbol: str) -> MarginMode:
        return account.margin_mode.get(symbol, MarginMode.CROSS)

    def unrealized(self, account: Account, position: Position) -> Decimal:
        """Profit at the mark price, in quote units."""
        if not position.quantity:
            return ZERO
        return (self.marks[position.symbol] - position.entry) * position.quantity

    def margin_of(self, account: Account, position: Position) -> Decimal:
        """Initial margin of a position, at the mark price."""
        if not position.quantity:
            return ZERO
        notional = abs(position.quantity) * self.marks[position.symbol]
        return notional / self.leverage(account, position.symbol)

    def reserved(self, account: Account) -> Decimal:
        """Initial margin of resting entries."""
        return sum(
            (order.remaining * (order.ask.price or ZERO) / self.leverage(account, order.ask.symbol)
             for order in account.open.values()
             if not (order.ask.reduce_only or order.ask.close_position or order.is_conditional)),
            ZERO,
        )  # fmt: skip

    def equity(self, account: Account) -> Decimal:
        """Wallet plus unrealized profit."""
        held = account.positions.values()
        return account.wallet + sum((self.unrealized(account, each) for each in held), ZERO)

    def available(self, account: Account) -> Decimal:
        """What new entries may use as margin; never negative."""
        used = sum((self.margin_of(account, each) for each in account.positions.values()), ZERO)
        return max(ZERO, self.equity(account) - used - self.reserved(account))

    # --- inside -----------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def _note(self, deed: Deed, account: Account, order: Order, trade: Trade | None = None) -> None:
        self.journal.note(deed, order, at_ms=self.now_ms(), trade=trade)
        self._tell(OrderChanged(account=account, order=order, deed=deed, trade=trade))

    def _accept(self, account: Account, ask: Ticket, parent_id: int | None = None) -> Order:
        now_ms = self.now_ms()
        order = Order(
            id=next(self._ids), key=account.key, ask=ask, created_ms=now_ms, updated_ms=now_ms,
            parent_id=parent_id,
        )  # fmt: skip
        account.orders[order.id] = account.open[order.id] = order
        place = (self._id_space(order), ask.client_id)
        account.by_client_id.setdefault(place, []).append(order)
        self._waiting[ask.symbol][order.id] = order
        self.journal.note(Deed.ACCEPTED, order, at_ms=now_ms)
        return order

    def _id_space(self, order: Order) -> bool:
        return self.rules.separate_conditional_ids and order.is_conditional

    def _match(self, account: Account, order: Order) -> None:
        """Trade what can trade now; a limit order that does not reach the price rests."""
        ask, last = order.ask, self.prices[order.ask.symbol]
        if ask.kind is Kind.LIMIT or (order.is_conditional and ask.price is not None):
            if would_take(ask, last):
                self._take(account, order, last)
            elif ask.time_in_force in ("IOC", "FOK"):
                self._end(account, order, Status.EXPIRED)
        else:
            self._take(account, order, adverse(last, ask.side, self.slippage.get(ask.symbol)))

    def _take(self, account: Account, order: Order, price: Decimal) -> None:
        plan = next((each for each in self._plans if each.fits(order)), None)
        if plan is None:
            self._fill(account, order, order.remaining, price)
            if order.is_open and order.ask.kind is not Kind.LIMIT:
                self._end(account, order, Status.EXPIRED)  # reduce-only, and nothing left to reduce
            return
        self._plans.remove(plan)
        parts = plan.parts(order, self.market_of(order.ask.symbol).lot)
        self._next_part(account, order, plan, parts, is_first=True)

    def _next_part(
        self, account: Account, order: Order, plan: Fills, parts: list[Decimal], *, is_first: bool
    ) -> None:
        if not order.is_open:
            return
        if not parts:
            if plan.expires:
                self._end(account, order, Status.EXPIRED)
            return
        if is_first and plan.first_after_s:
            self._later(
                plan.first_after_s,
                lambda: self._next_part(account, order, plan, parts, is_first=False),
            )
            return
        symbol = order.ask.symbol
        price = adverse(self.prices[symbol], order.ask.side, self.slippage.get(symbol))
        self._fill(account, order, parts[0], price)
        self.journal.look(account, symbol)
        if plan.pause_s is not None:
            rest = parts[1:]
            self._later(
                plan.pause_s, lambda: self._next_part(account, order, plan, rest, is_first=False)
            )

    def _reach(self, account: Account, order: Order) -> None:
        ask = order.ask
        if order.is_waiting:
            watched = self.marks if ask.trigger_by is TriggerBy.MARK else self.prices
            if is_past(ask, watched[ask.symbol]):
                self._trigger(account, order)
                self.journal.look(account, ask.symbol)
        elif ask.price is not None and would_take(ask, self.prices[ask.symbol]):
            self._fill(account, order, order.remaining, ask.price, is_maker=True)
            self.journal.look(account, ask.symbol)

    def _trigger(self, account: Account, order: Order) -> None:
        ask = order.ask
        held = abs(account.held(ask.symbol))
        reduces = ask.reduce_only or ask.close_position
        if reduces and (not held or account.position(ask.symbol).closing is not ask.side):
            self._end(account, order, Status.EXPIRED)
            return
        order.triggered_ms = order.updated_ms = self.now_ms()
        quantity = held if ask.close_position else ask.quantity
        self._cancel_group(account, order)
        if not self.rules.trigger_spawns:
            order.ask = replace(ask, quantity=quantity)
            self._note(Deed.TRIGGERED, account, order)
            self._match(account, order)
            return
        child = self._accept(
            account,
            replace(
                ask, kind=Kind.MARKET if ask.price is None else Kind.LIMIT, quantity=quantity,
                trigger=None, group="", reduce_only=reduces, close_position=False,
                origin=Origin.VENUE,
            ),
            parent_id=order.id,
        )  # fmt: skip
        order.child_id = child.id
        self._end(account, order, Status.TRIGGERED)
        self._tell(OrderChanged(account=account, order=child, deed=Deed.ACCEPTED))
        self._match(account, child)

    def _cancel_group(self, account: Account, order: Order) -> None:
        for other in list(account.open.values()):
            if order.ask.group and other.ask.group == order.ask.group and other is not order:
                self._end(account, other, Status.CANCELED)

    def _end(self, account: Account, order: Order, status: Status) -> None:
        order.status, order.updated_ms = status, self.now_ms()
        self._forget(account, order)
        deeds = {Status.CANCELED: Deed.CANCELED, Status.TRIGGERED: Deed.TRIGGERED}
        self._note(deeds.get(status, Deed.EXPIRED), account, order)
        self.journal.look(account, order.ask.symbol)

    def _forget(self, account: Account, order: Order) -> None:
        account.open.pop(order.id, None)
        self._waiting[order.ask.symbol].pop(order.id, None)

    def _fill(
        self, account: Account, order: Order, quantity: Decimal, price: Decimal, *,
        is_maker: bool = False,
    ) -> None:  # fmt: skip
        ask = order.ask
        if ask.reduce_only or ask.close_position:
            closes = account.position(ask.symbol).closing is ask.side
            quantity = min(quantity, abs(account.held(ask.symbol))) if closes else ZERO
        if not quantity:
            return
        realized = self._move(account, ask, quantity, price)
        fee = quantity * price * (self.rules.maker_fee if is_maker else self.rules.taker_fee)
        account.wallet += realized - fee
        now_ms = self.now_ms()
        order.filled += quantity
        order.cost += quantity * price
        order.fee += fee
        order.realized += realized
        order.updated_ms = now_ms
        is_done = order.filled >= ask.quantity
        order.status = Status.FILLED if is_done else Status.PARTIALLY_FILLED
        if is_done:
            self._forget(account, order)
        trade = Trade(
            id=next(self._trade_ids), order_id=order.id, client_id=ask.client_id,
            symbol=ask.symbol, side=ask.side, quantity=quantity, price=price, fee=fee,
            realized=realized, is_maker=is_maker, origin=ask.origin, at_ms=now_ms,
        )  # fmt: skip
        account.trades.append(trade)
        self._tell(AccountChanged(account=account, symbol=ask.symbol, cause="ORDER"))
        self._note(Deed.FILLED, account, order, trade)
        if not account.loses_attached and (is_done or not self.rules.attached_when_filled):
            for each in ask.attached:
                self._attach(account, order, each)
        if not account.held(ask.symbol):
            self._end_with_position(account, ask.symbol)

    def _move(self, account: Account, ask: Ticket, quantity: Decimal, price: Decimal) -> Decimal:
        """Change the position and return what it earned."""
        position = account.position(ask.symbol)
        before, sign = position.quantity, ask.side.sign
        after = before + sign * quantity
        realized = ZERO
        if before * sign < 0:
            realized = (price - position.entry) * min(quantity, abs(before)) * -sign
        if before * after <= 0:  # opened, closed, or turned round
            position.entry = price if after else ZERO
            position.opened_ms = self.now_ms()
        elif abs(after) > abs(before):
            position.entry = (position.entry * abs(before) + price * quantity) / abs(after)
        position.quantity, position.updated_ms = after, self.now_ms()
        return realized

    def _attach(self, account: Account, order: Order, wanted: Attached) -> None:
        """Bring an entry's stop or target to life with its first fill, and let it grow with it."""
        for other in account.open.values():
            if other.parent_id == order.id and other.ask.kind is wanted.kind:
                other.ask = replace(other.ask, quantity=order.filled)
                return
        to_position = self.rules.attached_to_position
        if to_position:
            self._drop_position_level(account, order.ask.symbol, wanted.kind)
        ask = Ticket(
            client_id=wanted.client_id, symbol=order.ask.symbol, side=order.ask.side.other,
            kind=wanted.kind, quantity=order.filled, trigger=wanted.trigger,
            trigger_by=wanted.trigger_by, reduce_only=True, close_position=to_position,
            group=f"attached-{order.id}", origin=Origin.VENUE, extra=wanted.extra,
        )  # fmt: skip
        child = self._accept(account, ask, parent_id=order.id)
        self._tell(OrderChanged(account=account, order=child, deed=Deed.ACCEPTED))
        self._reach(account, child)
        self.journal.look(account, ask.symbol)

    def _drop_position_level(self, account: Account, symbol: str, kind: Kind) -> None:
        for other in list(account.open.values()):
            ask = other.ask
            if ask.symbol == symbol and ask.kind is kind and ask.close_position:
                self._end(account, other, Status.CANCELED)

    def _end_with_position(self, account: Account, symbol: str) -> None:
        for order in list(account.open.values()):
            if order.ask.symbol == symbol and order.ask.close_position and order.is_waiting:
                self._end(account, order, Status.CANCELED)
