"""Places a position's take profits, each as a separate reduce-only order, after its stop."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import structlog

from signalbot.decision.levels import split_targets
from signalbot.domain.errors import OrderRejected
from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.orders import Leg, Order, OrderStatus, OrderType
from signalbot.domain.positions import Position
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.order_intents import closing_request
from signalbot.pipeline.orders.order_placement import OrderPlacer, mark_rejected, mark_unsent
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.ports import Clock

log = structlog.get_logger()

_PLACE_TIMEOUT_S = 10.0
_MAX_RENEWALS = 5


class TakeProfitPlacer:
    """Keeps the take-profit orders in step with the position's targets."""

    def __init__(
        self,
        trades: Trades,
        order_placer: OrderPlacer,
        position_closer: PositionCloser,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._order_placer = order_placer
        self._position_closer = position_closer
        self._clock = clock

    async def place(self, account: Account, position: Position) -> None:
        """Place targets that were never sent; cancel orders that match no target any more.

        The exchange shrinks the other reduce-only orders with the position.
        """
        if account.orders(position.symbol, Leg.ENTRY):
            return  # the entry is still filling, so the size is not final
        for surplus in _surplus(account, position):
            await self._position_closer.cancel_and_book(account, surplus)
            await self._deduct_filled(account, surplus)
        current = account.positions.get(position.symbol)
        if current is None or current.position_id != position.position_id:
            return
        position = current
        unsent = [
            order
            for order in account.orders_of(position)
            if order.request.leg is Leg.TAKE_PROFIT and order.status is OrderStatus.INTENDED
        ]
        if sum((each.request.quantity for each in unsent), ZERO) > position.quantity:
            unsent = await self._resize(account, position, unsent)
        placed = [
            order
            for intent in unsent
            if position.symbol in account.positions
            and (order := await self._place(account, intent)) is not None
        ]
        if placed:
            self._trades.save_orders_later(placed)

    async def _deduct_filled(self, account: Account, surplus: Order) -> None:
        """Deduct the last fills of a cancelled target from the unsent one at its price."""
        stored = await self._trades.order(surplus.client_order_id)
        filled = ZERO if stored is None else stored.filled - surplus.filled
        for order in list(account.working_orders.get(surplus.request.symbol, {}).values()):
            request = order.request
            if (
                filled <= ZERO
                or order.status is not OrderStatus.INTENDED
                or request.type is not OrderType.TAKE_PROFIT
                or request.trigger_price != surplus.request.trigger_price
            ):
                continue
            left = request.quantity - filled
            least = account.market.instrument(request.symbol).smallest_quantity(
                request.trigger_price or ZERO
            )
            if left < least:
                await self._position_closer.drop_order(
                    account, order, why="its part is already filled"
                )
                continue
            smaller = replace(request, quantity=left)
            await self._trades.shrink([smaller], [])
            account.track_order(Order(request=smaller))

    async def renew(self, account: Account, ended: Order) -> None:
        """Intend the rest of a target that the exchange ended before it was filled.

        ``protect`` places it. The number of renewals is limited, except for orders that reached
        the exchange's order lifetime.
        """
        position = account.positions.get(ended.request.symbol)
        left = ended.request.quantity - ended.filled
        if position is None or position.position_id != ended.request.position_id or left <= ZERO:
            return
        attempt = account.next_attempt(position.position_id, Leg.TAKE_PROFIT)
        lifetime_ms = account.trading_broker.stop_lifetime_ms(position.symbol)
        age_ms = self._clock.now_ms() - ended.request.intended_at_ms
        has_expired = lifetime_ms is not None and age_ms >= lifetime_ms
        if attempt >= len(position.take_profits) + _MAX_RENEWALS and not has_expired:
            return
        request = closing_request(
            position,
            leg=Leg.TAKE_PROFIT,
            type_=OrderType.TAKE_PROFIT,
            trigger=ended.request.trigger_price,
            quantity=min(left, position.quantity),
            attempt=attempt,
            now_ms=self._clock.now_ms(),
        )
        await self._trades.intend([request])
        account.track_order(Order(request=request))

    async def _place(self, account: Account, order: Order) -> Order | None:
        """Place one target and return it for saving; None if it has already been saved."""
        try:
            async with asyncio.timeout(_PLACE_TIMEOUT_S):
                report = await self._order_placer.place(account, order.request)
        except OrderRejected as e:
            log.warning("order.rejected", user_id=account.user_id, leg="take_profit", reason=str(e))
            account.track_order(rejected := mark_rejected(order, e, self._clock))
            await self._trades.save_order(rejected)
            await self._exit_at_market(account, rejected)
            return None
        except TimeoutError:
            account.track_order(unknown := replace(order, status=OrderStatus.UNKNOWN))
            return unknown
        if report.filled:
            await self._position_closer.book(account, order, report)
            return None
        account.track_order(placed := order.apply(report))
        return placed

    async def _exit_at_market(self, account: Account, rejected: Order) -> None:
        """Close a rejected target's share at market if the price has already passed the target."""
        position = account.positions[rejected.request.symbol]
        price = account.market.last_price(position.symbol)
        target = rejected.request.trigger_price
        if price is None or target is None or (price - target) * position.side.sign < 0:
            return
        quantity = min(rejected.request.quantity, position.quantity)
        await self._position_closer.send_exit(
            account, position, quantity=quantity, leg=Leg.TAKE_PROFIT
        )
        if position.symbol not in account.positions:
            await self._position_closer.cancel_protection(account, position)

    async def _resize(
        self, account: Account, position: Position, planned: Sequence[Order]
    ) -> list[Order]:
        """Replace targets that were planned for more than was filled; they keep their shares."""
        total = sum((order.request.quantity for order in planned), ZERO)
        levels = [
            (order.request.trigger_price or ZERO, order.request.quantity / total * HUNDRED)
            for order in planned
        ]
        instrument = account.market.instrument(position.symbol)
        take_profits = split_targets(levels, quantity=position.quantity, instrument=instrument)
        resized = replace(position, take_profits=take_profits)
        requests = [
            closing_request(
                resized,
                leg=Leg.TAKE_PROFIT,
                type_=OrderType.TAKE_PROFIT,
                trigger=level.price,
                quantity=level.quantity,
                attempt=account.next_attempt(position.position_id, Leg.TAKE_PROFIT),
                now_ms=self._clock.now_ms(),
            )
            for level in take_profits
        ]
        why = "planned for more than was filled"
        dropped = [mark_unsent(order, why, self._clock) for order in planned]
        await self._trades.save_position(resized, dropped)
        await self._trades.intend(requests)
        account.update_position(resized)
        for order in dropped:
            account.track_order(order)
        return [Order(request=request) for request in requests]


def _surplus(account: Account, position: Position) -> list[Order]:
    """Return orders, sent or unsent, that match no target of the position.

    Each target keeps one order: one of the right quantity, else the one intended last.
    """
    wanted = {level.price: level.quantity for level in position.take_profits}
    by_price: dict[Decimal, list[Order]] = defaultdict(list)
    surplus: list[Order] = []
    for order in account.orders_of(position):
        price = order.request.trigger_price
        if order.request.type is not OrderType.TAKE_PROFIT or price is None:
            continue
        (by_price[price] if price in wanted else surplus).append(order)
    for price, orders in by_price.items():
        orders.sort(
            key=lambda each: (
                each.request.quantity == wanted[price],
                each.request.intended_at_ms,
            )
        )
        surplus += orders[:-1]
    return surplus
