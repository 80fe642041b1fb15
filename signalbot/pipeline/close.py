"""Takes a position off the exchange: exit at market first, then the orders that guarded it."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import Leg, Order, OrderReport, OrderType
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.intents import closing_request
from signalbot.pipeline.place import Placer, rejected, unsent
from signalbot.pipeline.record import Recorder
from signalbot.ports import Clock
from signalbot.tasks import crash_point

log = structlog.get_logger()

_EXIT_ATTEMPTS = 3
_EXIT_DEADLINE_S = 30.0


class Closer:
    def __init__(self, trades: Trades, recorder: Recorder, placer: Placer, clock: Clock) -> None:
        self._trades = trades
        self._recorder = recorder
        self._placer = placer
        self._clock = clock

    async def close(self, account: Account, position: Position, reason: CloseReason) -> bool:
        """Close the whole position at market. The symbol's lock is held.

        Its stop stays until the position is flat. False when the exchange would not take the exit:
        the position is open again and reconciliation goes on trying.
        """
        instrument = account.market.instrument(position.symbol)
        if instrument.kind is MarketKind.SPOT:
            await self.release(account, position)  # its stop holds the very coins to be sold
        held = account.positions.get(position.symbol)
        if held is None:
            return True
        closing = replace(held, status=PositionStatus.CLOSING, close_reason=reason)
        for _ in range(_EXIT_ATTEMPTS):
            quantity = instrument.floor_quantity(closing.quantity)
            left = await self.exit(account, closing, quantity=quantity, leg=Leg.EXIT)
            if left is not None and left.quantity == closing.quantity:
                left = await self._catch_up(account, left)
            if left is None:
                await self.release(account, position)
                return True
            closing = left
        reopened = replace(closing, status=PositionStatus.OPEN, close_reason=None)
        account.hold(reopened)
        await self._trades.save_position(reopened)
        log.error(
            "position.close_failed",
            user_id=account.user_id,
            symbol=position.symbol,
            position_id=position.position_id,
            reason=reason.value,
        )
        return False

    async def exit(
        self, account: Account, position: Position, *, quantity: Decimal, leg: Leg
    ) -> Position | None:
        """Sell ``quantity`` of a position at market; return what is left of it, None when flat."""
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
        account.hold(position)
        account.keep(order)
        crash_point("exit.intended")
        try:
            async with asyncio.timeout(_EXIT_DEADLINE_S):
                report = await self._placer.place(account, request)
        except OrderRejected as e:
            refused = rejected(order, e, self._clock)
            account.keep(refused)
            await self._trades.save_order(refused)
            log.warning(
                "order.rejected", user_id=account.user_id, leg=leg.value, reason=str(e)
            )  # fmt: skip
            return position
        except TimeoutError:
            log.error("order.unsettled", user_id=account.user_id, leg=leg.value)
            found = await self._placer.find(account, request)  # no second exit before it is known
            if found is None:
                await self._forget(account, order, why="it never arrived")
                return position
            report = found
        await self._recorder.record(account, order, report)
        return account.positions.get(position.symbol)

    async def _catch_up(self, account: Account, position: Position) -> Position | None:
        """What is left of a position whose exit was refused: its stop or a target may have been
        faster, and nobody has told so far."""
        for order in account.orders_of(position):
            if order.request.leg is Leg.EXIT or not order.status.is_live:
                continue
            try:
                report = await account.trading.lookup(order.request)
            except (OrderOutcomeUnknown, Unavailable) as e:
                log.warning("order.unsettled", user_id=account.user_id, cause=str(e))
                continue
            if report is not None and report.filled > order.filled:
                await self._recorder.record(account, order, report)
        return account.positions.get(position.symbol)

    async def book(self, account: Account, order: Order, report: OrderReport) -> None:
        """Book what filled of a protective order; what rests for a position it closed goes."""
        recorded = await self._recorder.record(account, order, report)
        if recorded.position is not None and not recorded.position.is_open:
            await self.release(account, recorded.position)

    async def release(self, account: Account, position: Position) -> None:
        """Cancel what still rests for a position that is flat."""
        for order in account.orders_of(position):
            await self.withdraw(account, order)

    async def withdraw(self, account: Account, order: Order) -> None:
        """Cancel one order, and book what it filled before the cancel reached it.

        An order without a sure answer stays in doubt until reconciliation.
        """
        crash_point("cancel.before_send")
        try:
            if order.status.is_live:
                report = await account.trading.cancel(order)
            else:
                found = await account.trading.lookup(order.request)
                if found is None:
                    await self._forget(account, order, why="its position is closed")
                    return
                order = order.apply(found)
                report = await account.trading.cancel(order) if order.status.is_live else found
        except (OrderOutcomeUnknown, Unavailable) as e:
            account.in_doubt.add(order.request.symbol)
            log.warning("order.cancel_unknown", user_id=account.user_id, cause=str(e))
            return
        crash_point("cancel.after_answer")
        await self._recorder.record(account, order, report)

    async def _forget(self, account: Account, order: Order, *, why: str) -> None:
        """An order that is proven never to have arrived is over."""
        dropped = unsent(order, why, self._clock)
        account.keep(dropped)
        await self._trades.save_order(dropped)
