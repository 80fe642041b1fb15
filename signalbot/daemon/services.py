"""The services around trading: notifications, configuration changes and connectivity."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from signalbot.app.services import Services
from signalbot.config.settings import Config
from signalbot.control.configuration import ConfigListener, ConfigurationService
from signalbot.control.configuration_activation import ConfigurationActivator
from signalbot.control.connectivity_monitor import ConnectivityMonitor
from signalbot.control.credential_reload import CredentialReloader
from signalbot.daemon.runtime import Runtime
from signalbot.domain.errors import ConfigError
from signalbot.ledger.outages import ExchangeOutages
from signalbot.notifications.service import NotificationService
from signalbot.observability.scheduler import run_on_event
from signalbot.observability.systemd import SystemdNotifier
from signalbot.tasks import background

log = structlog.get_logger()


def build_notifications(runtime: Runtime) -> NotificationService:
    """The notification service, not yet open."""
    config, credential_store = runtime.config, runtime.credential_store
    return NotificationService(
        config.notify,
        database=runtime.database,
        resolve_secret=lambda text: credential_store.resolve(config, text),
        redact_secret=runtime.secrets.add,
        clock=runtime.clock,
        speed=float(config.speed),
    )


def build_configuration(
    runtime: Runtime, services: Services, *, on_change: ConfigListener
) -> ConfigurationService:
    """The service that changes the configuration of the running daemon."""
    control, load_credentials = services.control, runtime.exchange_factory.load_credentials
    activator = ConfigurationActivator(
        users=control.users,
        strategies=control.strategies,
        accounts=services.storage.accounts,
        definitions=runtime.definitions,
        exchanges=runtime.exchanges,
        load_credentials=load_credentials,
        clock=runtime.clock,
    )
    credential_reloader = CredentialReloader(
        users=control.users,
        load_credentials=load_credentials,
        trading_state=services.execution.trading_state,
        key_permissions=services.execution.key_permissions,
    )
    return ConfigurationService(
        runtime.config,
        activator=activator,
        credential_reloader=credential_reloader,
        subscriptions=control.subscriptions,
        environ=os.environ,
        on_change=on_change,
    )


def notifying_of_changes(notifications: NotificationService) -> ConfigListener:
    """Applies a configuration's notification settings when it comes into force."""

    async def apply(new: Config) -> None:
        await notifications.apply(new.notify)

    return apply


@asynccontextmanager
async def monitoring_connectivity(runtime: Runtime, services: Services) -> AsyncIterator[None]:
    """Report exchange outages for the duration of the block."""
    monitor = ConnectivityMonitor(
        runtime.exchanges,
        ExchangeOutages(runtime.database),
        on_recovery=services.control.sync.expedite,
        clock=runtime.clock,
    )
    async with monitor.running(speed=float(runtime.config.speed)):
        yield


@asynccontextmanager
async def reloading(
    configuration: ConfigurationService, hang_up: asyncio.Event, systemd: SystemdNotifier
) -> AsyncIterator[None]:
    """Reload the configuration file each time ``hang_up`` is set, for the duration of the block.

    A file that cannot be applied is logged and changes nothing.
    """

    async def reload() -> None:
        log.info("config.reloading", config=str(configuration.config.path))
        systemd.notify("RELOADING=1")
        try:
            diff = await configuration.reload()
        except ConfigError as e:
            log.error("config.reload_failed", problems=str(e).splitlines())
        else:
            if not diff:
                log.info("config.unchanged")
        systemd.notify("READY=1")

    async with background({"reload": lambda: run_on_event(hang_up, reload)}):
        yield
