"""Opens the exchanges and loads the accounts' API keys from the vault."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeVar

import structlog

from signalbot.config.settings import Config
from signalbot.domain.users import Mode, User, UserId
from signalbot.exchange.live.exchange_settings import LiveExchangeSettings
from signalbot.exchange.simulated.exchange import SimulatedExchange
from signalbot.ledger.database import Database
from signalbot.ledger.vault_store import VaultStore
from signalbot.observability.logging.secrets import SecretRegistry
from signalbot.observability.scheduler import Scheduler
from signalbot.ports import Clock, Exchange
from signalbot.settings.exchange import ExchangeSettings
from signalbot.settings.simulation import SimulationRules

if TYPE_CHECKING:
    from signalbot.exchange.live.exchange import LiveExchange
    from signalbot.vault.vault import Vault

log = structlog.get_logger()

T = TypeVar("T")


class CredentialStore:
    """Reads credentials and secrets from the vault, which is opened at the first use."""

    def __init__(self, database: Database, clock: Clock, secrets: SecretRegistry) -> None:
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._vault: Vault | None = None

    async def credentials(self, config: Config) -> Mapping[tuple[UserId, str], Mapping[str, str]]:
        """The API keys of every account, by user and exchange.

        Raises:
            ConfigError: the vault cannot be opened with the configured master key.
        """

        async def work(vault: "Vault") -> Mapping[tuple[UserId, str], Mapping[str, str]]:
            found = await vault.credentials()
            return {owner: credentials.fields for owner, credentials in found.items()}

        return await self._with_vault(config, work)

    async def resolve(self, config: Config, text: str) -> str:
        """``text`` itself, or the vault's secret for ``secret:NAME``.

        Raises:
            ConfigError: as ``credentials``, or the vault has no such secret.
        """
        if not text.startswith("secret:"):
            return text
        return await self._with_vault(config, lambda vault: vault.resolve(text))

    async def _with_vault(self, config: Config, work: Callable[["Vault"], Awaitable[T]]) -> T:
        """Await ``work(vault)``; the vault is reopened if its master key was rotated."""
        from signalbot.vault.envelope import DecryptionFailed  # noqa: PLC0415 - as below

        try:
            return await work(await self._open(config))
        except DecryptionFailed:
            self._vault = None
        return await work(await self._open(config))

    async def _open(self, config: Config) -> "Vault":
        from signalbot.vault import master_key  # noqa: PLC0415 - only if the vault is used
        from signalbot.vault.vault import Vault  # noqa: PLC0415

        if self._vault is None:
            path = master_key.locate_key_file(config.daemon.master_key_file, os.environ)
            self._vault = await Vault.unlock(
                VaultStore(self._database),
                path,
                now_ms=self._clock.now_ms(),
                on_reveal=self._secrets.add,
            )
            if self._vault.path != path:
                log.warning("vault.rotation_interrupted", key=str(self._vault.path))
        return self._vault


def live_settings(settings: ExchangeSettings) -> LiveExchangeSettings:
    """A live exchange's settings for its adapters."""
    return LiveExchangeSettings(
        name=settings.name,
        ccxt_id=settings.ccxt_id,
        sandbox=settings.sandbox,
        config=settings.ccxt,
        paper=settings.simulated or SimulationRules(),
        request_share=settings.request_share,
        request_limits=settings.request_limits,
        visibility_lag_ms=settings.visibility_lag_ms,
    )


class ExchangeFactory:
    """Opens the configured exchanges and loads the keys of their accounts."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        credential_store: CredentialStore,
        scheduler: Scheduler,
    ) -> None:
        self._database = database
        self._clock = clock
        self._credential_store = credential_store
        self._scheduler = scheduler
        self._live: dict[str, LiveExchange] = {}

    async def open(self, config: Config, stack: AsyncExitStack) -> Mapping[str, Exchange]:
        """Open every exchange with the keys of its live accounts; sends no request yet."""
        exchanges: dict[str, Exchange] = {}
        for name, settings in config.exchanges.items():
            rules = settings.simulated or SimulationRules()
            if settings.is_simulated:
                exchanges[name] = await SimulatedExchange.open(
                    name, rules, database=self._database, clock=self._clock
                )
            else:
                exchanges[name] = self._live[name] = await self._open(settings, stack)
        await self.load_credentials(config, config.users.values())
        return exchanges

    async def load_credentials(self, config: Config, users: Iterable[User]) -> None:
        """Load the keys of those of ``users`` that trade live into their exchanges."""
        live = [
            user for user in users if user.mode is Mode.LIVE and user.account.exchange in self._live
        ]
        if not live:
            return
        from signalbot.exchange.live.transport.connection import parse_egress  # noqa: PLC0415

        keys = await self._credential_store.credentials(config)
        for user in live:
            exchange = user.account.exchange
            egress = await self._credential_store.resolve(config, user.account.egress)
            if fields := keys.get((user.user_id, exchange)):
                await self._live[exchange].set_credentials(
                    user.user_id, fields, parse_egress(egress)
                )

    async def _open(self, settings: ExchangeSettings, stack: AsyncExitStack) -> "LiveExchange":
        """Build a live exchange and load its stored state; it is connected later."""
        from signalbot.exchange.live.exchange import LiveExchange  # noqa: PLC0415
        from signalbot.exchange.live.registry import adapters_of  # noqa: PLC0415 - ccxt is large

        exchange = LiveExchange(
            live_settings(settings),
            adapters=adapters_of(settings.ccxt_id),
            credentials={},
            clock=self._clock,
            boundary=self._scheduler.after_candle_close,
        )
        stack.push_async_callback(exchange.close)
        await exchange.open(self._database)
        return exchange
