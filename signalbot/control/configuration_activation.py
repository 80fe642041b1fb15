"""Puts a new configuration into force: checks it, stores it, and applies it to the registries."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from signalbot.config.problems import InvalidConfig
from signalbot.config.runtime_definitions import Definition
from signalbot.config.settings import Config
from signalbot.control.config_diff import ConfigDiff, diff_configs, restart_problems
from signalbot.control.configuration_checks import (
    departing_users,
    in_use_problems,
    symbol_problems,
)
from signalbot.control.strategy_factory import strategy_record
from signalbot.control.strategy_registry import StrategyRegistry
from signalbot.control.user_registry import UserRegistry
from signalbot.domain.users import User, UserId
from signalbot.ledger.accounts import Accounts, PersistedStatus
from signalbot.ledger.definitions import Definitions, StoredDefinition
from signalbot.pipeline.account import Account
from signalbot.pipeline.signals.evaluator import Deployment
from signalbot.ports import Clock, Exchange

LoadCredentials = Callable[[Config, tuple[User, ...]], Awaitable[None]]
"""Loads the keys of these users, where they trade live, into their exchanges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """A checked configuration, ready to be stored and applied."""

    new: Config
    diff: ConfigDiff
    deployments: Mapping[str, Deployment]  #: of new and changed strategies that run on candles


class ConfigurationActivator:
    def __init__(
        self,
        *,
        users: UserRegistry,
        strategies: StrategyRegistry,
        accounts: Accounts,
        definitions: Definitions,
        exchanges: Mapping[str, Exchange],
        load_credentials: LoadCredentials,
        clock: Clock,
    ) -> None:
        self._users = users
        self._strategies = strategies
        self._accounts = accounts
        self._definitions = definitions
        self._exchanges = exchanges
        self._load_credentials = load_credentials
        self._clock = clock

    @asynccontextmanager
    async def preparing(self, old: Config, new: Config) -> AsyncIterator[ConfigChange]:
        """Check ``new`` against the running daemon and build its strategies, for the block.

        Accounts that are removed or change identity take no entries from the check on. If the
        block fails, they take entries again.

        Raises:
            InvalidConfig: it cannot be applied without a restart, or not at all.
        """
        diff = diff_configs(old, new)
        async with self._blocking_entries(departing_users(old, diff)) as in_use:
            problems = [
                *restart_problems(old, new),
                *symbol_problems(new, self._exchanges),
                *in_use_problems(new, in_use),
            ]
            if problems:
                raise InvalidConfig(problems)
            deployments = await self._strategies.build(
                (*diff.strategies.added, *diff.strategies.changed)
            )
            yield ConfigChange(new=new, diff=diff, deployments=deployments)

    @asynccontextmanager
    async def _blocking_entries(self, user_ids: Iterable[UserId]) -> AsyncIterator[list[UserId]]:
        """Block the entries of these users; yields those with open positions or orders.

        Decisions already made are carried out before the check, so that no position can open
        between the check and the change. Entries are allowed again only if the block fails.
        """
        accounts = [self._users.accounts[user_id] for user_id in user_ids]
        for account in accounts:
            account.set_retiring(is_retiring=True)
        try:
            for account in accounts:
                await account.wait_idle()
            yield [each.user_id for each in accounts if self._is_in_use(each)]
        except BaseException:
            for account in accounts:
                account.set_retiring(is_retiring=False)
            raise

    def _is_in_use(self, account: Account) -> bool:
        """Whether the account has positions or orders, or orders that may still appear."""
        return account.has_activity or bool(account.late_entries.symbols(self._clock.now_ms()))

    async def store(
        self, change: ConfigChange, *, put: list[Definition], delete: list[str], author: str
    ) -> PersistedStatus:
        """Store changed definitions, and the users, strategies and subscriptions of ``change``."""
        now_ms = self._clock.now_ms()
        tables = [
            StoredDefinition(
                key=each.key,
                table=each.table,
                version=each.version,
                operator_table=each.operator_table,
            )
            for each in put
        ]
        await self._definitions.change(tables, delete=delete, author=author, now_ms=now_ms)
        return await sync_accounts(self._accounts, change.new, self._clock)

    async def apply(self, change: ConfigChange, persisted: PersistedStatus) -> None:
        """Remove, add and change users, strategies and subscriptions, in a safe order."""
        users, diff = self._users, change.diff
        for user_id, strategy in diff.subscriptions.removed:
            users.unsubscribe(user_id, strategy)
        for user_id in diff.users.removed:
            await users.remove(user_id)
        await self._apply_strategies(change)
        await self._load_credentials(change.new, (*diff.users.added, *diff.users.changed))
        for each in diff.subscriptions.added:
            users.register_subscription(persisted.subscription(each))
        for user in diff.users.added:
            await users.add(persisted.user(user))
        for user in diff.users.changed:
            await users.reopen(persisted.user(user))
        for each in (*diff.subscriptions.added, *diff.subscriptions.changed):
            await users.subscribe(persisted.subscription(each))

    async def _apply_strategies(self, change: ConfigChange) -> None:
        strategies = change.diff.strategies
        for settings in (*strategies.added, *strategies.changed):
            deployment = change.deployments.get(settings.name)
            self._strategies.deploy(settings, deployment)
            if deployment is not None:
                await self._users.resubscribe_all(settings.name)
                self._strategies.suspend_idle()
        for name in strategies.removed:
            self._users.unsubscribe_all(name)
            self._strategies.remove(name)


async def sync_accounts(accounts: Accounts, config: Config, clock: Clock) -> PersistedStatus:
    """Store the users, strategies and subscriptions of ``config``; return their status."""
    return await accounts.sync(
        users=config.users.values(),
        strategies=[strategy_record(each) for each in config.strategies.values()],
        subscriptions=config.subscriptions,
        now_ms=clock.now_ms(),
    )
