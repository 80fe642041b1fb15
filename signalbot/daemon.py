"""The daemon as a process: lock, ledger, exchanges, app, timetable, and an orderly end."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import structlog

from signalbot import __version__
from signalbot.app import App, running
from signalbot.config.terms import Config, ExchangeTerms
from signalbot.domain.errors import Unavailable
from signalbot.domain.users import Mode, UserId
from signalbot.exchange.simulated.exchange import SimulatedExchange
from signalbot.exchange.simulated.rules import SimulationRules
from signalbot.ledger import lock
from signalbot.ledger.credentials import VaultStore
from signalbot.ledger.database import Database, GroupCommit, open_database
from signalbot.ledger.simulated import load as load_simulated
from signalbot.ops.bells import Bells
from signalbot.ops.hooks import task_failed
from signalbot.ops.secrets import Secrets
from signalbot.ports import Clock, Exchange
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock, SystemClock, backoff_s, settle_memory

log = structlog.get_logger()

LEDGER_NAME = "signalbot.db"
_RECONCILE_EVERY_S = 20.0
_IDLE_EVERY = 30
_CHECKPOINT_EVERY_S = 3600.0


def run(config: Config, secrets: Secrets) -> None:
    """Serve until SIGTERM or SIGINT; ``secrets`` learns what must never be logged.

    Raises:
        ConfigError: something configured cannot be served.
        LedgerError: the ledger cannot be used, or another daemon uses it.
    """
    with lock.hold(config.daemon.state_dir):
        if config.speed == 1:
            _run_in_real_time(config, secrets)
        else:
            virtual_time.run(_serve(config, secrets), speed=float(config.speed))


def _run_in_real_time(config: Config, secrets: Secrets) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        asyncio.run(_serve(config, secrets))
    else:
        uvloop.run(_serve(config, secrets))


async def _serve(config: Config, secrets: Secrets) -> None:
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
        bells = Bells()
        exchanges = await _exchanges(config, database, clock, secrets, bells, stack)
        app = App(config, database=database, exchanges=exchanges, clock=clock)
        await stack.enter_async_context(_ringing(bells))
        await stack.enter_async_context(running(app))
        await stack.enter_async_context(_timetable(app, database, bells))
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


@dataclass(frozen=True, slots=True)
class _Unlocked:
    """What the vault has for the live accounts of one exchange, by user."""

    keys: dict[UserId, Mapping[str, str]] = field(default_factory=dict, repr=False)
    egress: dict[UserId, str] = field(default_factory=dict, repr=False)


async def _exchanges(
    config: Config,
    database: Database,
    clock: Clock,
    secrets: Secrets,
    bells: Bells,
    stack: AsyncExitStack,
) -> Mapping[str, Exchange]:
    exchanges: dict[str, Exchange] = {}
    unlocked = await _unlock(config, database, clock, secrets)
    for name, terms in config.exchanges.items():
        rules = terms.simulated or SimulationRules()
        if terms.is_simulated:
            exchanges[name] = await SimulatedExchange.open(
                name, rules, database=database, clock=clock
            )
        else:
            exchanges[name] = await _live_exchange(
                terms, rules, unlocked.get(name, _Unlocked()), database, clock, bells, stack
            )
    return exchanges


async def _live_exchange(
    terms: ExchangeTerms,
    rules: SimulationRules,
    unlocked: _Unlocked,
    database: Database,
    clock: Clock,
    bells: Bells,
    stack: AsyncExitStack,
) -> Exchange:
    """Connect, however long that takes: an exchange that is away at start comes back."""
    from signalbot.exchange.live.dialects import dialects_of  # noqa: PLC0415 - ccxt is large
    from signalbot.exchange.live.egress import egress_of  # noqa: PLC0415
    from signalbot.exchange.live.exchange import LiveExchange, LiveTerms  # noqa: PLC0415

    exchange = LiveExchange(
        LiveTerms(
            name=terms.name,
            ccxt_id=terms.ccxt_id,
            sandbox=terms.sandbox,
            config=terms.ccxt,
            paper=rules,
        ),
        dialects=dialects_of(terms.ccxt_id),
        credentials=unlocked.keys,
        egress={user_id: egress_of(text) for user_id, text in unlocked.egress.items()},
        clock=clock,
        boundary=bells.after_boundary,
    )
    stack.push_async_callback(exchange.close)
    for delay_s in backoff_s(first_s=1.0, most_s=30.0):
        try:
            await exchange.open(database)
        except Unavailable as e:
            log.warning("exchange.unavailable", exchange=terms.name, cause=str(e))
            await exchange.close()
            await clock.sleep(delay_s)
        else:
            log.info("exchange.connected", exchange=terms.name, ccxt_id=terms.ccxt_id)
            break
    return exchange


async def _unlock(
    config: Config, database: Database, clock: Clock, secrets: Secrets
) -> dict[str, _Unlocked]:
    """Keys and proxies by exchange; nothing is opened when nobody trades live."""
    live = [
        user
        for user in config.users.values()
        if user.mode is Mode.LIVE and not config.exchanges[user.account.exchange].is_simulated
    ]
    if not live:
        return {}
    from signalbot.vault import master_key  # noqa: PLC0415 - only where there is something to open
    from signalbot.vault.vault import Vault  # noqa: PLC0415

    path = master_key.locate(config.daemon.master_key_file, os.environ)
    vault = await Vault.open(
        VaultStore(database),
        master_key.read(path),
        path=path,
        now_ms=clock.now_ms(),
        on_reveal=secrets.add,
    )
    unlocked: dict[str, _Unlocked] = {user.account.exchange: _Unlocked() for user in live}
    for (user_id, exchange), credentials in (await vault.credentials()).items():
        if exchange in unlocked:
            unlocked[exchange].keys[user_id] = credentials.fields
    for user in live:
        egress = await vault.resolve(user.account.egress)
        unlocked[user.account.exchange].egress[user.user_id] = egress
    return unlocked


@asynccontextmanager
async def _ringing(bells: Bells) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bells.run(), name="bells")
        try:
            yield
        finally:
            task.cancel()


@asynccontextmanager
async def _timetable(app: App, database: GroupCommit, bells: Bells) -> AsyncIterator[None]:
    """What recurs by the wall clock: reconciliation and emptying the write-ahead log."""
    reconcile, checkpoint = bells.every(_RECONCILE_EVERY_S), bells.every(_CHECKPOINT_EVERY_S)

    passes = count()

    async def reconcile_all() -> None:
        """Accounts that have something at the exchange every time, idle ones now and then."""
        includes_idle = next(passes) % _IDLE_EVERY == 0
        for account in list(app.accounts.values()):
            if includes_idle or account.has_business or not account.is_reconciled:
                await app.reconcile(account)

    async with asyncio.TaskGroup() as group:
        tasks = [
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
