"""The services of a running daemon, grouped by responsibility. Built once, then read-only."""

from collections.abc import Mapping
from dataclasses import dataclass

from signalbot.config.settings import Config
from signalbot.control.strategy_registry import StrategyRegistry
from signalbot.control.subscription_registry import SubscriptionRegistry
from signalbot.control.user_registry import AccountRegistry, UserRegistry
from signalbot.ledger.account_states import Reconciliations
from signalbot.ledger.accounts import Accounts
from signalbot.ledger.database import Database
from signalbot.ledger.executions import Executions
from signalbot.ledger.position_mismatches import PositionMismatches
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.execution.executor import Executor
from signalbot.pipeline.key_permissions import KeyPermissionCheck
from signalbot.pipeline.orders.fill_collector import FillCollector, PendingFillQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.funding_collector import FundingCollector
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.reconciliation.account_sync import AccountSync
from signalbot.pipeline.reconciliation.order_events import OrderEventHandler
from signalbot.pipeline.reconciliation.reconciler import Reconciler
from signalbot.pipeline.reconciliation.restore import AccountRestorer
from signalbot.pipeline.reconciliation.unresolved_order_poller import UnresolvedOrderPoller
from signalbot.pipeline.signals.broadcaster import InProcessBroadcaster
from signalbot.pipeline.signals.candle_feed import CandleFeed
from signalbot.pipeline.signals.emitter import Emitter
from signalbot.pipeline.signals.evaluator import Evaluator
from signalbot.pipeline.signals.expiry import SignalExpirer
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock, Exchange
from signalbot.sandbox.file_strategy import FileStrategyRegistry
from signalbot.tasks import SupervisedTasks, Timers


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageServices:
    """The ledger and its stores."""

    database: Database
    signals: Signals
    executions: Executions
    trades: Trades
    accounts: Accounts
    reconciliations: Reconciliations
    mismatches: PositionMismatches


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDataServices:
    """Exchanges, candles, and the strategies that run on candles."""

    exchanges: Mapping[str, Exchange]
    feed: CandleFeed
    evaluator: Evaluator
    strategy_files: FileStrategyRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionServices:
    """Orders, positions and their reconciliation."""

    trading_state: TradingState
    key_permissions: KeyPermissionCheck
    executor: Executor
    entry_settler: EntrySettler
    protector: Protector
    position_closer: PositionCloser
    pending_fills: PendingFillQueue
    fill_collector: FillCollector
    order_events: OrderEventHandler
    unresolved_orders: UnresolvedOrderPoller
    reconciler: Reconciler


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundServices:
    """Delivery of signals to users."""

    emitter: Emitter
    broadcaster: InProcessBroadcaster
    expirer: SignalExpirer


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlServices:
    """Users, strategies and subscriptions, and the state of their accounts."""

    accounts: AccountRegistry
    subscriptions: SubscriptionRegistry
    strategies: StrategyRegistry
    users: UserRegistry
    restorer: AccountRestorer
    sync: AccountSync
    funding: FundingCollector


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that one daemon, or one replay, consists of."""

    config: Config  #: the configuration at the start
    clock: Clock
    tasks: SupervisedTasks
    timers: Timers
    storage: StorageServices
    market_data: MarketDataServices
    execution: ExecutionServices
    control: ControlServices
    outbound: OutboundServices
