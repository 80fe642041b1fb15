"""One signal to many paper users: from broadcast to the last durable row, against bare SQLite."""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

import structlog

from signalbot.app.composition import build
from signalbot.app.lifecycle import running
from signalbot.app.services import Services
from signalbot.config.load import load
from signalbot.exchange.simulated.exchange import SimulatedExchange
from signalbot.ledger.database import GroupCommit, open_database
from signalbot.ports import Exchange
from signalbot.settings.simulation import SimulationRules
from signalbot.tasks import SystemClock, freeze_gc
from tests.simulation import HEAD, Simulation, user

TABLES = (
    "signals", "decisions", "signal_executions", "orders", "fills", "positions",
    "simulated_accounts", "simulated_positions", "simulated_orders", "simulated_fills",
)  # fmt: skip


def main() -> None:
    print("Fan-out of one signal, entry with stop and two targets, every row durable")
    print(f"{'users':>7} {'p50 ms':>8} {'p99 ms':>8} {'total s':>8} {'us/user':>8}"
          f" {'x one commit':>13} {'x commit per user':>18} {'commits':>8}")  # fmt: skip
    for users in (1_000, 10_000):
        run = uvloop_run if "--asyncio" not in sys.argv else asyncio.run
        run(_measure(users))


def uvloop_run(main: object) -> None:
    import uvloop

    uvloop.run(main)  # type: ignore[arg-type]


async def _measure(users: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.toml").write_text(
            HEAD + "".join(user(f"user{number}") for number in range(users))
        )
        config = load(folder / "config.toml", {})
        path = folder / "signalbot.db"
        clock = SystemClock()
        async with open_database(path) as database:
            rules = config.exchanges["sim"].simulated or SimulationRules()
            exchange = await SimulatedExchange.open("sim", rules, database=database, clock=clock)
            exchanges: dict[str, Exchange] = {"sim": exchange}
            services = build(config, database=database, exchanges=exchanges, clock=clock)
            async with running(services):
                await asyncio.sleep(1)
                freeze_gc()
                waits, total_s, commits = await _fan_out(services, database, exchange)
        rows = _rows(path)
        together_s = _bare(folder / "together.db", rows, per_user=False)
        apart_s = _bare(folder / "apart.db", rows, per_user=True)
    p99 = quantiles(waits, n=100)[98]
    each_us = total_s * 1e6 / users
    print(
        f"{users:>7} {median(waits):>8.0f} {p99:>8.0f} {total_s:>8.2f} {each_us:>8.0f}"
        f" {total_s / together_s:>13.1f} {total_s / apart_s:>18.1f} {commits:>8}"
    )


async def _fan_out(
    services: Services, database: GroupCommit, exchange: SimulatedExchange
) -> tuple[Sequence[int], float, int]:
    price = exchange.market.last_price("BTC/USDT:USDT")
    assert price is not None
    world = Simulation(services, None, SystemClock(), database)  # type: ignore[arg-type]
    stop, near, far = (str(round(price * each)) for each in (98, 102, 104))
    signal = world.make(
        price=str(price),
        stop=str(int(stop) // 100),
        targets=(str(int(near) // 100), str(int(far) // 100)),
    )
    commits, began_s = database.commits, time.perf_counter()
    assert await services.outbound.emitter.accept(signal)
    await services.outbound.broadcaster.wait_drained()
    total_s = time.perf_counter() - began_s
    done = await services.storage.executions.executions(signal.signal_id)
    assert all(each.status == "executed" for each in done)
    waits = [each.latency_ms for each in done if each.latency_ms is not None]
    return waits, total_s, database.commits - commits


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(path)
    found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    found["schema"] = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    connection.close()
    return found


def _bare(path: Path, rows: dict[str, list[tuple[object, ...]]], *, per_user: bool) -> float:
    """Insert the same rows into the same tables in one loop; seconds."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = FULL")
    for (sql,) in rows["schema"]:
        connection.execute(str(sql))
    users = len(rows["signal_executions"])
    shares = {table: max(1, len(rows[table]) // users) for table in TABLES}
    began_s = time.perf_counter()
    connection.execute("BEGIN")
    for number in range(users):
        for table, share in shares.items():
            for row in rows[table][number * share : (number + 1) * share]:
                marks = ",".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
        if per_user:
            connection.execute("COMMIT")
            connection.execute("BEGIN")
    connection.execute("COMMIT")
    took_s = time.perf_counter() - began_s
    connection.close()
    return took_s
