"""Closes a position that closing orders have opened on the opposite side.

Reduce-only orders cannot do that, but some exchanges do not support the flag for stops, and two
orders may close the same position at once. So the holding is read after every close.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import dropwhile
from typing import Final

import structlog

from signalbot.domain.errors import OrderRejected, Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO, text
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Leg,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    client_order_id_of,
)
from signalbot.domain.positions import Position
from signalbot.domain.timeframe import Ms
from signalbot.ledger.position_mismatches import OppositePositions
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.orders.order_intents import closing_request
from signalbot.pipeline.orders.order_placement import OrderPlacer, mark_rejected
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.ports import Clock, Holding
from signalbot.tasks import crash_point

log = structlog.get_logger()

_EXIT_TIMEOUT_S: Final = 30.0
_LOOKBACK_MS: Final = 7 * 86_400_000
_SPARE_ATTEMPTS: Final = 32  # attempt numbers of orders that were never committed
_CLOCK_SKEW_MS: Final = 60_000  # largest difference between our clock and the exchange's


def net_and_overshoot(
    fills: Iterable[Fill], closing: Collection[ClientOrderId]
) -> tuple[Decimal, Decimal]:
    """Return the net quantity of ``fills``, and how much orders in ``closing`` overshot.

    ``fills`` are those since a position was opened. The net is positive when long. The overshoot
    is what closing orders added while nothing, or the opposite side, was held.
    """
    net, overshoot = ZERO, ZERO
    for fill in sorted(fills, key=lambda each: (each.filled_at_ms, each.trade_id)):
        change = fill.quantity if fill.side is OrderSide.BUY else -fill.quantity
        after = net + change
        if net * change < 0 <= net * after:  # smaller, or flat
            overshoot = min(overshoot, abs(after))
        else:
            added = abs(after) if net * after < 0 else abs(change)
            before = ZERO if net * after < 0 else overshoot
            overshoot = before + (added if fill.client_order_id in closing else ZERO)
        net = after
    return net, overshoot


def _own_orders(orders: Sequence[Order]) -> list[Order]:
    """Return the orders with ids we made: exits by the owner are booked as orders, too."""
    attempts = range(len(orders) + _SPARE_ATTEMPTS)

    def is_sent(order: Order) -> bool:
        request = order.request
        return request.signal_id is not None and any(
            order.client_order_id
            == client_order_id_of(
                signal_id=request.signal_id,
                user_id=request.user_id,
                leg=request.leg,
                attempt=attempt,
            )
            for attempt in attempts
        )

    return [order for order in orders if is_sent(order)]


def _ids(orders: Iterable[Order], *, is_entry: bool) -> set[ClientOrderId]:
    """Return both ids of each order: fills of unmatched orders carry the exchange's id."""
    chosen = [each for each in orders if (each.request.leg is Leg.ENTRY) is is_entry]
    theirs = {ClientOrderId(each.exchange_order_id) for each in chosen if each.exchange_order_id}
    return theirs | {each.client_order_id for each in chosen}


def _since_entry(fills: Iterable[Fill], entries: Collection[ClientOrderId]) -> list[Fill]:
    """Return the fills from the position's first entry fill on, in order."""
    ordered = sorted(fills, key=lambda each: (each.filled_at_ms, each.trade_id))
    return list(dropwhile(lambda each: each.client_order_id not in entries, ordered))


class OppositePositionGuard:
    """Closes opposite positions that provably come from our closing orders."""

    def __init__(
        self,
        *,
        trades: Trades,
        opposites: OppositePositions,
        fill_booker: FillBooker,
        order_placer: OrderPlacer,
        unresolved_orders: UnresolvedOrderQueue,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._opposites = opposites
        self._fill_booker = fill_booker
        self._order_placer = order_placer
        self._unresolved_orders = unresolved_orders
        self._clock = clock

    async def check(self, account: Account, closed: Position) -> None:
        """Check the holding after a position was closed. The symbol's lock is held.

        If it cannot be read, entries in the symbol wait for the next comparison.
        """
        symbol = closed.symbol
        if account.market.instrument(symbol).kind is not MarketKind.SWAP:
            return
        try:
            holdings = await account.trading_broker.holdings({}, is_urgent=True)
            holding = next((each for each in holdings if each.symbol == symbol), None)
            if holding is not None:
                await self.close(account, closed, holding)
        except Unavailable as e:
            account.mark_unresolved(symbol)
            log.debug("position.fetch_failed", user_id=account.user_id, symbol=symbol, cause=str(e))

    async def close_latest(self, account: Account, holding: Holding) -> bool:
        """Close ``holding`` if the last position closed on the opposite side explains it.

        Raises:
            Unavailable: fills cannot be read.
        """
        since_ms = Ms(
            self._clock.now_ms() - account.trading_broker.visibility_lag_ms - _LOOKBACK_MS
        )
        closed = [
            each
            for each in await self._trades.closed_since(account.user_id, since_ms)
            if each.symbol == holding.symbol and each.side is not holding.side
        ]
        if not closed:
            return False
        latest = max(closed, key=lambda each: each.closed_at_ms or 0)
        return await self.close(account, latest, holding)

    async def close(self, account: Account, closed: Position, holding: Holding) -> bool:
        """Close what closing orders of ``closed`` have opened; True if an order was sent.

        Nothing is sent unless fills explain the whole holding: it may be the owner's.

        Raises:
            Unavailable: fills cannot be read.
        """
        if holding.side is closed.side or closed.symbol in account.positions:
            return False
        stored = await self._trades.orders_of_position(closed.position_id)
        account.reset_attempts(
            closed.position_id, stored
        )  # counters of closed positions may be gone
        orders = _own_orders(stored)
        if any(each.request.leg is Leg.EXIT and not each.status.is_final for each in orders):
            return False  # an exit may still fill
        entries, closing = _ids(orders, is_entry=True), _ids(orders, is_entry=False)
        since_ms = Ms(closed.opened_at_ms - _CLOCK_SKEW_MS)
        fills = await account.trading_broker.fills(closed.symbol, since_ms=since_ms)
        net, overshoot = net_and_overshoot(_since_entry(fills, entries), closing)
        if net != holding.quantity * holding.side.sign or not overshoot:
            return False
        await self._send(account, replace(closed, side=holding.side), quantity=overshoot)
        return True

    async def _send(self, account: Account, opposite: Position, *, quantity: Decimal) -> None:
        request = closing_request(
            opposite,
            leg=Leg.EXIT,
            type_=OrderType.MARKET,
            quantity=quantity,
            attempt=account.next_attempt(opposite.position_id, Leg.EXIT),
            now_ms=self._clock.now_ms(),
        )
        log.error(
            "position.opposite_found",
            user_id=account.user_id,
            symbol=opposite.symbol,
            position_id=opposite.position_id,
            side=opposite.side.value,
            quantity=text(quantity),
        )
        order = Order(request=request)
        await self._trades.intend([request])
        await self._opposites.put(opposite, request)
        account.track_order(order)
        crash_point("opposite.intended")
        try:
            async with asyncio.timeout(_EXIT_TIMEOUT_S):
                report = await self._order_placer.place(account, request)
        except OrderRejected as e:
            account.track_order(rejected := mark_rejected(order, e, self._clock))
            await self._trades.save_order(rejected)
            log.warning("order.rejected", user_id=account.user_id, leg="exit", reason=str(e))
        except TimeoutError:
            account.track_order(
                unknown := replace(order, status=OrderStatus.UNKNOWN, error="no response")
            )
            account.mark_unresolved(opposite.symbol)
            await self._trades.save_order(unknown)
            self._unresolved_orders.add(account, unknown)
        else:
            await self._fill_booker.book(account, order, report)
