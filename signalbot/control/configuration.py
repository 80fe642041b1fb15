"""Changes of the configuration while the daemon runs: a reloaded file, or definitions of the API.

Both are one step: the new configuration is loaded and checked as at a start, compared with the one
in force, stored, and only then applied. A configuration that fails a check changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from signalbot.config.daemon_config import load_for_daemon
from signalbot.config.runtime_definitions import Definition
from signalbot.config.settings import Config
from signalbot.config.toml_positions import Keys
from signalbot.control.config_diff import ConfigDiff
from signalbot.control.configuration_activation import ConfigurationActivator
from signalbot.control.configuration_checks import (
    require_free_name,
    require_not_loosened,
    require_own_definition,
    subscriptions_to,
)
from signalbot.control.credential_reload import CredentialReloader
from signalbot.control.subscription_registry import SubscriptionRegistry
from signalbot.domain.errors import Conflict, NotFound
from signalbot.domain.users import StatusBy, UserId

log = structlog.get_logger()

_SUBSCRIPTION_PATH_LENGTH = 4
"""Length of the path of a subscription: ``users.NAME.subscriptions.STRATEGY``."""

ConfigListener = Callable[[Config], Awaitable[None]]
"""Awaited with every configuration that comes into force."""


class ConfigurationService:
    """Applies reloads and definitions, one change at a time."""

    def __init__(
        self,
        config: Config,
        *,
        activator: ConfigurationActivator,
        credential_reloader: CredentialReloader,
        subscriptions: SubscriptionRegistry,
        environ: Mapping[str, str],
        on_change: ConfigListener,
    ) -> None:
        self.config = config  #: the one in force
        self._activator = activator
        self._credential_reloader = credential_reloader
        self._subscriptions = subscriptions
        self._environ = environ
        self._on_change = on_change
        self._lock = asyncio.Lock()

    async def reload(self) -> ConfigDiff:
        """Apply the file as it is now.

        Raises:
            InvalidConfig: it has an error or needs a restart; nothing has changed.
        """
        async with self._lock:
            definitions = self.config.sources.definitions.values()
            new = await self._load(definitions, text=None)
            shadowed = [
                each.key for each in definitions if each.path not in new.sources.definitions
            ]
            diff = await self._activate(new, put=[], delete=shadowed, author="config")
            for key in shadowed:
                log.warning(
                    "definition.superseded", definition=key, cause="the file defines it now"
                )
            return diff

    async def define(
        self,
        path: Keys,
        table: Mapping[str, Any],
        *,
        author: str,
        by: StatusBy = StatusBy.OPERATOR,
        replaces: int | None = None,
    ) -> Definition:
        """Add a definition, or replace its version ``replaces``.

        Raises:
            InvalidConfig: it does not pass the checks; nothing has changed.
            NotAllowed: a user would loosen the operator's settings.
            Conflict: the name is taken, the file defines it, or it is at another version.
        """
        async with self._lock:
            definitions = self.config.sources.definitions
            existing = definitions.get(path)
            if existing is None or replaces is None:
                require_free_name(self.config, path)
            elif existing.version != replaces:
                raise Conflict(
                    f"{existing.key} is at version {existing.version}, not {replaces}: read it "
                    "again"
                )
            former = None if existing is None else existing.operator_table
            definition = Definition(
                path=path,
                table=table,
                version=(replaces or 0) + 1,
                operator_table=former if by is StatusBy.USER else table,
            )
            others = [each for each in definitions.values() if each.path != path]
            text = self.config.sources.text
            new = await self._load([*others, definition], text=text)
            if by is StatusBy.USER and len(path) == _SUBSCRIPTION_PATH_LENGTH:
                of_operator = replace(definition, table=definition.operator_table or {})
                bounds = await self._load([*others, of_operator], text=text)
                require_not_loosened(path, bounds=bounds, new=new)
            await self._activate(new, put=[definition], delete=[], author=author)
            return definition

    async def undefine(self, path: Keys, *, author: str, by: StatusBy = StatusBy.OPERATOR) -> None:
        """Remove a definition, and those inside it.

        Raises:
            NotFound: there is none. Conflict: the file defines it, or it is in use.
            NotAllowed: a user would end what the operator has defined or paused.
            InvalidConfig: something else refers to it.
        """
        async with self._lock:
            definitions = self.config.sources.definitions
            if path not in definitions:
                require_free_name(self.config, path)
                raise NotFound(f"{'.'.join(path)} is not defined")
            if by is StatusBy.USER:
                require_own_definition(definitions[path], self._subscriptions)
            removed = [each for each in definitions if each[: len(path)] == path]
            removed += subscriptions_to(path, definitions)
            kept = [each for key, each in definitions.items() if key not in removed]
            new = await self._load(kept, text=self.config.sources.text)
            delete = [definitions[each].key for each in removed]
            await self._activate(new, put=[], delete=delete, author=author)

    async def reload_credentials(self, user_id: UserId) -> None:
        """Read a user's keys from the vault again and open the account with them.

        Raises:
            NotFound: there is no such user. ConfigError: the vault cannot be opened.
        """
        async with self._lock:
            await self._credential_reloader.reload(self.config, user_id)

    async def _load(self, definitions: Any, *, text: str | None) -> Config:
        return await asyncio.to_thread(
            load_for_daemon, self.config.path, self._environ, list(definitions), text=text
        )

    async def _activate(
        self, new: Config, *, put: list[Definition], delete: list[str], author: str
    ) -> ConfigDiff:
        async with self._activator.preparing(self.config, new) as change:
            persisted = await self._activator.store(change, put=put, delete=delete, author=author)
            self.config = new
            await self._activator.apply(change, persisted)
            await self._on_change(new)
            log.info("config.changed", author=author, **change.diff.summary())
        return change.diff
