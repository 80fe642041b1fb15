"""Keeps every open position behind exactly one stop of its size, and its targets in place.

Protection is an invariant, not a step: ``protect`` compares what should rest at the exchange with
what does, and may be called at any time. A stop moves in place where the exchange can do that;
else a new one is placed before the old one is cancelled. Nothing here waits under the symbol's lock
for long: what is not settled in time is looked at again a moment later.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Final

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import Order
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.timeframe import Ms
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.order_placement import OrderPlacer
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.stop_placement import (
    StopAttempt,
    StopOutcome,
    StopPlacer,
    is_unsent,
    stops_of,
    unread_attempt,
)
from signalbot.pipeline.positions.take_profit import TakeProfitPlacer
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock
from signalbot.tasks import Timers, crash_point

log = structlog.get_logger()

_AMEND_TIMEOUT_S: Final = 3.0  # meanwhile the stop rests as it was
_LOOKUP_TIMEOUT_S: Final = 1.5  # for a stop that went along with its entry
_RENEW_BEFORE_END_MS: Final = 86_400_000  # before its end, so that no outage of a day leaves none
_RETRY_DELAYS_MS: Final = (1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000)


class Protector:
    def __init__(
        self,
        *,
        trades: Trades,
        order_placer: OrderPlacer,
        position_closer: PositionCloser,
        trading_state: TradingState,
        timers: Timers,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._stops = StopPlacer(trades, order_placer, position_closer, clock)
        self._position_closer = position_closer
        self._trading_state = trading_state
        self._timers = timers
        self.take_profits = TakeProfitPlacer(trades, order_placer, position_closer, clock)
        self._clock = clock
        self._retries: dict[tuple[str, str], int] = {}  #: looks in a row without a confirmed stop

    async def protect(self, account: Account, symbol: str) -> None:
        """Bring stop and targets in step with the position. The symbol's lock is held.

        A position whose stop the exchange refuses for the user's ``max_unprotected``, or whose
        stop the price has already passed, is closed at market. One that can be neither protected
        nor closed now is tried again within seconds, and then ever less often.
        """
        position = account.positions.get(symbol)
        if position is None or position.status is not PositionStatus.OPEN:
            return
        if not await self._ensure_stop(account, position):
            return
        self._retries.pop((account.user_id, symbol), None)
        guarded = account.positions[symbol]
        await self.take_profits.place(account, guarded)
        after = account.positions.get(symbol)
        if after is not None and after is not guarded:  # a target left at market at once
            await self._ensure_stop(account, after)

    async def close(self, account: Account, position: Position, reason: CloseReason) -> bool:
        """Close a position at market; if the exchange refuses, it gets its stop back.

        The symbol's lock is held. False when it is not closed.
        """
        if await self._position_closer.close(account, position, reason):
            return True
        await self.protect(account, position.symbol)
        return position.symbol not in account.positions

    async def finish_close(self, account: Account, symbol: str) -> None:
        """Go on with a close that was interrupted, or whose exit never arrived; the lock is held.

        An exit whose outcome is not known yet is waited for.
        """
        position = account.positions.get(symbol)
        if position is not None and position.status is PositionStatus.CLOSING:
            await self.close(account, position, position.close_reason or CloseReason.MANUAL)

    async def _ensure_stop(self, account: Account, position: Position) -> bool:
        """Whether the position now has exactly one live stop, at the wanted price and size."""
        if position.stop_loss is None:
            return True
        limit_s = self._limit_s(account, position)
        is_unread = await self._stops.find_sent_stops(
            account, position, limit_s=min(limit_s / 2, _LOOKUP_TIMEOUT_S)
        )
        current = account.positions.get(position.symbol)
        if current is None or current.status is not PositionStatus.OPEN:
            return False
        size = await self._stops.size(account, current)
        if size is None:
            self._retry_later(account, current)
            return False
        return await self._ensure_stop_size(account, current, size, is_unread=is_unread)

    async def _ensure_stop_size(
        self, account: Account, position: Position, size: Decimal, *, is_unread: bool
    ) -> bool:
        """The same, for a size that is known."""
        live = [stop for stop in stops_of(account, position) if stop.status.is_live]
        fitting = next(
            (
                stop
                for stop in live
                if _fits(stop, position, size) and not self._is_ending(account, stop)
            ),
            None,
        )
        if fitting is None and await self._amend(account, position, live, size):
            moved = account.positions.get(position.symbol)
            return moved is not None and await self._ensure_stop(account, moved)
        if fitting is None and not live and is_unread:
            return await self._handle_missing_stop(account, position, unread_attempt())
        if fitting is None and not await self._replace(account, position, live, size):
            return False
        account.unprotected_since_ms.pop(position.position_id, None)
        for stop in live:
            if stop is not fitting:
                await self._position_closer.cancel_and_book(account, stop)
        return position.symbol in account.positions

    async def _replace(
        self, account: Account, position: Position, live: list[Order], size: Decimal
    ) -> bool:
        """Place a stop beside, or on spot in the place of, those that do not fit any more."""
        since_ms = self._clock.now_ms()
        if position.protected_at_ms is None:
            since_ms = min(since_ms, position.opened_at_ms)
        if not live:
            account.unprotected_since_ms.setdefault(position.position_id, since_ms)
        intent = next(
            (
                each
                for each in stops_of(account, position)
                if is_unsent(each) and _fits(each, position, size)
            ),
            None,
        )
        if await self._free_spot_coins(account, position, live):
            live = []
        is_guarded = any(stop.request.quantity >= size for stop in live)
        elapsed_s = (self._clock.now_ms() - since_ms) / 1000
        limit_s = self._limit_s(account, position)
        attempt = await self._stops.place_within(
            max(limit_s - elapsed_s, limit_s / 2), account, position, intent, size=size
        )
        if attempt.outcome is StopOutcome.CONFIRMED:
            return True
        if is_guarded and attempt.outcome is not StopOutcome.WOULD_TRIGGER:
            log.warning("position.stop_move_failed", **_names(position), cause=attempt.cause)
            self._retry_later(account, position)
            return False
        return await self._handle_missing_stop(account, position, attempt)

    async def _handle_missing_stop(
        self, account: Account, position: Position, attempt: StopAttempt
    ) -> bool:
        """Close a position that has no stop, unless the exchange has taken one very lately.

        Always False: it has no stop now.
        """
        if attempt.outcome is StopOutcome.WOULD_TRIGGER:
            reason = position.stop_kind.close_reason
        elif self._may_wait(account, position, attempt):
            self._retry_later(account, position)
            return False
        else:
            reason = CloseReason.UNPROTECTED
            log.error("position.protection_failed", **_names(position), cause=attempt.cause)
        current = account.positions.get(position.symbol, position)
        if not await self._position_closer.close(account, current, reason):
            self._retry_later(account, position)
        return False

    def _may_wait(self, account: Account, position: Position, attempt: StopAttempt) -> bool:
        """Whether a stop that was taken, but not shown, may still come to light.

        So may a position that the exchange does not show: it is not closed on one look.
        """
        if attempt.is_unread or account.absences.is_missing(position.position_id):
            return True
        if attempt.outcome is not StopOutcome.UNCONFIRMED:
            return False
        since_ms = account.unprotected_since_ms.get(position.position_id, self._clock.now_ms())
        lag_ms = account.trading_broker.visibility_lag_ms + round(
            self._limit_s(account, position) * 1000
        )
        return self._clock.now_ms() - since_ms < lag_ms

    def _retry_later(self, account: Account, position: Position) -> None:
        """Protect once more in a while; the symbol's lock is free meanwhile."""
        key = (account.user_id, position.symbol)
        tries = self._retries.get(key, 0)
        self._retries[key] = tries + 1
        at_ms = Ms(self._clock.now_ms() + _RETRY_DELAYS_MS[min(tries, len(_RETRY_DELAYS_MS) - 1)])

        async def again() -> None:
            async with (
                self._trading_state.halt_on_error(account, "protection"),
                account.lock(position.symbol),
            ):
                if self._retries.get(key) == tries + 1:
                    await self.protect(account, position.symbol)

        self._timers.at(at_ms, again)

    async def _amend(
        self, account: Account, position: Position, live: list[Order], size: Decimal
    ) -> bool:
        """Move the one stop that rests to where it should be; True if no other one is needed.

        Whatever goes wrong, it rests as it was or as it is to be, and another one can be placed.
        """
        if (
            len(live) != 1
            or self._is_ending(account, live[0])
            or not account.trading_broker.amends_stops(position.symbol)
        ):
            return False
        (stop,) = live
        request = replace(
            stop.request, trigger_price=position.stop_loss, quantity=size + stop.filled
        )
        await self._trades.save_position(position)
        crash_point("stop_loss.before_amend")
        try:
            async with asyncio.timeout(_AMEND_TIMEOUT_S):
                report = await account.trading_broker.amend(stop, request)
        except (OrderRejected, OrderOutcomeUnknown, Unavailable, TimeoutError) as e:
            log.warning("order.amend_failed", **_names(position), cause=str(e) or "no answer")
            return False
        crash_point("stop_loss.amended")
        if report.filled or report.status.is_final:
            await self._position_closer.book(account, stop, report)
            return True
        amended = replace(stop, request=request).apply(report)
        account.track_order(amended)
        await self._trades.amend(amended, account.positions[position.symbol])
        return True

    async def _free_spot_coins(
        self, account: Account, position: Position, live: list[Order]
    ) -> bool:
        """On spot a resting stop holds the very coins that the next one needs: it goes first."""
        if account.market.instrument(position.symbol).kind is not MarketKind.SPOT:
            return False
        for stop in live:
            await self._position_closer.cancel_and_book(account, stop)
        return True

    def _is_ending(self, account: Account, stop: Order) -> bool:
        """Whether the exchange will end a stop before long: another one is placed beside it."""
        lives_ms = account.trading_broker.stop_lifetime_ms(stop.request.symbol)
        age_ms = self._clock.now_ms() - stop.request.intended_at_ms
        return lives_ms is not None and age_ms >= lives_ms - _RENEW_BEFORE_END_MS

    def _limit_s(self, account: Account, position: Position) -> float:
        return account.settings_for(position.strategy).protection.max_unprotected_ms / 1000


def _fits(stop: Order, position: Position, quantity: Decimal) -> bool:
    left = stop.request.quantity - stop.filled
    return stop.request.trigger_price == position.stop_loss and left == quantity


def _names(position: Position) -> dict[str, str]:
    return {
        "user_id": position.user_id,
        "symbol": position.symbol,
        "position_id": position.position_id,
    }
