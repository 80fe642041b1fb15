"""The composition root: knows every concrete class, starts them in order, stops them in reverse.

Start-up and crash recovery are one path: restore from the ledger, reconcile with the exchange,
catch up on open signals, then trade.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from signalbot.config.terms import Config, StrategyTerms
from signalbot.domain.errors import AccessDenied, ConfigError, Unavailable
from signalbot.domain.orders import Leg
from signalbot.domain.users import (
    Mode,
    Subscription,
    SubscriptionStatus,
    User,
    UserId,
    UserStatus,
)
from signalbot.ledger.accounts import Accounts, Standing, StrategyRecord
from signalbot.ledger.database import Database
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.broadcast import InProcessBroadcaster
from signalbot.pipeline.close import Closer
from signalbot.pipeline.collect import Collector
from signalbot.pipeline.doubt import Doubter
from signalbot.pipeline.emit import Emitter
from signalbot.pipeline.evaluate import Deployment, Evaluator
from signalbot.pipeline.execute import Executor
from signalbot.pipeline.expire import Expirer
from signalbot.pipeline.feed import Feed
from signalbot.pipeline.follow import Follower
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.listen import Listener
from signalbot.pipeline.outside import Outsider
from signalbot.pipeline.place import Placer
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.reconcile import Reconciler
from signalbot.pipeline.record import Recorder
from signalbot.pipeline.settle import Settler
from signalbot.pipeline.trail import Trailer
from signalbot.ports import Advisor, Clock, Exchange
from signalbot.strategies import build
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
    ) -> None:
        self.config = config
        self._exchanges = exchanges
        self._clock = clock
        self._advisor = advisor
        self.database = database
        self.signals = Signals(database)
        self.executions = Executions(database)
        self.trades = Trades(database)
        self._standing = Accounts(database)
        self.accounts: dict[UserId, Account] = {}
        self._subscribers: dict[str, list[UserId]] = {name: [] for name in config.strategies}
        self._subscriptions: dict[UserId, dict[str, Subscription]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._wire()

    def _wire(self) -> None:
        clock, trades = self._clock, self.trades
        self.alarms = Alarms(clock)
        self.halts = Halts(self._standing, clock)
        self.collector = Collector(trades, self.alarms, clock)
        self.recorder = Recorder(trades, on_untold=self.collector.want)
        self.collector.serve(self.recorder)
        placer = Placer(clock)
        self.closer = Closer(trades, self.recorder, placer, clock)
        self.protector = Protector(trades, self.recorder, placer, self.closer, clock)
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
        self.trailer = Trailer(self.accounts, self.protector, self.halts)
        self.broadcaster = InProcessBroadcaster(self.signals, clock)
        self.expirer = Expirer(self.signals, self.alarms, clock)
        self.emitter = Emitter(
            signals=self.signals,
            executions=self.executions,
            broadcaster=self.broadcaster,
            expirer=self.expirer,
            subscribers=self._subscribers,
            clock=clock,
        )
        markets = {name: exchange.market for name, exchange in self._exchanges.items()}
        self.evaluator = Evaluator(
            signals=self.signals, markets=markets, emit=self.emitter.emit, clock=clock
        )
        self.feed = Feed(markets, self.evaluator.on_candle, clock)
        self.evaluator.feed = self.feed

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Recover, then begin: when this returns, signals are executed."""
        standing = await self._sync()
        self.halts.halted = standing.halted
        self._open_accounts(standing)
        self._check_symbols()
        for exchange in self._exchanges.values():
            await exchange.prepare()
        self._spawn(group, "alarms", self.alarms.run)
        await self.recover(group)
        for account in self.accounts.values():
            self._listen(group, account)
        for name, exchange in self._exchanges.items():
            self._spawn(group, f"exchange {name}", exchange.run)
            for symbol in self._trailed_symbols(name):
                market = exchange.market
                self._spawn(group, f"trail {symbol}", _bound(self.trailer.run, market, symbol))
        await self._deploy()
        await self.emitter.catch_up()
        self._spawn(group, "feed", self.feed.run)

    async def recover(self, group: asyncio.TaskGroup) -> None:
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
            self._spawn(group, f"recover {number}", take_turns)
            for number in range(min(_AT_ONCE, len(waiting)))
        ]
        if turns:
            await asyncio.wait(turns, timeout=_RECOVERY_S)
        if waiting:
            log.warning("daemon.recovering", left=len(waiting))

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
                log.warning("account.not_reconciled", user_id=account.user_id, cause=str(e))
            else:
                account.is_reconciled = True

    async def drain(self) -> None:
        """Finish what has begun, to the last stop; cancel entries that rest unfilled."""
        try:
            async with asyncio.timeout(_DRAIN_S):
                await self.broadcaster.drained()
                for account in self.accounts.values():
                    await self._withdraw_entries(account)
                await self._clock.sleep(_LAST_WORDS_S)  # what exchanges have said last is taken in
                for account in self.accounts.values():
                    await account.at_rest()
        except TimeoutError:
            log.warning("daemon.drain_timed_out", limit_s=_DRAIN_S)

    async def stop(self) -> None:
        """Stop the intake, finish what is under way, then everything else. Stops stay."""
        for task in self._tasks:
            if task.get_name().startswith(("feed", "exchange")):
                task.cancel()
        await self.drain()
        for task in self._tasks:
            task.cancel()

    async def _sync(self) -> Standing:
        strategies = [_record(terms) for terms in self.config.strategies.values()]
        return await self._standing.sync(
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
                    self._exchanges[terms.exchange].market.instrument(symbol)
                except KeyError:
                    raise ConfigError(
                        f"{self.config.path}: strategies.{terms.name}.symbols: "
                        f"{terms.exchange} does not list {symbol}"
                    ) from None

    def _open_accounts(self, standing: Standing) -> None:
        for subscription in self.config.subscriptions:
            status = standing.subscriptions[subscription.subscription_id]
            if status is SubscriptionStatus.CANCELLED:
                continue
            current = replace(subscription, status=status)
            mine = self._subscriptions.setdefault(subscription.user_id, {})
            mine[subscription.strategy] = current
            self._subscribers[subscription.strategy].append(subscription.user_id)
        for user in self.config.users.values():
            known, reason = standing.users[user.user_id]
            known_user = replace(user, status=known, status_reason=reason)
            self.accounts[user.user_id] = self._account(known_user)

    def _account(self, user: User) -> Account:
        exchange = self._exchanges[user.account.exchange]
        mine = self._subscriptions.get(user.user_id, {})
        symbols = {
            symbol for strategy in mine for symbol in self.config.strategies[strategy].symbols
        }
        return Account(
            user,
            exchange=exchange,
            broker=(None if user.mode is Mode.SIGNALS else exchange.broker(user, symbols=symbols)),
            settings={strategy: each.settings for strategy, each in mine.items()},
        )

    def _listen(self, group: asyncio.TaskGroup, account: Account) -> None:
        listener = Listener(
            account,
            self.broadcaster.open(account.user_id),
            self._subscriptions.get(account.user_id, {}),
            signals=self.signals,
            executor=self.executor,
            halts=self.halts,
            clock=self._clock,
            advisor=self._advisor,
        )
        self._spawn(group, f"listener {account.user_id}", listener.run)
        if account.broker is not None:
            self._spawn(
                group, f"follower {account.user_id}", _bound(self.follower.run, account)
            )  # fmt: skip

    async def _deploy(self) -> None:
        for terms in self.config.strategies.values():
            self.evaluator.deploy(
                Deployment(
                    name=terms.name,
                    strategy=build(terms.kind, timeframe=terms.timeframe, params=terms.params),
                    exchange=terms.exchange,
                    symbols=terms.symbols,
                    signal_ttl_ms=terms.signal_ttl_ms,
                )
            )
        for user_id, mine in self._subscriptions.items():
            if self.accounts[user_id].user.status is not UserStatus.ACTIVE:
                continue
            for strategy, subscription in mine.items():
                if subscription.status is SubscriptionStatus.ACTIVE:
                    await self.evaluator.subscribe(strategy, user_id)

    def _trailed_symbols(self, exchange: str) -> Iterable[str]:
        """Symbols of an exchange in which somebody trails a stop."""
        trailed = {
            subscription.strategy
            for subscription in self.config.subscriptions
            if subscription.settings.protection.trailing_percent > 0
        }
        return dict.fromkeys(
            symbol
            for terms in self.config.strategies.values()
            if terms.exchange == exchange and terms.name in trailed
            for symbol in terms.symbols
        )

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
    async with asyncio.TaskGroup() as group:
        await app.start(group)
        yield app
        await app.stop()


def _bound(
    run: Callable[..., Awaitable[None]], *arguments: object
) -> Callable[[], Awaitable[None]]:
    return lambda: run(*arguments)


def _record(terms: StrategyTerms) -> StrategyRecord:
    return StrategyRecord(
        name=terms.name,
        kind=terms.kind,
        exchange=terms.exchange,
        symbols=terms.symbols,
        timeframe=terms.timeframe,
        signal_ttl_ms=terms.signal_ttl_ms,
        params=json.dumps(dict(terms.params), sort_keys=True),
    )
