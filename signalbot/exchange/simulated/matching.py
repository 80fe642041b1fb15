"""Decides when an order trades, at what price, and in which order within one price range.

A range is walked as one path: from its open first against the position, then in its favor. So
a stop wins over a target in the same candle, nearer levels come before farther ones, and nothing
depends on what the candle hides. A range that opens beyond a position's liquidation price has
liquidated it before any of its orders could trade. The range that fills a resting entry liquidates
it only when the next one begins: its stop is sent in between, and may lie nearer.
"""

from collections.abc import Sequence
from decimal import Decimal

from signalbot.domain.market import Instrument
from signalbot.domain.money import HUNDRED, ONE, TEN_THOUSAND, ZERO
from signalbot.domain.orders import (
    ClientOrderId,
    ForcedClose,
    Leg,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    exit_side,
)
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.exchange.simulated.accounts import AccountPosition, PriceMove
from signalbot.exchange.simulated.netting import (
    bankruptcy_of,
    closable,
    margin_of,
    unrealized_of,
)
from signalbot.exchange.simulated.order import EngineOrder
from signalbot.exchange.simulated.price_levels import PriceLevel
from signalbot.exchange.simulated.randomness import first_fill_quantity
from signalbot.exchange.simulated.validation import insufficient_margin
from signalbot.ledger.simulated_store import SimulatedPosition
from signalbot.settings.simulation import SimulationRules

NOTHING_TO_REDUCE = "reduce-only, and there is no position to reduce"
_PARTIALLY_UNFILLED = "the rest found no counterparty"


class OrderMatcher:
    """Trades orders of one position at a time, with fees and chance; it has no state."""

    def __init__(self, exchange: str, rules: SimulationRules) -> None:
        self._exchange = exchange
        self._rules = rules
        self._taker = rules.taker_fee_percent / HUNDRED
        self._maker = rules.maker_fee_percent / HUNDRED
        self._slippage = rules.slippage_bps / TEN_THOUSAND

    def market_price(self, instrument: Instrument, side: OrderSide, price: Decimal) -> Decimal:
        """The price of a taker at market price ``price``: with slippage, on the tick."""
        if side is OrderSide.BUY:
            return instrument.ceil_price(price * (ONE + self._slippage))
        return max(instrument.tick, instrument.floor_price(price * (ONE - self._slippage)))

    def taker_fee(self, quantity: Decimal, price: Decimal) -> Decimal:
        return quantity * price * self._taker

    def fill_now(
        self, account_position: AccountPosition, order: EngineOrder, price: Decimal, at_ms: Ms
    ) -> None:
        """Trade ``order`` at ``price`` now; the caller has checked the margin."""
        self._fill(
            account_position,
            order,
            self._tradable_quantity(account_position, order),
            price,
            self._taker,
            at_ms,
        )

    def trade_through(
        self, account_position: AccountPosition, move: PriceMove
    ) -> list[EngineOrder]:
        """Trade every order that ``move`` reaches; return the changed orders."""
        changed: list[EngineOrder] = []
        observer, account_position.entry_move = account_position.account.observer, None
        is_passed = (
            account_position.liquidation is not None
            and account_position.liquidation.is_passed_by(move.open)
        )
        if account_position.position is not None and (is_passed or account_position.is_overdue):
            changed.append(self._liquidate(account_position, move.at_ms))
        account_position.is_overdue = False
        for price in _visited_prices(move, account_position.position):
            while (found := _nearest_trigger(account_position, price, changed)) is not None:
                changed.append(self._trade_level(account_position, *found, move))
            account_position.is_overdue = account_position.is_overdue or _becomes_overdue(
                account_position, price
            )
            if observer is not None:
                observer.on_visit(account_position, _worth(account_position, price), move.at_ms)
        return changed

    def trade_triggered(
        self, account_position: AccountPosition, order: EngineOrder, at_ms: Ms
    ) -> None:
        """Trade a stop that the entry's price range has reached already.

        Where that range opened beyond the trigger, the entry filled at the open, and so does the
        stop.
        """
        trigger, entered = order.request.trigger_price, account_position.entry_move
        assert trigger is not None  # noqa: S101 - a stop has one
        assert entered is not None  # noqa: S101 - or nothing would have been reached
        nearer = min if order.request.side is OrderSide.SELL else max
        price = nearer(trigger, entered.open)
        self._trade_triggered(account_position, order, price, at_ms)
        if account_position.account.observer is not None:
            account_position.account.observer.on_stop(account_position, price, at_ms)

    def _trade_level(
        self,
        account_position: AccountPosition,
        order: EngineOrder | SimulatedPosition,
        level: PriceLevel[AccountPosition],
        move: PriceMove,
    ) -> EngineOrder:
        if isinstance(order, SimulatedPosition):
            return self._liquidate(account_position, move.at_ms)
        price = move.open if level.is_passed_by(move.open) else level.price
        if order.is_limit:
            self._trade(account_position, order, price, self._maker, move.at_ms)
        else:
            self._trade_triggered(account_position, order, price, move.at_ms)
        if order.filled and not order.request.reduce_only and account_position.position is not None:
            account_position.entry_move = move
            if account_position.account.observer is not None:
                account_position.account.observer.on_entry(account_position, price, move.at_ms)
        return order

    def _trade_triggered(
        self, account_position: AccountPosition, order: EngineOrder, price: Decimal, at_ms: Ms
    ) -> None:  # fmt: skip
        """A stop or target becomes a market order at its trigger: it has slippage as any other.

        What closes an isolated position never trades beyond the price at which its margin is gone.
        """
        side = order.request.side
        instrument, position = account_position.market.instrument, account_position.position
        worse = self.market_price(instrument, side, price)
        if (
            position is not None
            and account_position.liquidation is not None
            and closable(position, side)
        ):
            limit = bankruptcy_of(position, instrument)
            worse = max(worse, limit) if side is OrderSide.SELL else min(worse, limit)
        self._trade(account_position, order, worse, self._taker, at_ms)

    def _trade(
        self,
        account_position: AccountPosition,
        order: EngineOrder,
        price: Decimal,
        fee_rate: Decimal,
        at_ms: Ms,
    ) -> None:
        """Trade a resting order, if its margin is still available."""
        request = order.request
        quantity = self._tradable_quantity(account_position, order)
        reason = None
        if not request.reduce_only:
            fee = quantity * price * fee_rate
            reason = insufficient_margin(
                account_position, request, quantity=quantity, price=price, fee=fee
            )
        if reason is None:
            self._fill(account_position, order, quantity, price, fee_rate, at_ms)
        else:
            order.end(OrderStatus.CANCELLED, at_ms, reason)

    def _fill(
        self,
        account_position: AccountPosition,
        order: EngineOrder,
        quantity: Decimal,
        price: Decimal,
        fee_rate: Decimal,
        at_ms: Ms,
    ) -> None:
        if not quantity:
            order.end(OrderStatus.CANCELLED, at_ms, NOTHING_TO_REDUCE)
            return
        fee = quantity * price * fee_rate
        if order.request.reduce_only and account_position.liquidation is not None:
            fee = min(fee, _remaining_margin(account_position, quantity, price))
        account_position.account.book(
            account_position, order, quantity=quantity, price=price, fee=fee, at_ms=at_ms
        )
        if order.request.reduce_only or not order.remaining:
            order.end(OrderStatus.FILLED, at_ms)
        elif order.is_limit:
            order.status = OrderStatus.PARTIALLY_FILLED
        else:
            order.end(OrderStatus.CANCELLED, at_ms, _PARTIALLY_UNFILLED)

    def _tradable_quantity(self, account_position: AccountPosition, order: EngineOrder) -> Decimal:
        request = order.request
        if request.reduce_only:
            return min(order.remaining, closable(account_position.position, request.side))
        if order.filled:
            return order.remaining
        return first_fill_quantity(self._rules, request, account_position.market.instrument)

    def _liquidate(self, account_position: AccountPosition, at_ms: Ms) -> EngineOrder:
        """Close the whole position at the price at which its margin is used up.

        The exchange takes the position over at that price, and keeps the result of closing it:
        the trader loses exactly the margin. Bybit and OKX, on isolated margin; where
        Binance charges a liquidation fee instead, that fee exceeds the maintenance margin.
        """
        account, position = account_position.account, account_position.position
        assert position is not None  # noqa: S101 - only what is held can be liquidated
        price = bankruptcy_of(position, account_position.market.instrument)
        order_id = account.new_order_id()
        request = OrderRequest(
            client_order_id=ClientOrderId(f"liquidation-{order_id}"),
            user_id=account.user_id,
            exchange=self._exchange,
            symbol=position.symbol,
            leg=Leg.EXIT,
            side=exit_side(position.side),
            type=OrderType.MARKET,
            quantity=position.quantity,
            reduce_only=True,
            leverage=position.leverage,
            intended_at_ms=at_ms,
        )
        order = EngineOrder(request=request, order_id=order_id, updated_at_ms=at_ms)
        account.orders[request.client_order_id] = order
        account.book(
            account_position,
            order,
            quantity=position.quantity,
            price=price,
            fee=max(ZERO, margin_of(position) + unrealized_of(position, price)),
            at_ms=at_ms,
            forced=ForcedClose.LIQUIDATION,
        )
        order.end(OrderStatus.FILLED, at_ms)
        return order


def _remaining_margin(
    account_position: AccountPosition, quantity: Decimal, price: Decimal
) -> Decimal:
    """The margin left to a part of the position at ``price``, which caps its closing fee."""
    position = account_position.position
    assert position is not None  # noqa: S101 - it has a price of liquidation
    remaining = margin_of(position) + unrealized_of(position, price)
    return max(ZERO, remaining * quantity / position.quantity)


def _visited_prices(move: PriceMove, position: SimulatedPosition | None) -> Sequence[Decimal]:
    """The prices visited: the open, the adverse extreme, the other one, the close.

    Without a position: as a candle that rose most often went, first down, and the other way round.
    """
    if move.low == move.high:
        return (move.open,)
    falls = position.side is Side.LONG if position is not None else move.close >= move.open
    first, second = (move.low, move.high) if falls else (move.high, move.low)
    return (move.open, first, second, move.close)


_Trigger = tuple[EngineOrder | SimulatedPosition, PriceLevel[AccountPosition]]
"""The event at a level: an order trades, or the position is liquidated."""


def _nearest_trigger(
    account_position: AccountPosition, price: Decimal, done: Sequence[EngineOrder]
) -> _Trigger | None:
    """The level first passed on the way to ``price``, except orders already ``done``."""
    found: list[_Trigger] = [
        (order, level)
        for order, level in account_position.resting.items()
        if level.is_passed_by(price) and order not in done
    ]
    position, liquidation = account_position.position, account_position.liquidation
    is_liquidated = account_position.entry_move is None and _is_liquidated_at(
        account_position, price
    )
    if position is not None and liquidation is not None and is_liquidated:
        found.append((position, liquidation))
    return min(found, key=_trigger_order, default=None)


def _worth(account_position: AccountPosition, price: Decimal) -> Decimal:
    """The price that values the position: beyond its liquidation nothing more can be lost."""
    position = account_position.position
    if position is None or not account_position.is_overdue:
        return price
    return bankruptcy_of(position, account_position.market.instrument)


def _becomes_overdue(account_position: AccountPosition, price: Decimal) -> bool:
    """Liquidated in the range of its entry, unless a stop, sent only after it, was hit before."""
    return account_position.entry_move is not None and _is_liquidated_at(account_position, price)


def _is_liquidated_at(account_position: AccountPosition, price: Decimal) -> bool:
    return account_position.liquidation is not None and account_position.liquidation.is_passed_by(
        price
    )


def _trigger_order(found: _Trigger) -> tuple[bool, Decimal, int]:
    """Sorts by distance; at the same price stops come first and the liquidation last."""
    order, level = found
    distance = level.price.copy_negate() if level.falling else level.price
    if isinstance(order, SimulatedPosition):
        return not level.falling, distance, 2
    return not level.falling, distance, 0 if order.is_stop else 1


def is_taker(request: OrderRequest, last: Decimal) -> bool:
    """Whether an order can trade at once when the market stands at ``last``."""
    if request.type is OrderType.MARKET:
        return True
    if request.type is not OrderType.LIMIT or request.price is None:
        return False
    return last <= request.price if request.side is OrderSide.BUY else last >= request.price


def is_protective_stop(request: OrderRequest) -> bool:
    """Whether an order is a stop that only reduces."""
    return request.type is OrderType.STOP and request.reduce_only


def is_stop_hit(account_position: AccountPosition, request: OrderRequest) -> bool:
    """Whether the range in which a resting entry traded has reached its first stop.

    The stop is sent once the fill is known, when the range is over. The order of prices within
    it is unknown, so the stop counts as hit, as everywhere within a candle.
    """
    move, position = account_position.entry_move, account_position.position
    if move is None or position is None or move.at_ms != account_position.market.moved_ms:
        return False
    trigger = request.trigger_price
    if not is_protective_stop(request) or trigger is None or not closable(position, request.side):
        return False
    return move.low <= trigger if request.side is OrderSide.SELL else move.high >= trigger
