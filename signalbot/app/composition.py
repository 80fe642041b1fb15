"""The composition root: builds every service of a daemon or a replay, in dependency order.

No service is bound later: where two services depend on each other, one writes a queue that the
other reads, or receives a callback when it is built.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from signalbot.ai.llm_strategy import LlmStrategyFactory
from signalbot.app.execution import build_execution
from signalbot.app.services import (
    ControlServices,
    ExecutionServices,
    MarketDataServices,
    OutboundServices,
    Services,
    StorageServices,
)
from signalbot.config.settings import Config
from signalbot.control.configuration_checks import log_unlisted_symbols
from signalbot.control.strategy_factory import StrategyFactory
from signalbot.control.strategy_registry import StrategyRegistry
from signalbot.control.subscription_registry import SubscriptionRegistry
from signalbot.control.user_registry import AccountRegistry, UserRegistry
from signalbot.control.user_tasks import CreateListener, UserTasks
from signalbot.domain.users import Subscription
from signalbot.ledger.account_states import Reconciliations
from signalbot.ledger.accounts import Accounts
from signalbot.ledger.database import Database
from signalbot.ledger.executions import Executions
from signalbot.ledger.funding import FundingStore
from signalbot.ledger.position_mismatches import PositionMismatches
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.listener import Listener, ListenerServices
from signalbot.pipeline.positions.funding_collector import FundingCollector
from signalbot.pipeline.positions.trailing_stop import TrailingStops
from signalbot.pipeline.reconciliation.account_comparison import AccountComparer
from signalbot.pipeline.reconciliation.account_sync import AccountSync
from signalbot.pipeline.reconciliation.restore import AccountRestorer
from signalbot.pipeline.signals.broadcaster import InProcessBroadcaster
from signalbot.pipeline.signals.candle_feed import CandleFeed
from signalbot.pipeline.signals.emitter import Emitter
from signalbot.pipeline.signals.evaluator import Evaluator
from signalbot.pipeline.signals.expiry import SignalExpirer
from signalbot.ports import Advisor, Clock, Exchange, Market
from signalbot.sandbox.file_strategy import FileStrategyRegistry
from signalbot.tasks import SupervisedTasks, Timers


def build(
    config: Config,
    *,
    database: Database,
    exchanges: Mapping[str, Exchange],
    clock: Clock,
    advisor: Advisor | None = None,
    strategy_files: FileStrategyRegistry | None = None,
    llm_strategies: LlmStrategyFactory | None = None,
) -> Services:
    """Build all services; ``lifecycle.running`` starts and stops them.

    Without ``advisor`` no decision is advised; without ``llm_strategies`` strategies of kind
    ``llm`` cannot be started.
    """
    base = _Base(
        config=config,
        exchanges=exchanges,
        clock=clock,
        tasks=SupervisedTasks(clock),
        timers=Timers(clock),
        storage=_build_storage(database),
    )
    execution = build_execution(base.storage, base.timers, clock)
    subscriptions = SubscriptionRegistry()
    outbound = _build_outbound(base, subscriptions)
    market_data = _build_market_data(
        base, outbound, strategy_files=strategy_files or FileStrategyRegistry(clock)
    )
    strategies = StrategyRegistry(
        StrategyFactory(market_data.strategy_files, llm_strategies),
        market_data.evaluator,
        subscriptions,
    )
    create_listener = partial(_create_listener, base, execution, outbound, advisor)
    return Services(
        config=config,
        clock=clock,
        tasks=base.tasks,
        timers=base.timers,
        storage=base.storage,
        market_data=market_data,
        execution=execution,
        control=_build_control(
            base, execution, outbound, subscriptions, strategies, create_listener
        ),
        outbound=outbound,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """The services without dependencies on others."""

    config: Config
    exchanges: Mapping[str, Exchange]
    clock: Clock
    tasks: SupervisedTasks
    timers: Timers
    storage: StorageServices

    @property
    def markets(self) -> dict[str, Market]:
        return {name: exchange.market for name, exchange in self.exchanges.items()}


def _build_storage(database: Database) -> StorageServices:
    return StorageServices(
        database=database,
        signals=Signals(database),
        executions=Executions(database),
        trades=Trades(database),
        accounts=Accounts(database),
        reconciliations=Reconciliations(database),
        mismatches=PositionMismatches(database),
    )


def _build_outbound(base: _Base, subscriptions: SubscriptionRegistry) -> OutboundServices:
    broadcaster = InProcessBroadcaster(base.storage.signals, base.clock)
    expirer = SignalExpirer(base.storage.signals, base.timers, base.clock)
    emitter = Emitter(
        signals=base.storage.signals,
        executions=base.storage.executions,
        broadcaster=broadcaster,
        expirer=expirer,
        subscribers_of=subscriptions.users_of,
        clock=base.clock,
    )
    return OutboundServices(emitter=emitter, broadcaster=broadcaster, expirer=expirer)


def _build_market_data(
    base: _Base, outbound: OutboundServices, *, strategy_files: FileStrategyRegistry
) -> MarketDataServices:
    feed = CandleFeed(base.markets, base.clock)
    evaluator = Evaluator(
        signals=base.storage.signals,
        markets=base.markets,
        feed=feed,
        emit=outbound.emitter.emit,
        clock=base.clock,
    )
    return MarketDataServices(
        exchanges=base.exchanges, feed=feed, evaluator=evaluator, strategy_files=strategy_files
    )


def _build_control(
    base: _Base,
    execution: ExecutionServices,
    outbound: OutboundServices,
    subscriptions: SubscriptionRegistry,
    strategies: StrategyRegistry,
    create_listener: CreateListener,
) -> ControlServices:
    accounts = AccountRegistry()
    restorer = AccountRestorer(
        base.storage.trades,
        base.storage.executions,
        base.clock,
        on_fills_pending=execution.pending_fills.add,
    )
    sync = AccountSync(
        accounts,
        base.exchanges,
        AccountComparer(
            execution.reconciler,
            execution.trading_state,
            execution.key_permissions,
            base.storage.reconciliations,
            base.clock,
        ),
        catch_up=outbound.emitter.catch_up,
        on_connected=partial(log_unlisted_symbols, base.config, base.exchanges),
        clock=base.clock,
    )
    user_tasks = UserTasks(
        base.tasks,
        broadcaster=outbound.broadcaster,
        order_events=execution.order_events,
        trailing_stops=TrailingStops(accounts, execution.protector, execution.trading_state),
        create_listener=create_listener,
    )
    users = UserRegistry(
        accounts=accounts,
        subscriptions=subscriptions,
        strategies=strategies,
        exchanges=base.exchanges,
        restorer=restorer,
        make_ready=sync.make_ready,
        tasks=user_tasks,
    )
    funding = FundingCollector(
        accounts,
        base.exchanges,
        FundingStore(base.storage.database),
        base.storage.trades,
        base.clock,
    )
    return ControlServices(
        accounts=accounts,
        subscriptions=subscriptions,
        strategies=strategies,
        users=users,
        restorer=restorer,
        sync=sync,
        funding=funding,
    )


def _create_listener(
    base: _Base,
    execution: ExecutionServices,
    outbound: OutboundServices,
    advisor: Advisor | None,
    account: Account,
    subscriptions: Mapping[str, Subscription],
) -> Listener:
    return Listener(
        account,
        outbound.broadcaster.open(account.user_id),
        subscriptions,
        ListenerServices(
            markets=base.markets,
            signals=base.storage.signals,
            executor=execution.executor,
            trading_state=execution.trading_state,
            clock=base.clock,
            advisor=advisor,
        ),
    )
