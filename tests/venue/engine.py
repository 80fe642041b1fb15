"""A derivatives exchange in memory, strict as a real one: what it says is the truth.

It knows nothing of wires: dialects turn requests into ``Ticket`` and look at accounts, orders,
trades and candles to answer; they learn of changes through ``listen``. Quantities are base units.

A dialect needs: ``account_of``, ``place``, ``cancel``, ``amend``, ``find``, ``open_orders``,
``shown``, ``equity``, ``available``, ``set_leverage``, ``set_margin_mode``, ``candles`` and
``listen``. A test needs: ``set_price``, ``push_candle``, ``plan_fills``, ``fill``,
``close_by_hand``, ``liquidate``, ``place_foreign``, ``pay_funding`` and ``journal``.
"""

import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.venue.candles import LENGTHS_MS, Candle
from tests.venue.events import AccountChanged, CandleMoved, Event, OrderChanged, PriceMoved
from tests.venue.journal import Deed
from tests.venue.matching import Fills
from tests.venue.model import (
    Account,
    Income,
    Kind,
    MarginMode,
    Order,
    Origin,
    Reason,
    Refused,
    Side,
    Status,
    Ticket,
)
from tests.venue.rules import check
from tests.venue.trading import Later, Listener, Trading, on_loop


class Engine(Trading):
    """One exchange: its markets, accounts, prices and everything that happens to them."""

    def add(self, key: str, **more: Any) -> Account:
        """Open an account; ``more`` are fields of ``Account``; the secret is ``KEY-secret``."""
        account = Account(key=key, **{"secret": f"{key}-secret", **more})
        self.accounts[key] = account
        return account

    def account_of(self, key: str) -> Account | None:
        return self.accounts.get(key)

    # --- orders ---------------------------------------------------------------------------

    def place(self, account: Account, ask: Ticket) -> Order:
        """Take an order; a market order fills at once unless a plan says otherwise.

        Raises ``Refused`` and changes nothing when a rule is broken.
        """
        check(self, account, ask)
        order = self._accept(account, ask)
        self._tell(OrderChanged(account=account, order=order, deed=Deed.ACCEPTED))
        if not order.is_conditional:
            self._match(account, order)
        self.journal.look(account, ask.symbol)
        return order

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
        check(self, account, wanted, instead_of=order)
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

    # --- the account ----------------------------------------------------------------------

    def set_leverage(self, account: Account, symbol: str, leverage: int) -> None:
        """Change it, by request or by the owner's hand."""
        if not 1 <= leverage <= self.market_of(symbol).max_leverage:
            raise Refused(Reason.LEVERAGE)
        if not account.keeps_leverage:
            account.leverage[symbol] = leverage
            self._tell(AccountChanged(account=account, symbol=symbol, cause="LEVERAGE"))

    def set_margin_mode(self, account: Account, symbol: str, mode: MarginMode) -> None:
        """Change it; refused while there is a position or an open order."""
        self.market_of(symbol)
        if account.held(symbol):
            raise Refused(Reason.POSITION_OPEN)
        if any(order.ask.symbol == symbol for order in account.open.values()):
            raise Refused(Reason.ORDERS_OPEN)
        account.margin_mode[symbol] = mode
        self._tell(AccountChanged(account=account, symbol=symbol, cause="MARGIN_MODE"))

    # --- the market, by the hand of a test --------------------------------------------------

    def set_price(self, symbol: str, price: Decimal, *, mark: Decimal | None = None) -> None:
        """The price is here now: what it reaches triggers or trades."""
        self.market_of(symbol)
        self.prices[symbol], self.marks[symbol] = price, price if mark is None else mark
        self._tell(PriceMoved(symbol=symbol, price=price, mark=self.marks[symbol]))
        for order in list(self._waiting[symbol].values()):
            if order.is_open:
                self._reach(self.accounts[order.key], order)
        for timeframe in self.timeframes:
            for candle in self.candles.moved(symbol, timeframe, price, at_ms=self.now_ms()):
                self._tell(CandleMoved(candle=candle))

    def push_candle(
        self, symbol: str, timeframe: str, open_ms: int, o: Decimal, h: Decimal, l: Decimal,  # noqa: E741
        c: Decimal, v: Decimal = Decimal(10), *, closed: bool = True, keep: bool = True,
        tell: bool = True,
    ) -> Candle:  # fmt: skip
        """A candle as it is now: kept for REST, told to whoever listens; prices stay as they are.

        Without ``keep`` the websocket says what REST does not, without ``tell`` the reverse.
        """
        if open_ms % LENGTHS_MS[timeframe]:
            raise ValueError(f"{open_ms} is not where a candle of {timeframe} opens")
        candle = Candle(
            symbol=symbol, timeframe=timeframe, open_ms=open_ms, open=o, high=h, low=l, close=c,
            volume=v, closed=closed,
        )  # fmt: skip
        if keep:
            self.candles.keep(candle)
        if tell:
            self._tell(CandleMoved(candle=candle))
        return candle

    # --- the owner, and the exchange itself -------------------------------------------------

    def place_foreign(self, key: str, ask: Ticket) -> Order:
        """The owner places an order on the web page; an empty client id becomes ``web_...``."""
        named = ask.client_id or f"web_{next(self._ids)}"
        return self.place(self.accounts[key], replace(ask, client_id=named, origin=Origin.HAND))

    def close_by_hand(self, key: str, symbol: str) -> Order:
        """The owner closes the position on the web page."""
        return self._close(self.accounts[key], symbol, Origin.HAND, f"web_{next(self._ids)}")

    def liquidate(self, key: str, symbol: str, *, price: Decimal | None = None) -> Order:
        """The exchange closes the position by force: entries are cancelled first."""
        account = self.accounts[key]
        if price is not None:
            self.prices[symbol] = self.marks[symbol] = price
        for order in list(account.open.values()):
            if order.ask.symbol == symbol and not order.is_conditional:
                self._end(account, order, Status.CANCELED)
        return self._close(account, symbol, Origin.LIQUIDATION, f"autoclose-{self.now_ms()}")

    def pay_funding(self, symbol: str, rate: Decimal) -> None:
        """Longs pay ``rate`` of their notional to shorts."""
        for account in self.accounts.values():
            if held := account.held(symbol):
                self.credit(account, -held * self.marks[symbol] * rate, "FUNDING_FEE", symbol)

    def credit(self, account: Account, amount: Decimal, kind: str, symbol: str = "") -> None:
        """Change a wallet; ``kind`` is FUNDING_FEE or TRANSFER."""
        account.wallet += amount
        account.incomes.append(
            Income(id=next(self._trade_ids), kind=kind, symbol=symbol, amount=amount,
                   at_ms=self.now_ms())
        )  # fmt: skip
        self._tell(AccountChanged(account=account, symbol=symbol, cause=kind))

    def _close(self, account: Account, symbol: str, origin: Origin, client_id: str) -> Order:
        position = account.position(symbol)
        if not position.quantity:
            raise Refused(Reason.NO_POSITION)
        return self.place(
            account,
            Ticket(
                client_id=client_id, symbol=symbol, side=position.closing, kind=Kind.MARKET,
                quantity=abs(position.quantity), reduce_only=True, origin=origin,
            ),
        )  # fmt: skip


__all__ = [
    "AccountChanged", "CandleMoved", "Engine", "Event", "Later", "Listener", "OrderChanged",
    "PriceMoved", "Side", "on_loop",
]  # fmt: skip
