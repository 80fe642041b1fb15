"""Fetches the fills of orders that were booked without them, to book their fees."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.money import ZERO
from signalbot.domain.orders import Fill, Order, OrderReport
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.orders.fees import fee_rates_of
from signalbot.ports import Clock
from signalbot.stream import Stream
from signalbot.tasks import Timers

log = structlog.get_logger()

#: Exchanges list fills up to seconds after the order, so the first delays are short.
RETRY_DELAYS_MS = (2_000, 3_000, 5_000, 10_000, 30_000, 120_000, 600_000)
_MAX_QUIET_WAIT_MS = 10_000  # longest delay of the first fetch while orders keep filling


class PendingFillQueue:
    """Orders with fills to fetch: written by bookings and restores, read by ``FillCollector``."""

    def __init__(self) -> None:
        self.queue: Stream[tuple[Account, Order]] = Stream()

    def add(self, account: Account, order: Order) -> None:
        """Have the fills of ``order`` fetched; adding it again is harmless."""
        self.queue.put((account, order))


class FillCollector:
    """Fetches fills once no order has filled for two seconds, so that trades are not slowed."""

    def __init__(
        self,
        pending: PendingFillQueue,
        *,
        trades: Trades,
        fill_booker: FillBooker,
        protect: Callable[[Account, str], Awaitable[None]],
        timers: Timers,
        clock: Clock,
    ) -> None:
        """``protect`` is awaited for a position that a booking has changed."""
        self._queue = pending.queue
        self._trades = trades
        self._fill_booker = fill_booker
        self._protect = protect
        self._timers = timers
        self._clock = clock
        self._pending: set[str] = set()
        self._last_request_ms = EPOCH

    async def run(self) -> None:
        """Fetch the fills of every queued order, until cancelled."""
        async for account, order in self._queue:
            self._schedule(account, order)

    def _schedule(self, account: Account, order: Order) -> None:
        """Fetch the fills of ``order`` soon; it is ignored while it is already scheduled."""
        if order.client_order_id not in self._pending:
            self._pending.add(order.client_order_id)
            self._last_request_ms = self._clock.now_ms()
            self._fetch_when_quiet(
                account, order, until_ms=Ms(self._last_request_ms + _MAX_QUIET_WAIT_MS)
            )

    def _fetch_when_quiet(self, account: Account, order: Order, *, until_ms: Ms) -> None:
        """Fetch once nothing has filled for the first delay, at ``until_ms`` at the latest."""

        async def fire() -> None:
            if self._clock.now_ms() < min(until_ms, self._last_request_ms + RETRY_DELAYS_MS[0]):
                self._fetch_when_quiet(account, order, until_ms=until_ms)
            else:
                await self._fetch(account, order, tries=0)

        self._timers.at(Ms(min(until_ms, self._last_request_ms + RETRY_DELAYS_MS[0])), fire)

    def _fetch_after_delay(self, account: Account, order: Order, *, tries: int) -> None:
        at_ms = Ms(self._clock.now_ms() + RETRY_DELAYS_MS[tries])
        self._timers.at(at_ms, lambda: self._fetch(account, order, tries=tries))

    async def _fetch(self, account: Account, requested: Order, *, tries: int) -> None:
        """Fetch by the order's current id, which changes when a conditional order triggers."""
        order = await self._trades.order(requested.client_order_id) or requested
        try:
            fills = tuple(await account.trading_broker.order_fills(order))
        except Unavailable as e:
            log.debug("fills.fetch_failed", user_id=account.user_id, cause=str(e))
            fills = ()
        is_last = tries + 1 == len(RETRY_DELAYS_MS)
        if await self._book(account, requested, fills, is_final_attempt=is_last):
            self._pending.discard(requested.client_order_id)
        elif not is_last:
            self._fetch_after_delay(account, requested, tries=tries + 1)
        else:
            self._pending.discard(requested.client_order_id)
            log.warning(
                "fills.never_reported",
                user_id=account.user_id,
                client_order_id=requested.client_order_id,
            )

    async def _book(
        self, account: Account, requested: Order, fills: tuple[Fill, ...], *, is_final_attempt: bool
    ) -> bool:
        """Book the fills if they are complete; False if they or a fee's price are missing.

        ``is_final_attempt`` books without the price. A fee kept in the bought coins shrinks the
        position, so its stop is resized at once: it would sell other coins of the owner.
        """
        async with account.lock(requested.request.symbol):
            order = await self._trades.order(requested.client_order_id)
            reported = sum((fill.quantity for fill in fills), ZERO)
            if order is None or reported < order.filled:
                return False
            if fee_rates_of(account.market, fills).pending and not is_final_attempt:
                return False
            report = _report_with_fills(order, fills)
            recorded = await self._fill_booker.book(
                account, order, report, is_final_attempt=is_final_attempt
            )
            if recorded.moved:
                await self._protect(account, order.request.symbol)
            return True


def _report_with_fills(order: Order, fills: tuple[Fill, ...]) -> OrderReport:
    """Return the order's state as a report, with its fills."""
    named = tuple(replace(fill, client_order_id=order.client_order_id) for fill in fills)
    return replace(order.report(), fills=named)
