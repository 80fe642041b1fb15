"""Orders at the exchange that this ledger does not know: the owner's, or another signalbot's."""

from collections.abc import Mapping

import structlog

from signalbot.domain.orders import ClientOrderId, OrderReport
from signalbot.domain.users import UserStatus
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.trading_state import TradingState

log = structlog.get_logger()


class ForeignOrders:
    def __init__(self, trades: Trades, trading_state: TradingState) -> None:
        self._trades = trades
        self._trading_state = trading_state

    async def check(
        self, account: Account, open_orders: Mapping[ClientOrderId, OrderReport]
    ) -> None:
        """Leave them untouched; while they rest, entries beside them wait.

        One with an id only signalbot makes, and this ledger does not know, means that another
        signalbot trades the account: then nothing more must be entered.
        """
        foreign: dict[str, set[str]] = {}
        for client_order_id, report in open_orders.items():
            if client_order_id in account.working_orders.get(report.symbol, {}):
                continue
            if await self._trades.order(client_order_id) is None:
                foreign.setdefault(report.symbol, set()).add(client_order_id)
        for symbol, ids in foreign.items():
            for new in ids - account.foreign_orders.get(symbol, frozenset()):
                await self._report(account, symbol, new)
        account.set_foreign_orders({symbol: frozenset(ids) for symbol, ids in foreign.items()})

    async def _report(self, account: Account, symbol: str, client_order_id: str) -> None:
        log.warning(
            "order.foreign_found",
            user_id=account.user_id,
            symbol=symbol,
            client_order_id=client_order_id,
        )
        if has_own_id_format(client_order_id):
            await self._trading_state.set_user_status(
                account,
                UserStatus.HALTED,
                reason=f"order {client_order_id} in {symbol} has an id of signalbot's that this "
                "ledger does not know: does another signalbot trade this account?",
            )


def has_own_id_format(client_order_id: str) -> bool:
    """Whether an id has the form that only signalbot gives: 32 hex digits."""
    return len(client_order_id) == 32 and set(client_order_id) <= set("0123456789abcdef")  # noqa: PLR2004
