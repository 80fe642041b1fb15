"""Changes of the configuration while the daemon runs: a reloaded file, or what the API defines.

Both are one step: the whole new configuration is read and checked as at a start, compared with the
one in force, written down, and only then taken on. What cannot be taken on whole changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog

from signalbot.config.daemon_config import load_for_daemon
from signalbot.config.problems import InvalidConfig, Problem
from signalbot.config.runtime_definitions import Definition
from signalbot.config.settings import Config
from signalbot.config.toml_positions import Keys
from signalbot.control.config_diff import ConfigDiff, diff_configs, restart_problems
from signalbot.control.registry import TradingRegistry
from signalbot.control.strategy_records import strategy_record
from signalbot.domain.errors import Conflict, NotAllowed, NotFound
from signalbot.domain.settings import Settings
from signalbot.domain.settings_bounds import loosened_fields
from signalbot.domain.users import (
    Mode,
    StatusBy,
    SubscriptionStatus,
    User,
    UserId,
    UserStatus,
)
from signalbot.ledger.accounts import Accounts, PersistedStatus
from signalbot.ledger.definitions import Definitions, StoredDefinition
from signalbot.pipeline.account import Account
from signalbot.pipeline.key_permissions import KeyPermissionCheck
from signalbot.pipeline.signals.evaluator import Deployment
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock, Exchange

log = structlog.get_logger()

_SUBSCRIPTION_PATH_LENGTH = 4
"""Length of the path of a subscription: ``users.NAME.subscriptions.STRATEGY``."""

_BUSY = "has open positions or orders: close them before the account goes or changes"

LoadCredentials = Callable[[Config, tuple[User, ...]], Awaitable[None]]
"""Makes the keys of these live users known to their exchanges."""

ConfigListener = Callable[[Config], Awaitable[None]]
"""Told of every configuration that has come into force."""


class ConfigurationService:
    def __init__(
        self,
        config: Config,
        *,
        registry: TradingRegistry,
        accounts: Accounts,
        definitions: Definitions,
        exchanges: Mapping[str, Exchange],
        environ: Mapping[str, str],
        load_credentials: LoadCredentials,
        trading_state: TradingState,
        key_permissions: KeyPermissionCheck,
        clock: Clock,
    ) -> None:
        self.config = config  #: the one in force
        self._registry = registry
        self._accounts = accounts
        self._definitions = definitions
        self._exchanges = exchanges
        self._environ = environ
        self._load_credentials = load_credentials
        self._trading_state = trading_state
        self._key_permissions = key_permissions
        self._clock = clock
        self._listeners: list[ConfigListener] = []
        self._lock = asyncio.Lock()

    def on_change(self, listener: ConfigListener) -> None:
        """Tell ``listener`` of every configuration that comes into force."""
        self._listeners.append(listener)

    async def reload(self) -> ConfigDiff:
        """Take on the file as it is now.

        Raises:
            InvalidConfig: it has an error or needs a restart; nothing has changed.
        """
        async with self._lock:
            definitions = self.config.sources.definitions.values()
            new = await self._load(definitions, text=None)
            shadowed = [
                each.key for each in definitions if each.path not in new.sources.definitions
            ]
            found = await self._activate(new, put=[], delete=shadowed, author="config")
            for key in shadowed:
                log.warning(
                    "definition.superseded", definition=key, cause="the file defines it now"
                )
            return found

    async def define(
        self,
        path: Keys,
        table: Mapping[str, Any],
        *,
        author: str,
        by: StatusBy = StatusBy.OPERATOR,
        replaces: int | None = None,
    ) -> Definition:
        """Make or replace a definition; None for ``replaces`` makes a new one.

        Raises:
            InvalidConfig: it does not pass the checks; nothing has changed.
            NotAllowed: a user would allow itself more than the operator has.
            Conflict: the name is taken, the file defines it, or it is at another version.
        """
        async with self._lock:
            existing = self.config.sources.definitions.get(path)
            if existing is None or replaces is None:
                self._require_free_name(path)
            elif existing.version != replaces:
                raise Conflict(
                    f"{existing.key} is at version {existing.version}, not {replaces}: read it "
                    "again"
                )
            former = None if existing is None else existing.operator_table
            made = Definition(
                path=path,
                table=table,
                version=(replaces or 0) + 1,
                operator_table=former if by is StatusBy.USER else table,
            )
            others = [
                each for each in self.config.sources.definitions.values() if each.path != path
            ]
            new = await self._load([*others, made], text=self.config.sources.text)
            if by is StatusBy.USER and len(path) == _SUBSCRIPTION_PATH_LENGTH:
                await self._require_not_loosened(made, others, new)
            await self._activate(new, put=[made], delete=[], author=author)
            return made

    async def undefine(self, path: Keys, *, author: str, by: StatusBy = StatusBy.OPERATOR) -> None:
        """Remove a definition, and those inside it.

        Raises:
            NotFound: there is none. Conflict: the file defines it, or it is still needed.
            NotAllowed: a user would end what the operator has made or paused.
            InvalidConfig: something else refers to it.
        """
        async with self._lock:
            definitions = self.config.sources.definitions
            if path not in definitions:
                self._require_free_name(path)
                raise NotFound(f"{'.'.join(path)} is not defined")
            if by is StatusBy.USER:
                self._require_own_definition(definitions[path])
            gone = [each for each in definitions if each[: len(path)] == path]
            gone += self._subscriptions_to(path)
            kept = [each for key, each in definitions.items() if key not in gone]
            new = await self._load(kept, text=self.config.sources.text)
            delete = [definitions[each].key for each in gone]
            await self._activate(new, put=[], delete=delete, author=author)

    async def unlock(self, user_id: UserId) -> None:
        """Read a user's keys from the vault anew and open the account with them.

        Whoever was halted for want of a good key is halted no more, if these are.

        Raises:
            NotFound: there is no such user. ConfigError: the vault cannot be opened.
        """
        async with self._lock:
            if user_id not in self._registry.accounts:
                raise NotFound("no such user")
            account = self._registry.accounts[user_id]
            await self._load_credentials(self.config, (account.user,))
            if account.user.mode is Mode.LIVE:
                self._key_permissions.reset(user_id)
                await self._registry.reopen_user(account.user)
                await self._end_halt_for_key(self._registry.accounts[user_id])
            log.info("user.credentials_loaded", user_id=user_id)

    # --- steps ----------------------------------------------------------------------------

    def _subscriptions_to(self, path: Keys) -> list[Keys]:
        """API-made subscriptions end with the strategy they follow."""
        if path[0] != "strategies":
            return []
        return [
            each
            for each in self.config.sources.definitions
            if len(each) > len(path) and each[-1] == path[-1]
        ]

    async def _end_halt_for_key(self, account: Account) -> None:
        """Let a user trade again who was halted for want of a good key, if this is one."""
        if account.user.status is not UserStatus.HALTED or account.user.status_by != StatusBy.KEY:
            return
        status, reason = UserStatus.ACTIVE, ""
        try:
            await self._key_permissions.require_safe_key(account)
        except Conflict as e:
            status, reason = UserStatus.HALTED, str(e)
        await self._trading_state.set_user_status(account, status, reason=reason, by=StatusBy.KEY)
        await self._registry.sync_strategies(account.user_id)

    async def _require_not_loosened(
        self, made: Definition, others: list[Definition], new: Config
    ) -> None:
        """See that a user's own settings stay within those that the operator wrote."""
        bounds = await self._load(
            [*others, replace(made, table=made.operator_table or {})], text=self.config.sources.text
        )
        looser = loosened_fields(
            _subscription_settings(bounds, made.path), _subscription_settings(new, made.path)
        )
        if looser:
            raise NotAllowed(
                f"only the operator may loosen {', '.join(looser)}: leave it out, or tighten it"
            )

    def _require_own_definition(self, definition: Definition) -> None:
        """See that a subscription is the user's own to end."""
        _, user_id, _, strategy = definition.path
        existing = self._registry.subscriptions.get(UserId(user_id), {}).get(strategy)
        is_held = (
            existing is not None
            and existing.status is SubscriptionStatus.PAUSED
            and existing.status_by is StatusBy.OPERATOR
        )
        if definition.operator_table is not None or is_held:
            raise NotAllowed("the operator has made or paused this subscription: pause it instead")

    def _require_free_name(self, path: Keys) -> None:
        if path in self.config.sources.definitions:
            raise Conflict(f"{'.'.join(path)} exists already")
        if self.config.sources.has(*path):
            raise Conflict(
                f"{'.'.join(path)} is defined in {self.config.path.name}: change it there, then "
                "reload"
            )

    async def _load(self, definitions: Any, *, text: str | None) -> Config:
        return await asyncio.to_thread(
            load_for_daemon, self.config.path, self._environ, list(definitions), text=text
        )

    async def _activate(
        self, new: Config, *, put: list[Definition], delete: list[str], author: str
    ) -> ConfigDiff:
        found = diff_configs(self.config, new)
        moved = [
            user.user_id
            for user in found.users.changed
            if _account_identity(user) != _account_identity(self.config.users[user.user_id])
        ]
        async with self._leaving((*found.users.removed, *moved)) as busy:
            problems = [
                *restart_problems(self.config, new),
                *self._unlisted_symbols(new),
                *(new.sources.problem(("users", user_id), _BUSY) for user_id in busy),
            ]
            if problems:
                raise InvalidConfig(problems)
            return await self._change(found, new, put=put, delete=delete, author=author)

    @asynccontextmanager
    async def _leaving(self, user_ids: Collection[UserId]) -> AsyncIterator[list[UserId]]:
        """Users whose account goes or becomes another; yields those that hold something.

        They enter nothing meanwhile, and again only if this fails: what was decided before is
        finished, so that nothing can be opened between the look and the change.
        """
        accounts = [self._registry.accounts[user_id] for user_id in user_ids]
        for account in accounts:
            account.set_leaving(is_leaving=True)
        try:
            for account in accounts:
                await account.wait_idle()
            yield [each.user_id for each in accounts if self._holds_something(each)]
        except BaseException:
            for account in accounts:
                account.set_leaving(is_leaving=False)
            raise

    async def _change(
        self,
        found: ConfigDiff,
        new: Config,
        *,
        put: list[Definition],
        delete: list[str],
        author: str,
    ) -> ConfigDiff:
        made = await self._registry.build((*found.strategies.added, *found.strategies.changed))
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
        standing = await self._accounts.sync(
            users=new.users.values(),
            strategies=[strategy_record(terms) for terms in new.strategies.values()],
            subscriptions=new.subscriptions,
            now_ms=now_ms,
        )
        self.config = new
        await self._apply_diff(found, standing, made)
        for listener in self._listeners:
            await listener(new)
        log.info("config.changed", author=author, **found.summary())
        return found

    async def _apply_diff(
        self, found: ConfigDiff, standing: PersistedStatus, made: Mapping[str, Deployment]
    ) -> None:
        registry = self._registry
        for user_id, strategy in found.subscriptions.removed:
            await registry.unsubscribe(user_id, strategy)
        for user_id in found.users.removed:
            await registry.remove_user(user_id)
        for terms in (*found.strategies.added, *found.strategies.changed):
            await registry.deploy(terms, made.get(terms.name))
        for name in found.strategies.removed:
            await registry.remove_strategy(name)
        await self._load_credentials(self.config, (*found.users.added, *found.users.changed))
        for each in found.subscriptions.added:
            registry.register_subscription(standing.subscription(each))
        for user in found.users.added:
            await registry.add_user(standing.user(user))
        for user in found.users.changed:
            await registry.reopen_user(standing.user(user))
        for each in (*found.subscriptions.added, *found.subscriptions.changed):
            await registry.subscribe(standing.subscription(each))

    def _unlisted_symbols(self, new: Config) -> list[Problem]:
        """Markets that the exchange of a strategy does not list."""
        found = []
        for terms in new.strategies.values():
            for symbol in terms.symbols:
                try:
                    self._exchanges[terms.exchange].market.instrument(symbol)
                except KeyError:
                    path = ("strategies", terms.name, "symbols")
                    message = f"{terms.exchange} does not list {symbol}"
                    found.append(new.sources.problem(path, message))
        return found

    def _holds_something(self, account: Account) -> bool:
        """Whether anything of an account is at its exchange, or may still appear there."""
        return account.has_activity or bool(account.late_entries.symbols(self._clock.now_ms()))


def _account_identity(user: User) -> tuple[object, ...]:
    """What an open position depends on."""
    return (user.mode, user.account.exchange, user.account.margin_mode, user.account.leverage)


def _subscription_settings(config: Config, path: Keys) -> Settings:
    """What holds for the subscription at ``path`` once all layers are merged."""
    _, user_id, _, strategy = path
    return next(
        each.settings
        for each in config.subscriptions
        if (each.user_id, each.strategy) == (user_id, strategy)
    )
