"""Executes an exit that closes a part of a position: exit order, then stop, then targets.

The exit order's id derives from its signal and is committed with the claim, so that after a crash
it is looked up under that id and never sent twice.
"""

import structlog

from signalbot.domain.executions import Execution
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import (
    Leg,
    Order,
    OrderRequest,
    OrderStatus,
)
from signalbot.domain.positions import Position
from signalbot.domain.signals import Signal
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.partial_exit_sending import PartialExitSender, open_position_of
from signalbot.pipeline.execution.partial_exit_settlement import PartialExitSettler
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.protection import Protector
from signalbot.tasks import crash_point

log = structlog.get_logger()


class PartialExitExecutor:
    """Executes claimed partial exits, also those that a previous process began."""

    def __init__(
        self,
        *,
        trades: Trades,
        sender: PartialExitSender,
        settler: PartialExitSettler,
        position_closer: PositionCloser,
        protector: Protector,
        unresolved_orders: UnresolvedOrderQueue,
    ) -> None:
        self._trades = trades
        self._sender = sender
        self._settler = settler
        self._position_closer = position_closer
        self._protector = protector
        self._unresolved_orders = unresolved_orders

    async def reduce(
        self, account: Account, signal: Signal, execution: Execution, request: OrderRequest
    ) -> None:
        """Send a claimed partial exit and adjust stop and targets. The symbol's lock is held.

        While another exit of the position is unresolved, nothing is sent and the claim waits. The
        quantity sent is the signal's part of the current holding, at most the claimed quantity.
        """
        order = Order(request=request)
        position = account.positions.get(request.symbol)
        account.track_order(order)
        crash_point("reduction.intended")
        if position is not None and _must_wait(account, position, request):
            self._unresolved_orders.add(account, order)
            return
        if position is not None and _stop_locks_coins(account, position):
            await self._position_closer.cancel_protection(account, position)
        order = await self._sender.send(account, signal, order)
        if order.status.is_final:
            await self._settler.settle(account, signal, execution, order)
        else:
            await self._protector.protect(account, request.symbol)

    async def settle(self, account: Account, execution: Execution, order: Order) -> None:
        """Complete the claim of a partial exit order that is final."""
        async with account.lock(order.request.symbol):
            loaded = await self._settler.load(account, execution.signal_id)
            if loaded is not None and not loaded[1].status.is_settled:
                await self._settler.settle(account, *loaded, order)

    async def not_received(self, account: Account, order: Order) -> None:
        """Handle a partial exit that the exchange provably does not have. The lock is held.

        One that a previous process never sent is sent now. One that got no response is given up:
        a second order could close more than the signal's part.
        """
        signal_id = order.request.signal_id
        loaded = await self._settler.load(account, signal_id)
        if loaded is None:
            return
        signal, execution = loaded
        is_held = open_position_of(account, order.request) is not None
        if order.status is OrderStatus.INTENDED and is_held:
            log.info("execution.resumed", user_id=account.user_id, signal_id=signal_id)
            await self.reduce(account, signal, execution, order.request)
            return
        await self._position_closer.drop_order(account, order, why="the exchange never received it")
        dropped = await self._trades.order(order.client_order_id)
        if dropped is not None and not execution.status.is_settled:
            await self._settler.settle(account, signal, execution, dropped)


def _must_wait(account: Account, position: Position, request: OrderRequest) -> bool:
    """Whether another exit may be at the exchange, or is to be sent before this one.

    Of unsent exits only those intended earlier count, so that no two wait for each other.
    """
    this = (request.intended_at_ms, request.client_order_id)
    return any(
        order.request.leg is Leg.EXIT
        and order.client_order_id != request.client_order_id
        and not order.status.is_final
        and (
            order.status is not OrderStatus.INTENDED
            or (order.request.intended_at_ms, order.client_order_id) < this
        )
        for order in account.orders_of(position)
    )


def _stop_locks_coins(account: Account, position: Position) -> bool:
    """Whether a live stop reserves the coins to be sold, as it does on spot."""
    return account.market.instrument(position.symbol).kind is MarketKind.SPOT
