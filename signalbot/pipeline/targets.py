"""Places a position's take profits, behind its stop: each is a reduce-only order of its own."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import structlog

from signalbot.decision.levels import split
from signalbot.domain.errors import OrderRejected
from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.orders import Leg, Order, OrderStatus, OrderType
from signalbot.domain.positions import Position
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.close import Closer
from signalbot.pipeline.intents import closing_request
from signalbot.pipeline.place import Placer, rejected, unsent
from signalbot.ports import Clock

log = structlog.get_logger()

_DEADLINE_S = 10.0
_MOST_RENEWALS = 5


class Targets:
    def __init__(self, trades: Trades, placer: Placer, closer: Closer, clock: Clock) -> None:
        self._trades = trades
        self._placer = placer
        self._closer = closer
        self._clock = clock

    async def place(self, account: Account, position: Position) -> None:
        """Place the targets that were never placed; withdraw those the position has no more.

        The exchange shrinks the others with the position.
        """
        if account.orders(position.symbol, Leg.ENTRY):
            return  # the entry is still filling; its size is not known yet
        for surplus in _surplus(account, position):
            await self._closer.withdraw(account, surplus)
            await self._take_off(account, surplus)
        current = account.positions.get(position.symbol)
        if current is None or current.position_id != position.position_id:
            return
        position = current
        waiting = [
            order
            for order in account.orders_of(position)
            if order.request.leg is Leg.TAKE_PROFIT and order.status is OrderStatus.INTENDED
        ]
        if sum((each.request.quantity for each in waiting), ZERO) > position.quantity:
            waiting = await self._resize(account, position, waiting)
        settled = [
            order
            for intent in waiting
            if position.symbol in account.positions
            and (order := await self._place(account, intent)) is not None
        ]
        if settled:
            self._trades.save_orders_later(settled)

    async def _take_off(self, account: Account, surplus: Order) -> None:
        """What a withdrawn target has filled meanwhile need not leave at its price once more."""
        ended = await self._trades.order(surplus.client_order_id)
        filled = ZERO if ended is None else ended.filled - surplus.filled
        for order in account.working.get(surplus.request.symbol, {}).copy().values():
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
                await self._closer.forget(account, order, why="its part has left already")
                continue
            smaller = replace(request, quantity=left)
            await self._trades.shrink([smaller], [])
            account.keep(Order(request=smaller))

    async def renew(self, account: Account, ended: Order) -> None:
        """A target ended before all of it had filled, by no cancel of ours: the rest rests again.

        ``protect`` places it. What the exchange goes on ending is not placed for ever.
        """
        position = account.positions.get(ended.request.symbol)
        left = ended.request.quantity - ended.filled
        if position is None or position.position_id != ended.request.position_id or left <= ZERO:
            return
        attempt = account.next_attempt(position.position_id, Leg.TAKE_PROFIT)
        lives_ms = account.trading.stop_lives_ms(position.symbol)
        age_ms = self._clock.now_ms() - ended.request.intended_at_ms
        has_run_out = lives_ms is not None and age_ms >= lives_ms
        if attempt >= len(position.take_profits) + _MOST_RENEWALS and not has_run_out:
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
        account.keep(Order(request=request))

    async def _place(self, account: Account, order: Order) -> Order | None:
        """Place one target; return it to be saved, or None if it has been booked already."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                report = await self._placer.place(account, order.request)
        except OrderRejected as e:
            log.warning("order.rejected", user_id=account.user_id, leg="take_profit", reason=str(e))
            account.keep(refused := rejected(order, e, self._clock))
            await self._trades.save_order(refused)
            await self._take_now(account, refused)
            return None
        except TimeoutError:
            account.keep(unknown := replace(order, status=OrderStatus.UNKNOWN))
            return unknown
        if report.filled:
            await self._closer.book(account, order, report)
            return None
        account.keep(placed := order.apply(report))
        return placed

    async def _take_now(self, account: Account, refused: Order) -> None:
        """A target was refused. If the price is already beyond it, its share leaves at market."""
        position = account.positions[refused.request.symbol]
        price = account.market.last_price(position.symbol)
        aim = refused.request.trigger_price
        if price is None or aim is None or (price - aim) * position.side.sign < 0:
            return
        quantity = min(refused.request.quantity, position.quantity)
        await self._closer.exit(account, position, quantity=quantity, leg=Leg.TAKE_PROFIT)
        if position.symbol not in account.positions:
            await self._closer.release(account, position)

    async def _resize(
        self, account: Account, position: Position, planned: Sequence[Order]
    ) -> list[Order]:
        """Targets were planned for more than was filled: divide what there is in their place."""
        total = sum((order.request.quantity for order in planned), ZERO)
        levels = [
            (order.request.trigger_price or ZERO, order.request.quantity / total * HUNDRED)
            for order in planned
        ]
        instrument = account.market.instrument(position.symbol)
        aims = split(levels, quantity=position.quantity, instrument=instrument)
        resized = replace(position, take_profits=aims)
        requests = [
            closing_request(
                resized,
                leg=Leg.TAKE_PROFIT,
                type_=OrderType.TAKE_PROFIT,
                trigger=aim.price,
                quantity=aim.quantity,
                attempt=account.next_attempt(position.position_id, Leg.TAKE_PROFIT),
                now_ms=self._clock.now_ms(),
            )
            for aim in aims
        ]
        why = "planned for more than was filled"
        dropped = [unsent(order, why, self._clock) for order in planned]
        await self._trades.save_position(resized, dropped)
        await self._trades.intend(requests)
        account.hold(resized)
        for order in dropped:
            account.keep(order)
        return [Order(request=request) for request in requests]


def _surplus(account: Account, position: Position) -> list[Order]:
    """Orders that are no target of the position any more, be they sent or not.

    Each price has one order: of several, one of the quantity the position wants there, else the
    one that was intended last.
    """
    wanted = {aim.price: aim.quantity for aim in position.take_profits}
    resting: dict[Decimal, list[Order]] = defaultdict(list)
    surplus: list[Order] = []
    for order in account.orders_of(position):
        price = order.request.trigger_price
        if order.request.type is not OrderType.TAKE_PROFIT or price is None:
            continue
        (resting[price] if price in wanted else surplus).append(order)
    for price, orders in resting.items():
        orders.sort(
            key=lambda each: (
                each.request.quantity == wanted[price],
                each.request.intended_at_ms,
            )
        )
        surplus += orders[:-1]
    return surplus
