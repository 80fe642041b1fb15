"""Who takes part: the users, strategies and subscriptions of the running daemon.

Start, reload and the API take the same steps here, so that what is added while signals flow works
like what was there from the start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from signalbot.config.settings import Config
from signalbot.control.strategy_factory import StrategyFactory
from signalbot.domain.users import (
    Mode,
    Subscription,
    SubscriptionStatus,
    User,
    UserId,
    UserStatus,
)
from signalbot.ledger.accounts import PersistedStatus
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.listener import Listener
from signalbot.pipeline.positions.trailing_stop import TrailingStops
from signalbot.pipeline.reconciliation.order_events import OrderEventHandler
from signalbot.pipeline.reconciliation.restore import AccountRestorer
from signalbot.pipeline.signals.broadcaster import InProcessBroadcaster
from signalbot.pipeline.signals.evaluator import Deployment, Evaluator
from signalbot.ports import Exchange
from signalbot.settings.strategy import StrategySettings

log = structlog.get_logger()

StartTask = Callable[[str, Callable[[], Awaitable[None]]], asyncio.Task[None]]
"""Starts a named task that lives until cancelled, or until the daemon stops."""

CreateListener = Callable[[Account, Mapping[str, Subscription]], Listener]


class TradingRegistry:
    def __init__(
        self,
        subscribers: dict[str, list[UserId]],
        *,
        exchanges: Mapping[str, Exchange],
        broadcaster: InProcessBroadcaster,
        evaluator: Evaluator,
        order_events: OrderEventHandler,
        restorer: AccountRestorer,
        trailing_stops: Callable[[Mapping[UserId, Account]], TrailingStops],
        create_listener: CreateListener,
        make_ready: Callable[[Account], Awaitable[None]],
        strategy_factory: StrategyFactory,
    ) -> None:
        self.accounts: dict[UserId, Account] = {}
        self.strategies: dict[str, StrategySettings] = {}
        self.subscriptions: dict[UserId, dict[str, Subscription]] = {}  #: those not cancelled
        self.subscribers = subscribers  #: users by strategy, likewise; the emitter reads it too
        self._exchanges = exchanges
        self._broadcaster = broadcaster
        self._evaluator = evaluator
        self._order_events = order_events
        self._restorer = restorer
        self._trailing_stops = trailing_stops(self.accounts)
        self._create_listener = create_listener
        self._make_ready = make_ready
        self._strategy_factory = strategy_factory
        self._start_task: StartTask | None = None
        self._tasks: dict[UserId, list[asyncio.Task[None]]] = {}
        self._trailed_symbols: set[tuple[str, str]] = set()

    def load(self, config: Config, standing: PersistedStatus) -> None:
        """Take in everything configured, with the state that outlived the last run."""
        self.strategies.update(config.strategies)
        self.subscribers.update({name: [] for name in config.strategies})
        for subscription in config.subscriptions:
            stands = standing.subscription(subscription)
            if stands.status is not SubscriptionStatus.CANCELLED:
                self.register_subscription(stands)
        for user in config.users.values():
            self._open_account(standing.user(user))

    async def start(self, spawn: StartTask) -> None:
        """Let every listener, follower and strategy run. Accounts have been brought in step."""
        self._start_task = spawn
        for account in self.accounts.values():
            self._start_user_tasks(account)
        async with asyncio.TaskGroup() as group:
            made = [
                group.create_task(self._strategy_factory.build(terms), name=f"make {terms.name}")
                for terms in self.strategies.values()
                if terms.webhook is None
            ]
        for task in made:
            self._strategy_factory.keep(task.result())
            self._evaluator.deploy(task.result())
        for user_id in self.accounts:
            await self.sync_strategies(user_id)
            self._start_trailing(user_id)
        self._evaluator.suspend_idle()

    # --- users ----------------------------------------------------------------------------

    async def add_user(self, user: User) -> None:
        """Open the account of a new user, bring it in step with its exchange, and listen."""
        account = self._open_account(user)
        await self._restorer.restore(account)
        await self._make_ready(account)
        self._start_user_tasks(account)
        await self.sync_strategies(user.user_id)

    async def remove_user(self, user_id: UserId) -> None:
        """Forget a user who has nothing at the exchange any more; what is begun is finished."""
        account = await self._stop_user_tasks(user_id)
        for strategy in list(self.subscriptions.get(user_id, {})):
            await self.unsubscribe(user_id, strategy)
        self.subscriptions.pop(user_id, None)
        self.accounts.pop(user_id)
        self._broadcaster.close(user_id)
        self._exchange_of(account.user).release(user_id)

    async def reopen_user(self, user: User) -> None:
        """Open an account anew with changed terms; its inbox is kept meanwhile."""
        account = await self._stop_user_tasks(user.user_id)
        self._exchange_of(account.user).release(user.user_id)
        await self.add_user(user)

    async def sync_strategies(self, user_id: UserId) -> None:
        """Let the strategies run that this user needs as things stand, and no others.

        Who is paused or halted may still hold a position that a strategy's exit would close.
        """
        account = self.accounts[user_id]
        held = {position.strategy for position in account.positions.values()}
        for strategy, subscription in self.subscriptions.get(user_id, {}).items():
            if self.strategies[strategy].webhook is not None:
                continue  # its signals come from outside
            is_active = (
                account.user.status is UserStatus.ACTIVE
                and subscription.status is SubscriptionStatus.ACTIVE
            )
            if is_active or strategy in held:
                await self._evaluator.subscribe(strategy, user_id)
            else:
                self._evaluator.unsubscribe(strategy, user_id)

    # --- subscriptions --------------------------------------------------------------------

    def register_subscription(self, subscription: Subscription) -> None:
        """Note a subscription of a user whose account is opened next."""
        self.subscriptions.setdefault(subscription.user_id, {})[subscription.strategy] = (
            subscription
        )
        users = self.subscribers.setdefault(subscription.strategy, [])
        if subscription.user_id not in users:
            users.append(subscription.user_id)

    async def subscribe(self, subscription: Subscription) -> None:
        """Begin a subscription, or change the settings or the state of one."""
        user_id = subscription.user_id
        previous = self._symbols_of(user_id)
        self.register_subscription(subscription)
        account = self.accounts[user_id]
        account.set_settings(subscription.strategy, subscription.settings)
        if account.user.mode is Mode.LIVE and self._symbols_of(user_id) - previous:
            await self.reopen_user(account.user)  # the exchange side is prepared symbol by symbol
        await self.sync_strategies(user_id)
        self._start_trailing(user_id)

    async def unsubscribe(self, user_id: UserId, strategy: str) -> None:
        """End a subscription. An open position of it keeps its stop and is followed to its end."""
        self.subscriptions.get(user_id, {}).pop(strategy, None)
        if user_id in self.subscribers.get(strategy, []):
            self.subscribers[strategy].remove(user_id)
        if self.strategies[strategy].webhook is None:
            self._evaluator.unsubscribe(strategy, user_id)

    # --- strategies -----------------------------------------------------------------------

    async def build(self, strategies: Iterable[StrategySettings]) -> dict[str, Deployment]:
        """What strategies that look at candles are run as, by name: all of them or none.

        Raises:
            ConfigError: one cannot be run; nothing has changed.
        """
        made: dict[str, Deployment] = {}
        try:
            for terms in strategies:
                if terms.webhook is None:
                    made[terms.name] = await self._strategy_factory.build(terms)
        except BaseException:
            for each in made.values():
                self._strategy_factory.discard(each)
            raise
        return made

    async def deploy(self, terms: StrategySettings, deployment: Deployment | None) -> None:
        """Take in a new strategy, or put a changed one in the place of the old.

        A changed one begins with its next candle; a candle it has run on is not run again.
        """
        users = self.subscribers.setdefault(terms.name, [])
        self._detach_strategy(terms.name)
        self.strategies[terms.name] = terms
        if deployment is None:
            return
        self._strategy_factory.keep(deployment)
        self._evaluator.deploy(deployment)
        for user_id in list(users):
            await self.sync_strategies(user_id)
        self._evaluator.suspend_idle()

    def _detach_strategy(self, name: str) -> None:
        """Take a strategy off the candles before another comes in its place."""
        previous = self.strategies.get(name)
        if previous is not None and previous.webhook is None:
            for user_id in self.subscribers[name]:
                self._evaluator.unsubscribe(name, user_id)

    async def remove_strategy(self, name: str) -> None:
        """Stop a strategy. Its subscriptions end with it."""
        for user_id in list(self.subscribers[name]):
            await self.unsubscribe(user_id, name)
        del self.subscribers[name], self.strategies[name]
        self._strategy_factory.release(name)

    # --- steps ----------------------------------------------------------------------------

    def _open_account(self, user: User) -> Account:
        exchange = self._exchange_of(user)
        mine = self.subscriptions.setdefault(user.user_id, {})
        symbols = self._symbols_of(user.user_id)
        account = self.accounts[user.user_id] = Account(
            user,
            exchange=exchange,
            broker=(None if user.mode is Mode.SIGNALS else exchange.broker(user, symbols=symbols)),
            settings={strategy: each.settings for strategy, each in mine.items()},
        )
        return account

    def _start_user_tasks(self, account: Account) -> None:
        assert self._start_task is not None  # noqa: S101 - begin() comes first
        user_id = account.user_id
        listener = self._create_listener(account, self.subscriptions[user_id])
        self._tasks[user_id] = [self._start_task(f"listener {user_id}", listener.run)]
        if account.broker is not None:
            follow = self._start_task(
                f"follower {user_id}", lambda: self._order_events.run(account)
            )
            self._tasks[user_id].append(follow)

    async def _stop_user_tasks(self, user_id: UserId) -> Account:
        """Stop the tasks of a user once what they have begun is finished."""
        account = self.accounts[user_id]
        await self._broadcaster.open(user_id).join()
        await account.wait_idle()
        for task in self._tasks.pop(user_id, []):
            task.cancel()
            await asyncio.wait([task])
        return account

    def _start_trailing(self, user_id: UserId) -> None:
        """See that the price of every symbol is followed in which this user may trail a stop.

        Alerts may bring a distance of their own.
        """
        assert self._start_task is not None  # noqa: S101 - begin() comes first
        if self.accounts[user_id].broker is None:
            return
        for strategy, subscription in self.subscriptions.get(user_id, {}).items():
            terms = self.strategies[strategy]
            if subscription.settings.protection.trailing_percent <= 0 and terms.webhook is None:
                continue
            for symbol in terms.symbols:
                if (terms.exchange, symbol) not in self._trailed_symbols:
                    self._trailed_symbols.add((terms.exchange, symbol))
                    market = self._exchanges[terms.exchange].market
                    self._start_task(
                        f"trail {symbol}",
                        lambda market=market, symbol=symbol: self._trailing_stops.run(
                            market, symbol
                        ),  # type: ignore[misc]
                    )

    def _symbols_of(self, user_id: UserId) -> set[str]:
        mine = self.subscriptions.get(user_id, {})
        return {symbol for strategy in mine for symbol in self.strategies[strategy].symbols}

    def _exchange_of(self, user: User) -> Exchange:
        return self._exchanges[user.account.exchange]
