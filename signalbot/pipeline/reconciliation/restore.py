"""Restores an account from the ledger, before anything is read from its exchange."""

from collections.abc import Callable

from signalbot.domain.orders import Order
from signalbot.domain.timeframe import Ms, day_start
from signalbot.ledger.executions import Executions
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.late_entries import APPEARS_WITHIN_MS
from signalbot.ports import Clock


class AccountRestorer:
    """Loads positions, orders and the day's record of one account.

    ``on_fills_pending`` is called with orders that filled without their fills.
    """

    def __init__(
        self,
        trades: Trades,
        executions: Executions,
        clock: Clock,
        *,
        on_fills_pending: Callable[[Account, Order], None],
    ) -> None:
        self._trades = trades
        self._executions = executions
        self._clock = clock
        self._on_fills_pending = on_fills_pending

    async def restore(self, account: Account) -> None:
        """Load positions, unfinished orders, the day's record and past slippages."""
        now_ms, user_id = self._clock.now_ms(), account.user_id
        positions = await self._trades.open_positions(user_id)
        unfinished = await self._trades.unfinished_orders(user_id)
        unconfirmed = await self._trades.unconfirmed_entries(
            user_id, Ms(now_ms - APPEARS_WITHIN_MS)
        )
        if account.broker is not None:
            for order in unfinished:
                account.broker.watch(order.request, exchange_order_id=order.exchange_order_id)
            for order in await self._trades.orders_with_fills_pending(user_id):
                self._on_fills_pending(account, order)
        today_ms = day_start(now_ms)
        cooldown_ms = max((each.risk.cooldown_ms for each in account.settings.values()), default=0)
        since_ms = min(today_ms, Ms(now_ms - cooldown_ms))
        account.restore(
            positions=positions,
            unfinished=unfinished,
            unconfirmed=unconfirmed,
            position_orders=[
                order
                for position in positions
                for order in await self._trades.orders_of_position(position.position_id)
            ],
            closed=await self._trades.closed_since(user_id, since_ms),
            entries_today=await self._trades.entries_since(user_id, today_ms),
            slippages=await self._executions.latest_slippages(user_id),
            now_ms=now_ms,
        )
