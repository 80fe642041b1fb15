"""The composition root: knows every concrete class, starts them in order, stops them in reverse.

Start-up and crash recovery are one path: restore from the ledger, reconcile with the exchange,
catch up on open signals, then trade.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import structlog

from signalbot.ai.llm_strategy import LlmStrategyFactory
from signalbot.config.settings import Config
from signalbot.control.registry import TradingRegistry
from signalbot.control.strategy_factory import StrategyFactory
from signalbot.control.strategy_records import strategy_record
from signalbot.domain.errors import AccessDenied, ConfigError
from signalbot.domain.orders import Leg
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Subscription, UserId
from signalbot.ledger.account_states import Reconciliations, last_alive_ms, record_alive
from signalbot.ledger.accounts import Accounts, PersistedStatus
from signalbot.ledger.database import Database
from signalbot.ledger.executions import Executions
from signalbot.ledger.funding import FundingStore
from signalbot.ledger.position_mismatches import OppositePositions, PositionMismatches
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.execution.executor import Executor
from signalbot.pipeline.execution.listener import Listener
from signalbot.pipeline.execution.partial_exit import PartialExitExecutor
from signalbot.pipeline.key_permissions import KeyPermissionCheck
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.pipeline.orders.fill_collector import FillCollector
from signalbot.pipeline.orders.order_placement import OrderPlacer
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.funding_collector import FundingCollector
from signalbot.pipeline.positions.opposite_positions import OppositePositionGuard
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.positions.trailing_stop import TrailingStops
from signalbot.pipeline.reconciliation.account_sync import AccountSync, RecentComparisons
from signalbot.pipeline.reconciliation.external_changes import ExternalChangeDetector
from signalbot.pipeline.reconciliation.foreign_orders import ForeignOrders
from signalbot.pipeline.reconciliation.order_events import OrderEventHandler
from signalbot.pipeline.reconciliation.order_recovery import OrderRecovery, UnresolvedOrderPoller
from signalbot.pipeline.reconciliation.reconciler import Reconciler
from signalbot.pipeline.reconciliation.restore import AccountRestorer
from signalbot.pipeline.signals.broadcaster import InProcessBroadcaster
from signalbot.pipeline.signals.candle_feed import CandleFeed
from signalbot.pipeline.signals.emitter import Emitter
from signalbot.pipeline.signals.evaluator import Evaluator
from signalbot.pipeline.signals.expiry import SignalExpirer
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Advisor, Clock, Exchange
from signalbot.sandbox.file_strategy import FileStrategyRegistry
from signalbot.tasks import Timers, supervise

log = structlog.get_logger()

_DRAIN_TIMEOUT_S = 20.0
_CONCURRENCY = 32  # accounts brought in step at the same time
_READY_TIMEOUT_S = 30.0  # how long a start waits for accounts before it says that it is ready
_HEARTBEAT_INTERVAL_S = 10.0
_FINAL_REPORTS_WAIT_S = 0.1


class App:
    """The running daemon, without its command line and its signals."""

    def __init__(
        self,
        config: Config,
        *,
        database: Database,
        exchanges: Mapping[str, Exchange],
        clock: Clock,
        advisor: Advisor | None = None,
        files: FileStrategyRegistry | None = None,
        analysts: LlmStrategyFactory | None = None,
    ) -> None:
        self.config = config
        self.exchanges = exchanges
        self._clock = clock
        self._advisor = advisor
        self._analysts = analysts
        self._files = files or FileStrategyRegistry(clock)
        self.database = database
        self.signals = Signals(database)
        self.executions = Executions(database)
        self.trades = Trades(database)
        self.account_store = Accounts(database)
        self._reconciliations = Reconciliations(database)
        self._tasks: list[asyncio.Task[None]] = []
        self._compose()

    def _compose(self) -> None:
        clock, trades = self._clock, self.trades
        self.timers = Timers(clock)
        self.trading_state = TradingState(self.account_store, clock)
        self.key_rights = KeyPermissionCheck(self.trading_state, clock)
        self.fill_collector = FillCollector(trades, self.timers, clock)
        self.fill_booker = FillBooker(trades, on_fills_pending=self.fill_collector.request)
        order_placer = OrderPlacer(clock)
        unresolved_orders = UnresolvedOrderQueue()
        self.entries = EntryOrders(
            signals=self.signals,
            executions=self.executions,
            trades=trades,
            fill_booker=self.fill_booker,
            unresolved_orders=unresolved_orders,
            clock=clock,
        )
        opposite_guard = OppositePositionGuard(
            trades=trades,
            opposites=OppositePositions(self.database),
            fill_booker=self.fill_booker,
            order_placer=order_placer,
            unresolved_orders=unresolved_orders,
            clock=clock,
        )
        self.position_closer = PositionCloser(
            trades=trades,
            fill_booker=self.fill_booker,
            order_placer=order_placer,
            entry_orders=self.entries,
            unresolved_orders=unresolved_orders,
            opposite_guard=opposite_guard,
            clock=clock,
        )
        self.protector = Protector(
            trades=trades,
            order_placer=order_placer,
            position_closer=self.position_closer,
            trading_state=self.trading_state,
            timers=self.timers,
            clock=clock,
        )
        self.fill_collector.serve(self.fill_booker, self.protector.protect)
        self.entry_settler = EntrySettler(
            executions=self.executions,
            trades=trades,
            entry_orders=self.entries,
            protector=self.protector,
            unresolved_orders=unresolved_orders,
            timers=self.timers,
            clock=clock,
        )
        partial_exits = PartialExitExecutor(
            signals=self.signals,
            executions=self.executions,
            trades=trades,
            fill_booker=self.fill_booker,
            order_placer=order_placer,
            position_closer=self.position_closer,
            protector=self.protector,
            entry_orders=self.entries,
            unresolved_orders=unresolved_orders,
            clock=clock,
        )
        self.executor = Executor(
            executions=self.executions,
            trades=trades,
            entry_orders=self.entries,
            entry_settler=self.entry_settler,
            protector=self.protector,
            partial_exits=partial_exits,
            trading_state=self.trading_state,
            clock=clock,
        )
        self.order_events = OrderEventHandler(
            trades=trades,
            fill_booker=self.fill_booker,
            entry_orders=self.entries,
            entry_settler=self.entry_settler,
            protector=self.protector,
            position_closer=self.position_closer,
            trading_state=self.trading_state,
        )
        order_recovery = OrderRecovery(
            trades=trades,
            entry_orders=self.entries,
            executor=self.executor,
            entry_settler=self.entry_settler,
            order_events=self.order_events,
            protector=self.protector,
            position_closer=self.position_closer,
            unresolved_orders=unresolved_orders,
            clock=clock,
        )
        self._poller = UnresolvedOrderPoller(
            order_recovery.resolve_and_protect,
            unresolved_orders,
            self.trading_state,
            self.timers,
            clock,
        )
        self.reconciler = Reconciler(
            signals=self.signals,
            executions=self.executions,
            trades=trades,
            executor=self.executor,
            order_recovery=order_recovery,
            protector=self.protector,
            position_closer=self.position_closer,
            trading_state=self.trading_state,
            external_changes=ExternalChangeDetector(trades, self.fill_booker),
            foreign_orders=ForeignOrders(trades, self.trading_state),
            mismatches=PositionMismatches(self.database),
            opposite_guard=opposite_guard,
            clock=clock,
        )
        self._restorer = AccountRestorer(
            trades, self.executions, clock, on_fills_pending=self.fill_collector.request
        )
        self.broadcaster = InProcessBroadcaster(self.signals, clock)
        self.expirer = SignalExpirer(self.signals, self.timers, clock)
        subscribers: dict[str, list[UserId]] = {}
        self.emitter = Emitter(
            signals=self.signals,
            executions=self.executions,
            broadcaster=self.broadcaster,
            expirer=self.expirer,
            subscribers=subscribers,
            clock=clock,
        )
        markets = {name: exchange.market for name, exchange in self.exchanges.items()}
        self.evaluator = Evaluator(
            signals=self.signals, markets=markets, emit=self.emitter.emit, clock=clock
        )
        self.feed = CandleFeed(markets, self.evaluator.on_candle, clock)
        self.evaluator.feed = self.feed
        self.registry = TradingRegistry(
            subscribers,
            exchanges=self.exchanges,
            broadcaster=self.broadcaster,
            evaluator=self.evaluator,
            order_events=self.order_events,
            restorer=self._restorer,
            trailing_stops=lambda accounts: TrailingStops(
                accounts, self.protector, self.trading_state
            ),
            create_listener=self._create_listener,
            make_ready=self._make_ready,
            strategy_factory=StrategyFactory(self._files, self._analysts),
        )
        self.accounts = self.registry.accounts
        self.sync = AccountSync(
            self.accounts,
            self.exchanges,
            self.reconciler,
            self.trading_state,
            self.key_rights,
            Reconciliations(self.database),
            catch_up=self.emitter.catch_up,
            on_connected=self._on_connected,
            clock=clock,
        )

        self._funding = FundingCollector(
            self.accounts, self.exchanges, FundingStore(self.database), trades, clock
        )

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Take up what the ledger knows, and begin: exchanges connect and recover from now on."""
        recent = await self._recent_comparisons()
        standing = await self._sync_definitions()
        self.trading_state.restore(standing.halted)
        for user_id, positions in standing.orphaned_positions.items():
            log.error("user.positions_orphaned", user_id=user_id, positions=positions)
        self.registry.load(self.config, standing)
        self._check_symbols()
        mismatches = await PositionMismatches(self.database).all()
        for account in self.accounts.values():
            await self._restorer.restore(account)
            for symbol, mismatch in mismatches.get(account.user_id, {}).items():
                account.set_mismatch(symbol, mismatch)
            if account.broker is None:
                account.mark_ready()

        def spawn(name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
            return self._spawn(group, name, run)

        spawn("alarms", self.timers.run)
        spawn("look-ups", self._poller.run)
        if any(exchange.needs_reconciliation for exchange in self.exchanges.values()):
            spawn("alive", self._record_heartbeat)
        await self.registry.start(spawn)
        spawn("evaluator", self.evaluator.run)
        await self.emitter.start()
        await self.emitter.catch_up(
            {each.user_id for each in self.accounts.values() if each.is_ready}
        )
        spawn("feed", self.feed.run)
        for name in self.exchanges:
            spawn(f"exchange {name}", partial(self.sync.serve, name, recent))
            if self.exchanges[name].needs_reconciliation:
                spawn(f"funding {name}", partial(self._funding.serve, name))

    async def wait_ready(self) -> None:
        """Return once every account has been looked at, or after half a minute.

        Accounts that are not ready by then enter nothing until they are.
        """
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                await self.sync.wait_ready()
        except TimeoutError:
            for name, left in self.sync.not_ready.items():
                log.warning("daemon.recovery_pending", exchange=name, left=left)

    async def _make_ready(self, account: Account) -> None:
        """Bring an account that was opened at run time in step, if its exchange is there."""
        if account.market.is_open:
            await self.sync.make_ready(account)

    async def _recent_comparisons(self) -> RecentComparisons:
        """Who may enter without being compared: flat, and compared shortly before the stop."""
        limit_ms = self.config.daemon.trust_flat_ms
        alive_ms = await last_alive_ms(self.database)
        compared_ms = await Reconciliations(self.database).all()
        if alive_ms is None or self._clock.now_ms() - alive_ms > limit_ms:
            return RecentComparisons(compared_ms=compared_ms, since_ms=None)
        return RecentComparisons(compared_ms=compared_ms, since_ms=Ms(alive_ms - limit_ms))

    async def _record_heartbeat(self) -> None:
        while True:
            record_alive(self.database, self._clock.now_ms())
            await self._clock.sleep(_HEARTBEAT_INTERVAL_S)

    async def drain(self) -> None:
        """Finish what has begun, to the last stop; cancel entries that rest unfilled."""
        try:
            async with asyncio.timeout(_DRAIN_TIMEOUT_S):
                await self.broadcaster.wait_drained()
                await self._cancel_open_entries()
                await self._clock.sleep(
                    _FINAL_REPORTS_WAIT_S
                )  # what exchanges have said last is taken in
                for account in self.accounts.values():
                    await account.wait_idle()
        except TimeoutError:
            log.warning("daemon.drain_timed_out", limit_s=_DRAIN_TIMEOUT_S)

    async def stop(self) -> None:
        """Stop the intake, finish what is under way, then everything else. Stops stay."""
        for task in self._tasks:
            if task.get_name().startswith(("feed", "evaluator", "exchange")):
                task.cancel()
        await self.drain()
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        """End what runs outside this process, however the app ended."""
        self._files.close()

    async def _sync_definitions(self) -> PersistedStatus:
        strategies = [strategy_record(terms) for terms in self.config.strategies.values()]
        return await self.account_store.sync(
            users=self.config.users.values(),
            strategies=strategies,
            subscriptions=self.config.subscriptions,
            now_ms=self._clock.now_ms(),
        )

    def _check_symbols(self) -> None:
        """See that every exchange that is open lists what is to be traded there.

        Raises:
            ConfigError: one does not.
        """
        for name, exchange in self.exchanges.items():
            for problem in self._unlisted_symbols(name) if exchange.market.is_open else ():
                raise ConfigError(f"{self.config.path}: {problem}")

    def _on_connected(self, name: str) -> None:
        """An exchange reached after the start does not list something: it is not traded."""
        for problem in self._unlisted_symbols(name):
            log.error("strategy.symbol_not_listed", exchange=name, problem=problem)

    def _unlisted_symbols(self, name: str) -> Iterator[str]:
        """What is wrong with the symbols of one exchange; it is asked for their prices, too."""
        for terms in self.config.strategies.values():
            if terms.exchange != name:
                continue
            for symbol in terms.symbols:
                try:
                    self.exchanges[name].market.instrument(symbol)
                except KeyError:
                    yield f"strategies.{terms.name}.symbols: {name} does not list {symbol}"

    def _create_listener(
        self, account: Account, subscriptions: Mapping[str, Subscription]
    ) -> Listener:
        return Listener(
            account,
            self.broadcaster.open(account.user_id),
            subscriptions,
            markets={name: exchange.market for name, exchange in self.exchanges.items()},
            signals=self.signals,
            executor=self.executor,
            trading_state=self.trading_state,
            clock=self._clock,
            advisor=self._advisor,
        )

    async def _cancel_open_entries(self) -> None:
        """Cancel every resting entry, of many accounts at the same time."""
        waiting = deque(
            account
            for account in self.accounts.values()
            if any(account.orders(symbol, Leg.ENTRY) for symbol in account.working_orders)
        )

        async def take_turns() -> None:
            while waiting:
                account = waiting.popleft()
                async with self.trading_state.halt_on_error(account, "stopping"):
                    try:
                        await self._cancel_entries_of(account)
                    except AccessDenied as e:
                        await self.trading_state.on_access_denied(account, str(e))

        async with asyncio.TaskGroup() as group:
            for number in range(min(_CONCURRENCY, len(waiting))):
                group.create_task(take_turns(), name=f"withdraw {number}")

    async def _cancel_entries_of(self, account: Account) -> None:
        for symbol in list(account.working_orders):
            async with account.lock(symbol):
                for order in account.orders(symbol, Leg.ENTRY):
                    if order.status.is_live:
                        await self.entry_settler.cancel_and_book(account, order)

    def _spawn(
        self, group: asyncio.TaskGroup, name: str, run: Callable[[], Awaitable[None]]
    ) -> asyncio.Task[None]:
        task = group.create_task(supervise(name, run, self._clock), name=name)
        self._tasks.append(task)
        return task


@asynccontextmanager
async def running(app: App, *, settles: bool = True) -> AsyncIterator[App]:
    """The app for the duration of the block, its accounts looked at before if it ``settles``.

    It stops in order when the block ends, and at once when anything in it or in the app fails.
    """
    try:
        async with asyncio.TaskGroup() as group:
            await app.start(group)
            if settles:
                await app.wait_ready()
            yield app
            await app.stop()
    finally:
        app.close()
