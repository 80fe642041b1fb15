"""Finds entries at the exchange that have ended in the ledger."""

from dataclasses import replace

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.money import text
from signalbot.domain.orders import Leg, Order, OrderStatus
from signalbot.domain.timeframe import Ms
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.ports import Clock

log = structlog.get_logger()

_LOOKBACK_MS = 86_400_000  # how long cancelled entries are checked for late fills


class LateEntryFinder:
    """Looks up ended entries that may have appeared or filled late, and settles them."""

    def __init__(
        self,
        trades: Trades,
        entry_orders: EntryOrders,
        entry_settler: EntrySettler,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._entry_orders = entry_orders
        self._entry_settler = entry_settler
        self._clock = clock

    def symbols(self, account: Account) -> list[str]:
        """Return the symbols where an entry without a report may still appear."""
        return account.late_entries.symbols(self._clock.now_ms())

    async def find_late_fills(self, account: Account, symbol: str) -> bool:
        """Look up recently cancelled entries again; True if one has filled after all.

        Used when the exchange holds more than the ledger, which such an entry may explain.
        """
        since_ms = Ms(self._clock.now_ms() - _LOOKBACK_MS)
        for order in await self._trades.orders_of_symbol(account.user_id, symbol, since_ms):
            if order.request.leg is not Leg.ENTRY or order.status is not OrderStatus.CANCELLED:
                continue
            try:
                if await self._find_late(account, order):
                    return True
            except Unavailable:
                continue
        return False

    async def find_expected(self, account: Account, symbol: str) -> None:
        """Look up entries that ended without a report. The symbol's lock is held.

        Raises:
            Unavailable: not all of them could be looked up.
        """
        since_ms = Ms(self._clock.now_ms() - _LOOKBACK_MS)
        for order in await self._trades.orders_of_symbol(account.user_id, symbol, since_ms):
            if account.late_entries.is_expected(order.client_order_id):
                await self._find_late(account, order)

    async def _find_late(self, account: Account, order: Order) -> bool:
        """Look up an entry that has ended in the ledger, and settle it if it exists.

        Its protection is placed as usual; an unfilled rest is cancelled at the entry's timeout.

        Raises:
            Unavailable: it could not be looked up.
        """
        try:
            report = await account.trading_broker.lookup(order)
        except OrderOutcomeUnknown:
            return False
        if report is None:
            return False
        is_open = report.status.is_live and account.late_entries.is_expected(order.client_order_id)
        account.late_entries.discard(order.client_order_id)
        if report.filled <= order.filled and not is_open:
            return False
        log.warning(
            "entry.appeared_late",
            user_id=account.user_id,
            symbol=order.request.symbol,
            client_order_id=order.client_order_id,
            filled=text(report.filled),
        )
        entry = await self._entry_orders.load(account, order)
        if order.request.position_id is not None:
            orders = await self._trades.orders_of_position(order.request.position_id)
            account.reset_attempts(order.request.position_id, orders)
        stop = entry.intents.stop
        if stop is not None and account.trading_broker.attaches_stops(order.request.symbol):
            account.track_order(Order(request=stop, status=OrderStatus.UNKNOWN))
        revived = replace(order, status=OrderStatus.UNKNOWN, error=None)
        await self._entry_settler.settle(account, entry, revived, report)
        return True
