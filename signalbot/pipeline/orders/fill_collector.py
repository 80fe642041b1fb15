"""Collects the fills of orders that were booked before their fills were told, for their fees."""

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
from signalbot.tasks import Timers

log = structlog.get_logger()

#: Exchanges tell the fills of an order up to seconds after the order; then asking gets rarer.
RETRY_DELAYS_MS = (2_000, 3_000, 5_000, 10_000, 30_000, 120_000, 600_000)
_MAX_QUIET_WAIT_MS = 10_000  # how long orders that go on filling hold it up


class FillCollector:
    """Never in the way of a trade: it asks once orders have stopped filling for a moment."""

    def __init__(self, trades: Trades, timers: Timers, clock: Clock) -> None:
        self._trades = trades
        self._timers = timers
        self._clock = clock
        self._fill_booker: FillBooker | None = None
        self._protect: Callable[[Account, str], Awaitable[None]] | None = None
        self._pending: set[str] = set()
        self._last_request_ms = EPOCH  #: when it was last wanted

    def serve(
        self, recorder: FillBooker, protect: Callable[[Account, str], Awaitable[None]]
    ) -> None:
        """Book what is found through ``recorder``; ``protect`` a position that it has changed."""
        self._fill_booker, self._protect = recorder, protect

    def request(self, account: Account, order: Order) -> None:
        """Collect the fills of ``order`` soon; asking again while it is under way is harmless."""
        if order.client_order_id not in self._pending:
            self._pending.add(order.client_order_id)
            self._last_request_ms = self._clock.now_ms()
            self._fetch_when_quiet(
                account, order, until_ms=Ms(self._last_request_ms + _MAX_QUIET_WAIT_MS)
            )

    def _fetch_when_quiet(self, account: Account, order: Order, *, until_ms: Ms) -> None:
        """Ask once nothing has filled for the first pause, or at ``until_ms``."""

        async def ring() -> None:
            if self._clock.now_ms() < min(until_ms, self._last_request_ms + RETRY_DELAYS_MS[0]):
                self._fetch_when_quiet(account, order, until_ms=until_ms)
            else:
                await self._fetch(account, order, tries=0)

        self._timers.at(Ms(min(until_ms, self._last_request_ms + RETRY_DELAYS_MS[0])), ring)

    def _fetch_after_delay(self, account: Account, order: Order, *, tries: int) -> None:
        at_ms = Ms(self._clock.now_ms() + RETRY_DELAYS_MS[tries])
        self._timers.at(at_ms, lambda: self._fetch(account, order, tries=tries))

    async def _fetch(self, account: Account, requested: Order, *, tries: int) -> None:
        """Under the id it has by now: a conditional order that triggers may become another."""
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
        """Book the fills if they are all there, on the order as it is by now.

        Also if the price of what a fee was paid in is known; the last time, whether or not. A fee
        that was kept in the coins makes the position smaller: its stop follows at once, for it
        would sell coins of the owner's.
        """
        assert self._fill_booker is not None  # noqa: S101 - wired before anything is booked
        assert self._protect is not None  # noqa: S101
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
    """What is known of the order, with its fills."""
    named = tuple(replace(fill, client_order_id=order.client_order_id) for fill in fills)
    return replace(order.report(), fills=named)
