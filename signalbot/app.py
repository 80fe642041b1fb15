"""The composition root: knows every concrete class, starts them in order, stops them in reverse.

Start-up and crash recovery are one path: restore from the ledger, reconcile with the exchange,
catch up on open signals, then trade.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from signalbot.advisor.analyst import Analysts
from signalbot.config.terms import Config
from signalbot.control.making import Maker
from signalbot.control.records import record_of
from signalbot.control.roster import Roster, Spawn
from signalbot.domain.errors import AccessDenied, ConfigError, Unavailable
from signalbot.domain.orders import Leg
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Subscription, UserId
from signalbot.ledger.accounts import Accounts, Standing
from signalbot.ledger.database import Database
from signalbot.ledger.executions import Executions
from signalbot.ledger.reconciliations import Reconciliations
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.broadcast import InProcessBroadcaster
from signalbot.pipeline.close import Closer
from signalbot.pipeline.collect import Collector
from signalbot.pipeline.doubt import Doubter
from signalbot.pipeline.emit import Emitter
from signalbot.pipeline.evaluate import Evaluator
from signalbot.pipeline.execute import Executor
from signalbot.pipeline.expire import Expirer
from signalbot.pipeline.feed import Feed
from signalbot.pipeline.follow import Follower
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.listen import Listener
from signalbot.pipeline.news import level_of
from signalbot.pipeline.outside import Outsider
from signalbot.pipeline.place import Placer
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.reconcile import Reconciler
from signalbot.pipeline.record import Recorder
from signalbot.pipeline.settle import Settler
from signalbot.pipeline.trail import Trailer
from signalbot.ports import Advisor, Clock, Exchange
from signalbot.sandbox.files import StrategyFiles
from signalbot.tasks import Alarms, supervise

log = structlog.get_logger()

_DRAIN_S = 20.0
_AT_ONCE = 32  # accounts brought in step at the same time
_RECOVERY_S = 90.0
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
        self._compared: dict[UserId, Ms] = {}
        self.reconciled_ms = clock.now_ms()  #: an account was last compared with its exchange
        self._tasks: list[asyncio.Task[None]] = []
        self._wire()

    def _wire(self) -> None:
        clock, trades = self._clock, self.trades
        self.alarms = Alarms(clock)
        self.halts = Halts(self.standing, clock)
        self.collector = Collector(trades, self.alarms, clock)
        self.recorder = Recorder(trades, on_untold=self.collector.want)
        self.collector.serve(self.recorder)
        placer = Placer(clock)
        self.closer = Closer(trades, self.recorder, placer, clock)
        self.protector = Protector(trades, placer, self.closer, clock)
        self.settler = Settler(
            signals=self.signals,
            executions=self.executions,
            trades=trades,
            recorder=self.recorder,
            protector=self.protector,
            alarms=self.alarms,
            clock=clock,
        )
        self.executor = Executor(
            executions=self.executions,
            trades=trades,
            settler=self.settler,
            closer=self.closer,
            halts=self.halts,
            clock=clock,
        )
        self.follower = Follower(
            trades=trades,
            recorder=self.recorder,
            settler=self.settler,
            protector=self.protector,
            closer=self.closer,
            halts=self.halts,
        )
        self.reconciler = Reconciler(
            signals=self.signals,
            executions=self.executions,
            trades=trades,
            executor=self.executor,
            settler=self.settler,
            follower=self.follower,
            protector=self.protector,
            closer=self.closer,
            halts=self.halts,
            outsider=Outsider(trades, self.recorder),
            on_untold=self.collector.want,
            clock=clock,
        )
        doubter = Doubter(self.reconciler.settle_order, self.halts, self.alarms, clock)
        self.settler.when_in_doubt(doubter.look_soon)
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
            reconciler=self.reconciler,
            trailer=lambda accounts: Trailer(accounts, self.protector, self.halts),
            listener=self._listener,
            compare=self.reconcile,
            maker=Maker(self._files, self._analysts),
        )
        self.accounts = self.roster.accounts

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Recover, then begin: when this returns, signals are executed."""
        standing = await self._sync()
        self.halts.halted = standing.halted
        for user_id, positions in standing.left_behind.items():
            log.error("user.left_positions", user_id=user_id, positions=positions)
        self.roster.load(self.config, standing)
        self._check_symbols()
        for exchange in self.exchanges.values():
            await exchange.prepare()

        def spawn(name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
            return self._spawn(group, name, run)

        spawn("alarms", self.alarms.run)
        await self.recover(spawn)
        await self.roster.begin(spawn)
        spawn("evaluator", self.evaluator.run)
        for name, exchange in self.exchanges.items():
            spawn(f"exchange {name}", exchange.run)
        await self.emitter.catch_up()
        spawn("feed", self.feed.run)

    async def recover(self, spawn: Spawn) -> None:
        """Restore every account from the ledger and bring it in step with its exchange.

        Those with open positions or orders come first. Exchanges limit how many accounts can be
        looked at in a minute: after a while the rest goes on in the background, and enters
        nothing until its turn has come.
        """
        for account in self.accounts.values():
            await self.reconciler.restore(account)
        waiting = deque(
            sorted(self.accounts.values(), key=lambda each: not each.has_business)
        )  # fmt: skip

        async def take_turns() -> None:
            while waiting:
                await self.reconcile(waiting.popleft())

        turns = [
            spawn(f"recover {number}", take_turns) for number in range(min(_AT_ONCE, len(waiting)))
        ]
        if turns:
            await asyncio.wait(turns, timeout=_RECOVERY_S)
        if waiting:
            log.warning("daemon.recovering", left=len(waiting))
        self.round_ends()

    async def reconcile(self, account: Account) -> None:
        """Compare one account with its exchange; one that cannot be asked is left for later."""
        if account.broker is None:
            return
        async with self.halts.containing_bugs(account, "reconciliation"):
            try:
                await self.reconciler.reconcile(account)
            except AccessDenied as e:
                await self.halts.on_access_denied(account, str(e))
            except Unavailable as e:
                log.log(
                    level_of(e), "account.not_reconciled", user_id=account.user_id, cause=str(e)
                )
            else:
                account.is_reconciled = True
                self._compared[account.user_id] = self._clock.now_ms()
        self.reconciled_ms = self._clock.now_ms()

    def round_ends(self) -> None:
        """Note in the ledger which accounts have been compared since the last time."""
        if self._compared:
            self._reconciliations.note_later(self._compared)
            self._compared = {}

    def round_begins(self) -> None:
        """A round of comparisons begins, perhaps an empty one: reconciliation is alive."""
        self.reconciled_ms = self._clock.now_ms()

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
        """See that every exchange lists what is to be traded there; it is asked for prices, too."""
        for terms in self.config.strategies.values():
            for symbol in terms.symbols:
                try:
                    self.exchanges[terms.exchange].market.instrument(symbol)
                except KeyError:
                    raise ConfigError(
                        f"{self.config.path}: strategies.{terms.name}.symbols: "
                        f"{terms.exchange} does not list {symbol}"
                    ) from None

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
async def running(app: App) -> AsyncIterator[App]:
    """The app, recovered and trading for the duration of the block.

    It stops in order when the block ends, and at once when anything in it or in the app fails.
    """
    try:
        async with asyncio.TaskGroup() as group:
            await app.start(group)
            yield app
            await app.stop()
    finally:
        app.close()
