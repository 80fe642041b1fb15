"""Builds the execution services: entries, protection, exits and reconciliation of orders."""

from dataclasses import dataclass

from signalbot.app.services import ExecutionServices, StorageServices
from signalbot.ledger.position_mismatches import OppositePositions
from signalbot.pipeline.execution.entry_execution import EntryExecutor
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.execution.executor import Executor
from signalbot.pipeline.execution.exit_execution import ExitExecutor
from signalbot.pipeline.execution.partial_exit import PartialExitExecutor
from signalbot.pipeline.execution.partial_exit_sending import PartialExitSender
from signalbot.pipeline.execution.partial_exit_settlement import PartialExitSettler
from signalbot.pipeline.key_permissions import KeyPermissionCheck
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.pipeline.orders.fill_collector import FillCollector, PendingFillQueue
from signalbot.pipeline.orders.order_placement import OrderPlacer
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.opposite_positions import OppositePositionGuard
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.reconciliation.execution_settlement import ExecutionSettler
from signalbot.pipeline.reconciliation.external_changes import ExternalChangeDetector
from signalbot.pipeline.reconciliation.foreign_orders import ForeignOrders
from signalbot.pipeline.reconciliation.late_entry_finder import LateEntryFinder
from signalbot.pipeline.reconciliation.missing_orders import MissingOrderHandler
from signalbot.pipeline.reconciliation.order_events import OrderEventHandler
from signalbot.pipeline.reconciliation.order_recovery import OrderRecovery
from signalbot.pipeline.reconciliation.position_comparison import PositionComparer
from signalbot.pipeline.reconciliation.reconciler import Reconciler
from signalbot.pipeline.reconciliation.unresolved_order_poller import UnresolvedOrderPoller
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock
from signalbot.tasks import Timers


def build_execution(storage: StorageServices, timers: Timers, clock: Clock) -> ExecutionServices:
    """Build the execution services in the order of their dependencies."""
    trading_state = TradingState(storage.accounts, clock)
    base = _Base(storage=storage, trading_state=trading_state, timers=timers, clock=clock)
    orders = _build_orders(base)
    positions = _build_positions(base, orders)
    entry_settler = EntrySettler(
        executions=storage.executions,
        trades=storage.trades,
        entry_orders=orders.entry_orders,
        protector=positions.protector,
        unresolved_orders=orders.unresolved_orders,
        timers=timers,
        clock=clock,
    )
    executors = _build_executors(base, orders, positions, entry_settler)
    order_events = OrderEventHandler(
        trades=storage.trades,
        fill_booker=orders.fill_booker,
        entry_orders=orders.entry_orders,
        entry_settler=entry_settler,
        protector=positions.protector,
        position_closer=positions.position_closer,
        trading_state=trading_state,
    )
    order_recovery = OrderRecovery(
        entry_orders=orders.entry_orders,
        entry_settler=entry_settler,
        order_events=order_events,
        missing_orders=_build_missing_orders(base, orders, positions, executors),
        protector=positions.protector,
        unresolved_orders=orders.unresolved_orders,
    )
    late_entries = LateEntryFinder(storage.trades, orders.entry_orders, entry_settler, clock)
    return ExecutionServices(
        trading_state=trading_state,
        key_permissions=KeyPermissionCheck(trading_state, clock),
        executor=Executor(
            executions=storage.executions,
            entry_executor=executors.entries,
            exit_executor=executors.exits,
            partial_exits=executors.partial_exits,
            clock=clock,
        ),
        entry_settler=entry_settler,
        protector=positions.protector,
        position_closer=positions.position_closer,
        pending_fills=orders.pending_fills,
        fill_collector=_build_fill_collector(base, orders, positions),
        order_events=order_events,
        unresolved_orders=UnresolvedOrderPoller(
            order_recovery.resolve_and_protect,
            orders.unresolved_orders,
            trading_state,
            timers,
            clock,
        ),
        reconciler=Reconciler(
            order_recovery=order_recovery,
            foreign_orders=ForeignOrders(storage.trades, trading_state),
            late_entries=late_entries,
            position_comparer=_build_position_comparer(
                base, orders, positions, order_recovery, late_entries
            ),
            execution_settler=_build_execution_settler(base, executors),
            protector=positions.protector,
            trading_state=trading_state,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    storage: StorageServices
    trading_state: TradingState
    timers: Timers
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderServices:
    """Sending and booking of orders."""

    pending_fills: PendingFillQueue
    unresolved_orders: UnresolvedOrderQueue
    fill_booker: FillBooker
    order_placer: OrderPlacer
    entry_orders: EntryOrders


@dataclass(frozen=True, slots=True, kw_only=True)
class _PositionServices:
    """Protection and closing of positions."""

    opposite_guard: OppositePositionGuard
    position_closer: PositionCloser
    protector: Protector


@dataclass(frozen=True, slots=True, kw_only=True)
class _Executors:
    """Execution of claimed plans, by kind."""

    entries: EntryExecutor
    exits: ExitExecutor
    partial_exits: PartialExitExecutor


def _build_orders(base: _Base) -> _OrderServices:
    trades = base.storage.trades
    pending_fills, unresolved_orders = PendingFillQueue(), UnresolvedOrderQueue()
    fill_booker = FillBooker(trades, on_fills_pending=pending_fills.add)
    return _OrderServices(
        pending_fills=pending_fills,
        unresolved_orders=unresolved_orders,
        fill_booker=fill_booker,
        order_placer=OrderPlacer(base.clock),
        entry_orders=EntryOrders(
            signals=base.storage.signals,
            executions=base.storage.executions,
            trades=trades,
            fill_booker=fill_booker,
            unresolved_orders=unresolved_orders,
            clock=base.clock,
        ),
    )


def _build_positions(base: _Base, orders: _OrderServices) -> _PositionServices:
    trades = base.storage.trades
    opposite_guard = OppositePositionGuard(
        trades=trades,
        opposites=OppositePositions(base.storage.database),
        fill_booker=orders.fill_booker,
        order_placer=orders.order_placer,
        unresolved_orders=orders.unresolved_orders,
        clock=base.clock,
    )
    position_closer = PositionCloser(
        trades=trades,
        fill_booker=orders.fill_booker,
        order_placer=orders.order_placer,
        entry_orders=orders.entry_orders,
        unresolved_orders=orders.unresolved_orders,
        opposite_guard=opposite_guard,
        clock=base.clock,
    )
    protector = Protector(
        trades=trades,
        order_placer=orders.order_placer,
        position_closer=position_closer,
        trading_state=base.trading_state,
        timers=base.timers,
        clock=base.clock,
    )
    return _PositionServices(
        opposite_guard=opposite_guard, position_closer=position_closer, protector=protector
    )


def _build_executors(
    base: _Base,
    orders: _OrderServices,
    positions: _PositionServices,
    entry_settler: EntrySettler,
) -> _Executors:
    return _Executors(
        entries=EntryExecutor(
            trades=base.storage.trades,
            entry_orders=orders.entry_orders,
            entry_settler=entry_settler,
            protector=positions.protector,
            trading_state=base.trading_state,
            clock=base.clock,
        ),
        exits=ExitExecutor(
            executions=base.storage.executions,
            trades=base.storage.trades,
            protector=positions.protector,
            clock=base.clock,
        ),
        partial_exits=_build_partial_exits(base, orders, positions),
    )


def _build_partial_exits(
    base: _Base, orders: _OrderServices, positions: _PositionServices
) -> PartialExitExecutor:
    executions, trades = base.storage.executions, base.storage.trades
    return PartialExitExecutor(
        trades=trades,
        sender=PartialExitSender(
            executions=executions,
            trades=trades,
            fill_booker=orders.fill_booker,
            order_placer=orders.order_placer,
            position_closer=positions.position_closer,
            unresolved_orders=orders.unresolved_orders,
            clock=base.clock,
        ),
        settler=PartialExitSettler(
            signals=base.storage.signals,
            executions=executions,
            trades=trades,
            position_closer=positions.position_closer,
            protector=positions.protector,
            clock=base.clock,
        ),
        position_closer=positions.position_closer,
        protector=positions.protector,
        unresolved_orders=orders.unresolved_orders,
    )


def _build_fill_collector(
    base: _Base, orders: _OrderServices, positions: _PositionServices
) -> FillCollector:
    return FillCollector(
        orders.pending_fills,
        trades=base.storage.trades,
        fill_booker=orders.fill_booker,
        protect=positions.protector.protect,
        timers=base.timers,
        clock=base.clock,
    )


def _build_missing_orders(
    base: _Base, orders: _OrderServices, positions: _PositionServices, executors: _Executors
) -> MissingOrderHandler:
    return MissingOrderHandler(
        trades=base.storage.trades,
        entry_orders=orders.entry_orders,
        entry_executor=executors.entries,
        partial_exits=executors.partial_exits,
        position_closer=positions.position_closer,
        unresolved_orders=orders.unresolved_orders,
        clock=base.clock,
    )


def _build_position_comparer(
    base: _Base,
    orders: _OrderServices,
    positions: _PositionServices,
    order_recovery: OrderRecovery,
    late_entries: LateEntryFinder,
) -> PositionComparer:
    return PositionComparer(
        order_recovery=order_recovery,
        late_entries=late_entries,
        external_changes=ExternalChangeDetector(
            trades=base.storage.trades,
            fill_booker=orders.fill_booker,
            position_closer=positions.position_closer,
            trading_state=base.trading_state,
            clock=base.clock,
        ),
        mismatches=base.storage.mismatches,
        opposite_guard=positions.opposite_guard,
        clock=base.clock,
    )


def _build_execution_settler(base: _Base, executors: _Executors) -> ExecutionSettler:
    return ExecutionSettler(
        signals=base.storage.signals,
        executions=base.storage.executions,
        trades=base.storage.trades,
        exit_executor=executors.exits,
        partial_exits=executors.partial_exits,
        clock=base.clock,
    )
