"""Detects open orders that are not in the ledger: the owner's, or another signalbot's."""

from collections.abc import Mapping

import structlog

from signalbot.domain.orders import ClientOrderId, OrderReport
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.domain.users import UserStatus
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.trading_state import TradingState

log = structlog.get_logger()

_MAX_AGE_MS = 90 * DAY_MS  # exchanges that shorten client order ids hold orders that long


class ForeignOrders:
    """Blocks entries beside foreign orders; halts the user on another signalbot's order."""

    def __init__(self, trades: Trades, trading_state: TradingState) -> None:
        self._trades = trades
        self._trading_state = trading_state

    async def check(
        self, account: Account, open_orders: Mapping[ClientOrderId, OrderReport]
    ) -> None:
        """Record the foreign orders among ``open_orders``; they are never changed.

        While one is open, its symbol takes no entries. One with a signalbot id that is not in the
        ledger means that another signalbot trades the account, so the user is halted.
        """
        foreign: dict[str, set[str]] = {}
        for client_order_id, report in open_orders.items():
            if client_order_id in account.working_orders.get(report.symbol, {}):
                continue
            if not await self._is_recorded(account, report):
                foreign.setdefault(report.symbol, set()).add(client_order_id)
        for symbol, ids in foreign.items():
            for new in ids - account.foreign_orders.get(symbol, frozenset()):
                await self._report(account, symbol, new)
        account.set_foreign_orders({symbol: frozenset(ids) for symbol, ids in foreign.items()})

    async def _is_recorded(self, account: Account, report: OrderReport) -> bool:
        """Whether the ledger holds the order, under its own id or in the exchange's form of it."""
        order_id, symbol = report.client_order_id, report.symbol
        if await self._trades.order(order_id) is not None:
            return True
        broker = account.trading_broker
        was_reported = order_id in account.foreign_orders.get(symbol, frozenset())
        if was_reported or not broker.is_own_order_id(order_id, symbol):
            return False
        since_ms = Ms(max(0, report.updated_at_ms - _MAX_AGE_MS))
        recorded = await self._trades.orders_of_symbol(account.user_id, symbol, since_ms)
        return any(broker.wire_id(each.client_order_id, symbol) == order_id for each in recorded)

    async def _report(self, account: Account, symbol: str, client_order_id: str) -> None:
        log.warning(
            "order.foreign_found",
            user_id=account.user_id,
            symbol=symbol,
            client_order_id=client_order_id,
        )
        if account.trading_broker.is_own_order_id(client_order_id, symbol):
            await self._trading_state.set_user_status(
                account,
                UserStatus.HALTED,
                reason=f"order {client_order_id} in {symbol} has a signalbot id that is not in "
                "this ledger: does another signalbot trade this account?",
            )
