"""The control plane under load: alerts, the feed, and what rude clients cost those who trade."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from multiprocessing import Process
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect

from signalbot.api.event_stream import MAX_CONNECTIONS_PER_TOKEN
from tests.api.api_daemon import Daemon, daemon

USERS = 1_000
CLIENTS = 1_000
TOKENS = CLIENTS // MAX_CONNECTIONS_PER_TOKEN
ALERTS = 200
BTC = "BTCUSDT"
SETTLED = "SELECT count(*) AS n FROM signal_executions WHERE status NOT IN ('pending', 'unknown')"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        daemon(Path(folder), text=_config(), rate=100_000) as running,
    ):
        asyncio.run(_main(running))


async def _main(running: Daemon) -> None:
    token = running.command("token", "create", "--source", "tv").strip()
    async with httpx.AsyncClient(base_url=running.url, timeout=60) as client:

        async def alert(**body: object) -> float:
            begun = time.perf_counter()
            answer = await client.post(f"/hooks/tv/{token}", json={"ticker": BTC} | body)
            assert answer.status_code == 202, answer.text
            return (time.perf_counter() - begun) * 1000

        quiet = [await alert(action="hold", id=f"q{n}") for n in range(ALERTS)]
        print(f"alert answered, nothing else going on: p50 {_p(quiet, 50)}, p99 {_p(quiet, 99)}")
        await _fan_out(running, alert)
        await _listeners(running, alert)
        await _rude(running, token, alert)


async def _fan_out(running: Daemon, alert: Callable[..., Awaitable[float]]) -> None:
    """One alert to everybody, and how alerts are answered meanwhile."""
    begun = time.perf_counter()
    first = await alert(action="buy", id="fan-out")
    during: list[float] = []
    while running.rows(SETTLED)[0]["n"] < USERS:
        during.append(await alert(action="hold", id=f"d{len(during)}"))
    total = time.perf_counter() - begun
    print(
        f"alert to last of {USERS} paper executions: {total:.2f} s; it was answered after "
        f"{first:.0f} ms, others meanwhile p50 {_p(during, 50)}, p99 {_p(during, 99)}"
    )


async def _listeners(running: Daemon, alert: Callable[..., Awaitable[float]]) -> None:
    """One signal to many open connections."""
    url = running.url.replace("http", "ws") + "/ws/signals"
    tokens = [running.command("token", "create", "--admin").strip() for _ in range(TOKENS)]
    async with AsyncExitStack() as stack:
        sockets: list[ClientConnection] = []
        for number in range(CLIENTS):
            headers = {"Authorization": f"Bearer {tokens[number % TOKENS]}"}
            socket = await stack.enter_async_context(connect(url, additional_headers=headers))
            await socket.send(json.dumps({"type": "subscribe", "events": ["signal.created"]}))
            await socket.recv()
            sockets.append(socket)

        async def told(socket: ClientConnection) -> float:
            await asyncio.wait_for(socket.recv(), 60)
            return (time.perf_counter() - begun) * 1000

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(told(socket)) for socket in sockets]
            await asyncio.sleep(0.5)
            begun = time.perf_counter()
            await alert(action="exit_short", id="to all")
        delays = [task.result() for task in tasks]
    print(f"one signal to {CLIENTS} listeners: p50 {_p(delays, 50)}, last {max(delays):.0f} ms")


async def _rude(running: Daemon, token: str, alert: Callable[..., Awaitable[float]]) -> None:
    """What an alert waits for its answer while others misbehave."""
    before = [await alert(action="hold", id=f"b{n}") for n in range(ALERTS)]
    for name, behave in (
        ("idle sockets", _idle),
        ("slow headers", _slow),
        ("large bodies", _large),
    ):
        rude = Process(target=_misbehave, args=(behave, running.port, token), daemon=True)
        rude.start()
        await asyncio.sleep(3)
        during = [await alert(action="hold", id=f"{name}{n}") for n in range(ALERTS)]
        rude.terminate()
        rude.join()
        ratio = statistics.median(during) / statistics.median(before)
        tail = _quantile(during, 99) / _quantile(before, 99)
        print(f"alert while there are {name}: p50 x {ratio:.2f}, p99 x {tail:.2f}")


Misbehaviour = Callable[[int, str], Awaitable[None]]


def _misbehave(behave: Misbehaviour, port: int, token: str) -> None:
    """In a process of its own, so that it takes its own time."""

    async def forever() -> None:
        await behave(port, token)

    asyncio.run(forever())


async def _idle(port: int, _: str) -> None:
    """As many as are let in; they are ended after a while, and opened again."""

    async def hold() -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                await reader.read()
                writer.close()
            await asyncio.sleep(0.1)

    await asyncio.gather(*(hold() for _ in range(1_000)))


async def _slow(port: int, token: str) -> None:
    """Two hundred requests that never end, a byte at a time."""
    begun = f"POST /hooks/tv/{token} HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ".encode()

    async def drip() -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(begun)
                while not reader.at_eof():
                    await asyncio.sleep(0.2)
                    writer.write(b"a")
                    await writer.drain()

    await asyncio.gather(*(drip() for _ in range(200)))


async def _large(port: int, token: str) -> None:
    """60 MB in one piece, nested, or not text at all, one after the other."""
    bodies = (b" " * 60_000_000, b"[" * 60_000, b"\xff" * 60_000)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while True:
            for body in bodies:
                with suppress(httpx.TransportError):
                    await client.post(f"/hooks/tv/{token}", content=body)


def _p(values: list[float], percent: int) -> str:
    return f"{_quantile(values, percent):.1f} ms"


def _quantile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _config() -> str:
    users = "".join(
        f'[users.u{n}]\n[users.u{n}.account]\nexchange = "sim"\n[users.u{n}.subscriptions.tv]\n'
        for n in range(USERS)
    )
    return f"""
[daemon]
log_level = "info"
[api]
listen = "127.0.0.1:{{port}}"
requests_per_second = {{rate}}
max_connections = 2000
tls_behind_proxy = true
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
price = 60000
[defaults.sizing]
mode = "quote"
quote_amount = 500
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
{users}"""
