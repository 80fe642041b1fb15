"""A derivatives exchange's own book: accounts, orders, fills. What it says is the truth.

It knows nothing of wires: dialects translate. Positions net one way; quantities are base units.
"""

import time
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

ZERO = Decimal(0)
FEE = Decimal("0.0004")


class Refused(Exception):
    """An order the exchange does not take, with the dialect-free reason."""


@dataclass(slots=True)
class Trade:
    trade_id: int
    order_id: int
    client_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    at_ms: int


@dataclass(slots=True)
class BookOrder:
    order_id: int
    client_id: str
    symbol: str
    side: str
    kind: str  #: market, limit, stop, take_profit
    quantity: Decimal
    price: Decimal | None
    trigger: Decimal | None
    reduce_only: bool
    at_ms: int
    status: str = "NEW"
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    actual_id: int | None = None  #: the plain order a conditional one became
    hidden_until_s: float = 0.0

    @property
    def is_open(self) -> bool:
        return self.status in ("NEW", "PARTIALLY_FILLED")

    @property
    def average(self) -> Decimal:
        return self.cost / self.filled if self.filled else ZERO


@dataclass(slots=True)
class Holder:
    """One account."""

    key: str
    secret: str
    wallet: Decimal = Decimal(10_000)
    is_revoked: bool = False
    is_hedged: bool = False
    leverage: dict[str, int] = field(default_factory=dict)
    margin: dict[str, str] = field(default_factory=dict)
    position: dict[str, Decimal] = field(default_factory=dict)  #: signed
    entry: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[int, BookOrder] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    forced: set[int] = field(default_factory=set)
    naked_since_s: dict[str, float] = field(default_factory=dict)
    naked_s: float = 0.0  #: the longest time a position was without a stop of its size


class Book:
    def __init__(self, prices: dict[str, Decimal]) -> None:
        self.prices = prices
        self.holders: dict[str, Holder] = {}
        self._ids = count(1_000)
        self._trade_ids = count(1)
        self.clock_offset_ms = 0
        self.partial: list[Decimal] = []  #: shares of the next market entry that fill at once

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.clock_offset_ms

    def add(self, key: str, secret: str = "secret", **more: object) -> Holder:
        holder = Holder(key, secret, **more)  # type: ignore[arg-type]
        self.holders[key] = holder
        return holder

    def place(
        self,
        holder: Holder,
        *,
        client_id: str,
        symbol: str,
        side: str,
        kind: str,
        quantity: Decimal,
        price: Decimal | None = None,
        trigger: Decimal | None = None,
        reduce_only: bool = False,
    ) -> BookOrder:
        """Take an order; a market order fills at once."""
        for other in holder.orders.values():
            if other.client_id == client_id and other.is_open:
                raise Refused("duplicate")
        last = self.prices[symbol]
        held = holder.position.get(symbol, ZERO)
        sign = 1 if side == "buy" else -1
        if reduce_only and held * sign >= 0:
            raise Refused("reduce-only")
        if trigger is not None and self._is_past(kind, side, trigger, last):
            raise Refused("would trigger")
        if not reduce_only and quantity * last / holder.leverage.get(symbol, 20) > holder.wallet:
            raise Refused("margin")
        order = BookOrder(
            order_id=next(self._ids), client_id=client_id, symbol=symbol, side=side, kind=kind,
            quantity=quantity, price=price, trigger=trigger, reduce_only=reduce_only,
            at_ms=self.now_ms(),
        )  # fmt: skip
        holder.orders[order.order_id] = order
        if kind == "market":
            share = self.partial.pop(0) if self.partial and not reduce_only else Decimal(1)
            self._fill(holder, order, order.quantity * share, last)
        elif kind == "limit" and price is not None and (price - last) * sign >= 0:
            self._fill(holder, order, order.quantity, last)
        self.look(holder, symbol)
        return order

    def fill_rest(self, holder: Holder, order: BookOrder, quantity: Decimal) -> None:
        """More of a resting or partly filled order trades."""
        self._fill(holder, order, quantity, self.prices[order.symbol])
        self.look(holder, order.symbol)

    def cancel(self, holder: Holder, order: BookOrder) -> None:
        order.status = "CANCELED"
        self.look(holder, order.symbol)

    def move(self, symbol: str, price: Decimal) -> None:
        """The price is here now: what it reaches trades."""
        self.prices[symbol] = price
        for holder in self.holders.values():
            for order in sorted(holder.orders.values(), key=lambda each: each.kind != "stop"):
                if order.symbol != symbol or not order.is_open:
                    continue
                if order.trigger is not None:
                    if self._is_past(order.kind, order.side, order.trigger, price):
                        self._trigger(holder, order, price)
                elif order.price is not None:
                    sign = 1 if order.side == "buy" else -1
                    if (order.price - price) * sign >= 0:
                        self._fill(holder, order, order.quantity - order.filled, order.price)
            self.look(holder, symbol)

    def close_by_hand(self, holder: Holder, symbol: str, *, forced: bool = False) -> None:
        """The owner, or the exchange itself, closes the position."""
        held = holder.position.get(symbol, ZERO)
        if held:
            order = self.place(
                holder, client_id="autoclose-1" if forced else f"web_{next(self._ids)}",
                symbol=symbol, side="sell" if held > 0 else "buy", kind="market",
                quantity=abs(held), reduce_only=True,
            )  # fmt: skip
            if forced:
                holder.forced.add(order.order_id)

    def find(self, holder: Holder, *, client_id: str = "", order_id: int = 0) -> BookOrder | None:
        now_s = time.monotonic()
        for order in reversed(holder.orders.values()):
            if order.hidden_until_s > now_s:
                continue
            if (order_id and order.order_id == order_id) or (
                client_id and order.client_id == client_id
            ):
                return order
        return None

    # --- inside ---------------------------------------------------------------------------

    def _is_past(self, kind: str, side: str, trigger: Decimal, price: Decimal) -> bool:
        falls = (side == "sell") == (kind == "stop")
        return price <= trigger if falls else price >= trigger

    def _trigger(self, holder: Holder, order: BookOrder, price: Decimal) -> None:
        held = holder.position.get(order.symbol, ZERO)
        sign = 1 if order.side == "buy" else -1
        if held * sign >= 0:
            order.status = "EXPIRED"
            return
        actual = BookOrder(
            order_id=next(self._ids), client_id=order.client_id, symbol=order.symbol,
            side=order.side, kind="market", quantity=order.quantity, price=None, trigger=None,
            reduce_only=True, at_ms=self.now_ms(),
        )  # fmt: skip
        order.status, order.actual_id = "FINISHED", actual.order_id
        holder.orders[actual.order_id] = actual
        self._fill(holder, actual, min(order.quantity, abs(held)), price)
        if actual.is_open:
            actual.status = "EXPIRED"

    def _fill(self, holder: Holder, order: BookOrder, quantity: Decimal, price: Decimal) -> None:
        sign = 1 if order.side == "buy" else -1
        held = holder.position.get(order.symbol, ZERO)
        if order.reduce_only:
            quantity = min(quantity, abs(held))
        if not quantity:
            return
        after = held + sign * quantity
        if held * sign < 0:
            earned = (price - holder.entry[order.symbol]) * min(quantity, abs(held)) * -sign
            holder.wallet += earned
        elif after:
            cost = holder.entry.get(order.symbol, ZERO) * abs(held) + price * quantity
            holder.entry[order.symbol] = cost / abs(after)
        holder.position[order.symbol] = after
        order.filled += quantity
        order.cost += quantity * price
        order.status = "FILLED" if order.filled >= order.quantity else "PARTIALLY_FILLED"
        fee = quantity * price * FEE
        holder.wallet -= fee
        holder.trades.append(
            Trade(
                next(self._trade_ids),
                order.order_id,
                order.client_id,
                order.symbol,
                order.side,
                quantity,
                price,
                fee,
                self.now_ms(),
            )
        )

    def look(self, holder: Holder, symbol: str) -> None:
        """Note whether a position is behind a live stop of its size, and since when not."""
        held, now_s = holder.position.get(symbol, ZERO), time.monotonic()
        closing = "sell" if held > 0 else "buy"
        guarded = sum(
            (o.quantity for o in holder.orders.values()
             if o.is_open and o.kind == "stop" and o.side == closing and o.symbol == symbol),
            ZERO,
        )  # fmt: skip
        if held and guarded < abs(held):
            holder.naked_since_s.setdefault(symbol, now_s)
        elif symbol in holder.naked_since_s:
            holder.naked_s = max(holder.naked_s, now_s - holder.naked_since_s.pop(symbol))

    def longest_naked_s(self, holder: Holder) -> float:
        """The longest time a position of this account was not covered by stops, until now."""
        now_s = time.monotonic()
        open_now = [now_s - since for since in holder.naked_since_s.values()]
        return max([holder.naked_s, *open_now])
