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
from signalbot.pipeline.close import Closer
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.place import Placer
from signalbot.pipeline.stop_placement import (
    Attempt,
    Placed,
    StopPlacement,
    is_intent,
    stops_of,
    unread,
)
from signalbot.pipeline.targets import Targets
from signalbot.ports import Clock
from signalbot.tasks import Alarms, crash_point

log = structlog.get_logger()

_AMEND_S: Final = 3.0  # meanwhile the stop rests as it was
_LOOK_S: Final = 1.5  # for a stop that went along with its entry
_RENEWED_MS: Final = 86_400_000  # before its end, so that no outage of a day leaves none
_AGAIN_MS: Final = (1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000)


class Protector:
    def __init__(
        self,
        *,
        trades: Trades,
        placer: Placer,
        closer: Closer,
        halts: Halts,
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._stops = StopPlacement(trades, placer, closer, clock)
        self._closer = closer
        self._halts = halts
        self._alarms = alarms
        self.targets = Targets(trades, placer, closer, clock)
        self._clock = clock
        self._tries: dict[tuple[str, str], int] = {}  #: looks in a row without a confirmed stop

    async def protect(self, account: Account, symbol: str) -> None:
        """Bring stop and targets in step with the position. The symbol's lock is held.

        A position whose stop the exchange refuses for the user's ``max_unprotected``, or whose
        stop the price has already passed, is closed at market. One that can be neither protected
        nor closed now is tried again within seconds, and then ever less often.
        """
        position = account.positions.get(symbol)
        if position is None or position.status is not PositionStatus.OPEN:
            return
        if not await self._keep_stop(account, position):
            return
        self._tries.pop((account.user_id, symbol), None)
        guarded = account.positions[symbol]
        await self.targets.place(account, guarded)
        after = account.positions.get(symbol)
        if after is not None and after is not guarded:  # a target left at market at once
            await self._keep_stop(account, after)

    async def close(self, account: Account, position: Position, reason: CloseReason) -> bool:
        """Close a position at market; if the exchange refuses, it gets its stop back.

        The symbol's lock is held. False when it is not closed.
        """
        if await self._closer.close(account, position, reason):
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

    async def _keep_stop(self, account: Account, position: Position) -> bool:
        """Whether the position now has exactly one live stop, at the wanted price and size."""
        if position.stop_loss is None:
            return True
        limit_s = self._limit_s(account, position)
        is_unread = await self._stops.look_for(account, position, limit_s=min(limit_s / 2, _LOOK_S))
        current = account.positions.get(position.symbol)
        if current is None or current.status is not PositionStatus.OPEN:
            return False
        size = await self._stops.size(account, current)
        if size is None:
            self._look_again(account, current)
            return False
        return await self._keep_size(account, current, size, is_unread=is_unread)

    async def _keep_size(
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
            return moved is not None and await self._keep_stop(account, moved)
        if fitting is None and not live and is_unread:
            return await self._without_stop(account, position, unread())
        if fitting is None and not await self._replace(account, position, live, size):
            return False
        account.unprotected_ms.pop(position.position_id, None)
        for stop in live:
            if stop is not fitting:
                await self._closer.withdraw(account, stop)
        return position.symbol in account.positions

    async def _replace(
        self, account: Account, position: Position, live: list[Order], size: Decimal
    ) -> bool:
        """Place a stop beside, or on spot in the place of, those that do not fit any more."""
        since_ms = self._clock.now_ms()
        if position.protected_at_ms is None:
            since_ms = min(since_ms, position.opened_at_ms)
        if not live:
            account.unprotected_ms.setdefault(position.position_id, since_ms)
        intent = next(
            (
                each
                for each in stops_of(account, position)
                if is_intent(each) and _fits(each, position, size)
            ),
            None,
        )
        if await self._make_room(account, position, live):
            live = []
        is_guarded = any(stop.request.quantity >= size for stop in live)
        gone_s = (self._clock.now_ms() - since_ms) / 1000
        limit_s = self._limit_s(account, position)
        attempt = await self._stops.try_for(
            max(limit_s - gone_s, limit_s / 2), account, position, intent, size=size
        )
        if attempt.placed is Placed.CONFIRMED:
            return True
        if is_guarded and attempt.placed is not Placed.WOULD_TRIGGER:
            log.warning("position.stop_not_moved", **_names(position), cause=attempt.cause)
            self._look_again(account, position)
            return False
        return await self._without_stop(account, position, attempt)

    async def _without_stop(self, account: Account, position: Position, attempt: Attempt) -> bool:
        """Close a position that has no stop, unless the exchange has taken one very lately.

        Always False: it has no stop now.
        """
        if attempt.placed is Placed.WOULD_TRIGGER:
            reason = position.stop_kind.close_reason
        elif self._may_wait(account, position, attempt):
            self._look_again(account, position)
            return False
        else:
            reason = CloseReason.UNPROTECTED
            log.error("position.unprotected", **_names(position), cause=attempt.cause)
        current = account.positions.get(position.symbol, position)
        if not await self._closer.close(account, current, reason):
            self._look_again(account, position)
        return False

    def _may_wait(self, account: Account, position: Position, attempt: Attempt) -> bool:
        """Whether a stop that was taken, but not shown, may still come to light.

        So may a position that the exchange does not show: it is not closed on one look.
        """
        if attempt.is_unread or account.absences.is_missing(position.position_id):
            return True
        if attempt.placed is not Placed.UNCONFIRMED:
            return False
        since_ms = account.unprotected_ms.get(position.position_id, self._clock.now_ms())
        lag_ms = account.trading.visibility_lag_ms + round(self._limit_s(account, position) * 1000)
        return self._clock.now_ms() - since_ms < lag_ms

    def _look_again(self, account: Account, position: Position) -> None:
        """Protect once more in a while; the symbol's lock is free meanwhile."""
        key = (account.user_id, position.symbol)
        tries = self._tries.get(key, 0)
        self._tries[key] = tries + 1
        at_ms = Ms(self._clock.now_ms() + _AGAIN_MS[min(tries, len(_AGAIN_MS) - 1)])

        async def again() -> None:
            async with (
                self._halts.containing_bugs(account, "protection"),
                account.lock(position.symbol),
            ):
                if self._tries.get(key) == tries + 1:
                    await self.protect(account, position.symbol)

        self._alarms.at(at_ms, again)

    async def _amend(
        self, account: Account, position: Position, live: list[Order], size: Decimal
    ) -> bool:
        """Move the one stop that rests to where it should be; True if no other one is needed.

        Whatever goes wrong, it rests as it was or as it is to be, and another one can be placed.
        """
        if (
            len(live) != 1
            or self._is_ending(account, live[0])
            or not account.trading.amends_stops(position.symbol)
        ):
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

    async def _make_room(self, account: Account, position: Position, live: list[Order]) -> bool:
        """On spot a resting stop holds the very coins that the next one needs: it goes first."""
        if account.market.instrument(position.symbol).kind is not MarketKind.SPOT:
            return False
        for stop in live:
            await self._closer.withdraw(account, stop)
        return True

    def _is_ending(self, account: Account, stop: Order) -> bool:
        """Whether the exchange will end a stop before long: another one is placed beside it."""
        lives_ms = account.trading.stop_lives_ms(stop.request.symbol)
        age_ms = self._clock.now_ms() - stop.request.intended_at_ms
        return lives_ms is not None and age_ms >= lives_ms - _RENEWED_MS

    def _limit_s(self, account: Account, position: Position) -> float:
        return account.rules(position.strategy).protection.max_unprotected_ms / 1000


def _fits(stop: Order, position: Position, quantity: Decimal) -> bool:
    left = stop.request.quantity - stop.filled
    return stop.request.trigger_price == position.stop_loss and left == quantity


def _names(position: Position) -> dict[str, str]:
    return {
        "user_id": position.user_id,
        "symbol": position.symbol,
        "position_id": position.position_id,
    }
