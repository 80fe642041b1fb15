"""An account as it was: for lists that are told late, and for what happened long ago."""

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace

from tests.venue.events import AccountChanged, Event, OrderChanged
from tests.venue.model import Account
from tests.venue.order_journal import Booked


class Past(Booked):
    """Copies of accounts, one for every change, as long as somebody wants them."""

    #: How far back copies are kept; nothing is copied while it is zero.
    remembers_s = 0.0

    def remember(self, seconds: float) -> None:
        """Keep copies of every account from now on, at least so far back."""
        if not self.remembers_s:
            self._copies: dict[str, deque[tuple[float, Account]]] = defaultdict(deque)
            for account in self.accounts.values():
                self._copy(account)
            self.listen(self._changed)
        self.remembers_s = max(self.remembers_s, seconds)

    @contextmanager
    def as_of(self, key: str, seconds: float) -> Iterator[None]:
        """Inside, the account is what it was so long ago; as far back as copies go."""
        present = self.accounts.get(key)
        if present is None or not self.remembers_s or seconds <= 0:
            yield
            return
        wanted_s = time.monotonic() - seconds
        before = [account for at_s, account in self._copies[key] if at_s <= wanted_s]
        self.accounts[key] = before[-1] if before else self._copies[key][0][1]
        try:
            yield
        finally:
            self.accounts[key] = present

    def age(self, ms: int, key: str = "") -> None:
        """Everything that has happened (on one account) happened ``ms`` earlier."""
        for account in self.accounts.values():
            if key in ("", account.key):
                _age(account, ms)

    def _changed(self, event: Event) -> None:
        if isinstance(event, OrderChanged | AccountChanged):
            self._copy(event.account)

    def _copy(self, account: Account) -> None:
        copies, now_s = self._copies[account.key], time.monotonic()
        copies.append((now_s, _copied(account)))
        while len(copies) > 1 and copies[1][0] < now_s - self.remembers_s - 1:
            copies.popleft()


def _copied(account: Account) -> Account:
    orders = {number: copy(order) for number, order in account.orders.items()}
    return replace(
        account, orders=orders, open={number: orders[number] for number in account.open},
        by_client_id={
            place: [orders[order.id] for order in found]
            for place, found in account.by_client_id.items()
        },
        positions={place: copy(each) for place, each in account.positions.items()},
        holdings={place: copy(each) for place, each in account.holdings.items()},
        trades=list(account.trades), incomes=list(account.incomes),
        bookings=list(account.bookings), coins=dict(account.coins),
        leverage=dict(account.leverage), margin_mode=dict(account.margin_mode),
        hedged_symbols=dict(account.hedged_symbols),
    )  # fmt: skip


def _age(account: Account, ms: int) -> None:
    for order in account.orders.values():
        order.created_ms -= ms
        order.updated_ms -= ms
        order.triggered_ms -= ms if order.triggered_ms else 0
        if "expires_ms" in order.ask.extra:
            extra = {**order.ask.extra, "expires_ms": order.ask.extra["expires_ms"] - ms}
            order.ask = replace(order.ask, extra=extra)
    for position in (*account.positions.values(), *account.holdings.values()):
        position.opened_ms -= ms
        position.updated_ms -= ms
    account.trades[:] = [replace(each, at_ms=each.at_ms - ms) for each in account.trades]
    account.incomes[:] = [replace(each, at_ms=each.at_ms - ms) for each in account.incomes]
    account.bookings[:] = [replace(each, at_ms=each.at_ms - ms) for each in account.bookings]
