"""Keeps every open position behind exactly one stop of its size, and its targets in place.

Protection is an invariant, not a step: ``protect`` compares what should rest at the exchange with
what does, and may be called at any time. A stop moves in place where the exchange can do that;
else a new one is placed before the old one is cancelled.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import Leg, Order, OrderReport, OrderStatus, OrderType
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.close import Closer
from signalbot.pipeline.intents import closing_request
from signalbot.pipeline.place import Placer, rejected
from signalbot.pipeline.targets import Targets
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()

_LOOK_S = 2.0
_AMEND_S = 3.0  # meanwhile the stop rests as it was


class Protector:
    def __init__(self, trades: Trades, placer: Placer, closer: Closer, clock: Clock) -> None:
        self._trades = trades
        self._placer = placer
        self._closer = closer
        self._targets = Targets(trades, placer, closer, clock)
        self._clock = clock

    async def protect(self, account: Account, symbol: str) -> None:
        """Bring stop and targets in step with the position. The symbol's lock is held.

        A position that cannot get its stop within the user's ``max_unprotected``, or whose stop
        the price has already passed, is closed at market.
        """
        position = account.positions.get(symbol)
        if position is None or position.status is not PositionStatus.OPEN:
            return
        if not await self._keep_stop(account, position):
            return
        guarded = account.positions[symbol]
        await self._targets.place(account, guarded)
        after = account.positions.get(symbol)
        if after is not None and after is not guarded:  # a target left at market at once
            await self._keep_stop(account, after)

    async def _keep_stop(self, account: Account, position: Position) -> bool:
        """Whether the position now has exactly one live stop, at the wanted price and size."""
        if position.stop_loss is None:
            return True
        await self._ask_after_stops(account, position)
        current = account.positions.get(position.symbol)
        if current is None or current.status is not PositionStatus.OPEN:
            return False
        position, stops = current, _stops(account, current)
        size = _tradable(account, position)
        live = [stop for stop in stops if stop.status.is_live]
        fitting = next((stop for stop in live if _fits(stop, position, size)), None)
        if fitting is None and await self._amend(account, position, live, size):
            moved = account.positions.get(position.symbol)
            return moved is not None and await self._keep_stop(account, moved)
        if fitting is None:
            naked_since_ms = self._clock.now_ms()
            if position.protected_at_ms is None:
                naked_since_ms = min(naked_since_ms, position.opened_at_ms)
            intent = next(
                (each for each in stops if _is_intent(each) and _fits(each, position, size)), None
            )
            live = await self._make_room(account, position, live)
            is_guarded = any(stop.request.quantity >= size for stop in live)
            gone_s = (self._clock.now_ms() - naked_since_ms) / 1000
            if not await self._place_stop(
                account, position, intent, is_guarded=is_guarded, gone_s=gone_s
            ):
                return False
        for stop in live:
            if stop is not fitting:
                await self._closer.withdraw(account, stop)
        return position.symbol in account.positions

    async def _amend(
        self, account: Account, position: Position, live: list[Order], size: Decimal
    ) -> bool:
        """Move the one stop that rests to where it should be; True if no other one is needed.

        Whatever goes wrong, it rests as it was or as it is to be, and another one can be placed.
        """
        if len(live) != 1 or not account.trading.amends_stops(position.symbol):
            return False
        (stop,) = live
        request = replace(
            stop.request, trigger_price=position.stop_loss, quantity=size + stop.filled
        )
        await self._trades.save_position(position)
        crash_point("stop_loss.before_amend")
        try:
            async with asyncio.timeout(_AMEND_S):
                report = await account.trading.amend(stop, request)
        except (OrderRejected, OrderOutcomeUnknown, Unavailable, TimeoutError) as e:
            log.warning("order.not_amended", **_names(position), cause=str(e) or "no answer")
            return False
        crash_point("stop_loss.amended")
        if report.filled or report.status.is_final:
            await self._closer.book(account, stop, report)
            return True
        amended = replace(stop, request=request).apply(report)
        account.keep(amended)
        await self._trades.amend(amended, account.positions[position.symbol])
        return True

    async def _ask_after_stops(self, account: Account, position: Position) -> None:
        """A stop that went out without a sure answer, or with its entry, is looked for first.

        One that cannot be found in time stays unknown: another is placed meanwhile, and the one
        too many is withdrawn once it shows.
        """
        limit_s = self._limit_s(account, position) / 2
        attaches = account.trading.attaches_stops(position.symbol)
        for stop in _stops(account, position):
            went_along = attaches and _is_intent(stop) and stop.request.is_first_stop
            if not went_along and stop.status is not OrderStatus.UNKNOWN:
                continue
            account.keep(replace(stop, status=OrderStatus.UNKNOWN))
            try:
                async with asyncio.timeout(limit_s):
                    found = await self._placer.find(account, stop.request)
            except TimeoutError:
                log.warning("order.unsettled", user_id=account.user_id, leg="stop_loss")
                continue
            if found is None:
                account.keep(replace(stop, status=OrderStatus.INTENDED))
            else:
                await self._take(account, position, stop, found)

    async def _make_room(
        self, account: Account, position: Position, live: list[Order]
    ) -> list[Order]:
        """On spot a resting stop holds the very coins that the next one needs: it goes first."""
        if account.market.instrument(position.symbol).kind is not MarketKind.SPOT:
            return live
        for stop in live:
            await self._closer.withdraw(account, stop)
        return []

    async def _place_stop(
        self,
        account: Account,
        position: Position,
        intent: Order | None,
        *,
        is_guarded: bool,
        gone_s: float,
    ) -> bool:
        """Try to place the stop until ``max_unprotected`` is over; then close the position.

        ``gone_s`` of it have passed already since the position opened, or since its former stop
        was taken away; half of it is always left for trying.

        Neither gives up: a position that has no stop is either protected or gone when this
        returns. One that is still guarded by its former stop keeps that instead.
        """
        limit_s = self._limit_s(account, position)
        while True:
            refusal = await self._try_for(
                max(limit_s - gone_s, limit_s / 2), account, position, intent
            )
            gone_s = 0
            if refusal is None:
                return True
            if is_guarded and not refusal.would_trigger:
                log.warning("position.stop_not_moved", **_names(position), cause=str(refusal))
                return False
            reason = CloseReason.UNPROTECTED
            if refusal.would_trigger:
                reason = position.stop_kind.close_reason
            else:
                log.error("position.unprotected", **_names(position), cause=str(refusal))
            if await self._closer.close(account, position, reason):
                return False
            position, intent = account.positions[position.symbol], None

    def _limit_s(self, account: Account, position: Position) -> float:
        return account.rules(position.strategy).protection.max_unprotected_ms / 1000

    async def _try_for(
        self, limit_s: float, account: Account, position: Position, intent: Order | None
    ) -> OrderRejected | None:
        """Try for at most ``limit_s`` seconds; what stood in the way, None once it is placed.

        A refused stop, or one that nobody can find, is followed by one under a new id: two
        reduce-only stops are better than none.
        """
        refusal = OrderRejected(f"no answer within {limit_s:g} s")
        try:
            async with asyncio.timeout(limit_s):
                for delay_s in backoff_s(first_s=0.1, most_s=1.0):
                    order = intent or await self._intend_stop(account, position)
                    crash_point("stop_loss.intended")
                    try:
                        report = await self._send_stop(account, order)
                    except OrderRejected as e:
                        await self._note_refusal(account, order, e)
                        if e.would_trigger:
                            return e
                        refusal, intent = e, None
                    except Unavailable as e:
                        refusal, intent = OrderRejected(f"not sent: {e}"), order
                    except OrderOutcomeUnknown as e:
                        await self._note_unknown(account, order, e)
                        refusal, intent = OrderRejected(str(e)), None
                    else:
                        await self._take(account, position, order, report)
                        if report.status.is_live or report.filled:
                            return None
                        refusal, intent = OrderRejected(f"it ended {report.status}"), None
                    await self._clock.sleep(delay_s)
        except TimeoutError:
            pass
        return refusal

    async def _send_stop(self, account: Account, order: Order) -> OrderReport:
        """Send one stop; an answer that got lost is looked up before anything else is tried.

        Raises:
            OrderRejected: it was refused.
            OrderOutcomeUnknown: it went out, and cannot be found.
            Unavailable: it provably never arrived.
        """
        crash_point("stop_loss.before_send")
        try:
            report = await account.trading.submit(order.request)
        except OrderOutcomeUnknown as e:
            log.warning(
                "order.outcome_unknown",
                user_id=account.user_id,
                client_order_id=order.client_order_id,
                leg="stop_loss",
                cause=str(e),
            )
            found = await self._find_soon(account, order)
            if found is None:
                raise Unavailable(str(e)) from e
            return found
        crash_point("stop_loss.after_answer")
        return report

    async def _find_soon(self, account: Account, order: Order) -> OrderReport | None:
        try:
            async with asyncio.timeout(_LOOK_S):
                return await self._placer.find(account, order.request)
        except TimeoutError as e:
            raise OrderOutcomeUnknown("no answer, and it cannot be found") from e

    async def _take(
        self, account: Account, position: Position, order: Order, report: OrderReport
    ) -> None:
        """Note that the exchange has a stop; or book it, if it has been filled already."""
        if report.filled or report.status.is_final:
            await self._closer.book(account, order, report)
            return
        placed = order.apply(report)
        account.keep(placed)
        current = account.positions.get(position.symbol, position)
        held = replace(current, protected_at_ms=current.protected_at_ms or self._clock.now_ms())
        account.hold(held)
        self._trades.save_position_later(held, [placed])

    async def _note_refusal(self, account: Account, order: Order, error: OrderRejected) -> None:
        refused = rejected(order, error, self._clock)
        account.keep(refused)
        await self._trades.save_order(refused)
        log.warning(
            "order.rejected", user_id=account.user_id, leg="stop_loss", reason=str(error)
        )  # fmt: skip

    async def _note_unknown(
        self, account: Account, order: Order, error: OrderOutcomeUnknown
    ) -> None:
        unknown = replace(order, status=OrderStatus.UNKNOWN, error=str(error))
        account.keep(unknown)
        await self._trades.save_order(unknown)

    async def _intend_stop(self, account: Account, position: Position) -> Order:
        request = closing_request(
            position,
            leg=Leg.STOP_LOSS,
            type_=OrderType.STOP,
            trigger=position.stop_loss,
            quantity=_tradable(account, position),
            attempt=account.next_attempt(position.position_id, Leg.STOP_LOSS),
            now_ms=self._clock.now_ms(),
        )
        order = Order(request=request)
        await self._trades.intend([request], position)
        account.keep(order)
        return order


def _stops(account: Account, position: Position) -> list[Order]:
    return [order for order in account.orders_of(position) if order.request.leg is Leg.STOP_LOSS]


def _tradable(account: Account, position: Position) -> Decimal:
    """What of a position an order can close: a fee in coins may leave it off the lot."""
    return account.market.instrument(position.symbol).floor_quantity(position.quantity)


def _fits(stop: Order, position: Position, quantity: Decimal) -> bool:
    left = stop.request.quantity - stop.filled
    return stop.request.trigger_price == position.stop_loss and left == quantity


def _is_intent(order: Order) -> bool:
    return order.status is OrderStatus.INTENDED


def _names(position: Position) -> dict[str, str]:
    return {
        "user_id": position.user_id,
        "symbol": position.symbol,
        "position_id": position.position_id,
    }
