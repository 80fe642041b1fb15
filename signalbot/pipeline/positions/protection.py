"""Keeps exactly one stop of the right size, and the targets, at the exchange for every position.

Protection is an invariant, not a step: ``protect`` compares the wanted orders with the live ones
and may be called at any time. A stop is amended in place where the exchange supports that; else a
new one is placed before the old one is cancelled. The symbol's lock is held for a bounded time
only: what is not confirmed within it is retried later.
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

_AMEND_TIMEOUT_S: Final = 3.0  # meanwhile the stop stays active unchanged
_LOOKUP_TIMEOUT_S: Final = 1.5  # of a stop that was attached to its entry
_RENEW_BEFORE_END_MS: Final = 86_400_000  # a stop survives an outage of one day
_RETRY_DELAYS_MS: Final = (1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000)


class Protector:
    """Places, moves and verifies the protective orders of positions."""

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
        self._retries: dict[tuple[str, str], int] = {}  #: consecutive tries, by user and symbol

    async def protect(self, account: Account, symbol: str) -> None:
        """Adjust stop and targets to the position. The symbol's lock is held.

        The position is closed at market if the exchange rejects its stop for the user's
        ``max_unprotected``, or if the price has already passed the stop. If it can be neither
        protected nor closed now, that is retried after 1 s, then at growing intervals.
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
        if after is not None and after is not guarded:  # a target was filled at once
            await self._ensure_stop(account, after)

    async def close(self, account: Account, position: Position, reason: CloseReason) -> bool:
        """Close a position at market; if the exchange rejects that, protect it again.

        The symbol's lock is held. False if the position is not closed.
        """
        if await self._position_closer.close(account, position, reason):
            return True
        await self.protect(account, position.symbol)
        return position.symbol not in account.positions

    async def cancel_orphans(self, account: Account, symbol: str) -> None:
        """Cancel protective orders that belong to no open position and no open entry."""
        await self._position_closer.cancel_orphans(account, symbol)

    async def finish_close(self, account: Account, symbol: str) -> None:
        """Resume a close that was interrupted or lost its exit order. The symbol's lock is held.

        Nothing is sent while an exit's outcome is unknown.
        """
        position = account.positions.get(symbol)
        if position is not None and position.status is PositionStatus.CLOSING:
            await self.close(account, position, position.close_reason or CloseReason.MANUAL)

    async def _ensure_stop(self, account: Account, position: Position) -> bool:
        """Ensure one live stop at the right price and size; False if that failed or it closed."""
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
        """Ensure one live stop of ``size``; ``is_unread``: a sent stop could not be read."""
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
        account.mark_protected(position.position_id)
        for stop in live:
            if stop is not fitting:
                await self._position_closer.cancel_and_book(account, stop)
        return position.symbol in account.positions

    async def _replace(
        self, account: Account, position: Position, live: list[Order], size: Decimal
    ) -> bool:
        """Place a stop beside those that no longer fit; on spot these are cancelled first."""
        since_ms = self._clock.now_ms()
        if position.protected_at_ms is None:
            since_ms = min(since_ms, position.opened_at_ms)
        if not live:
            account.mark_unprotected(position.position_id, since_ms)
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
        """Close a position without a stop, unless the exchange has just accepted one.

        Always False: the position has no confirmed stop.
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
        """Whether an accepted stop may still become visible at the exchange.

        Also True for a position that the exchange does not list: one response is no proof.
        """
        if attempt.is_unread or account.absences.is_missing(position.position_id):
            return True
        if attempt.outcome is not StopOutcome.UNCONFIRMED:
            return False
        now_ms = self._clock.now_ms()
        since_ms = account.unprotected_since_ms(position.position_id)
        lag_ms = account.trading_broker.visibility_lag_ms + round(
            self._limit_s(account, position) * 1000
        )
        return now_ms - (now_ms if since_ms is None else since_ms) < lag_ms

    def _retry_later(self, account: Account, position: Position) -> None:
        """Protect the position again after a delay; the symbol's lock is free meanwhile."""
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
        """Amend the only live stop to the right price and size; True if that succeeded.

        On any failure the stop is still active, moved or unmoved, and another can be placed.
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
            log.warning("order.amend_failed", **_names(position), cause=str(e) or "no response")
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
        """On spot, cancel live stops to release their coins; False on other markets."""
        if account.market.instrument(position.symbol).kind is not MarketKind.SPOT:
            return False
        for stop in live:
            await self._position_closer.cancel_and_book(account, stop)
        return True

    def _is_ending(self, account: Account, stop: Order) -> bool:
        """Whether the exchange ends a stop within a day, so that it must be renewed."""
        lifetime_ms = account.trading_broker.stop_lifetime_ms(stop.request.symbol)
        age_ms = self._clock.now_ms() - stop.request.intended_at_ms
        return lifetime_ms is not None and age_ms >= lifetime_ms - _RENEW_BEFORE_END_MS

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
