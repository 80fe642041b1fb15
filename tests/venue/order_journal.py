"""How orders are accepted and end, what is written down, and who is told of it."""

import asyncio
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import count
from typing import Any

from tests.venue.candles import Candles
from tests.venue.events import Event, OrderChanged
from tests.venue.journal import Deed, Journal
from tests.venue.matching import Fills
from tests.venue.model import ZERO, Account, Booking, Market, Order, Rules, Status, Ticket, Trade
from tests.venue.switches import Switches
from tests.venue.values import Valued

Listener = Callable[[Event], None]
Later = Callable[[float, Callable[[], None]], object]


def on_loop(delay_s: float, act: Callable[[], None]) -> object:
    """Act later on the running loop."""
    return asyncio.get_running_loop().call_later(delay_s, act)


class Booked(Valued):
    """Orders and their ends, the books of accounts, and who is told of it."""

    def __init__(
        self, markets: Iterable[Market], *, rules: Rules | None = None, later: Later = on_loop
    ) -> None:
        super().__init__(markets, rules)
        self.slippage: dict[str, Decimal] = {}  #: by symbol: a fraction, against the taker
        self.candles = Candles()
        self.timeframes: tuple[str, ...] = ()  #: those that are built from prices
        self.journal = Journal()
        self.switches = Switches()
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

    def book(
        self, account: Account, kind: str, coin: str, change: Decimal, symbol: str = "", *,
        at_ms: int | None = None, **more: Any,
    ) -> None:  # fmt: skip
        """Write a change of a balance, already made, into the account's books."""
        account.bookings.append(
            Booking(
                id=next(self._trade_ids), kind=kind, symbol=symbol, coin=coin, change=change,
                balance=account.balance(coin),
                at_ms=self.now_ms() if at_ms is None else at_ms, **more,
            )
        )  # fmt: skip

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

    def _end(
        self, account: Account, order: Order, status: Status, *, by_user: bool = True,
        why: str = "",
    ) -> None:  # fmt: skip
        order.status, order.updated_ms = status, self.now_ms()
        order.by_user, order.why = by_user, why
        self._forget(account, order)
        deeds = {
            Status.CANCELED: Deed.CANCELED, Status.TRIGGERED: Deed.TRIGGERED,
            Status.REJECTED: Deed.REJECTED,
        }  # fmt: skip
        self._note(deeds.get(status, Deed.EXPIRED), account, order)
        self.journal.look(account, order.ask.symbol)

    def _forget(self, account: Account, order: Order) -> None:
        account.open.pop(order.id, None)
        self._waiting[order.ask.symbol].pop(order.id, None)

    def _book_trade(self, account: Account, trade: Trade) -> None:
        market, sign = self.markets[trade.symbol], trade.side.sign
        changes = {market.quote: trade.realized}
        if trade.is_spot:
            changes = {
                market.base: sign * trade.quantity,
                market.quote: -sign * trade.quantity * trade.price,
            }
        changes[trade.fee_coin] = changes.get(trade.fee_coin, ZERO) - trade.fee
        for coin, change in changes.items():
            self.book(
                account, "TRADE", coin, change, trade.symbol, side=trade.side, trade=trade,
                quantity=trade.quantity, price=trade.price, held=account.held(trade.symbol),
            )  # fmt: skip
