"""Reconciles one account with its exchange: at startup, on schedule, and on external changes.

The exchange is authoritative for orders and holdings, the ledger for their reasons. Every step is
repeatable: it reads first, books what it finds, and sends only what is provably absent. A position
the exchange does not list is kept, with its stop, until fills explain it or its absence is proven.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog

from signalbot.domain.errors import AccessDenied, Unavailable
from signalbot.domain.orders import ClientOrderId, OrderReport
from signalbot.pipeline.account import Account
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.reconciliation.execution_settlement import ExecutionSettler
from signalbot.pipeline.reconciliation.foreign_orders import ForeignOrders
from signalbot.pipeline.reconciliation.late_entry_finder import LateEntryFinder
from signalbot.pipeline.reconciliation.order_recovery import OrderRecovery
from signalbot.pipeline.reconciliation.position_comparison import PositionComparer, fetch_holdings
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Holding

log = structlog.get_logger()

_OpenOrders = Mapping[ClientOrderId, OrderReport]


class Reconciler:
    """Compares orders, positions and executions of one account with its exchange."""

    def __init__(
        self,
        *,
        order_recovery: OrderRecovery,
        late_entries: LateEntryFinder,
        foreign_orders: ForeignOrders,
        position_comparer: PositionComparer,
        execution_settler: ExecutionSettler,
        protector: Protector,
        trading_state: TradingState,
    ) -> None:
        self._order_recovery = order_recovery
        self._late_entries = late_entries
        self._foreign_orders = foreign_orders
        self._position_comparer = position_comparer
        self._execution_settler = execution_settler
        self._protector = protector
        self._trading_state = trading_state

    async def reconcile(self, account: Account, *, is_urgent: bool = False) -> None:
        """Compare orders, positions and executions of one account, and protect its positions.

        An urgent run reads active symbols only, with the request priority of protection. A failed
        read does not stop the other reads; an error on one symbol or execution does not stop the
        others, nor the protection of positions.

        Raises:
            AccessDenied: the exchange rejected the key.
            Unavailable: the comparison is incomplete; nothing was assumed about the rest.
        """
        failures: list[Unavailable] = []
        await self._reconcile_orders(account, failures, is_urgent=is_urgent)
        await self._reconcile_positions(account, failures, is_urgent=is_urgent)
        for execution in await self._execution_settler.unresolved(account):
            async with self._isolated(account, execution.signal_id, failures):
                await self._execution_settler.settle(account, execution)
        if failures:
            raise failures[0]

    async def _reconcile_orders(
        self, account: Account, failures: list[Unavailable], *, is_urgent: bool
    ) -> None:
        open_orders = await self._fetch_open_orders(account, failures, is_urgent=is_urgent)
        if open_orders is not None:
            if not is_urgent:
                await self._foreign_orders.check(account, open_orders)
            for symbol in list(account.working_orders):
                async with self._isolated(account, symbol, failures), account.lock(symbol):
                    await self._order_recovery.resolve_all(account, symbol, open_orders)
        if not is_urgent:
            for symbol in self._late_entries.symbols(account):
                async with self._isolated(account, symbol, failures), account.lock(symbol):
                    await self._late_entries.find_expected(account, symbol)

    async def _reconcile_positions(
        self, account: Account, failures: list[Unavailable], *, is_urgent: bool
    ) -> None:
        holdings = await self._fetch_holdings(account, failures, is_urgent=is_urgent)
        for symbol in dict.fromkeys(
            (*(holdings or ()), *account.active_symbols, *account.working_orders)
        ):
            if holdings is not None:
                async with self._isolated(account, symbol, failures), account.lock(symbol):
                    if await self._position_comparer.compare(account, symbol, holdings.get(symbol)):
                        await self._protector.finish_close(account, symbol)
            async with self._isolated(account, symbol, failures), account.lock(symbol):
                await self._protector.protect(account, symbol)
                await self._protector.cancel_orphans(account, symbol)

    @asynccontextmanager
    async def _isolated(
        self, account: Account, what: str, failures: list[Unavailable]
    ) -> AsyncIterator[None]:
        """Add an ``Unavailable`` of the block to ``failures``; halt the user on other errors.

        Raises:
            AccessDenied: the exchange rejected the key, so nothing more can be read.
        """
        denied: AccessDenied | None = None
        async with self._trading_state.halt_on_error(account, f"reconciliation of {what}"):
            try:
                yield
            except AccessDenied as e:
                denied = e
            except Unavailable as e:
                failures.append(e)
        if denied is not None:
            raise denied

    async def _fetch_open_orders(
        self, account: Account, failures: list[Unavailable], *, is_urgent: bool
    ) -> _OpenOrders | None:
        symbols = account.active_symbols if is_urgent else None
        try:
            reports = await account.trading_broker.open_orders(symbols, is_urgent=is_urgent)
        except AccessDenied:
            raise
        except Unavailable as e:
            failures.append(e)
            return None
        return {report.client_order_id: report for report in reports}

    async def _fetch_holdings(
        self, account: Account, failures: list[Unavailable], *, is_urgent: bool
    ) -> dict[str, Holding] | None:
        try:
            return await fetch_holdings(account, is_urgent=is_urgent)
        except AccessDenied:
            raise
        except Unavailable as e:
            failures.append(e)
            return None
