"""The users of the running daemon: their accounts, subscriptions and tasks.

Start-up, reload and the API use the same methods, so that a user added later is handled like one
that was configured at the start.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from signalbot.control.strategy_registry import StrategyRegistry
from signalbot.control.subscription_registry import SubscriptionRegistry
from signalbot.control.user_tasks import UserTasks
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
from signalbot.pipeline.reconciliation.restore import AccountRestorer
from signalbot.ports import Exchange


class AccountRegistry(Mapping[UserId, Account]):
    """The open accounts by user. Readers hold it as a mapping; ``UserRegistry`` changes it."""

    def __init__(self) -> None:
        self._accounts: dict[UserId, Account] = {}

    def __getitem__(self, user_id: UserId) -> Account:
        return self._accounts[user_id]

    def __iter__(self) -> Iterator[UserId]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    def put(self, account: Account) -> None:
        """Add a user's account, or replace it."""
        self._accounts[account.user_id] = account

    def remove(self, user_id: UserId) -> None:
        """Remove a user's account. ``KeyError`` if there is none."""
        del self._accounts[user_id]


class UserRegistry:
    """Adds, changes and removes users and their subscriptions."""

    def __init__(
        self,
        *,
        accounts: AccountRegistry,
        subscriptions: SubscriptionRegistry,
        strategies: StrategyRegistry,
        exchanges: Mapping[str, Exchange],
        restorer: AccountRestorer,
        make_ready: Callable[[Account], Awaitable[None]],
        tasks: UserTasks,
    ) -> None:
        """``make_ready`` reconciles an account and prepares it for entries."""
        self._accounts = accounts
        self._subscriptions = subscriptions
        self._strategies = strategies
        self._exchanges = exchanges
        self._restorer = restorer
        self._make_ready = make_ready
        self._tasks = tasks

    @property
    def accounts(self) -> Mapping[UserId, Account]:
        """The open accounts by user."""
        return self._accounts

    # --- start-up -------------------------------------------------------------------------

    def load(
        self,
        users: Iterable[User],
        subscriptions: Iterable[Subscription],
        persisted: PersistedStatus,
    ) -> None:
        """Open the accounts of all configured users, with their persisted status."""
        for each in subscriptions:
            subscription = persisted.subscription(each)
            if subscription.status is not SubscriptionStatus.CANCELLED:
                self._subscriptions.put(subscription)
        for user in users:
            self._open_account(persisted.user(user))

    def start(self) -> None:
        """Start the tasks of every account. Accounts have been restored from the ledger."""
        for user_id, account in self._accounts.items():
            self._tasks.start(account, self._subscriptions.of_user(user_id))

    async def start_strategies(self) -> None:
        """Run the strategies that users need, and trailing stops. Strategies are deployed."""
        for user_id in self._accounts:
            await self.sync_strategies(user_id)
            self._start_trailing(user_id)
        self._strategies.suspend_idle()

    # --- users ----------------------------------------------------------------------------

    async def add(self, user: User) -> None:
        """Open a user's account, reconcile it if its exchange is connected, and start its tasks."""
        account = self._open_account(user)
        await self._restorer.restore(account)
        if account.market.is_open:
            await self._make_ready(account)
        self._tasks.start(account, self._subscriptions.of_user(user.user_id))
        await self.sync_strategies(user.user_id)

    async def remove(self, user_id: UserId) -> None:
        """Remove a user without positions or orders, after its current work is finished."""
        account = self._accounts[user_id]
        await self._tasks.stop(account)
        for strategy in list(self._subscriptions.of_user(user_id)):
            self.unsubscribe(user_id, strategy)
        self._accounts.remove(user_id)
        self._tasks.close_inbox(user_id)
        self._exchange_of(account.user).release(user_id)

    async def reopen(self, user: User) -> None:
        """Open an account again with changed settings; signals in its inbox are kept."""
        account = self._accounts[user.user_id]
        await self._tasks.stop(account)
        self._exchange_of(account.user).release(user.user_id)
        await self.add(user)

    async def sync_strategies(self, user_id: UserId) -> None:
        """Subscribe a user's account to exactly the strategies it needs now.

        A paused or halted user still needs the strategies of its open positions: for their exits.
        """
        account = self._accounts[user_id]
        held = {position.strategy for position in account.positions.values()}
        for strategy, subscription in list(self._subscriptions.of_user(user_id).items()):
            is_active = (
                account.user.status is UserStatus.ACTIVE
                and subscription.status is SubscriptionStatus.ACTIVE
            )
            if is_active or strategy in held:
                await self._strategies.subscribe(strategy, user_id)
            else:
                self._strategies.unsubscribe(strategy, user_id)

    # --- subscriptions --------------------------------------------------------------------

    def subscription(self, user_id: UserId, strategy: str) -> Subscription | None:
        """A user's subscription to a strategy, or None."""
        return self._subscriptions.get(user_id, strategy)

    def register_subscription(self, subscription: Subscription) -> None:
        """Record a subscription before its user's account is opened."""
        self._subscriptions.put(subscription)

    async def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription, or change the settings or the status of one."""
        user_id = subscription.user_id
        previous = self._symbols_of(user_id)
        self._subscriptions.put(subscription)
        account = self._accounts[user_id]
        account.set_settings(subscription.strategy, subscription.settings)
        if account.user.mode is Mode.LIVE and self._symbols_of(user_id) - previous:
            await self.reopen(account.user)  # brokers set up each symbol when they are opened
        await self.sync_strategies(user_id)
        self._start_trailing(user_id)

    def unsubscribe(self, user_id: UserId, strategy: str) -> None:
        """End a subscription. An open position of it keeps its stop and is managed to its end."""
        self._subscriptions.remove(user_id, strategy)
        self._strategies.unsubscribe(strategy, user_id)

    async def resubscribe_all(self, strategy: str) -> None:
        """Subscribe the users of a strategy that was deployed again."""
        for user_id in self._subscriptions.users_of(strategy):
            await self.sync_strategies(user_id)

    def unsubscribe_all(self, strategy: str) -> None:
        """End every subscription to a strategy."""
        for user_id in self._subscriptions.users_of(strategy):
            self.unsubscribe(user_id, strategy)

    # --- steps ----------------------------------------------------------------------------

    def _open_account(self, user: User) -> Account:
        exchange = self._exchange_of(user)
        subscriptions = self._subscriptions.of_user(user.user_id)
        symbols = self._symbols_of(user.user_id)
        account = Account(
            user,
            exchange=exchange,
            broker=None if user.mode is Mode.SIGNALS else exchange.broker(user, symbols=symbols),
            settings={strategy: each.settings for strategy, each in subscriptions.items()},
        )
        self._accounts.put(account)
        return account

    def _start_trailing(self, user_id: UserId) -> None:
        """Follow the price of every symbol in which this user may trail a stop.

        Alerts may carry their own trailing distance, so all symbols of webhooks are followed.
        """
        if self._accounts[user_id].broker is None:
            return
        for name, subscription in self._subscriptions.of_user(user_id).items():
            strategy = self._strategies.all[name]
            if subscription.settings.protection.trailing_percent <= 0 and strategy.webhook is None:
                continue
            market = self._exchanges[strategy.exchange].market
            for symbol in strategy.symbols:
                self._tasks.trail(strategy.exchange, symbol, market)

    def _symbols_of(self, user_id: UserId) -> set[str]:
        return self._strategies.symbols_of(self._subscriptions.of_user(user_id))

    def _exchange_of(self, user: User) -> Exchange:
        return self._exchanges[user.account.exchange]
