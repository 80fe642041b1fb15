"""Closes a position at market, then cancels its protective orders."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from enum import Enum, auto

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import Leg, Order, OrderReport, OrderStatus, OrderType
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.pipeline.orders.order_intents import closing_request
from signalbot.pipeline.orders.order_placement import OrderPlacer, mark_rejected, mark_unsent
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.opposite_positions import OppositePositionGuard
from signalbot.ports import Clock
from signalbot.tasks import crash_point

log = structlog.get_logger()

_EXIT_ATTEMPTS = 3
_EXIT_DEADLINE_S = 30.0


class ExitResult(Enum):
    """Outcome of one exit order."""

    DONE = auto()
    REJECTED = auto()
    UNKNOWN = auto()  #: it may be live, so no other exit may be sent


class PositionCloser:
    """Sends exits, and cancels and books protective orders."""

    def __init__(
        self,
        *,
        trades: Trades,
        fill_booker: FillBooker,
        order_placer: OrderPlacer,
        entry_orders: EntryOrders,
        unresolved_orders: UnresolvedOrderQueue,
        opposite_guard: OppositePositionGuard,
        clock: Clock,
    ) -> None:
        self._opposite_guard = opposite_guard
        self._trades = trades
        self._fill_booker = fill_booker
        self._order_placer = order_placer
        self._entry_orders = entry_orders
        self._unresolved_orders = unresolved_orders
        self._clock = clock

    async def close(self, account: Account, position: Position, reason: CloseReason) -> bool:
        """Close the whole position at market. The symbol's lock is held.

        Open entries are cancelled first, so that none fills after the exit. The stop stays until
        the position is flat; on spot it is cancelled first, as it reserves the coins. False if
        the position is not closed: the exchange rejected the exit and it is OPEN again, or the
        exit's outcome is unknown and it is CLOSING.
        """
        await self._entry_orders.end_entries(account, position)
        held = account.positions.get(position.symbol)
        if held is not None and has_unresolved_exit(account, held):
            await self._close_after_partial_exit(account, held, reason)
            return False
        instrument = account.market.instrument(position.symbol)
        if instrument.kind is MarketKind.SPOT:
            await self.cancel_protection(account, position)  # its stop reserves the coins
        held = account.positions.get(position.symbol)
        if held is None:
            return True
        closing = replace(held, status=PositionStatus.CLOSING, close_reason=reason)
        for _ in range(_EXIT_ATTEMPTS):
            quantity = await self.closable_quantity(account, closing)
            result = await self.send_exit(account, closing, quantity=quantity, leg=Leg.EXIT)
            if result is ExitResult.UNKNOWN:
                return False
            remaining = account.positions.get(position.symbol)
            if remaining is not None and remaining.quantity == closing.quantity:
                await self._book_missed_fills(account, remaining)
                remaining = account.positions.get(position.symbol)
            if remaining is None:
                await self.cancel_protection(account, position)
                return True
            closing = remaining
        await self._reopen(account, closing, reason)
        return False

    async def _close_after_partial_exit(
        self, account: Account, held: Position, reason: CloseReason
    ) -> None:
        """Mark a position CLOSING while another exit of it is unresolved.

        Its protection stays, and the rest is closed after that exit. A position without a stop
        stays OPEN, so that a stop is still tried.
        """
        if held.status is PositionStatus.OPEN and reason is not CloseReason.UNPROTECTED:
            closing = replace(held, status=PositionStatus.CLOSING, close_reason=reason)
            await self._trades.save_position(closing)
            account.update_position(closing)

    async def send_exit(
        self, account: Account, position: Position, *, quantity: Decimal, leg: Leg
    ) -> ExitResult:
        """Close ``quantity`` of a position at market and book the result."""
        request = closing_request(
            position,
            leg=leg,
            type_=OrderType.MARKET,
            quantity=quantity,
            attempt=account.next_attempt(position.position_id, leg),
            now_ms=self._clock.now_ms(),
        )
        order = Order(request=request)
        await self._trades.intend([request], position)
        account.update_position(position)
        account.track_order(order)
        crash_point("exit.intended")
        try:
            async with asyncio.timeout(_EXIT_DEADLINE_S):
                report = await self._order_placer.place(account, request)
        except OrderRejected as e:
            rejected = mark_rejected(order, e, self._clock)
            account.track_order(rejected)
            await self._trades.save_order(rejected)
            log.warning(
                "order.rejected", user_id=account.user_id, leg=leg.value, reason=str(e)
            )  # fmt: skip
            return ExitResult.REJECTED
        except TimeoutError:
            await self._mark_unknown(account, order)
            return ExitResult.UNKNOWN
        await self._fill_booker.book(account, order, report)
        return ExitResult.DONE

    async def book(self, account: Account, order: Order, report: OrderReport) -> None:
        """Book a protective order's report; cancel the rest of the protection if it closed all."""
        recorded = await self._fill_booker.book(account, order, report)
        if recorded.position is not None and not recorded.position.is_open:
            await self.cancel_protection(account, recorded.position)

    async def cancel_protection(self, account: Account, position: Position) -> None:
        """Cancel a position's stops and targets.

        If it is closed, also close what these orders may have opened on the opposite side.
        """
        for order in account.orders_of(position):
            if order.request.leg not in (Leg.ENTRY, Leg.EXIT):
                await self.cancel_and_book(account, order)
        if position.symbol not in account.positions:
            await self._opposite_guard.check(account, position)

    async def cancel_orphans(self, account: Account, symbol: str) -> None:
        """Cancel protective orders that belong to no open position and no open entry."""
        position = account.positions.get(symbol)
        entering = {order.request.position_id for order in account.orders(symbol, Leg.ENTRY)}
        needed = entering | ({position.position_id} if position else set())
        for order in list(account.working_orders.get(symbol, {}).values()):
            if order.request.position_id not in needed:
                await self.cancel_and_book(account, order)

    async def cancel_and_book(self, account: Account, order: Order) -> None:
        """Cancel one order and book its fills so far.

        Without a definite response the symbol stays unresolved until a comparison.
        """
        crash_point("cancel.before_send")
        try:
            if order.status.is_live:
                report = await account.trading_broker.cancel(order)
            else:
                found = await account.trading_broker.lookup(order)
                if found is None:
                    await self.drop_order(account, order, why="its position is closed")
                    return
                order = order.apply(found)
                report = (
                    await account.trading_broker.cancel(order) if order.status.is_live else found
                )
        except (OrderOutcomeUnknown, Unavailable) as e:
            account.mark_unresolved(order.request.symbol)
            log.warning("order.cancel_unconfirmed", user_id=account.user_id, cause=str(e))
            return
        crash_point("cancel.after_answer")
        await self._fill_booker.book(account, order, report)

    async def drop_order(self, account: Account, order: Order, *, why: str) -> Order:
        """Cancel an order in the ledger that provably never arrived or no longer exists."""
        dropped = mark_unsent(order, why, self._clock)
        account.track_order(dropped)
        await self._trades.save_order(dropped)
        return dropped

    async def closable_quantity(self, account: Account, position: Position) -> Decimal:
        """Return the quantity an order can close: on spot, fees may have been kept in the coins.

        If the balance shows no coins, it is the whole position: the exchange rejects an order for
        coins that are not there.
        """
        instrument = account.market.instrument(position.symbol)
        quantity = position.quantity
        if instrument.kind is MarketKind.SPOT:
            try:
                quantity = await account.trading_broker.closable_quantity(position.symbol, quantity)
            except Unavailable as e:
                log.warning("balance.fetch_failed", user_id=account.user_id, cause=str(e))
        return instrument.floor_quantity(quantity) or instrument.floor_quantity(position.quantity)

    async def _mark_unknown(self, account: Account, order: Order) -> None:
        """Record an exit without a response: no other is sent before it is resolved."""
        unknown = replace(order, status=OrderStatus.UNKNOWN, error="no response")
        account.track_order(unknown)
        account.mark_unresolved(order.request.symbol)
        await self._trades.save_order(unknown)
        log.error("order.outcome_pending", user_id=account.user_id, leg=order.request.leg.value)
        self._unresolved_orders.add(account, unknown)

    async def _reopen(self, account: Account, closing: Position, reason: CloseReason) -> None:
        """Reopen a position after the exchange rejected every exit; its stop stays."""
        reopened = replace(closing, status=PositionStatus.OPEN, close_reason=None)
        account.update_position(reopened)
        await self._trades.save_position(reopened)
        log.error(
            "position.close_failed",
            user_id=account.user_id,
            symbol=closing.symbol,
            position_id=closing.position_id,
            reason=reason.value,
        )

    async def _book_missed_fills(self, account: Account, position: Position) -> None:
        """Look up and book fills of stop and targets that may have closed the position first."""
        for order in account.orders_of(position):
            if order.request.leg is Leg.EXIT or not order.status.is_live:
                continue
            try:
                report = await account.trading_broker.lookup(order)
            except (OrderOutcomeUnknown, Unavailable) as e:
                log.warning("order.outcome_pending", user_id=account.user_id, cause=str(e))
                continue
            if report is not None and (report.filled > order.filled or report.status.is_final):
                await self._fill_booker.book(account, order, report)


def has_unresolved_exit(account: Account, position: Position) -> bool:
    """Whether an exit of the position may be at the exchange or is about to be sent."""
    return any(
        order.request.leg is Leg.EXIT and not order.status.is_final
        for order in account.orders_of(position)
    )
