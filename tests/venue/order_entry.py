"""What is asked of the exchange: orders placed, changed, cancelled and looked up."""

import time
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tests.venue.events import AccountChanged, OrderChanged
from tests.venue.journal import Deed
from tests.venue.matching import Fills, adverse
from tests.venue.model import (
    Account,
    Income,
    Kind,
    Market,
    Order,
    Reason,
    Refused,
    Rules,
    Status,
    Ticket,
)
from tests.venue.order_journal import Later, on_loop
from tests.venue.rules import check
from tests.venue.trading import Trading


class Placing(Trading):
    """Orders by request, and changes of a balance."""

    def __init__(
        self, markets: Iterable[Market], *, rules: Rules | None = None, later: Later = on_loop
    ) -> None:
        super().__init__(markets, rules=rules, later=later)
        self._expiring: list[Order] = []

    def place(self, account: Account, ask: Ticket) -> Order:
        """Take an order; a market order fills at once unless a plan says otherwise.

        Raises ``Refused`` and changes nothing when a rule is broken.
        """
        ask = self._resolved(ask)
        self._check(account, ask)
        order = self._accept(account, ask)
        if ask.expires_ms:
            self._expiring.append(order)
        self._tell(OrderChanged(account=account, order=order, deed=Deed.ACCEPTED))
        if not order.is_conditional:
            self._match(account, order)
        elif self.rules.triggers_at_once:
            self._reach(account, order)
        self.journal.look(account, ask.symbol)
        return order

    def _check(self, account: Account, ask: Ticket, *, instead_of: Order | None = None) -> None:
        """Raise ``Refused`` with the first rule that ``ask`` breaks."""
        check(self, account, ask, instead_of=instead_of)

    def cancel(self, account: Account, order: Order) -> None:
        """End an open order; raises ``Refused`` for any other."""
        if not order.is_open:
            raise Refused(Reason.NOT_OPEN)
        self._end(account, order, Status.CANCELED)

    def amend(self, account: Account, order: Order, **changes: Any) -> None:
        """Change fields of what an open order asks for: quantity, price, trigger."""
        if not order.is_open:
            raise Refused(Reason.NOT_OPEN)
        wanted = replace(order.ask, **changes)
        self._check(account, wanted, instead_of=order)
        order.ask, order.updated_ms = wanted, self.now_ms()
        self._note(Deed.AMENDED, account, order)
        if not order.is_conditional:
            self._match(account, order)
        self.journal.look(account, wanted.symbol)

    def find(
        self, account: Account, *, order_id: int | None = None, client_id: str = "",
        conditional: bool | None = None,
    ) -> Order | None:  # fmt: skip
        """The newest shown order with this id; the exchange's id wins over the client's."""
        if order_id is not None:
            order = account.orders.get(order_id)
            found = [] if order is None else [order]
        else:
            found = [
                order
                for group in (False, True)
                for order in account.by_client_id.get((group, client_id), ())
            ]
        for order in reversed(found):
            if self.shown(order) and conditional in (None, order.is_conditional):
                return order
        return None

    def shown(self, order: Order) -> bool:
        """Whether reads may tell of this order."""
        return not order.unlisted and order.hidden_until_s <= time.monotonic()

    def hide_since(self, line: int, *, until_s: float | None) -> None:
        """Hide the orders accepted since the journal had ``line`` lines; None hides for good."""
        for each in self.journal.lines[line:]:
            if each.deed is Deed.ACCEPTED:
                order = self.accounts[each.key].orders[each.order_id]
                order.unlisted = until_s is None
                order.hidden_until_s = until_s or 0.0

    def open_orders(
        self, account: Account, symbol: str = "", *, conditional: bool | None = None
    ) -> list[Order]:
        """The shown open orders, oldest first; of every symbol when none is given."""
        return [
            order for order in account.open.values()
            if symbol in ("", order.ask.symbol) and self.shown(order)
            and conditional in (None, order.is_conditional)
        ]  # fmt: skip

    def plan_fills(self, plan: Fills) -> None:
        """Let the next taking order that fits the plan fill in parts."""
        self._plans.append(plan)

    def fill(
        self, order: Order, quantity: Decimal | None = None, *, price: Decimal | None = None
    ) -> None:
        """Let an open order trade: the rest of it, at its own price or the last one."""
        account = self.accounts[order.key]
        at = price or order.ask.price or self.prices[order.ask.symbol]
        self._fill(account, order, order.remaining if quantity is None else quantity, at,
                   is_maker=order.ask.kind is Kind.LIMIT)  # fmt: skip
        self.journal.look(account, order.ask.symbol)

    def expire_due(self) -> None:
        """End the orders whose time is over (good till date)."""
        now_ms = self.now_ms()
        for order in [each for each in self._expiring if each.ask.expires_ms <= now_ms]:
            self._expiring.remove(order)
            if order.is_open:
                self._end(self.accounts[order.key], order, Status.EXPIRED, by_user=False)

    def credit(
        self, account: Account, amount: Decimal, kind: str, symbol: str = "", *, coin: str = "",
        at_ms: int | None = None, **more: Any,
    ) -> None:  # fmt: skip
        """Change a balance; ``kind`` is FUNDING_FEE, TRANSFER or INSURANCE_CLEAR."""
        coin = coin or account.currency
        account.add(coin, amount)
        account.incomes.append(
            Income(id=next(self._trade_ids), kind=kind, symbol=symbol, amount=amount,
                   at_ms=self.now_ms() if at_ms is None else at_ms)
        )  # fmt: skip
        self.book(account, kind, coin, amount, symbol, at_ms=at_ms, **more)
        self._tell(AccountChanged(account=account, symbol=symbol, cause=kind))

    def _changed_settings(self, account: Account, symbol: str, cause: str) -> None:
        self._tell(AccountChanged(account=account, symbol=symbol, cause=cause))

    def _resolved(self, ask: Ticket) -> Ticket:
        """A spot market order of a quote amount trades what that buys, or has to be sold for it."""
        if ask.quote_quantity is None:
            return ask
        market = self.market_of(ask.symbol)
        price = adverse(self.prices[market.id], ask.side, self.slippage.get(market.id))
        grid = market.quote_lot or market.lot
        quantity = (ask.quote_quantity / price / grid).to_integral_value(ROUND_DOWN) * grid
        if not quantity:
            raise Refused(Reason.NOTIONAL)
        return replace(ask, quantity=quantity)
