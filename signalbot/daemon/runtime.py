"""Opens what the services depend on: ledger, stored definitions, clock, vault, exchanges and AI."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import structlog

from signalbot.ai.service import AiService, open_ai
from signalbot.app.exchanges import CredentialStore, ExchangeFactory
from signalbot.config.daemon_config import load_for_daemon
from signalbot.config.runtime_definitions import Definition
from signalbot.config.settings import Config
from signalbot.ledger.database import Database, GroupCommit, open_database
from signalbot.ledger.definitions import Definitions
from signalbot.ledger.simulated_store import load_state
from signalbot.observability.logging.secrets import SecretRegistry
from signalbot.observability.scheduler import Scheduler
from signalbot.ports import Clock, Exchange
from signalbot.state_dir import LEDGER_NAME
from signalbot.tasks import LoopClock, SystemClock

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The open resources of one daemon process."""

    config: Config  #: with the definitions of the API
    database: GroupCommit
    definitions: Definitions
    clock: Clock
    secrets: SecretRegistry
    scheduler: Scheduler
    credential_store: CredentialStore
    exchange_factory: ExchangeFactory
    exchanges: Mapping[str, Exchange]
    ai: AiService


async def open_runtime(config: Config, secrets: SecretRegistry, stack: AsyncExitStack) -> Runtime:
    """Open all resources; ``stack`` closes them in reverse.

    Raises:
        ConfigError: a definition, a secret or an exchange cannot be used.
        LedgerError: the ledger cannot be opened.
    """
    path = config.daemon.state_dir / LEDGER_NAME
    database = await stack.enter_async_context(open_database(path))
    log.info("ledger.opened", path=str(path), sqlite=sqlite3.sqlite_version)
    definitions = Definitions(database)
    config = await _with_stored_definitions(config, definitions)
    clock, scheduler = await _open_clock(config, database), Scheduler()
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
    return Runtime(
        config=config,
        database=database,
        definitions=definitions,
        clock=clock,
        secrets=secrets,
        scheduler=scheduler,
        credential_store=credential_store,
        exchange_factory=exchange_factory,
        exchanges=exchanges,
        ai=ai,
    )


async def _with_stored_definitions(config: Config, definitions: Definitions) -> Config:
    """The configuration of the file with the definitions that the API has stored."""
    stored = [
        Definition.from_key(each.key, each.table, each.version, each.operator_table)
        for each in await definitions.all()
    ]
    return load_for_daemon(config.path, os.environ, stored) if stored else config


async def _open_clock(config: Config, database: Database) -> Clock:
    """The system clock; for an accelerated simulation, simulated time that never runs backwards."""
    now_ms = SystemClock().now_ms()
    if config.speed == 1:
        return SystemClock()
    last_seen = [(await load_state(database, name)).last_seen_ms for name in config.exchanges]
    rows = await database.query("SELECT max(updated_at_ms) AS at_ms FROM orders")
    candidates = [now_ms, rows[0]["at_ms"], *last_seen]
    return LoopClock(max(each for each in candidates if each is not None))
