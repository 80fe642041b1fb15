"""One signal to many live users, against as many bare ``create_order`` calls of ccxt.

The loopback exchange runs in a process of its own and shares the machine's cores. The exchange's
published limits are lifted for the measurement; the number of requests under way is the same.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from typing import Any, ClassVar

import structlog

from signalbot.app import App, running
from signalbot.config.load import load
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import Leg, OrderRequest, OrderSide, OrderType, client_order_id_of
from signalbot.domain.signals import SignalId
from signalbot.domain.users import UserId
from signalbot.exchange.live.capability import Rate
from signalbot.exchange.live.connection import Connection
from signalbot.exchange.live.dialects.binance_usdm import BinanceUsdm
from signalbot.exchange.live.exchange import LiveExchange, LiveTerms
from signalbot.exchange.live.instruments import instrument_of
from signalbot.exchange.simulated.rules import SimulationRules
from signalbot.ledger.database import open_database
from signalbot.tasks import SystemClock, settle_memory
from tests.benchmarks.fanout import uvloop_run
from tests.world import World

CONFIG = """
[exchanges.sim]
ccxt_id = "binanceusdm"
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "5m"
[defaults.sizing]
mode = "quote"
quote_amount = 500
[defaults.protection]
stop_loss = { source = "signal_or_percent", percent = 2.0 }
"""
IN_FLIGHT = 64


class Unlimited(BinanceUsdm):
    capabilities: ClassVar = replace(
        BinanceUsdm.capabilities, rates=(Rate(cost=10_000_000, per_ms=1_000),)
    )


def main() -> None:
    print("Fan-out of one signal to live users (loopback exchange, entry and stop)")
    print(f"{'users':>6} {'bare s':>7} {'entries s':>9} {'ratio':>6} {'all s':>6}"
          f" {'entry p50':>10} {'p99 ms':>7} {'to stop p50':>12} {'p99 ms':>7}"
          f" {'kB/user':>8}")  # fmt: skip
    for users in (100, 1_000):
        uvloop_run(_measure(users))


def _keys(number: int) -> dict[str, str]:
    key = f"user-{number + 1:04}"
    return {"apiKey": key, "secret": f"{key}-secret"}


@contextmanager
def _venue(users: int) -> Iterator[Mapping[str, Any]]:
    command = [sys.executable, "-m", "tests.venue", "--port", "0", "--users", str(users)]
    with subprocess.Popen(command, stdout=-1, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["ccxt"]
        process.terminate()


async def _measure(users: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with _venue(users) as settings:
        bare_s = await _bare(settings, users)
    with tempfile.TemporaryDirectory() as name, _venue(users) as settings:
        folder, clock = Path(name), SystemClock()
        _configure(folder, users)
        config = load(folder / "config.toml", {})
        async with open_database(folder / "signalbot.db") as database:
            exchange = LiveExchange(
                LiveTerms(
                    name="sim", ccxt_id="binanceusdm", sandbox=False, config=settings,
                    paper=SimulationRules(),
                ),
                dialects={MarketKind.SWAP: Unlimited()},
                credentials={
                    UserId(f"user{n}"): _keys(n)
                    for n in range(users)
                },
                clock=clock,
            )  # fmt: skip
            await exchange.open(database)
            app = App(config, database=database, exchanges={"sim": exchange}, clock=clock)
            before = _rss_kb()
            async with running(app):
                grown_kb = (_rss_kb() - before) / users
                settle_memory()
                await asyncio.sleep(1)
                all_s, entry_ms, stop_ms = await _fan_out(app, users)
            await exchange.close()
    entries_s = max(entry_ms) / 1000
    print(
        f"{users:>6} {bare_s:>7.2f} {entries_s:>9.2f} {entries_s / bare_s:>6.2f} {all_s:>6.2f}"
        f" {median(entry_ms):>10.0f} {_p99(entry_ms):>7.0f} {median(stop_ms):>12.0f}"
        f" {_p99(stop_ms):>7.0f} {grown_kb:>8.1f}"
    )


async def _bare(settings: Mapping[str, Any], users: int) -> float:
    """The same entries through ccxt alone: shared session, copies of one client, the same bound."""
    connection = Connection("x", "binanceusdm", config=settings, options=BinanceUsdm.options)
    await connection.open()
    await connection.load_markets()
    dialect, market = BinanceUsdm(), connection.template.market("BTC/USDT:USDT")
    instrument = instrument_of(market, exchange="binanceusdm")
    clients = [connection.client(_keys(n)) for n in range(users)]
    bound = asyncio.Semaphore(IN_FLIGHT)

    async def buy(number: int, client: Any) -> None:
        request = OrderRequest(
            client_order_id=client_order_id_of(
                signal_id=SignalId("sig_0"), user_id=UserId(str(number)), leg=Leg.ENTRY
            ),
            user_id=UserId(str(number)), exchange="x", symbol="BTC/USDT:USDT", leg=Leg.ENTRY,
            side=OrderSide.BUY, type=OrderType.MARKET, quantity=Decimal("0.01"),
        )  # fmt: skip
        async with bound:
            await client.create_order(*dialect.create(request, instrument, stop=None).args)

    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(clients):
            group.create_task(buy(number, client))
    taken_s = time.perf_counter() - began_s
    await connection.close()
    return taken_s


async def _fan_out(app: App, users: int) -> tuple[float, list[int], list[int]]:
    world = World(app, None, SystemClock(), app.database)  # type: ignore[arg-type]
    signal = world.make(price="50000", stop="49000")
    began_s = time.perf_counter()
    assert await app.emitter.accept(signal)
    await app.broadcaster.drained()
    all_s = time.perf_counter() - began_s
    done = await app.executions.executions(signal.signal_id)
    assert [each.status for each in done] == ["executed"] * users
    entry_ms = [each.latency_ms for each in done if each.latency_ms is not None]
    await asyncio.sleep(1)  # what may be written later has been
    rows = await app.database.query(
        "SELECT p.protected_at_ms - e.executed_at_ms AS ms FROM positions p"
        " JOIN signal_executions e USING (position_id)"
    )
    return all_s, entry_ms, [row["ms"] for row in rows]


def _configure(folder: Path, users: int) -> None:
    tables = "".join(
        f'[users.user{n}]\nmode = "live"\n[users.user{n}.account]\nexchange = "sim"\nleverage = 5\n'
        f"[users.user{n}.subscriptions.trend]\n"
        for n in range(users)
    )
    (folder / "config.toml").write_text(CONFIG + tables)


def _p99(values: list[int]) -> float:
    return quantiles(values, n=100)[98]


def _rss_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4
