"""Executes an exit that closes a part of a position: exit order, then stop, then targets.

The exit order's id derives from its signal and is committed with the claim, so that after a crash
it is looked up under that id and never sent twice.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal

import structlog

from signalbot.decision.exits import partial_quantity, rescaled_targets
from signalbot.domain.errors import OrderRejected
from signalbot.domain.executions import Execution, ExecutionStatus
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import (
    Leg,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    client_order_id_of,
)
from signalbot.domain.positions import Position, PositionStatus
from signalbot.domain.signals import Signal, position_id_of
from signalbot.domain.timeframe import Ms
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.orders.entry_orders import EntryOrders, signal_slippage_bps
from signalbot.pipeline.orders.order_intents import closing_request
from signalbot.pipeline.orders.order_placement import OrderPlacer, mark_rejected
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.protection import Protector
from signalbot.ports import Clock
from signalbot.tasks import crash_point

log = structlog.get_logger()

_EXIT_TIMEOUT_S = 30.0


def partial_exit_request(
    signal: Signal, position: Position, *, quantity: Decimal, now_ms: Ms
) -> OrderRequest:
    """Return the market order of a partial exit, with its deterministic id."""
    request = closing_request(
        position,
        leg=Leg.EXIT,
        type_=OrderType.MARKET,
        quantity=quantity,
        attempt=0,
        now_ms=now_ms,
    )
    own_id = client_order_id_of(
        signal_id=signal.signal_id, user_id=position.user_id, leg=Leg.EXIT
    )  # fmt: skip
    return replace(request, client_order_id=own_id, signal_id=signal.signal_id)


def is_partial_exit(request: OrderRequest) -> bool:
    """Whether an order is a partial exit, made by ``partial_exit_request``.

    It has the id of the exit signal; other exits have that of the signal that opened the position.
    """
    if request.leg is not Leg.EXIT or request.signal_id is None:
        return False
    opened = position_id_of(signal_id=request.signal_id, user_id=request.user_id)
    return request.position_id != opened


class PartialExitExecutor:
    """Sends claimed partial exits and adjusts the position's protection to the rest."""

    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        fill_booker: FillBooker,
        order_placer: OrderPlacer,
        position_closer: PositionCloser,
        protector: Protector,
        entry_orders: EntryOrders,
        unresolved_orders: UnresolvedOrderQueue,
        clock: Clock,
    ) -> None:
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._fill_booker = fill_booker
        self._order_placer = order_placer
        self._position_closer = position_closer
        self._protector = protector
        self._entry_orders = entry_orders
        self._unresolved_orders = unresolved_orders
        self._clock = clock

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
        order = await self._sized(account, signal, order)
        if not order.status.is_final:
            order = await self._place(account, signal, order)
        if order.status.is_final:
            await self._finish(account, signal, execution, order)
        else:
            await self._protector.protect(account, request.symbol)

    async def settle(self, account: Account, execution: Execution, order: Order) -> None:
        """Complete the claim of a partial exit order that is final."""
        async with account.lock(order.request.symbol):
            current = await self._executions.execution(execution.signal_id, account.user_id)
            signal = await self._signals.signal(execution.signal_id)
            if current is not None and signal is not None and not current.status.is_settled:
                await self._finish(account, signal, current, order)

    async def not_received(self, account: Account, order: Order) -> None:
        """Handle a partial exit that the exchange provably does not have. The lock is held.

        One that a previous process never sent is sent now. One that got no response is given up:
        a second order could close more than the signal's part.
        """
        signal_id = order.request.signal_id
        if signal_id is None:
            return
        signal = await self._signals.signal(signal_id)
        execution = await self._executions.execution(signal_id, account.user_id)
        if signal is None or execution is None:
            return
        is_held = _open_position(account, order.request) is not None
        if order.status is OrderStatus.INTENDED and is_held:
            log.info("execution.resumed", user_id=account.user_id, signal_id=signal_id)
            await self.reduce(account, signal, execution, order.request)
            return
        await self._position_closer.drop_order(account, order, why="the exchange never received it")
        dropped = await self._trades.order(order.client_order_id)
        if dropped is not None and not execution.status.is_settled:
            await self._finish(account, signal, execution, dropped)

    async def _sized(self, account: Account, signal: Signal, order: Order) -> Order:
        """Return the order resized to the current holding; final if too little is left."""
        request = order.request
        position = _open_position(account, request)
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

    async def _finish(
        self, account: Account, signal: Signal, execution: Execution, order: Order
    ) -> None:
        """Adjust the stop, then save the targets together with the execution."""
        crash_point("reduction.recorded")
        await self._protector.protect(account, order.request.symbol)
        if not order.filled:
            await self._executions.mark_failed(
                signal.signal_id,
                account.user_id,
                reason=FailureCode.EXIT_FAILED,
                details=order.error or f"the exit order is {order.status}, nothing filled",
                now_ms=self._clock.now_ms(),
            )
            return
        outcome = self._outcome(signal, execution, order)
        position = account.positions.get(order.request.symbol)
        is_held = position is not None and position.position_id == order.request.position_id
        if position is not None and is_held and position.status is PositionStatus.OPEN:
            await self._rescale(account, position, order, outcome)
        else:
            await self._executions.mark_executed(outcome)
        if not is_held:
            await self._release(account, order)
        self._entry_orders.log_executed(account, signal, outcome, requested=order.request.quantity)

    async def _rescale(
        self, account: Account, position: Position, order: Order, outcome: Execution
    ) -> None:
        """Resize the targets to the remaining position; orders of the old sizes are cancelled."""
        take_profits = rescaled_targets(
            position,
            before=position.quantity + order.filled,
            instrument=account.market.instrument(position.symbol),
        )
        resized = replace(position, take_profits=take_profits)
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
            for aim in take_profits[position.targets_hit :]
        ]
        await self._trades.reduce(resized, requests, outcome)
        account.update_position(resized)
        for request in requests:
            account.track_order(Order(request=request))
        crash_point("reduction.rescaled")
        await self._protector.protect(account, position.symbol)

    async def _release(self, account: Account, order: Order) -> None:
        """Cancel the protection of a position that the exit, or a faster stop, has closed."""
        if order.request.position_id is None:
            return
        closed = await self._trades.position(order.request.position_id)
        if closed is not None and not closed.is_open:
            await self._position_closer.cancel_protection(account, closed)

    def _outcome(self, signal: Signal, execution: Execution, order: Order) -> Execution:
        now_ms = self._clock.now_ms()
        is_complete = order.filled >= order.request.quantity
        return replace(
            execution,
            status=ExecutionStatus.EXECUTED if is_complete else ExecutionStatus.PARTIAL,
            executed_at_ms=now_ms,
            actual_entry_price=order.average_price,
            quantity=order.filled,
            order_id=order.exchange_order_id,
            slippage_bps=signal_slippage_bps(signal, order.average_price),
            latency_ms=now_ms - signal.created_at_ms,
        )


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


def _open_position(account: Account, request: OrderRequest) -> Position | None:
    """Return the position an exit reduces; None if it is closed or closing."""
    held = account.positions.get(request.symbol)
    if held is None or held.position_id != request.position_id:
        return None
    return held if held.status is PositionStatus.OPEN else None


def _stop_locks_coins(account: Account, position: Position) -> bool:
    """Whether a live stop reserves the coins to be sold, as it does on spot."""
    return account.market.instrument(position.symbol).kind is MarketKind.SPOT
