"""Builds the execution services: entries, protection, exits and reconciliation of orders."""

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
    signals, executions, trades = storage.signals, storage.executions, storage.trades
    trading_state = TradingState(storage.accounts, clock)
    pending_fills, unresolved_orders = PendingFillQueue(), UnresolvedOrderQueue()
    fill_booker = FillBooker(trades, on_fills_pending=pending_fills.add)
    order_placer = OrderPlacer(clock)
    entry_orders = EntryOrders(
        signals=signals,
        executions=executions,
        trades=trades,
        fill_booker=fill_booker,
        unresolved_orders=unresolved_orders,
        clock=clock,
    )
    opposite_guard = OppositePositionGuard(
        trades=trades,
        opposites=OppositePositions(storage.database),
        fill_booker=fill_booker,
        order_placer=order_placer,
        unresolved_orders=unresolved_orders,
        clock=clock,
    )
    position_closer = PositionCloser(
        trades=trades,
        fill_booker=fill_booker,
        order_placer=order_placer,
        entry_orders=entry_orders,
        unresolved_orders=unresolved_orders,
        opposite_guard=opposite_guard,
        clock=clock,
    )
    protector = Protector(
        trades=trades,
        order_placer=order_placer,
        position_closer=position_closer,
        trading_state=trading_state,
        timers=timers,
        clock=clock,
    )
    entry_settler = EntrySettler(
        executions=executions,
        trades=trades,
        entry_orders=entry_orders,
        protector=protector,
        unresolved_orders=unresolved_orders,
        timers=timers,
        clock=clock,
    )
    partial_exits = PartialExitExecutor(
        trades=trades,
        sender=PartialExitSender(
            executions=executions,
            trades=trades,
            fill_booker=fill_booker,
            order_placer=order_placer,
            position_closer=position_closer,
            unresolved_orders=unresolved_orders,
            clock=clock,
        ),
        settler=PartialExitSettler(
            signals=signals,
            executions=executions,
            trades=trades,
            position_closer=position_closer,
            protector=protector,
            clock=clock,
        ),
        position_closer=position_closer,
        protector=protector,
        unresolved_orders=unresolved_orders,
    )
    entry_executor = EntryExecutor(
        trades=trades,
        entry_orders=entry_orders,
        entry_settler=entry_settler,
        protector=protector,
        trading_state=trading_state,
        clock=clock,
    )
    exit_executor = ExitExecutor(
        executions=executions, trades=trades, protector=protector, clock=clock
    )
    executor = Executor(
        executions=executions,
        entry_executor=entry_executor,
        exit_executor=exit_executor,
        partial_exits=partial_exits,
        clock=clock,
    )
    order_events = OrderEventHandler(
        trades=trades,
        fill_booker=fill_booker,
        entry_orders=entry_orders,
        entry_settler=entry_settler,
        protector=protector,
        position_closer=position_closer,
        trading_state=trading_state,
    )
    order_recovery = OrderRecovery(
        entry_orders=entry_orders,
        entry_settler=entry_settler,
        order_events=order_events,
        missing_orders=MissingOrderHandler(
            trades=trades,
            entry_orders=entry_orders,
            entry_executor=entry_executor,
            partial_exits=partial_exits,
            position_closer=position_closer,
            unresolved_orders=unresolved_orders,
            clock=clock,
        ),
        protector=protector,
        unresolved_orders=unresolved_orders,
    )
    late_entries = LateEntryFinder(trades, entry_orders, entry_settler, clock)
    reconciler = Reconciler(
        order_recovery=order_recovery,
        foreign_orders=ForeignOrders(trades, trading_state),
        late_entries=late_entries,
        position_comparer=PositionComparer(
            order_recovery=order_recovery,
            late_entries=late_entries,
            external_changes=ExternalChangeDetector(
                trades=trades,
                fill_booker=fill_booker,
                position_closer=position_closer,
                trading_state=trading_state,
                clock=clock,
            ),
            mismatches=storage.mismatches,
            opposite_guard=opposite_guard,
            clock=clock,
        ),
        execution_settler=ExecutionSettler(
            signals=signals,
            executions=executions,
            trades=trades,
            exit_executor=exit_executor,
            partial_exits=partial_exits,
            clock=clock,
        ),
        protector=protector,
        trading_state=trading_state,
    )
    return ExecutionServices(
        trading_state=trading_state,
        key_permissions=KeyPermissionCheck(trading_state, clock),
        executor=executor,
        entry_settler=entry_settler,
        protector=protector,
        position_closer=position_closer,
        pending_fills=pending_fills,
        fill_collector=FillCollector(
            pending_fills,
            trades=trades,
            fill_booker=fill_booker,
            protect=protector.protect,
            timers=timers,
            clock=clock,
        ),
        order_events=order_events,
        unresolved_orders=UnresolvedOrderPoller(
            order_recovery.resolve_and_protect, unresolved_orders, trading_state, timers, clock
        ),
        reconciler=reconciler,
    )
