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

from signalbot.advisor.analyst import Analysts
from signalbot.config.terms import Config
from signalbot.control.making import Maker
from signalbot.control.records import record_of
from signalbot.control.roster import Roster
from signalbot.domain.errors import AccessDenied, ConfigError
from signalbot.domain.orders import Leg
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Subscription, UserId
from signalbot.ledger.account_states import last_alive_ms, note_alive
from signalbot.ledger.accounts import Accounts, Standing
from signalbot.ledger.database import Database
from signalbot.ledger.executions import Executions
from signalbot.ledger.funding import FundingLedger
from signalbot.ledger.mismatches import Mismatches
from signalbot.ledger.opposites import Opposites
from signalbot.ledger.reconciliations import Reconciliations
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.account_sync import AccountSync, Trust
from signalbot.pipeline.broadcast import InProcessBroadcaster
from signalbot.pipeline.close import Closer
from signalbot.pipeline.collect import Collector
from signalbot.pipeline.emit import Emitter
from signalbot.pipeline.entry_orders import EntryOrders
from signalbot.pipeline.evaluate import Evaluator
from signalbot.pipeline.execute import Executor
from signalbot.pipeline.expire import Expirer
from signalbot.pipeline.external_changes import ExternalChanges
from signalbot.pipeline.feed import Feed
from signalbot.pipeline.follow import Follower
from signalbot.pipeline.foreign_orders import ForeignOrders
from signalbot.pipeline.funding import FundingCollector
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.listen import Listener
from signalbot.pipeline.opposite import OppositeGuard
from signalbot.pipeline.order_recovery import OrderRecovery, UnresolvedOrderPoller
from signalbot.pipeline.place import Placer
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.reconcile import Reconciler
from signalbot.pipeline.record import Recorder
from signalbot.pipeline.reduce import Reducer
from signalbot.pipeline.restore import Restorer
from signalbot.pipeline.rights import KeyRights
from signalbot.pipeline.settle import Settler
from signalbot.pipeline.trail import Trailer
from signalbot.pipeline.unresolved import UnresolvedOrders
from signalbot.ports import Advisor, Clock, Exchange
from signalbot.sandbox.files import StrategyFiles
from signalbot.tasks import Alarms, supervise

log = structlog.get_logger()

_DRAIN_S = 20.0
_AT_ONCE = 32  # accounts brought in step at the same time
_READY_S = 30.0  # how long a start waits for accounts before it says that it is ready
_ALIVE_EVERY_S = 10.0
_LAST_WORDS_S = 0.1


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
        files: StrategyFiles | None = None,
        analysts: Analysts | None = None,
    ) -> None:
        self.config = config
        self.exchanges = exchanges
        self._clock = clock
        self._advisor = advisor
        self._analysts = analysts
        self._files = files or StrategyFiles(clock)
        self.database = database
        self.signals = Signals(database)
        self.executions = Executions(database)
        self.trades = Trades(database)
        self.standing = Accounts(database)
        self._reconciliations = Reconciliations(database)
        self._tasks: list[asyncio.Task[None]] = []
        self._wire()

    def _wire(self) -> None:
        clock, trades = self._clock, self.trades
        self.alarms = Alarms(clock)
        self.halts = Halts(self.standing, clock)
        self.key_rights = KeyRights(self.halts, clock)
        self.collector = Collector(trades, self.alarms, clock)
        self.recorder = Recorder(trades, on_untold=self.collector.want)
        placer = Placer(clock)
        unresolved = UnresolvedOrders()
        self.entries = EntryOrders(
            signals=self.signals,
            executions=self.executions,
            trades=trades,
            recorder=self.recorder,
            unresolved=unresolved,
            clock=clock,
        )
        opposite = OppositeGuard(
            trades=trades,
            opposites=Opposites(self.database),
            recorder=self.recorder,
            placer=placer,
            unresolved=unresolved,
            clock=clock,
        )
        self.closer = Closer(
            trades=trades,
            recorder=self.recorder,
            placer=placer,
            entries=self.entries,
            unresolved=unresolved,
            opposite=opposite,
            clock=clock,
        )
        self.protector = Protector(
            trades=trades,
            placer=placer,
            closer=self.closer,
            halts=self.halts,
            alarms=self.alarms,
            clock=clock,
        )
        self.collector.serve(self.recorder, self.protector.protect)
        self.settler = Settler(
            executions=self.executions,
            trades=trades,
            entries=self.entries,
            protector=self.protector,
            unresolved=unresolved,
            alarms=self.alarms,
            clock=clock,
        )
        reducer = Reducer(
            signals=self.signals,
            executions=self.executions,
            trades=trades,
            recorder=self.recorder,
            placer=placer,
            closer=self.closer,
            protector=self.protector,
            entries=self.entries,
            unresolved=unresolved,
            clock=clock,
        )
        self.executor = Executor(
            executions=self.executions,
            trades=trades,
            entries=self.entries,
            settler=self.settler,
            protector=self.protector,
            reducer=reducer,
            halts=self.halts,
            clock=clock,
        )
        self.follower = Follower(
            trades=trades,
            recorder=self.recorder,
            entries=self.entries,
            settler=self.settler,
            protector=self.protector,
            closer=self.closer,
            halts=self.halts,
        )
        recovery = OrderRecovery(
            trades=trades,
            entries=self.entries,
            executor=self.executor,
            settler=self.settler,
            follower=self.follower,
            protector=self.protector,
            closer=self.closer,
            unresolved=unresolved,
            clock=clock,
        )
        self._poller = UnresolvedOrderPoller(
            recovery.settle_and_protect, unresolved, self.halts, self.alarms, clock
        )
        self.reconciler = Reconciler(
            signals=self.signals,
            executions=self.executions,
            trades=trades,
            executor=self.executor,
            recovery=recovery,
            protector=self.protector,
            closer=self.closer,
            halts=self.halts,
            external=ExternalChanges(trades, self.recorder),
            foreign=ForeignOrders(trades, self.halts),
            mismatches=Mismatches(self.database),
            opposite=opposite,
            clock=clock,
        )
        self._restorer = Restorer(trades, self.executions, clock, on_untold=self.collector.want)
        self.broadcaster = InProcessBroadcaster(self.signals, clock)
        self.expirer = Expirer(self.signals, self.alarms, clock)
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
        self.feed = Feed(markets, self.evaluator.on_candle, clock)
        self.evaluator.feed = self.feed
        self.roster = Roster(
            subscribers,
            exchanges=self.exchanges,
            broadcaster=self.broadcaster,
            evaluator=self.evaluator,
            follower=self.follower,
            restorer=self._restorer,
            trailer=lambda accounts: Trailer(accounts, self.protector, self.halts),
            listener=self._listener,
            make_ready=self._make_ready,
            maker=Maker(self._files, self._analysts),
        )
        self.accounts = self.roster.accounts
        self.sync = AccountSync(
            self.accounts,
            self.exchanges,
            self.reconciler,
            self.halts,
            self.key_rights,
            Reconciliations(self.database),
            catch_up=self.emitter.catch_up,
            on_connected=self._on_connected,
            clock=clock,
        )

        self._funding = FundingCollector(
            self.accounts, self.exchanges, FundingLedger(self.database), trades, clock
        )

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Take up what the ledger knows, and begin: exchanges connect and recover from now on."""
        trust = await self._trust()
        standing = await self._sync()
        self.halts.halted = standing.halted
        for user_id, positions in standing.left_behind.items():
            log.error("user.left_positions", user_id=user_id, positions=positions)
        self.roster.load(self.config, standing)
        self._check_symbols()
        mismatches = await Mismatches(self.database).all()
        for account in self.accounts.values():
            await self._restorer.restore(account)
            account.mismatches.update(mismatches.get(account.user_id, {}))
            account.is_ready = account.broker is None

        def spawn(name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
            return self._spawn(group, name, run)

        spawn("alarms", self.alarms.run)
        spawn("look-ups", self._poller.run)
        if any(exchange.needs_comparing for exchange in self.exchanges.values()):
            spawn("alive", self._stay_alive)
        await self.roster.begin(spawn)
        spawn("evaluator", self.evaluator.run)
        await self.emitter.begin()
        await self.emitter.catch_up(
            {each.user_id for each in self.accounts.values() if each.is_ready}
        )
        spawn("feed", self.feed.run)
        for name in self.exchanges:
            spawn(f"exchange {name}", partial(self.sync.serve, name, trust))
            if self.exchanges[name].needs_comparing:
                spawn(f"funding {name}", partial(self._funding.serve, name))

    async def settled(self) -> None:
        """Return once every account has been looked at, or after half a minute.

        Accounts that are not ready by then enter nothing until they are.
        """
        try:
            async with asyncio.timeout(_READY_S):
                await self.sync.ready()
        except TimeoutError:
            for name, left in self.sync.waiting.items():
                log.warning("daemon.recovering", exchange=name, left=left)

    async def _make_ready(self, account: Account) -> None:
        """Bring an account that was opened at run time in step, if its exchange is there."""
        if account.market.is_open:
            await self.sync.make_ready(account)

    async def _trust(self) -> Trust:
        """Who may enter without being compared: flat, and compared shortly before the stop."""
        limit_ms = self.config.daemon.trust_flat_ms
        alive_ms = await last_alive_ms(self.database)
        compared_ms = await Reconciliations(self.database).all()
        if alive_ms is None or self._clock.now_ms() - alive_ms > limit_ms:
            return Trust(compared_ms=compared_ms, since_ms=None)
        return Trust(compared_ms=compared_ms, since_ms=Ms(alive_ms - limit_ms))

    async def _stay_alive(self) -> None:
        while True:
            note_alive(self.database, self._clock.now_ms())
            await self._clock.sleep(_ALIVE_EVERY_S)

    async def drain(self) -> None:
        """Finish what has begun, to the last stop; cancel entries that rest unfilled."""
        try:
            async with asyncio.timeout(_DRAIN_S):
                await self.broadcaster.drained()
                await self._withdraw_all()
                await self._clock.sleep(_LAST_WORDS_S)  # what exchanges have said last is taken in
                for account in self.accounts.values():
                    await account.at_rest()
        except TimeoutError:
            log.warning("daemon.drain_timed_out", limit_s=_DRAIN_S)

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

    async def _sync(self) -> Standing:
        strategies = [record_of(terms) for terms in self.config.strategies.values()]
        return await self.standing.sync(
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
            for problem in self._unlisted(name) if exchange.market.is_open else ():
                raise ConfigError(f"{self.config.path}: {problem}")

    def _on_connected(self, name: str) -> None:
        """An exchange reached after the start does not list something: it is not traded."""
        for problem in self._unlisted(name):
            log.error("strategy.symbol_not_listed", exchange=name, problem=problem)

    def _unlisted(self, name: str) -> Iterator[str]:
        """What is wrong with the symbols of one exchange; it is asked for their prices, too."""
        for terms in self.config.strategies.values():
            if terms.exchange != name:
                continue
            for symbol in terms.symbols:
                try:
                    self.exchanges[name].market.instrument(symbol)
                except KeyError:
                    yield f"strategies.{terms.name}.symbols: {name} does not list {symbol}"

    def _listener(self, account: Account, subscriptions: Mapping[str, Subscription]) -> Listener:
        return Listener(
            account,
            self.broadcaster.open(account.user_id),
            subscriptions,
            markets={name: exchange.market for name, exchange in self.exchanges.items()},
            signals=self.signals,
            executor=self.executor,
            halts=self.halts,
            clock=self._clock,
            advisor=self._advisor,
        )

    async def _withdraw_all(self) -> None:
        """Cancel every resting entry, of many accounts at the same time."""
        waiting = deque(
            account
            for account in self.accounts.values()
            if any(account.orders(symbol, Leg.ENTRY) for symbol in account.working)
        )

        async def take_turns() -> None:
            while waiting:
                account = waiting.popleft()
                async with self.halts.containing_bugs(account, "stopping"):
                    try:
                        await self._withdraw_entries(account)
                    except AccessDenied as e:
                        await self.halts.on_access_denied(account, str(e))

        async with asyncio.TaskGroup() as group:
            for number in range(min(_AT_ONCE, len(waiting))):
                group.create_task(take_turns(), name=f"withdraw {number}")

    async def _withdraw_entries(self, account: Account) -> None:
        for symbol in list(account.working):
            async with account.lock(symbol):
                for order in account.orders(symbol, Leg.ENTRY):
                    if order.status.is_live:
                        await self.settler.withdraw(account, order)

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
                await app.settled()
            yield app
            await app.stop()
    finally:
        app.close()
