"""One user's money, positions and orders at the simulated venue.

An Account has a Stake in every Listing it ever traded; each knows the other two.
"""

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from signalbot.domain.market import Candle, Instrument
from signalbot.domain.money import ZERO
from signalbot.domain.orders import ClientOrderId, Fill, Forced, OrderReport
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.levels import Level, Levels
from signalbot.exchange.simulated.netting import (
    leverage_of,
    liquidation_of,
    margin_of,
    net,
    unrealized_of,
)
from signalbot.exchange.simulated.order import VenueOrder
from signalbot.ledger.simulated import KEPT_MS, SimulatedPosition
from signalbot.stream import Stream

_MOST_ENDED = 100  # of one account: more than it can ever have had resting
_LEAST_KEPT_MS = 900_000  # whatever is in doubt has been looked up by then


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where the price went; a tick is a range without width."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    at_ms: Ms  #: when it was there: what trades within it trades then


class Listing:
    """One market of the venue: its rules, its last price, and every level anybody waits for."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.last: Decimal | None = None
        self.moved_ms = EPOCH  #: when the price was last told
        self.ahead: Candle | None = None  #: where the price will go next, if that is known
        self.levels: Levels[Stake] = Levels()

    def price_at(self, at_ms: Ms) -> Decimal | None:
        """The last price; where the way ahead is known, how far along it the price is by then.

        A candle is taken to have gone in three equal parts from its open to the extreme its close
        is away from, to the other one, and to its close.
        """
        ahead = self.ahead
        if ahead is None or not ahead.open_ms < at_ms < ahead.close_ms:
            return self.last
        falls = ahead.close >= ahead.open
        turns = (ahead.low, ahead.high) if falls else (ahead.high, ahead.low)
        path = (ahead.open, *turns, ahead.close)
        parts, length_ms = len(path) - 1, ahead.close_ms - ahead.open_ms
        part, within = divmod((at_ms - ahead.open_ms) * parts, length_ms)
        begin, end = path[part], path[part + 1]
        return self.instrument.round_price(begin + (end - begin) * within / length_ms)


class Stake:
    """Keeps the listing's levels in step with the position and the resting orders."""

    def __init__(self, account: "Account", listing: Listing) -> None:
        self.account = account
        self.listing = listing
        self.position: SimulatedPosition | None = None
        self.resting: dict[VenueOrder, Level[Stake]] = {}  #: oldest first
        self.liquidation: Level[Stake] | None = None
        self.entered: Move | None = None  #: the last range, if a resting entry traded in it
        self.is_overdue = False  #: that range went on beyond the liquidation; no stop was sent yet

    @property
    def margin(self) -> Decimal:
        return ZERO if self.position is None else margin_of(self.position)

    @property
    def unrealized(self) -> Decimal:
        """At the last price; zero while none is known."""
        if self.position is None or self.listing.last is None:
            return ZERO
        return unrealized_of(self.position, self.listing.last)

    def rest(self, order: VenueOrder, price: Decimal) -> None:
        """Let ``order`` wait for ``price``."""
        level = Level(price, order.touched_by_fall, self)
        self.resting[order] = level
        self.listing.levels.add(level)

    def remove(self, order: VenueOrder) -> None:
        """Stop waiting; an order that does not rest changes nothing."""
        level = self.resting.pop(order, None)
        if level is not None:
            self.listing.levels.remove(level)

    def hold(self, position: SimulatedPosition | None) -> None:
        """Replace the position, and with it the price of its liquidation."""
        self.position = position
        if self.liquidation is not None:
            self.listing.levels.remove(self.liquidation)
            self.liquidation = None
        if position is None:
            self.is_overdue = False
            return
        price = liquidation_of(position, self.listing.instrument)
        if price is not None:
            self.liquidation = Level(price, position.side.sign > 0, self)
            self.listing.levels.add(self.liquidation)


class Observer(Protocol):
    """Is told what an account's equity is made of, whenever that changes."""

    def changed(self, stake: Stake, at_ms: Ms) -> None:
        """A fill or a funding payment has changed wallet or position."""
        ...

    def visited(self, stake: Stake, price: Decimal, at_ms: Ms) -> None:
        """The price was there within a range in which something traded."""
        ...

    def entered(self, stake: Stake, price: Decimal, at_ms: Ms) -> None:
        """A resting entry has filled at ``price`` within the range."""
        ...

    def stopped(self, stake: Stake, price: Decimal, at_ms: Ms) -> None:
        """A stop has ended that at ``price``: the range went on without the position."""
        ...


class Account:
    """Numbers its orders and trades by itself, so accounts do not depend on one another."""

    def __init__(self, user_id: UserId, wallet: Decimal) -> None:
        self.user_id = user_id
        self.wallet = wallet  #: quote units: deposits, realized profits and fees
        self.observer: Observer | None = None
        self.answers_when_durable = True  #: an order is on disk before its sender hears of it
        self.stakes: dict[str, Stake] = {}  #: by symbol
        self.orders: dict[ClientOrderId, VenueOrder] = {}  #: resting, and ended of late
        self.orders_made = 0
        self.trades_made = 0
        self.events: Stream[OrderReport] = Stream()
        self._ended: deque[VenueOrder] = deque()  # oldest first

    @property
    def equity(self) -> Decimal:
        """Wallet plus what all positions would earn at the last prices."""
        return self.wallet + self._unrealized

    @property
    def free(self) -> Decimal:
        """What can become margin: no open profit counts, every open loss does."""
        margin = sum((stake.margin for stake in self.stakes.values()), ZERO)
        return self.wallet - margin + min(ZERO, self._unrealized)

    @property
    def _unrealized(self) -> Decimal:
        return sum((stake.unrealized for stake in self.stakes.values()), ZERO)

    def free_after_closing(self, stake: Stake, quantity: Decimal, price: Decimal) -> Decimal:
        """``free`` once ``quantity`` of a position (at most all of it) is closed at ``price``."""
        position = stake.position
        if position is None or not quantity:
            return self.free
        share = quantity / position.quantity
        margin = sum((each.margin for each in self.stakes.values()), -stake.margin * share)
        open_profit = self._unrealized - stake.unrealized * share
        realized = unrealized_of(position, price) * share
        return self.wallet + realized - margin + min(ZERO, open_profit)

    def equity_at(self, stake: Stake, price: Decimal) -> Decimal:
        """``equity`` with the market of ``stake`` at ``price``."""
        position = stake.position
        others = self.wallet if len(self.stakes) == 1 else self.equity - stake.unrealized
        return others if position is None else others + unrealized_of(position, price)

    def pay_funding(self, stake: Stake, rate: Decimal, at_ms: Ms) -> Decimal:
        """Pay (or receive) ``rate`` of the position's value; return what was received.

        It comes out of the free balance; what that lacks, out of the position's margin, and never
        more than is there. Bybit, "Position Margin", and Binance for isolated positions.
        """
        position, last = stake.position, stake.listing.last
        if position is None or last is None or not rate:
            return ZERO
        due = position.quantity * last * rate * position.side.sign
        from_free = min(due, max(ZERO, self.free))
        from_margin = min(due - from_free, margin_of(position)) if due > 0 else ZERO
        paid = due if due < 0 else from_free + from_margin
        self.wallet -= paid
        if from_margin:
            stake.hold(replace(position, margin_paid=position.margin_paid + from_margin))
        if self.observer is not None:
            self.observer.changed(stake, at_ms)
        return -paid

    def new_order_id(self) -> str:
        self.orders_made += 1
        return str(self.orders_made)

    def book(
        self,
        stake: Stake,
        order: VenueOrder,
        *,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        at_ms: Ms,
        forced: Forced | None = None,
    ) -> None:
        """Let ``quantity`` of ``order`` trade at ``price``: wallet, position and fills follow."""
        self.trades_made += 1
        request = order.request
        instrument = stake.listing.instrument
        netted = net(
            stake.position,
            symbol=request.symbol,
            side=request.side,
            quantity=quantity,
            price=price,
            leverage=leverage_of(request, instrument),
        )
        self.wallet += netted.realized - fee
        stake.hold(netted.position)
        if self.observer is not None:
            self.observer.changed(stake, at_ms)
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
    def _kept_ms(self) -> int:
        return KEPT_MS if len(self._ended) <= _MOST_ENDED else _LEAST_KEPT_MS

    def remember(self, order: VenueOrder) -> None:
        """Keep an ended order for look-ups."""
        self._ended.append(order)

    def forget(self, now_ms: Ms) -> list[ClientOrderId]:
        """Drop the orders that ended too long ago to be looked up; return their ids.

        Who comes back after days looks up what has ended meanwhile: the newest stay longest.
        """
        forgotten = []
        while self._ended and self._ended[0].updated_at_ms < now_ms - self._kept_ms:
            client_order_id = self._ended.popleft().request.client_order_id
            del self.orders[client_order_id]
            forgotten.append(client_order_id)
        return forgotten

    def fills_since(self, at_ms: Ms) -> list[Fill]:
        """Fills at or after ``at_ms``, as far as they are remembered, in order of trading."""
        fills = (fill for order in self.orders.values() for fill in order.fills)
        recent = (fill for fill in fills if fill.filled_at_ms >= at_ms)
        return sorted(recent, key=lambda fill: int(fill.trade_id.removeprefix("t")))
