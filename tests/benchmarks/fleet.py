"""Live users of the whole app at a loopback exchange that runs in a process of its own."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog

from signalbot.app.composition import build
from signalbot.app.lifecycle import running
from signalbot.app.services import Services
from signalbot.config.load import load
from signalbot.domain.executions import Execution
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import Leg, OrderRequest, OrderSide, OrderType, client_order_id_of
from signalbot.domain.signals import Signal, SignalId
from signalbot.domain.users import MarginMode, UserId
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.capabilities import RateLimit, StopSupport
from signalbot.exchange.live.exchange import LiveExchange
from signalbot.exchange.live.exchange_settings import LiveExchangeSettings
from signalbot.exchange.live.instruments import parse_instrument
from signalbot.exchange.live.registry import adapters_of
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.connection import Connection
from signalbot.ledger.database import open_database
from signalbot.settings.simulation import SimulationRules
from signalbot.tasks import SystemClock, freeze_gc
from tests.simulation import Simulation

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
PRICES = {BTC: ("50000", "49000"), ETH: ("2500", "2450")}  #: and stops
IN_FLIGHT = 64
CCXT_IDS = {"binance": "binanceusdm", "bybit": "bybit", "okx": "okx"}
CONFIG = """
[exchanges.sim]
ccxt_id = "{ccxt_id}"
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
timeframe = "5m"
[defaults.sizing]
mode = "quote"
quote_amount = 1000
[defaults.protection]
stop_loss = {{ source = "{stops}", percent = 2.0 }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanned:
    """One signal to everybody, and what came of it."""

    signal: Signal
    all_s: float  #: until every listener was done
    cpu_s: float  #: of this process meanwhile
    entries: list[Execution]

    def waits_ms(self) -> list[int]:
        """From the signal to each acknowledged entry."""
        return [each.latency_ms for each in self.entries if each.latency_ms is not None]


class Far:
    """The exchange's process, scripted over HTTP."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        self.settings: Mapping[str, Any] = told["ccxt"]
        self._url = told["url"]
        self._process = process

    def stop(self) -> None:
        """Nobody waits for an answer any more."""
        self._process.terminate()

    async def ask(self, verb: str, **body: Any) -> Any:
        return await asyncio.to_thread(self._ask, verb, body)

    def _ask(self, verb: str, body: Mapping[str, Any]) -> Any:
        data = json.dumps(body).encode()
        with urllib.request.urlopen(f"{self._url}/_venue/{verb}", data) as answer:  # noqa: S310
            return json.load(answer)["ok"]

    async def accepted(self) -> list[Mapping[str, Any]]:
        """Every order the exchange has taken, as it wrote it down itself."""
        return [line for line in await self.ask("book") if line["deed"] == "accepted"]

    async def requests(self) -> int:
        """How many were made with somebody's key so far."""
        calls = (await self.ask("counts"))["calls"]
        return sum(each["times"] for each in calls if each["key"])


class Fleet:
    """The running app, all of its users ready."""

    def __init__(self, services: Services, far: Far, grown_kb: float) -> None:
        self.services = services
        self.far = far
        self.grown_kb = grown_kb  #: resident memory per user

    async def fan_out(self, symbol: str = BTC, *, healthy: int | None = None) -> Fanned:
        """Send one signal to everybody; wait until all, or so many of them, have entered."""
        world = Simulation(self.services, None, SystemClock(), self.services.storage.database)  # type: ignore[arg-type]
        price, stop = PRICES[symbol]
        signal = world.make(key=symbol, symbol=symbol, price=price, stop=stop)
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        assert await self.services.outbound.emitter.accept(signal)
        if healthy is None:
            await self.services.outbound.broadcaster.wait_drained()
        while healthy and await self._executed(signal) < healthy:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        all_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        entries = await self.services.storage.executions.executions(signal.signal_id)
        return Fanned(signal=signal, all_s=all_s, cpu_s=cpu_s, entries=list(entries))

    async def _executed(self, signal: Signal) -> int:
        rows = await self.services.storage.database.query(
            "SELECT count(*) AS n FROM signal_executions"
            " WHERE signal_id = ? AND status = 'executed'",
            (signal.signal_id,),
        )
        return int(rows[0]["n"])


def keys(number: int) -> dict[str, str]:
    """Of the exchange's account with this number, counted from 0."""
    key = f"user-{number + 1:04}"
    return {"apiKey": key, "secret": f"{key}-secret", "password": f"{key}-password"}


@contextmanager
def far(dialect: str, users: int) -> Iterator[Far]:
    """A loopback exchange with accounts."""
    command = [
        sys.executable, "-m", "tests.venue", "--port", "0", "--dialect", dialect,
        "--users", str(users),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=-1, text=True) as process:
        it = Far(process)
        try:
            yield it
        finally:
            it.stop()


@asynccontextmanager
async def fleet(dialect: str, users: int, *, stops: bool = True) -> AsyncIterator[Fleet]:
    """The app with live users at a loopback exchange, whose published limits are lifted."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as name, far(dialect, users) as it:
        folder, clock, ccxt_id = Path(name), SystemClock(), CCXT_IDS[dialect]
        source = "signal_or_percent" if stops else "none"
        (folder / "config.toml").write_text(
            CONFIG.format(ccxt_id=ccxt_id, stops=source) + "".join(map(_user, range(users)))
        )
        config = load(folder / "config.toml", {})
        async with open_database(folder / "signalbot.db") as database:
            exchange = LiveExchange(
                LiveExchangeSettings(
                    name="sim", ccxt_id=ccxt_id, sandbox=False, config=it.settings,
                    paper=SimulationRules(),
                ),
                adapters={MarketKind.SWAP: unlimited(ccxt_id)},
                credentials={UserId(f"user{n}"): keys(n) for n in range(users)},
                clock=clock,
            )  # fmt: skip
            await exchange.open(database)
            services = build(config, database=database, exchanges={"sim": exchange}, clock=clock)
            before_kb = _rss_kb()
            async with running(services):
                grown_kb = (_rss_kb() - before_kb) / users
                freeze_gc()
                await asyncio.sleep(1)
                yield Fleet(services, it, grown_kb)
            await exchange.close()


def unlimited(ccxt_id: str) -> ExchangeAdapter:
    """The exchange's dialect without what the exchange limits."""
    kind = type(adapters_of(ccxt_id)[MarketKind.SWAP])
    free = replace(kind.capabilities, rates=(RateLimit(cost=10_000_000, per_ms=1_000),))
    made: ExchangeAdapter = type("Unlimited", (kind,), {"capabilities": free})()
    return made


async def bare(dialect: str, it: Far, users: int, *, stops: bool = False) -> tuple[float, float]:
    """The same orders through ccxt alone: seconds, and seconds of this process's CPU.

    One session, copies of one client, and as many requests under way. A stop is an order of its
    own, unless the exchange takes it along.
    """
    ccxt_id = CCXT_IDS[dialect]
    speaks = unlimited(ccxt_id)
    connection = Connection("x", ClientProfile(ccxt_id, options=speaks.options), config=it.settings)
    await connection.open()
    await connection.load_markets()
    instrument = parse_instrument(connection.template.market(BTC))
    clients = [connection.client(keys(n)) for n in range(users)]
    bound = asyncio.Semaphore(IN_FLIGHT)
    attaches = speaks.capabilities.stops is StopSupport.ATTACHED

    async def send(client: Any, request: OrderRequest, stop: OrderRequest | None) -> None:
        create = speaks.order_args(request, instrument, stop=stop, margin_mode=MarginMode.CROSS)
        async with bound:
            await client.create_order(*create.positional_args)

    async def trade(number: int, client: Any) -> None:
        entry, stop = _orders(number)
        await send(client, entry, stop if stops and attaches else None)
        if stops and not attaches:
            await send(client, stop, None)

    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(clients):
            group.create_task(trade(number, client))
    taken = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    await connection.close()
    return taken


def _orders(number: int) -> tuple[OrderRequest, OrderRequest]:
    """What a user sends who enters, and the stop behind it."""
    user_id = UserId(str(number))
    entry = OrderRequest(
        client_order_id=client_order_id_of(
            signal_id=SignalId("sig_0"), user_id=user_id, leg=Leg.ENTRY
        ),
        user_id=user_id, exchange="x", symbol=BTC, leg=Leg.ENTRY, side=OrderSide.BUY,
        type=OrderType.MARKET, quantity=Decimal("0.02"),
    )  # fmt: skip
    stop = replace(
        entry,
        client_order_id=client_order_id_of(
            signal_id=SignalId("sig_0"), user_id=user_id, leg=Leg.STOP_LOSS
        ),
        leg=Leg.STOP_LOSS, side=OrderSide.SELL, type=OrderType.STOP, reduce_only=True,
        trigger_price=Decimal(PRICES[BTC][1]),
    )  # fmt: skip
    return entry, stop


def _user(number: int) -> str:
    return (
        f'[users.user{number}]\nmode = "live"\n[users.user{number}.account]\nexchange = "sim"\n'
        f"leverage = 5\n[users.user{number}.subscriptions.trend]\n"
    )


def _rss_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4
