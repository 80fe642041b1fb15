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
from signalbot.advisor.open import asking
from signalbot.app import App, running
from signalbot.config.check import load_to_run
from signalbot.config.definitions import Definition
from signalbot.config.terms import Config
from signalbot.connect import Connector, Keyring
from signalbot.control.absence import AbsenceWatch
from signalbot.control.align import Aligner
from signalbot.control.desk import Desk
from signalbot.control.door import Door
from signalbot.control.heartbeat import Heartbeats, promises_of
from signalbot.control.provenance import Provenance
from signalbot.control.provision import Provisioner
from signalbot.control.receive import Receiver
from signalbot.control.tally import Tally
from signalbot.domain.errors import ConfigError
from signalbot.keeping.running import keeping
from signalbot.ledger import lock
from signalbot.ledger.absences import Absences
from signalbot.ledger.alignments import Alignments
from signalbot.ledger.answers import Answers
from signalbot.ledger.database import Database, GroupCommit, open_database
from signalbot.ledger.definitions import Definitions
from signalbot.ledger.deliveries import Deliveries
from signalbot.ledger.journal import Journal
from signalbot.ledger.silences import Silences
from signalbot.ledger.simulated import load as load_simulated
from signalbot.ledger.tokens import Tokens
from signalbot.notify.post import Post
from signalbot.ops.bells import Bells, whenever
from signalbot.ops.hooks import task_failed
from signalbot.ops.lag import LoopLag
from signalbot.ops.process import keep_memory_private, raise_open_files
from signalbot.ops.secrets import Secrets
from signalbot.ops.systemd import Systemd
from signalbot.ports import Clock, Exchange
from signalbot.replay import virtual_time
from signalbot.service import Pulse, told
from signalbot.tasks import LoopClock, SystemClock, settle_memory, start_threads

log = structlog.get_logger()

LEDGER_NAME = "signalbot.db"
_CHECKPOINT_EVERY_S = 3600.0


def run(config: Config, secrets: Secrets) -> None:
    """Serve until SIGTERM or SIGINT; ``secrets`` learns what must never be logged.

    Raises:
        ConfigError: something configured cannot be served.
        LedgerError: the ledger cannot be used, or another daemon uses it.
    """
    keep_memory_private()
    raise_open_files()
    with lock.hold(config.daemon.state_dir):
        if config.speed == 1:
            _run_in_real_time(config, secrets)
        else:
            virtual_time.run(_serve(config, secrets), speed=float(config.speed))


def _run_in_real_time(config: Config, secrets: Secrets) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform

        from signalbot.ops.loop import Loop  # noqa: PLC0415 - it is uvloop's
    except ImportError:
        asyncio.run(_serve(config, secrets))
    else:
        uvloop.run(_serve(config, secrets), loop_factory=Loop)


async def _serve(config: Config, secrets: Secrets) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(task_failed)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await start_threads()
    systemd = Systemd(os.environ)
    hang_up = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, hang_up.set)
    path = config.daemon.state_dir / LEDGER_NAME
    log.info("daemon.starting", version=__version__, pid=os.getpid(), config=str(config.path))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(path))
        log.info("ledger.opened", path=str(path), sqlite=sqlite3.sqlite_version)
        definitions = Definitions(database)
        config = await _with_definitions(config, definitions)
        clock = await _clock(config, database)
        bells = Bells()
        keyring = Keyring(database, clock, secrets)
        connector = Connector(database=database, clock=clock, keyring=keyring, bells=bells)
        exchanges = await connector.open(config, stack)
        ai = await stack.enter_async_context(
            asking(
                config.ai,
                database=database,
                markets={name: exchange.market for name, exchange in exchanges.items()},
                resolve=partial(keyring.resolve, config),
                clock=clock,
            )
        )
        app = App(
            config,
            database=database,
            exchanges=exchanges,
            clock=clock,
            advisor=ai.panel,
            analysts=ai.analysts,
        )
        provisioner = Provisioner(
            config,
            roster=app.roster,
            accounts=app.standing,
            definitions=definitions,
            exchanges=exchanges,
            environ=os.environ,
            unlock=connector.unlock,
            halts=app.halts,
            key_rights=app.key_rights,
            clock=clock,
        )
        await stack.enter_async_context(_ringing(bells))
        await stack.enter_async_context(
            keeping(config, database=database, halts=app.halts, bells=bells, clock=clock)
        )
        await stack.enter_async_context(_notifying(provisioner, keyring, database, secrets, clock))
        await stack.enter_async_context(running(app, settles=False))
        lag = LoopLag(clock)
        await stack.enter_async_context(
            _api(app, provisioner, exchanges, keyring, database, lag, clock)
        )
        await stack.enter_async_context(_timetable(database, bells))
        absences = AbsenceWatch(exchanges, Absences(database), on_back=app.sync.hasten, clock=clock)
        await stack.enter_async_context(absences.running(speed=float(config.speed)))
        await stack.enter_async_context(_reloading(provisioner, hang_up, systemd))
        pulse = Pulse(app, database=database, lag=lag, systemd=systemd, clock=clock)
        await stack.enter_async_context(told(pulse, lag, systemd))
        await _first(app.settled(), stop.wait())
        settle_memory()
        if not stop.is_set():
            systemd.tell("READY=1", f"STATUS={pulse.status()}")
            log.info("daemon.ready", **_facts(app))
        await stop.wait()
        log.info("daemon.stopping")
    log.info("daemon.stopped")


async def _with_definitions(config: Config, definitions: Definitions) -> Config:
    """The configuration with what the API has made while it was in force."""
    made = [
        Definition.under(each.key, each.table, each.version, each.operator_table)
        for each in await definitions.all()
    ]
    return load_to_run(config.path, os.environ, made) if made else config


async def _clock(config: Config, database: Database) -> Clock:
    """Real time; or, on an accelerated simulation, simulated time that never runs backwards."""
    now_ms = SystemClock().now_ms()
    if config.speed == 1:
        return SystemClock()
    seen = [(await load_simulated(database, name)).last_seen_ms for name in config.exchanges]
    rows = await database.query("SELECT max(updated_at_ms) AS at_ms FROM orders")
    known = [now_ms, rows[0]["at_ms"], *seen]
    return LoopClock(max(each for each in known if each is not None))


@asynccontextmanager
async def _notifying(
    provisioner: Provisioner,
    keyring: Keyring,
    database: Database,
    secrets: Secrets,
    clock: Clock,
) -> AsyncIterator[None]:
    """Tell people what happens, until everything else has stopped."""
    config = provisioner.config
    post = Post(
        config.notify,
        database=database,
        resolve=lambda text: keyring.resolve(config, text),
        hide=secrets.add,
        clock=clock,
        speed=float(config.speed),
    )

    async def take_on(new: Config) -> None:
        await post.take_on(new.notify)

    provisioner.on_change(take_on)
    async with post.open():
        yield


@asynccontextmanager
async def _ringing(bells: Bells) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bells.run(), name="bells")
        try:
            yield
        finally:
            task.cancel()


@asynccontextmanager
async def _timetable(database: GroupCommit, bells: Bells) -> AsyncIterator[None]:
    """What recurs by the wall clock: emptying the write-ahead log."""
    checkpoint = bells.every(_CHECKPOINT_EVERY_S)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(whenever(checkpoint, database.checkpoint), name="checkpoint"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def _api(
    app: App,
    provisioner: Provisioner,
    exchanges: Mapping[str, Exchange],
    keyring: Keyring,
    database: Database,
    lag: LoopLag,
    clock: Clock,
) -> AsyncIterator[None]:
    from signalbot.api.admission import Admission  # noqa: PLC0415 - FastAPI takes its time
    from signalbot.api.build import build  # noqa: PLC0415
    from signalbot.api.callers import Gate  # noqa: PLC0415
    from signalbot.api.connections import bounds  # noqa: PLC0415
    from signalbot.api.context import Context  # noqa: PLC0415
    from signalbot.api.feed import Feed  # noqa: PLC0415
    from signalbot.api.hosts import LOCAL  # noqa: PLC0415
    from signalbot.api.server import serving  # noqa: PLC0415
    from signalbot.metrics.gather import Metrics  # noqa: PLC0415

    metrics = Metrics(app, database=database, lag=lag, clock=clock)
    await metrics.begin()

    tokens, journal, terms = Tokens(database), Journal(database), app.config.api
    gate, tally = Gate(tokens, clock), Tally(clock)
    connections = bounds(terms, open_files=raise_open_files())
    door = Door(
        roster=app.roster,
        exchanges=exchanges,
        signals=app.signals,
        emitter=app.emitter,
        clock=clock,
    )
    heartbeats = Heartbeats(lambda: promises_of(app.roster.strategies), Silences(database), clock)
    context = Context(
        desk=Desk(
            roster=app.roster,
            accounts=app.standing,
            halts=app.halts,
            protector=app.protector,
            key_rights=app.key_rights,
            settler=app.settler,
            expirer=app.expirer,
            clock=clock,
        ),
        provisioner=provisioner,
        roster=app.roster,
        door=door,
        provenance=Provenance(
            roster=app.roster,
            tokens=gate,
            resolve=lambda text: keyring.resolve(app.config, text),
            tally=tally,
            clock=clock,
        ),
        receiver=Receiver(
            door=door,
            signals=app.signals,
            expirer=app.expirer,
            deliveries=Deliveries(database),
            aligner=Aligner(Alignments(database), clock),
            heartbeats=heartbeats,
            tally=tally,
            clock=clock,
        ),
        executions=app.executions,
        database=database,
        journal=journal,
        tokens=tokens,
        answers=Answers(database),
        admission=Admission(
            gate,
            per_second=terms.requests_per_second,
            trusts_proxy=terms.tls_behind_proxy,
            connections=connections,
            clock=clock,
        ),
        feed=Feed(journal, app.roster, tokens, clock),
        metrics=metrics,
        hosts=None if terms.tls_behind_proxy else LOCAL | {terms.host},
        clock=clock,
    )
    await context.answers.forget_unfinished()
    state_dir = app.config.daemon.state_dir
    async with (
        context.feed.running(),
        heartbeats.running(),
        tally.running(),
        serving(build(context), terms, connections=connections, state_dir=state_dir, clock=clock),
    ):
        yield


@asynccontextmanager
async def _reloading(
    provisioner: Provisioner, hang_up: asyncio.Event, systemd: Systemd
) -> AsyncIterator[None]:
    """Apply the changed file on SIGHUP, whole or not at all."""

    async def reload() -> None:
        log.info("config.reloading", config=str(provisioner.config.path))
        systemd.tell("RELOADING=1")
        try:
            found = await provisioner.reload()
        except ConfigError as e:
            log.error("config.refused", problems=str(e).splitlines())
        else:
            if not found:
                log.info("config.unchanged")
        systemd.tell("READY=1")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(whenever(hang_up, reload), name="reload")
        try:
            yield
        finally:
            task.cancel()


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when any of them does; the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wait) for wait in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


def _facts(app: App) -> dict[str, int]:
    return {
        "users": len(app.accounts),
        "strategies": len(app.roster.strategies),
        "open_positions": sum(len(account.positions) for account in app.accounts.values()),
        "in_doubt": sum(len(account.in_doubt) for account in app.accounts.values()),
    }
