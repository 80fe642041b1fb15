"""Sizes and sends the order of a partial exit, once."""

import asyncio
from dataclasses import replace

import structlog

from signalbot.decision.exits import partial_quantity
from signalbot.domain.errors import OrderRejected
from signalbot.domain.orders import (
    Order,
    OrderRequest,
    OrderStatus,
)
from signalbot.domain.positions import Position, PositionStatus
from signalbot.domain.signals import Signal
from signalbot.ledger.executions import Executions
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.orders.order_placement import OrderPlacer, mark_rejected
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.ports import Clock

log = structlog.get_logger()

_EXIT_TIMEOUT_S = 30.0


class PartialExitSender:
    """Sends partial exits, limited to the current holding."""

    def __init__(
        self,
        *,
        executions: Executions,
        trades: Trades,
        fill_booker: FillBooker,
        order_placer: OrderPlacer,
        position_closer: PositionCloser,
        unresolved_orders: UnresolvedOrderQueue,
        clock: Clock,
    ) -> None:
        self._executions = executions
        self._trades = trades
        self._fill_booker = fill_booker
        self._order_placer = order_placer
        self._position_closer = position_closer
        self._unresolved_orders = unresolved_orders
        self._clock = clock

    async def send(self, account: Account, signal: Signal, order: Order) -> Order:
        """Resize the order to the current holding and send it; return its state.

        The state is final if too little is left, if the exchange rejected the order, or once it is
        filled.
        """
        order = await self._sized(account, signal, order)
        return order if order.status.is_final else await self._place(account, signal, order)

    async def _sized(self, account: Account, signal: Signal, order: Order) -> Order:
        """Return the order resized to the current holding; final if too little is left."""
        request = order.request
        position = open_position_of(account, request)
        if position is None:
            why = "its position has been closed"
            return await self._position_closer.drop_order(account, order, why=why)
        instrument = account.market.instrument(request.symbol)
        price = account.market.last_price(request.symbol) or position.entry_price
        least = instrument.smallest_quantity(price)
        part = partial_quantity(
            position.quantity,
            signal.exit_percent,
            instrument=instrument,
            least=least,
            below_minimum=account.settings_for(position.strategy).sizing.below_minimum,
        )
        quantity = min(
            request.quantity, part, await self._position_closer.closable_quantity(account, position)
        )
        if quantity == request.quantity:
            return order
        if quantity < least:
            why = "its part of the remaining position is too small"
            return await self._position_closer.drop_order(account, order, why=why)
        smaller = Order(request=replace(request, quantity=quantity))
        await self._trades.shrink([smaller.request], [])
        account.track_order(smaller)
        return smaller

    async def _place(self, account: Account, signal: Signal, order: Order) -> Order:
        """Send the order and return its state; not final if it is open or its outcome unknown."""
        try:
            async with asyncio.timeout(_EXIT_TIMEOUT_S):
                found = await self._order_placer.place(account, order.request)
        except OrderRejected as e:
            rejected = mark_rejected(order, e, self._clock)
            account.track_order(rejected)
            await self._trades.save_order(rejected)
            log.warning("order.rejected", user_id=account.user_id, leg="exit", reason=str(e))
            return rejected
        except TimeoutError:
            unknown = replace(order, status=OrderStatus.UNKNOWN, error="no response")
            account.track_order(unknown)
            account.mark_unresolved(order.request.symbol)
            await self._trades.save_order(unknown)
            await self._executions.mark_unknown(
                signal.signal_id, account.user_id, details="no response to the exit order yet"
            )
            log.error(
                "order.outcome_pending", user_id=account.user_id, leg="exit", cause="no response"
            )
            self._unresolved_orders.add(account, unknown)
            return unknown
        recorded = await self._fill_booker.book(account, order, found)
        return recorded.order


def open_position_of(account: Account, request: OrderRequest) -> Position | None:
    """Return the position an exit reduces; None if it is closed or closing."""
    held = account.positions.get(request.symbol)
    if held is None or held.position_id != request.position_id:
        return None
    return held if held.status is PositionStatus.OPEN else None
