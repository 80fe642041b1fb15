"""The daemon as a process: lock, ledger, exchanges, app, timetable, and an orderly end."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import structlog

from signalbot import __version__
from signalbot.ai.service import open_ai
from signalbot.app.composition import App, running
from signalbot.app.exchanges import CredentialStore, ExchangeFactory
from signalbot.app.watchdog import Watchdog, notifying_systemd
from signalbot.config.checks.strategies import load_for_daemon
from signalbot.config.runtime_definitions import Definition
from signalbot.config.settings import Config
from signalbot.control.alert_authentication import AlertAuthenticator
from signalbot.control.configuration import ConfigurationService
from signalbot.control.connectivity_monitor import ConnectivityMonitor
from signalbot.control.discarded_alerts import DiscardedAlertLog
from signalbot.control.heartbeat_monitor import HeartbeatMonitor, intervals_of
from signalbot.control.operations import Operations
from signalbot.control.position_tracker import PositionTracker
from signalbot.control.signal_intake import SignalIntake
from signalbot.control.webhook_receiver import WebhookReceiver
from signalbot.domain.errors import ConfigError
from signalbot.ledger import lock
from signalbot.ledger.alert_deliveries import AlertDeliveries
from signalbot.ledger.database import Database, GroupCommit, open_database
from signalbot.ledger.definitions import Definitions
from signalbot.ledger.exchange_outages import ExchangeOutages
from signalbot.ledger.idempotency import IdempotencyStore
from signalbot.ledger.journal import Journal
from signalbot.ledger.simulated_store import load_state as load_simulated
from signalbot.ledger.source_outages import SourceOutages
from signalbot.ledger.tokens import TokenStore
from signalbot.ledger.tracked_positions import TrackedPositions
from signalbot.maintenance.scheduler_jobs import run_maintenance
from signalbot.notifications.service import NotificationService
from signalbot.observability.logging.error_hooks import log_task_failure
from signalbot.observability.logging.secrets import SecretRegistry
from signalbot.observability.loop_lag import LoopLag
from signalbot.observability.process_limits import protect_memory, raise_open_file_limit
from signalbot.observability.scheduler import Scheduler, run_on_event
from signalbot.observability.systemd import SystemdNotifier
from signalbot.ports import Clock, Exchange
from signalbot.replay import virtual_time
from signalbot.state_dir import LEDGER_NAME
from signalbot.tasks import LoopClock, SystemClock, freeze_gc, start_threads

log = structlog.get_logger()

_CHECKPOINT_INTERVAL_S = 3600.0


def run(config: Config, secrets: SecretRegistry) -> None:
    """Serve until SIGTERM or SIGINT; ``secrets`` learns what must never be logged.

    Raises:
        ConfigError: something configured cannot be served.
        LedgerError: the ledger cannot be used, or another daemon uses it.
    """
    protect_memory()
    raise_open_file_limit()
    with lock.hold(config.daemon.state_dir):
        if config.speed == 1:
            _run_in_real_time(config, secrets)
        else:
            virtual_time.run_virtual(_serve(config, secrets), speed=float(config.speed))


def _run_in_real_time(config: Config, secrets: SecretRegistry) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform

        from signalbot.observability.loop import Loop  # noqa: PLC0415 - it is uvloop's
    except ImportError:
        asyncio.run(_serve(config, secrets))
    else:
        uvloop.run(_serve(config, secrets), loop_factory=Loop)


async def _serve(config: Config, secrets: SecretRegistry) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_task_failure)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await start_threads()
    systemd = SystemdNotifier(os.environ)
    hang_up = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, hang_up.set)
    path = config.daemon.state_dir / LEDGER_NAME
    log.info("daemon.starting", version=__version__, pid=os.getpid(), config=str(config.path))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(path))
        log.info("ledger.opened", path=str(path), sqlite=sqlite3.sqlite_version)
        definitions = Definitions(database)
        config = await _with_stored_definitions(config, definitions)
        clock = await _clock(config, database)
        scheduler = Scheduler()
        credential_store = CredentialStore(database, clock, secrets)
        exchange_factory = ExchangeFactory(
            database=database, clock=clock, credential_store=credential_store, scheduler=scheduler
        )
        exchanges = await exchange_factory.open(config, stack)
        ai = await stack.enter_async_context(
            open_ai(
                config.ai,
                database=database,
                markets={name: exchange.market for name, exchange in exchanges.items()},
                resolve=partial(credential_store.resolve, config),
                clock=clock,
            )
        )
        app = App(
            config,
            database=database,
            exchanges=exchanges,
            clock=clock,
            advisor=ai.advisor,
            analysts=ai.llm_strategies,
        )
        configuration = ConfigurationService(
            config,
            registry=app.registry,
            accounts=app.account_store,
            definitions=definitions,
            exchanges=exchanges,
            environ=os.environ,
            load_credentials=exchange_factory.unlock,
            trading_state=app.trading_state,
            key_permissions=app.key_rights,
            clock=clock,
        )
        await stack.enter_async_context(_scheduler_running(scheduler))
        await stack.enter_async_context(
            run_maintenance(
                config, database=database, halts=app.trading_state, scheduler=scheduler, clock=clock
            )
        )
        await stack.enter_async_context(
            _notifications(configuration, credential_store, database, secrets, clock)
        )
        await stack.enter_async_context(running(app, settles=False))
        lag = LoopLag(clock)
        await stack.enter_async_context(
            _api(app, configuration, exchanges, credential_store, database, lag, clock)
        )
        await stack.enter_async_context(_scheduled_jobs(database, scheduler))
        connectivity_monitor = ConnectivityMonitor(
            exchanges, ExchangeOutages(database), on_recovery=app.sync.expedite, clock=clock
        )
        await stack.enter_async_context(connectivity_monitor.running(speed=float(config.speed)))
        await stack.enter_async_context(_reloading(configuration, hang_up, systemd))
        watchdog = Watchdog(app, database=database, lag=lag, systemd=systemd, clock=clock)
        await stack.enter_async_context(notifying_systemd(watchdog, lag, systemd))
        await _first_completed(app.wait_ready(), stop.wait())
        freeze_gc()
        if not stop.is_set():
            systemd.notify("READY=1", f"STATUS={watchdog.status_line()}")
            log.info("daemon.ready", **_startup_counts(app))
        await stop.wait()
        log.info("daemon.stopping")
    log.info("daemon.stopped")


async def _with_stored_definitions(config: Config, definitions: Definitions) -> Config:
    """The configuration with what the API has made while it was in force."""
    made = [
        Definition.from_key(each.key, each.table, each.version, each.operator_table)
        for each in await definitions.all()
    ]
    return load_for_daemon(config.path, os.environ, made) if made else config


async def _clock(config: Config, database: Database) -> Clock:
    """Real time; or, on an accelerated simulation, simulated time that never runs backwards."""
    now_ms = SystemClock().now_ms()
    if config.speed == 1:
        return SystemClock()
    last_seen = [(await load_simulated(database, name)).last_seen_ms for name in config.exchanges]
    rows = await database.query("SELECT max(updated_at_ms) AS at_ms FROM orders")
    candidates = [now_ms, rows[0]["at_ms"], *last_seen]
    return LoopClock(max(each for each in candidates if each is not None))


@asynccontextmanager
async def _notifications(
    configuration: ConfigurationService,
    credential_store: CredentialStore,
    database: Database,
    secrets: SecretRegistry,
    clock: Clock,
) -> AsyncIterator[None]:
    """Tell people what happens, until everything else has stopped."""
    config = configuration.config
    notification_service = NotificationService(
        config.notify,
        database=database,
        resolve_secret=lambda text: credential_store.resolve(config, text),
        redact_secret=secrets.add,
        clock=clock,
        speed=float(config.speed),
    )

    async def take_on(new: Config) -> None:
        await notification_service.apply(new.notify)

    configuration.on_change(take_on)
    async with notification_service.open():
        yield


@asynccontextmanager
async def _scheduler_running(scheduler: Scheduler) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scheduler.run(), name="bells")
        try:
            yield
        finally:
            task.cancel()


@asynccontextmanager
async def _scheduled_jobs(database: GroupCommit, scheduler: Scheduler) -> AsyncIterator[None]:
    """What recurs by the wall clock: emptying the write-ahead log."""
    checkpoint = scheduler.every(_CHECKPOINT_INTERVAL_S)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(run_on_event(checkpoint, database.checkpoint), name="checkpoint"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def _api(
    app: App,
    configuration: ConfigurationService,
    exchanges: Mapping[str, Exchange],
    credential_store: CredentialStore,
    database: Database,
    lag: LoopLag,
    clock: Clock,
) -> AsyncIterator[None]:
    from signalbot.api.auth import Authenticator  # noqa: PLC0415
    from signalbot.api.build import build  # noqa: PLC0415
    from signalbot.api.connection_limiter import build_connection_limiter  # noqa: PLC0415
    from signalbot.api.context import Context  # noqa: PLC0415
    from signalbot.api.event_stream import EventStream  # noqa: PLC0415
    from signalbot.api.middleware import LOCAL_HOSTS  # noqa: PLC0415
    from signalbot.api.request_limits import RequestLimiter  # noqa: PLC0415 - FastAPI takes its time
    from signalbot.api.server import serve_api  # noqa: PLC0415
    from signalbot.metrics.gather import MetricsCollector  # noqa: PLC0415

    metrics = MetricsCollector(app, database=database, lag=lag, clock=clock)
    await metrics.begin()

    tokens, journal, terms = TokenStore(database), Journal(database), app.config.api
    gate, discarded_alerts = Authenticator(tokens, clock), DiscardedAlertLog(clock)
    connections = build_connection_limiter(terms, open_files=raise_open_file_limit())
    signal_intake = SignalIntake(
        registry=app.registry,
        exchanges=exchanges,
        signals=app.signals,
        emitter=app.emitter,
        clock=clock,
    )
    heartbeat_monitor = HeartbeatMonitor(
        lambda: intervals_of(app.registry.strategies), SourceOutages(database), clock
    )
    context = Context(
        operations=Operations(
            registry=app.registry,
            accounts=app.account_store,
            trading_state=app.trading_state,
            protector=app.protector,
            key_permissions=app.key_rights,
            entry_settler=app.entry_settler,
            expirer=app.expirer,
            clock=clock,
        ),
        configuration=configuration,
        registry=app.registry,
        signal_intake=signal_intake,
        provenance=AlertAuthenticator(
            registry=app.registry,
            tokens=gate,
            resolve=lambda text: credential_store.resolve(app.config, text),
            discarded_alerts=discarded_alerts,
            clock=clock,
        ),
        webhook_receiver=WebhookReceiver(
            signal_intake=signal_intake,
            signals=app.signals,
            expirer=app.expirer,
            deliveries=AlertDeliveries(database),
            position_tracker=PositionTracker(TrackedPositions(database), clock),
            heartbeat_monitor=heartbeat_monitor,
            discarded_alerts=discarded_alerts,
            clock=clock,
        ),
        executions=app.executions,
        database=database,
        journal=journal,
        tokens=tokens,
        idempotency=IdempotencyStore(database),
        request_limiter=RequestLimiter(
            gate,
            per_second=terms.requests_per_second,
            trusts_proxy=terms.tls_behind_proxy,
            connections=connections,
            clock=clock,
        ),
        event_stream=EventStream(journal, app.registry, tokens, clock),
        metrics=metrics,
        hosts=None if terms.tls_behind_proxy else LOCAL_HOSTS | {terms.host},
        clock=clock,
    )
    await context.idempotency.release_unfinished()
    state_dir = app.config.daemon.state_dir
    async with (
        context.event_stream.running(),
        heartbeat_monitor.running(),
        discarded_alerts.running(),
        serve_api(build(context), terms, connections=connections, state_dir=state_dir, clock=clock),
    ):
        yield


@asynccontextmanager
async def _reloading(
    configuration: ConfigurationService, hang_up: asyncio.Event, systemd: SystemdNotifier
) -> AsyncIterator[None]:
    """Apply the changed file on SIGHUP, whole or not at all."""

    async def reload() -> None:
        log.info("config.reloading", config=str(configuration.config.path))
        systemd.notify("RELOADING=1")
        try:
            found = await configuration.reload()
        except ConfigError as e:
            log.error("config.reload_failed", problems=str(e).splitlines())
        else:
            if not found:
                log.info("config.unchanged")
        systemd.notify("READY=1")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_on_event(hang_up, reload), name="reload")
        try:
            yield
        finally:
            task.cancel()


async def _first_completed(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when any of them does; the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wait) for wait in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


def _startup_counts(app: App) -> dict[str, int]:
    return {
        "users": len(app.accounts),
        "strategies": len(app.registry.strategies),
        "open_positions": sum(len(account.positions) for account in app.accounts.values()),
        "in_doubt": sum(len(account.unresolved_symbols) for account in app.accounts.values()),
    }
