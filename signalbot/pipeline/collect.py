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
from signalbot.pipeline.fees import rates_of
from signalbot.pipeline.record import Recorder
from signalbot.ports import Clock
from signalbot.tasks import Alarms

log = structlog.get_logger()

#: Exchanges tell the fills of an order up to seconds after the order; then asking gets rarer.
PAUSES_MS = (2_000, 3_000, 5_000, 10_000, 30_000, 120_000, 600_000)
_PATIENCE_MS = 10_000  # how long orders that go on filling hold it up


class Collector:
    """Never in the way of a trade: it asks once orders have stopped filling for a moment."""

    def __init__(self, trades: Trades, alarms: Alarms, clock: Clock) -> None:
        self._trades = trades
        self._alarms = alarms
        self._clock = clock
        self._recorder: Recorder | None = None
        self._protect: Callable[[Account, str], Awaitable[None]] | None = None
        self._waiting: set[str] = set()
        self._latest_ms = EPOCH  #: when it was last wanted

    def serve(self, recorder: Recorder, protect: Callable[[Account, str], Awaitable[None]]) -> None:
        """Book what is found through ``recorder``; ``protect`` a position that it has changed."""
        self._recorder, self._protect = recorder, protect

    def want(self, account: Account, order: Order) -> None:
        """Collect the fills of ``order`` soon; asking again while it is under way is harmless."""
        if order.client_order_id not in self._waiting:
            self._waiting.add(order.client_order_id)
            self._latest_ms = self._clock.now_ms()
            self._ask_when_quiet(account, order, until_ms=Ms(self._latest_ms + _PATIENCE_MS))

    def _ask_when_quiet(self, account: Account, order: Order, *, until_ms: Ms) -> None:
        """Ask once nothing has filled for the first pause, or at ``until_ms``."""

        async def ring() -> None:
            if self._clock.now_ms() < min(until_ms, self._latest_ms + PAUSES_MS[0]):
                self._ask_when_quiet(account, order, until_ms=until_ms)
            else:
                await self._ask(account, order, tries=0)

        self._alarms.at(Ms(min(until_ms, self._latest_ms + PAUSES_MS[0])), ring)

    def _ask_after(self, account: Account, order: Order, *, tries: int) -> None:
        at_ms = Ms(self._clock.now_ms() + PAUSES_MS[tries])
        self._alarms.at(at_ms, lambda: self._ask(account, order, tries=tries))

    async def _ask(self, account: Account, asked: Order, *, tries: int) -> None:
        """Under the id it has by now: a conditional order that triggers may become another."""
        order = await self._trades.order(asked.client_order_id) or asked
        try:
            fills = tuple(await account.trading.fills_of(order))
        except Unavailable as e:
            log.debug("fills.not_told", user_id=account.user_id, cause=str(e))
            fills = ()
        is_last = tries + 1 == len(PAUSES_MS)
        if await self._book(account, asked, fills, is_last_word=is_last):
            self._waiting.discard(asked.client_order_id)
        elif not is_last:
            self._ask_after(account, asked, tries=tries + 1)
        else:
            self._waiting.discard(asked.client_order_id)
            log.warning(
                "fills.missing", user_id=account.user_id, client_order_id=asked.client_order_id
            )

    async def _book(
        self, account: Account, asked: Order, fills: tuple[Fill, ...], *, is_last_word: bool
    ) -> bool:
        """Book the fills if they are all there, on the order as it is by now.

        Also if the price of what a fee was paid in is known; the last time, whether or not. A fee
        that was kept in the coins makes the position smaller: its stop follows at once, for it
        would sell coins of the owner's.
        """
        assert self._recorder is not None  # noqa: S101 - wired before anything is booked
        assert self._protect is not None  # noqa: S101
        async with account.lock(asked.request.symbol):
            order = await self._trades.order(asked.client_order_id)
            told = sum((fill.quantity for fill in fills), ZERO)
            if order is None or told < order.filled:
                return False
            if rates_of(account.market, fills).awaited and not is_last_word:
                return False
            report = _told(order, fills)
            recorded = await self._recorder.record(
                account, order, report, is_last_word=is_last_word
            )
            if recorded.moved:
                await self._protect(account, order.request.symbol)
            return True


def _told(order: Order, fills: tuple[Fill, ...]) -> OrderReport:
    """What is known of the order, with its fills."""
    named = tuple(replace(fill, client_order_id=order.client_order_id) for fill in fills)
    return replace(order.report(), fills=named)
