"""Reconciles one account with its exchange: at startup, on schedule, and on external changes.

The exchange is authoritative for orders and holdings, the ledger for their reasons. Every step is
repeatable: it reads first, books what it finds, and sends only what is provably absent. A position
the exchange does not list is kept, with its stop, until fills explain it or its absence is proven.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from signalbot.decision.decision_input import ExitPlan
from signalbot.domain.errors import AccessDenied, Unavailable
from signalbot.domain.executions import Execution
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.market import MarketKind
from signalbot.domain.money import text
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderReport, OrderStatus
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.users import UserStatus
from signalbot.ledger.executions import Executions
from signalbot.ledger.position_mismatches import PositionMismatch, PositionMismatches
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.executor import Executor
from signalbot.pipeline.execution.partial_exit import is_partial_exit
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.opposite_positions import OppositePositionGuard
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.positions.spot_coverage import is_short
from signalbot.pipeline.reconciliation.external_changes import ExternalChangeDetector
from signalbot.pipeline.reconciliation.foreign_orders import ForeignOrders
from signalbot.pipeline.reconciliation.order_recovery import OrderRecovery
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock, Holding

log = structlog.get_logger()

_OpenOrders = Mapping[ClientOrderId, OrderReport]


class Reconciler:
    """Compares orders, positions and executions of one account with its exchange."""

    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        executor: Executor,
        order_recovery: OrderRecovery,
        protector: Protector,
        position_closer: PositionCloser,
        trading_state: TradingState,
        external_changes: ExternalChangeDetector,
        foreign_orders: ForeignOrders,
        mismatches: PositionMismatches,
        opposite_guard: OppositePositionGuard,
        clock: Clock,
    ) -> None:
        self._opposite_guard = opposite_guard
        self._mismatches = mismatches
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._executor = executor
        self._order_recovery = order_recovery
        self._protector = protector
        self._position_closer = position_closer
        self._trading_state = trading_state
        self._external_changes = external_changes
        self._foreign_orders = foreign_orders
        self._clock = clock

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
        open_orders = await self._fetch_open_orders(account, failures, is_urgent=is_urgent)
        if open_orders is not None:
            if not is_urgent:
                await self._foreign_orders.check(account, open_orders)
            for symbol in list(account.working_orders):
                async with self._isolated(account, symbol, failures), account.lock(symbol):
                    await self._order_recovery.resolve_all(account, symbol, open_orders)
        if not is_urgent:
            for symbol in account.late_entries.symbols(self._clock.now_ms()):
                async with self._isolated(account, symbol, failures), account.lock(symbol):
                    await self._order_recovery.find_late_entries(account, symbol)
        holdings = await self._fetch_holdings(account, failures, is_urgent=is_urgent)
        for symbol in dict.fromkeys(
            (*(holdings or ()), *account.active_symbols, *account.working_orders)
        ):
            if holdings is not None:
                async with self._isolated(account, symbol, failures), account.lock(symbol):
                    await self._compare(account, symbol, holdings.get(symbol))
            async with self._isolated(account, symbol, failures), account.lock(symbol):
                await self._protector.protect(account, symbol)
                await self._clear_orphans(account, symbol)
        for execution in await self._executions.unresolved_executions(account.user_id):
            async with self._isolated(account, execution.signal_id, failures):
                await self._settle_execution(account, execution)
        if failures:
            raise failures[0]

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
            return await self._holdings(account, is_urgent=is_urgent)
        except AccessDenied:
            raise
        except Unavailable as e:
            failures.append(e)
            return None

    async def _holdings(self, account: Account, *, is_urgent: bool = False) -> dict[str, Holding]:
        claimed = {symbol: each.quantity for symbol, each in account.positions.items()}
        holdings = await account.trading_broker.holdings(claimed, is_urgent=is_urgent)
        return {each.symbol: each for each in holdings}

    # --- positions ------------------------------------------------------------------------

    async def _compare(self, account: Account, symbol: str, holding: Holding | None) -> None:
        """Compare a position with the exchange's holding; a difference is verified first.

        ``holding`` may be older than the last booking, and a fill may not have been reported yet.
        So orders and holdings are read again, under the symbol's lock, before anything is
        concluded.
        """
        if not _matches(account, symbol, holding):
            await self._order_recovery.resolve_all(account, symbol, {})
            holding = (await self._holdings(account)).get(symbol)
        if not _matches(account, symbol, holding):
            await self._handle_difference(account, symbol, holding)
            return
        await self._record_agreement(account, symbol)
        await self._protector.finish_close(account, symbol)

    async def _record_agreement(self, account: Account, symbol: str) -> None:
        position = account.positions.get(symbol)
        if position is not None:
            account.absences.record_seen(position.position_id)
        if account.clear_mismatch(symbol):
            await self._mismatches.end(account.user_id, symbol)
            log.info("position.mismatch_resolved", user_id=account.user_id, symbol=symbol)
        if not any(order.status is OrderStatus.UNKNOWN for order in _working(account, symbol)):
            account.resolve_symbol(symbol)

    async def _handle_difference(
        self, account: Account, symbol: str, holding: Holding | None
    ) -> None:
        """Book what explains a verified difference; record the rest as a mismatch."""
        position = account.positions.get(symbol)
        if position is not None and _is_less(holding, position):
            explained = await self._external_changes.explain(account, position)
            if explained.is_liquidation:
                why = f"the position in {symbol} was liquidated"
                await self._trading_state.set_user_status(account, UserStatus.HALTED, reason=why)
        elif (
            holding is not None and await self._order_recovery.find_late_fills(account, symbol)
        ) or (
            position is None
            and holding is not None
            and await self._opposite_guard.close_latest(account, holding)
        ):
            holding = (await self._holdings(account)).get(symbol)
        if _matches(account, symbol, holding):
            await self._record_agreement(account, symbol)
            await self._release_closed(account, position)
            return
        position = account.positions.get(symbol)
        account.mark_unresolved(symbol)
        if position is not None and (holding is None or holding.side is not position.side):
            await self._record_absence(account, position)
        await self._record_mismatch(account, symbol, holding)

    async def _release_closed(self, account: Account, before: Position | None) -> None:
        """Cancel the protection of a position that was closed externally."""
        if before is not None and before.symbol not in account.positions:
            await self._position_closer.cancel_protection(account, before)

    async def _record_absence(self, account: Account, position: Position) -> None:
        """Count a response without the position; close it in the ledger once that is proof."""
        is_proven = account.absences.record_miss(
            position.position_id,
            self._clock.now_ms(),
            apart_ms=account.trading_broker.visibility_lag_ms,
        )
        if is_proven:
            await self._close_externally(account, position)

    async def _record_mismatch(
        self, account: Account, symbol: str, holding: Holding | None
    ) -> None:
        """Store and log a mismatch, once per distinct difference."""
        position = account.positions.get(symbol)
        if position is None and holding is None:
            return
        mismatch = PositionMismatch(
            ledger="nothing" if position is None else f"{position.side} {text(position.quantity)}",
            held="nothing" if holding is None else f"{holding.side} {text(holding.quantity)}",
        )
        if account.mismatches.get(symbol) == mismatch:
            return
        account.set_mismatch(symbol, mismatch)
        exchange = account.user.account.exchange
        await self._mismatches.put(
            account.user_id, exchange, symbol, mismatch, now_ms=self._clock.now_ms()
        )
        log.error(
            "position.mismatch_found",
            user_id=account.user_id,
            symbol=symbol,
            ledger=mismatch.ledger,
            exchange=mismatch.held,
        )

    async def _clear_orphans(self, account: Account, symbol: str) -> None:
        """Cancel protective orders that belong to no open position and no open entry."""
        position = account.positions.get(symbol)
        entering = {order.request.position_id for order in account.orders(symbol, Leg.ENTRY)}
        needed = entering | ({position.position_id} if position else set())
        for order in list(account.working_orders.get(symbol, {}).values()):
            if order.request.position_id not in needed:
                await self._position_closer.cancel_and_book(account, order)

    async def _close_externally(self, account: Account, position: Position) -> None:
        """Close a position in the ledger that is provably not held, and that no fill explains."""
        closed = replace(
            position,
            status=PositionStatus.CLOSED,
            close_reason=CloseReason.EXTERNAL,
            closed_at_ms=self._clock.now_ms(),
        )
        log.warning("position.closed_externally", user_id=account.user_id, symbol=position.symbol)
        account.absences.record_seen(position.position_id)
        await self._trades.save_position(closed)
        account.update_position(closed)
        await self._position_closer.cancel_protection(account, closed)

    # --- executions -----------------------------------------------------------------------

    async def _settle_execution(self, account: Account, execution: Execution) -> None:
        """Complete a claim that was interrupted after its orders had ended."""
        if execution.client_order_id is None:
            await self._settle_exit(account, execution)
            return
        order = await self._trades.order(ClientOrderId(execution.client_order_id))
        if order is None or not order.status.is_final:
            return
        if is_partial_exit(order.request):
            await self._executor.settle_partial_exit(account, execution, order)
        elif not order.filled:
            await self._executions.mark_failed(
                execution.signal_id,
                account.user_id,
                reason=FailureCode.NOT_FILLED,
                details=order.error or f"the entry is {order.status}, nothing filled",
                now_ms=self._clock.now_ms(),
            )

    async def _settle_exit(self, account: Account, execution: Execution) -> None:
        """Complete an interrupted exit: record it if its position is closed, else close again."""
        if execution.position_id is None:
            return
        signal = await self._signals.signal(execution.signal_id)
        position = await self._trades.position(execution.position_id)
        if signal is None or position is None:
            return
        if not position.is_open:
            await self._executor.finish_exit(account, signal, execution, position)
            return
        is_opposite = signal.action.is_entry
        reason = CloseReason.OPPOSITE_SIGNAL if is_opposite else CloseReason.EXIT_SIGNAL
        async with account.lock(position.symbol):
            plan = ExitPlan(position=position, reason=reason)
            await self._executor.request_exit(account, signal, execution, plan)


def _is_less(holding: Holding | None, position: Position) -> bool:
    if holding is None or holding.side is not position.side:
        return True
    return holding.quantity < position.quantity


def _matches(account: Account, symbol: str, holding: Holding | None) -> bool:
    position = account.positions.get(symbol)
    if position is None or holding is None:
        return position is None and holding is None
    if account.market.instrument(symbol).kind is MarketKind.SPOT:
        return not is_short(holding.quantity, position.quantity)
    return (position.side, position.quantity) == (holding.side, holding.quantity)


def _working(account: Account, symbol: str) -> Iterable[Order]:
    return account.working_orders.get(symbol, {}).values()
