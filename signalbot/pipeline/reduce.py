"""Carries out an exit that closes a part of a position: exit order, stop, then targets.

The exit order has an id of its own signal and is durable with the claim, so that after a crash it
is looked for under that id and never sent twice.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal

import structlog

from signalbot.decision.exits import part_of, rescaled
from signalbot.domain.errors import OrderRejected
from signalbot.domain.failures import Failure
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
from signalbot.domain.signals import Execution, ExecutionStatus, Signal, position_id_of
from signalbot.domain.timeframe import Ms
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.close import Closer
from signalbot.pipeline.entry_orders import EntryOrders, slippage
from signalbot.pipeline.intents import closing_request
from signalbot.pipeline.place import Placer, rejected
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.record import Recorder
from signalbot.pipeline.unresolved import UnresolvedOrders
from signalbot.ports import Clock
from signalbot.tasks import crash_point

log = structlog.get_logger()

_EXIT_DEADLINE_S = 30.0


def reducing_request(
    signal: Signal, position: Position, *, quantity: Decimal, now_ms: Ms
) -> OrderRequest:
    """The market order of a partial exit, under the id it has whenever it is computed."""
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


def is_reduction(request: OrderRequest) -> bool:
    """Whether an order is the exit of a part, made by ``reducing_request``.

    It belongs to the signal that asks for it; other exits to the one that opened the position.
    """
    if request.leg is not Leg.EXIT or request.signal_id is None:
        return False
    opened = position_id_of(signal_id=request.signal_id, user_id=request.user_id)
    return request.position_id != opened


class Reducer:
    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        recorder: Recorder,
        placer: Placer,
        closer: Closer,
        protector: Protector,
        entries: EntryOrders,
        unresolved: UnresolvedOrders,
        clock: Clock,
    ) -> None:
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._recorder = recorder
        self._placer = placer
        self._closer = closer
        self._protector = protector
        self._entries = entries
        self._unresolved = unresolved
        self._clock = clock

    async def reduce(
        self, account: Account, signal: Signal, execution: Execution, request: OrderRequest
    ) -> None:
        """Send a claimed partial exit and bring stop and targets in step. The lock is held.

        While another exit of the position is in doubt nothing is sent: the claim waits for it. What
        is sent is the signal's part of what is held then, and never more than was claimed.
        """
        order = Order(request=request)
        position = account.positions.get(request.symbol)
        account.keep(order)
        crash_point("reduction.intended")
        if position is not None and _waits(account, position, request):
            self._unresolved.add(account, order)
            return
        if position is not None and _holds_its_coins(account, position):
            await self._closer.release(account, position)
        order = await self._sized(account, signal, order)
        if not order.status.is_final:
            order = await self._place(account, signal, order)
        if order.status.is_final:
            await self._finish(account, signal, execution, order)
        else:
            await self._protector.protect(account, request.symbol)

    async def settle(self, account: Account, execution: Execution, order: Order) -> None:
        """Bring a claim in step with its partial exit, which is over."""
        async with account.lock(order.request.symbol):
            current = await self._executions.execution(execution.signal_id, account.user_id)
            signal = await self._signals.signal(execution.signal_id)
            if current is not None and signal is not None and not current.status.is_settled:
                await self._finish(account, signal, current, order)

    async def not_received(self, account: Account, order: Order) -> None:
        """A partial exit is proven not to be at the exchange. The symbol's lock is held.

        One that was never sent, because a former process ended before, is sent now; one that got
        no answer is over: a second one could close more than was asked for.
        """
        signal_id = order.request.signal_id
        if signal_id is None:
            return
        signal = await self._signals.signal(signal_id)
        execution = await self._executions.execution(signal_id, account.user_id)
        if signal is None or execution is None:
            return
        is_held = _reducible(account, order.request) is not None
        if order.status is OrderStatus.INTENDED and is_held:
            log.info("execution.resumed", user_id=account.user_id, signal_id=signal_id)
            await self.reduce(account, signal, execution, order.request)
            return
        await self._closer.forget(account, order, why="it never arrived")
        over = await self._trades.order(order.client_order_id)
        if over is not None and not execution.status.is_settled:
            await self._finish(account, signal, execution, over)

    async def _sized(self, account: Account, signal: Signal, order: Order) -> Order:
        """The order for what is held now; final where nothing of it is left to be sold."""
        request = order.request
        position = _reducible(account, request)
        if position is None:
            why = "its position has been closed meanwhile"
            return await self._closer.forget(account, order, why=why)
        instrument = account.market.instrument(request.symbol)
        price = account.market.last_price(request.symbol) or position.entry_price
        least = instrument.smallest_quantity(price)
        part = part_of(
            position.quantity,
            signal.exit_percent,
            instrument=instrument,
            least=least,
            below_minimum=account.rules(position.strategy).sizing.below_minimum,
        )
        quantity = min(request.quantity, part, await self._closer.sellable(account, position))
        if quantity == request.quantity:
            return order
        if quantity < least:
            why = "its part of what is left is too small"
            return await self._closer.forget(account, order, why=why)
        smaller = Order(request=replace(request, quantity=quantity))
        await self._trades.shrink([smaller.request], [])
        account.keep(smaller)
        return smaller

    async def _place(self, account: Account, signal: Signal, order: Order) -> Order:
        """The order after the exchange has answered; not final if that is not its end."""
        try:
            async with asyncio.timeout(_EXIT_DEADLINE_S):
                found = await self._placer.place(account, order.request)
        except OrderRejected as e:
            refused = rejected(order, e, self._clock)
            account.keep(refused)
            await self._trades.save_order(refused)
            log.warning("order.rejected", user_id=account.user_id, leg="exit", reason=str(e))
            return refused
        except TimeoutError:
            unknown = replace(order, status=OrderStatus.UNKNOWN, error="no answer")
            account.keep(unknown)
            account.in_doubt.add(order.request.symbol)
            await self._trades.save_order(unknown)
            await self._executions.mark_unknown(
                signal.signal_id, account.user_id, details="no answer came to the exit yet"
            )
            log.error("order.unsettled", user_id=account.user_id, leg="exit", cause="no answer")
            self._unresolved.add(account, unknown)
            return unknown
        recorded = await self._recorder.record(account, order, found)
        return recorded.order

    async def _finish(
        self, account: Account, signal: Signal, execution: Execution, order: Order
    ) -> None:
        """Bring the stop in step first, then the targets together with the execution."""
        crash_point("reduction.recorded")
        await self._protector.protect(account, order.request.symbol)
        if not order.filled:
            await self._executions.mark_failed(
                signal.signal_id,
                account.user_id,
                reason=Failure.EXIT_FAILED,
                details=order.error or f"the exit is {order.status}, nothing filled",
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
        self._entries.log_settled(account, signal, outcome, asked=order.request.quantity)

    async def _rescale(
        self, account: Account, position: Position, order: Order, outcome: Execution
    ) -> None:
        """Give the targets their share of what is left; the old ones are withdrawn for them."""
        aims = rescaled(
            position,
            before=position.quantity + order.filled,
            instrument=account.market.instrument(position.symbol),
        )
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
            for aim in aims[position.targets_hit :]
        ]
        await self._trades.reduce(resized, requests, outcome)
        account.hold(resized)
        for request in requests:
            account.keep(Order(request=request))
        crash_point("reduction.rescaled")
        await self._protector.protect(account, position.symbol)

    async def _release(self, account: Account, order: Order) -> None:
        """The exit, or a stop that was faster, has closed the position: nothing of it may rest."""
        if order.request.position_id is None:
            return
        closed = await self._trades.position(order.request.position_id)
        if closed is not None and not closed.is_open:
            await self._closer.release(account, closed)

    def _outcome(self, signal: Signal, execution: Execution, order: Order) -> Execution:
        now_ms = self._clock.now_ms()
        is_whole = order.filled >= order.request.quantity
        return replace(
            execution,
            status=ExecutionStatus.EXECUTED if is_whole else ExecutionStatus.PARTIAL,
            executed_at_ms=now_ms,
            actual_entry_price=order.average_price,
            quantity=order.filled,
            order_id=order.exchange_order_id,
            slippage_bps=slippage(signal, order.average_price),
            latency_ms=now_ms - signal.created_at_ms,
        )


def _waits(account: Account, position: Position, request: OrderRequest) -> bool:
    """Whether another exit may be at the exchange, or is to be sent before this one.

    Of those that were never sent only earlier ones count: they do not wait for one another.
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


def _reducible(account: Account, request: OrderRequest) -> Position | None:
    """The position that an exit is to reduce, while it is there and is not being closed."""
    held = account.positions.get(request.symbol)
    if held is None or held.position_id != request.position_id:
        return None
    return held if held.status is PositionStatus.OPEN else None


def _holds_its_coins(account: Account, position: Position) -> bool:
    """On spot a resting stop holds the very coins that are to be sold."""
    return account.market.instrument(position.symbol).kind is MarketKind.SPOT
