"""One user's wallet, positions and orders at the simulated exchange.

A SimulatedAccount has an AccountPosition in every ListedMarket it ever traded.
"""

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from signalbot.domain.market import Candle, Instrument
from signalbot.domain.money import ZERO
from signalbot.domain.orders import ClientOrderId, Fill, ForcedClose, OrderReport
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.netting import (
    leverage_of,
    liquidation_of,
    margin_of,
    net,
    unrealized_of,
)
from signalbot.exchange.simulated.order import EngineOrder
from signalbot.exchange.simulated.price_levels import PriceLevel, PriceLevels
from signalbot.ledger.simulated_store import ORDER_RETENTION_MS, SimulatedPosition
from signalbot.stream import Stream

_MAX_ENDED = 100  # ended orders of one account: more than it can have had resting
_MIN_RETENTION_MS = 900_000  # every unknown order has been looked up by then


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMove:
    """A range of prices; a tick is a range without width."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    at_ms: Ms  #: time of the trades within it


class ListedMarket:
    """One market: its rules, its last price, and every price level with an order."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.last: Decimal | None = None
        self.moved_ms = EPOCH  #: of the last price
        self.upcoming: Candle | None = None  #: the next candle, if it is known
        self.levels: PriceLevels[AccountPosition] = PriceLevels()

    def price_at(self, at_ms: Ms) -> Decimal | None:
        """The last price, or its place within the next candle if that is known.

        A candle is taken as three equal parts: from its open to the extreme farther from its
        close, to the other extreme, and to its close.
        """
        upcoming = self.upcoming
        if upcoming is None or not upcoming.open_ms < at_ms < upcoming.close_ms:
            return self.last
        falls = upcoming.close >= upcoming.open
        turns = (upcoming.low, upcoming.high) if falls else (upcoming.high, upcoming.low)
        path = (upcoming.open, *turns, upcoming.close)
        parts, length_ms = len(path) - 1, upcoming.close_ms - upcoming.open_ms
        part, within = divmod((at_ms - upcoming.open_ms) * parts, length_ms)
        begin, end = path[part], path[part + 1]
        return self.instrument.round_price(begin + (end - begin) * within / length_ms)


class AccountPosition:
    """Keeps the market's price levels in step with the position and the resting orders."""

    def __init__(self, account: "ExchangeAccount", market: ListedMarket) -> None:
        self.account = account
        self.market = market
        self.position: SimulatedPosition | None = None
        self.resting: dict[EngineOrder, PriceLevel[AccountPosition]] = {}  #: oldest first
        self.liquidation: PriceLevel[AccountPosition] | None = None
        self.entry_move: PriceMove | None = None  #: the last range, if a resting entry traded in it
        self.is_overdue = False  #: that range passed the liquidation price before a stop was sent

    @property
    def margin(self) -> Decimal:
        return ZERO if self.position is None else margin_of(self.position)

    @property
    def unrealized(self) -> Decimal:
        """At the last price; zero while none is known."""
        if self.position is None or self.market.last is None:
            return ZERO
        return unrealized_of(self.position, self.market.last)

    def add_resting(self, order: EngineOrder, price: Decimal) -> None:
        """Rest ``order`` at ``price``."""
        level = PriceLevel(price, order.touched_by_fall, self)
        self.resting[order] = level
        self.market.levels.add(level)

    def remove(self, order: EngineOrder) -> None:
        """Remove a resting order; any other changes nothing."""
        level = self.resting.pop(order, None)
        if level is not None:
            self.market.levels.remove(level)

    def set_position(self, position: SimulatedPosition | None) -> None:
        """Replace the position and its liquidation price."""
        self.position = position
        if self.liquidation is not None:
            self.market.levels.remove(self.liquidation)
            self.liquidation = None
        if position is None:
            self.is_overdue = False
            return
        price = liquidation_of(position, self.market.instrument)
        if price is not None:
            self.liquidation = PriceLevel(price, position.side.sign > 0, self)
            self.market.levels.add(self.liquidation)


class AccountObserver(Protocol):
    """Called with every change of an account's equity."""

    def on_change(self, account_position: AccountPosition, at_ms: Ms) -> None:
        """A fill or a funding payment has changed wallet or position."""
        ...

    def on_visit(self, account_position: AccountPosition, price: Decimal, at_ms: Ms) -> None:
        """A price within a range in which an order traded."""
        ...

    def on_entry(self, account_position: AccountPosition, price: Decimal, at_ms: Ms) -> None:
        """A resting entry has filled at ``price`` within the range."""
        ...

    def on_stop(self, account_position: AccountPosition, price: Decimal, at_ms: Ms) -> None:
        """A stop at ``price`` ended the position within the range."""
        ...


class ExchangeAccount:
    """Numbers its own orders and trades, so accounts do not depend on one another."""

    def __init__(self, user_id: UserId, wallet: Decimal) -> None:
        self.user_id = user_id
        self.wallet = wallet  #: quote units: deposits, realized profits and fees
        self.observer: AccountObserver | None = None
        self.is_acknowledged_when_durable = True  #: an order is on disk before its response
        self.positions: dict[str, AccountPosition] = {}  #: by symbol
        self.orders: dict[ClientOrderId, EngineOrder] = {}  #: resting and recently ended
        self.orders_made = 0
        self.trades_made = 0
        self.events: Stream[OrderReport] = Stream()
        self._ended: deque[EngineOrder] = deque()  # oldest first

    @property
    def equity(self) -> Decimal:
        """Wallet plus the profit of all positions at the last prices."""
        return self.wallet + self._unrealized

    @property
    def free(self) -> Decimal:
        """Funds available as margin: open losses count, open profits do not."""
        margin = sum(
            (account_position.margin for account_position in self.positions.values()), ZERO
        )
        return self.wallet - margin + min(ZERO, self._unrealized)

    @property
    def _unrealized(self) -> Decimal:
        return sum(
            (account_position.unrealized for account_position in self.positions.values()), ZERO
        )

    def free_after_closing(
        self, account_position: AccountPosition, quantity: Decimal, price: Decimal
    ) -> Decimal:
        """``free`` once ``quantity`` of a position (at most all of it) is closed at ``price``."""
        position = account_position.position
        if position is None or not quantity:
            return self.free
        share = quantity / position.quantity
        margin = sum(
            (each.margin for each in self.positions.values()), -account_position.margin * share
        )
        open_profit = self._unrealized - account_position.unrealized * share
        realized = unrealized_of(position, price) * share
        return self.wallet + realized - margin + min(ZERO, open_profit)

    def equity_at(self, account_position: AccountPosition, price: Decimal) -> Decimal:
        """``equity`` with the market of ``account_position`` at ``price``."""
        position = account_position.position
        others = (
            self.wallet if len(self.positions) == 1 else self.equity - account_position.unrealized
        )
        return others if position is None else others + unrealized_of(position, price)

    def pay_funding(self, account_position: AccountPosition, rate: Decimal, at_ms: Ms) -> Decimal:
        """Pay (or receive) ``rate`` of the position's value; return the received amount.

        It is paid from the free balance, then from the position's margin, and never more than
        both. Bybit, "Position Margin", and Binance for isolated positions.
        """
        position, last = account_position.position, account_position.market.last
        if position is None or last is None or not rate:
            return ZERO
        due = position.quantity * last * rate * position.side.sign
        from_free = min(due, max(ZERO, self.free))
        from_margin = min(due - from_free, margin_of(position)) if due > 0 else ZERO
        paid = due if due < 0 else from_free + from_margin
        self.wallet -= paid
        if from_margin:
            account_position.set_position(
                replace(position, margin_paid=position.margin_paid + from_margin)
            )
        if self.observer is not None:
            self.observer.on_change(account_position, at_ms)
        return -paid

    def new_order_id(self) -> str:
        self.orders_made += 1
        return str(self.orders_made)

    def book(
        self,
        account_position: AccountPosition,
        order: EngineOrder,
        *,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        at_ms: Ms,
        forced: ForcedClose | None = None,
    ) -> None:
        """Let ``quantity`` of ``order`` trade at ``price``: wallet, position and fills follow."""
        self.trades_made += 1
        request = order.request
        instrument = account_position.market.instrument
        netted = net(
            account_position.position,
            symbol=request.symbol,
            side=request.side,
            quantity=quantity,
            price=price,
            leverage=leverage_of(request, instrument),
        )
        self.wallet += netted.realized - fee
        account_position.set_position(netted.position)
        if self.observer is not None:
            self.observer.on_change(account_position, at_ms)
        order.filled += quantity
        order.updated_at_ms = at_ms
        order.fills.append(
            Fill(
                trade_id=f"t{self.trades_made}",
                client_order_id=request.client_order_id,
                symbol=request.symbol,
                side=request.side,
                quantity=quantity,
                price=price,
                fee=fee,
                fee_currency=instrument.quote,
                filled_at_ms=at_ms,
                forced=forced,
            )
        )

    @property
    def _retention_ms(self) -> int:
        return ORDER_RETENTION_MS if len(self._ended) <= _MAX_ENDED else _MIN_RETENTION_MS

    def keep_ended(self, order: EngineOrder) -> None:
        """Keep an ended order for look-ups."""
        self._ended.append(order)

    def evict_ended(self, now_ms: Ms) -> list[ClientOrderId]:
        """Drop orders that ended too long ago to be looked up; return their ids.

        A daemon that restarts after days looks up its ended orders: the newest stay longest.
        """
        forgotten = []
        while self._ended and self._ended[0].updated_at_ms < now_ms - self._retention_ms:
            client_order_id = self._ended.popleft().request.client_order_id
            del self.orders[client_order_id]
            forgotten.append(client_order_id)
        return forgotten

    def fills_since(self, at_ms: Ms) -> list[Fill]:
        """Fills at or after ``at_ms``, as far as they are kept, in order of trading."""
        fills = (fill for order in self.orders.values() for fill in order.fills)
        recent = (fill for fill in fills if fill.filled_at_ms >= at_ms)
        return sorted(recent, key=lambda fill: int(fill.trade_id.removeprefix("t")))
