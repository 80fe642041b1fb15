"""Runs the daemon's process: ledger lock, event loop, signals, start-up and orderly stop."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import structlog

from signalbot import __version__
from signalbot.app.composition import build
from signalbot.app.lifecycle import Lifecycle, running
from signalbot.app.services import Services
from signalbot.app.watchdog import Watchdog, notifying_systemd
from signalbot.config.settings import Config
from signalbot.daemon.api import serving_api
from signalbot.daemon.runtime import Runtime, open_runtime
from signalbot.daemon.services import (
    build_configuration,
    build_notifications,
    monitoring_connectivity,
    notifying_of_changes,
    reloading,
)
from signalbot.ledger import lock
from signalbot.maintenance.scheduler_jobs import run_maintenance
from signalbot.observability.logging.error_hooks import log_task_failure
from signalbot.observability.logging.secrets import SecretRegistry
from signalbot.observability.loop_lag import LoopLag
from signalbot.observability.process_limits import protect_memory, raise_open_file_limit
from signalbot.observability.scheduler import run_on_event
from signalbot.observability.systemd import SystemdNotifier
from signalbot.replay import virtual_time
from signalbot.tasks import background, freeze_gc, start_threads

log = structlog.get_logger()

_CHECKPOINT_INTERVAL_S = 3600.0


def run(config: Config, secrets: SecretRegistry) -> None:
    """Run the daemon until SIGTERM or SIGINT; ``secrets`` collects what must never be logged.

    Raises:
        ConfigError: a configured service cannot be started.
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
    stop, hang_up = asyncio.Event(), asyncio.Event()
    _handle_signals(stop, hang_up)
    await start_threads()
    systemd = SystemdNotifier(os.environ)
    log.info("daemon.starting", version=__version__, pid=os.getpid(), config=str(config.path))
    async with AsyncExitStack() as stack:
        runtime = await open_runtime(config, secrets, stack)
        services = build(
            runtime.config,
            database=runtime.database,
            exchanges=runtime.exchanges,
            clock=runtime.clock,
            advisor=runtime.ai.advisor,
            llm_strategies=runtime.ai.llm_strategies,
        )
        lag = LoopLag(runtime.clock)
        watchdog = Watchdog(services, lag=lag, systemd=systemd)
        lifecycle = await _start(runtime, services, lag, hang_up, systemd, stack)
        await stack.enter_async_context(notifying_systemd(watchdog, lag, systemd))
        await _first_completed(lifecycle.wait_ready(), stop.wait())
        freeze_gc()
        if not stop.is_set():
            systemd.notify("READY=1", f"STATUS={watchdog.status_line()}")
            log.info("daemon.ready", **_startup_counts(services))
        await stop.wait()
        log.info("daemon.stopping")
    log.info("daemon.stopped")


def _handle_signals(stop: asyncio.Event, hang_up: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_task_failure)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hang_up.set)


async def _start(
    runtime: Runtime,
    services: Services,
    lag: LoopLag,
    hang_up: asyncio.Event,
    systemd: SystemdNotifier,
    stack: AsyncExitStack,
) -> Lifecycle:
    """Start everything in order; ``stack`` stops it in reverse.

    Notifications start before trading and stop after it, so that every notice is delivered.
    """
    database, scheduler = runtime.database, runtime.scheduler
    notifications = build_notifications(runtime)
    configuration = build_configuration(
        runtime, services, on_change=notifying_of_changes(notifications)
    )
    checkpoint = scheduler.every(_CHECKPOINT_INTERVAL_S)
    await stack.enter_async_context(background({"scheduler": scheduler.run}))
    await stack.enter_async_context(
        run_maintenance(
            runtime.config,
            database=database,
            trading_state=services.execution.trading_state,
            scheduler=scheduler,
            clock=runtime.clock,
        )
    )
    await stack.enter_async_context(notifications.open())
    lifecycle = await stack.enter_async_context(running(services, waits_ready=False))
    await stack.enter_async_context(serving_api(runtime, services, configuration, lag))
    await stack.enter_async_context(
        background({"checkpoint": lambda: run_on_event(checkpoint, database.checkpoint)})
    )
    await stack.enter_async_context(monitoring_connectivity(runtime, services))
    await stack.enter_async_context(reloading(configuration, hang_up, systemd))
    return lifecycle


async def _first_completed(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when the first of ``waits`` completes, and cancel the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wait) for wait in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


def _startup_counts(services: Services) -> dict[str, int]:
    accounts = services.control.accounts.values()
    return {
        "users": len(accounts),
        "strategies": len(services.control.strategies.all),
        "open_positions": sum(len(account.positions) for account in accounts),
        "in_doubt": sum(len(account.unresolved_symbols) for account in accounts),
    }
