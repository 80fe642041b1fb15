"""The daemon as a process: lock, ledger, exchanges, app, timetable, and an orderly end."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from signalbot import __version__
from signalbot.app import App, running
from signalbot.config.terms import Config
from signalbot.domain.errors import ConfigError
from signalbot.exchange.simulated.exchange import SimulatedExchange
from signalbot.exchange.simulated.rules import SimulationRules
from signalbot.ledger import lock
from signalbot.ledger.database import Database, GroupCommit, open_database
from signalbot.ledger.simulated import load as load_simulated
from signalbot.ops.bells import Bells
from signalbot.ops.hooks import task_failed
from signalbot.ports import Clock, Exchange
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock, SystemClock, settle_memory

log = structlog.get_logger()

LEDGER_NAME = "signalbot.db"
_RECONCILE_EVERY_S = 60.0
_CHECKPOINT_EVERY_S = 3600.0


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigError: something configured cannot be served.
        LedgerError: the ledger cannot be used, or another daemon uses it.
    """
    with lock.hold(config.daemon.state_dir):
        if config.speed == 1:
            _run_in_real_time(config)
        else:
            virtual_time.run(_serve(config), speed=float(config.speed))


def _run_in_real_time(config: Config) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        asyncio.run(_serve(config))
    else:
        uvloop.run(_serve(config))


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(task_failed)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _decline_reload)
    path = config.daemon.state_dir / LEDGER_NAME
    log.info("daemon.starting", version=__version__, pid=os.getpid(), config=str(config.path))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(path))
        log.info("ledger.opened", path=str(path), sqlite=sqlite3.sqlite_version)
        clock = await _clock(config, database)
        app = App(
            config,
            database=database,
            exchanges=await _exchanges(config, database, clock),
            clock=clock,
        )
        await stack.enter_async_context(running(app))
        await stack.enter_async_context(_timetable(app, database))
        settle_memory()
        log.info("daemon.ready", **_facts(app))
        await stop.wait()
        log.info("daemon.stopping")
    log.info("daemon.stopped")


async def _clock(config: Config, database: Database) -> Clock:
    """Real time; or, on an accelerated simulation, simulated time that never runs backwards."""
    now_ms = SystemClock().now_ms()
    if config.speed == 1:
        return SystemClock()
    seen = [(await load_simulated(database, name)).last_seen_ms for name in config.exchanges]
    rows = await database.query("SELECT max(updated_at_ms) AS at_ms FROM orders")
    known = [now_ms, rows[0]["at_ms"], *seen]
    return LoopClock(max(each for each in known if each is not None))


async def _exchanges(config: Config, database: Database, clock: Clock) -> Mapping[str, Exchange]:
    exchanges: dict[str, Exchange] = {}
    for name, terms in config.exchanges.items():
        if not terms.is_simulated:
            raise ConfigError(
                f"{config.path}: exchanges.{name}.ccxt_id: '{terms.ccxt_id}' cannot be traded by "
                "this version; 'simulated' can, and 'signalbot replay' takes any"
            )
        rules = terms.simulated or SimulationRules()
        exchanges[name] = await SimulatedExchange.open(
            name, rules, database=database, clock=clock
        )  # fmt: skip
    return exchanges


@asynccontextmanager
async def _timetable(app: App, database: GroupCommit) -> AsyncIterator[None]:
    """What recurs by the wall clock: reconciliation and emptying the write-ahead log."""
    bells = Bells()
    reconcile, checkpoint = bells.every(_RECONCILE_EVERY_S), bells.every(_CHECKPOINT_EVERY_S)

    async def reconcile_all() -> None:
        for account in app.accounts.values():
            await app.reconcile(account)

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(bells.run(), name="bells"),
            group.create_task(_whenever(reconcile, reconcile_all), name="reconcile"),
            group.create_task(_whenever(checkpoint, database.checkpoint), name="checkpoint"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _whenever(bell: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await bell.wait()
        bell.clear()
        await work()


def _decline_reload() -> None:
    log.warning("daemon.reload_declined", cure="restart the daemon to apply a changed file")


def _facts(app: App) -> dict[str, int]:
    return {
        "users": len(app.accounts),
        "strategies": len(app.config.strategies),
        "open_positions": sum(len(account.positions) for account in app.accounts.values()),
        "in_doubt": sum(len(account.in_doubt) for account in app.accounts.values()),
    }
