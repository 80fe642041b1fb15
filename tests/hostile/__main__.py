"""Runs every attack against a daemon, and what trades beside it: ``python -m tests.hostile``.

Arguments: names of attacks (all), ``--seconds N`` for each (10). Exit code 1 when anybody who is
known was not served, a command failed, or orders took longer than half a second at p99.
"""

import argparse
import asyncio
import http.client
import json
import platform
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from typing import Any

import httpx

from tests.api.api_daemon import Daemon, daemon
from tests.hostile.attacks import ATTACKS, Target, carry_out

USERS = 20
EVERY_S = 0.25
BUDGET_MS = 500
PATIENCE_S = 30
BTC = "BTC/USDT:USDT"
CONFIG = """
[api]
listen = "127.0.0.1:{port}"
requests_per_second = {rate}
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
price = 60000
annual_volatility_percent = 5
[defaults.sizing]
mode = "quote"
quote_amount = 500
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
""" + "".join(
    f'[users.u{n}]\n[users.u{n}.account]\nexchange = "sim"\n[users.u{n}.subscriptions.tv]\n'
    for n in range(USERS)
)


@dataclass
class Beside:
    """What was done while an attack went on, and how long each of it took in milliseconds."""

    orders: list[float] = field(default_factory=list)
    alerts: list[float] = field(default_factory=list)
    commands: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    most_mb: float = 0.0
    most_files: int = 0
    cpu_percent: float = 0.0


class Control(http.client.HTTPConnection):
    """The control socket, as the command line uses it."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))


def command(running: Daemon, method: str, path: str, body: object = None) -> Any:
    """One request over the control socket, on a connection of its own."""
    connection = Control(running.folder / "state" / "control.sock")
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status < 300, content
        return json.loads(content) if content else None
    finally:
        connection.close()


def trade(running: Daemon, beside: Beside, over: Event) -> None:
    """Signals to every user by the control socket; how long each order took is in the ledger."""
    actions = ("LONG", "EXIT_LONG")
    number = 0
    ids = []
    while not over.wait(EVERY_S):
        body = {"strategy": "tv", "symbol": BTC, "action": actions[number % 2]}
        number += 1
        begun = time.perf_counter()
        try:
            ids.append(command(running, "POST", "/api/signals", body)["signal_id"])
        except (OSError, AssertionError, http.client.HTTPException) as e:
            beside.failures.append(f"command: {e!r}")
        beside.commands.append((time.perf_counter() - begun) * 1000)
    _settled(running, ids)
    for each in ids:
        rows = running.rows(
            "SELECT latency_ms FROM signal_executions WHERE signal_id = ? AND user_id <> 'u0'", each
        )
        beside.orders += [row["latency_ms"] for row in rows if row["latency_ms"] is not None]


def _settled(running: Daemon, ids: list[str]) -> None:
    sql = "SELECT 1 FROM signal_executions WHERE status IN ('pending', 'unknown')"
    deadline = time.monotonic() + PATIENCE_S
    while ids and running.rows(sql) and time.monotonic() < deadline:
        time.sleep(0.05)


def alert(running: Daemon, secret: str, beside: Beside, over: Event) -> None:
    """Genuine alerts, each on a connection of its own, as TradingView sends them."""
    while not over.wait(EVERY_S):
        begun = time.perf_counter()
        try:
            answer = httpx.post(
                f"{running.url}/hooks/tv/{secret}",
                json={"ticker": "BTCUSDT", "action": "hold"},
                timeout=PATIENCE_S,
            )
            if answer.status_code not in (200, 202):
                beside.failures.append(f"alert: {answer.status_code}")
        except httpx.HTTPError as e:
            beside.failures.append(f"alert: {e!r}")
        beside.alerts.append((time.perf_counter() - begun) * 1000)


def watch(running: Daemon, beside: Beside, over: Event) -> None:
    """What the daemon takes of the machine."""
    assert running.process is not None
    place = Path(f"/proc/{running.process.pid}")
    begun_s, spent = time.monotonic(), _ticks(place)
    while not over.wait(0.2):
        status = (place / "status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
        beside.most_mb = max(beside.most_mb, int(line.split()[1]) / 1024)
        beside.most_files = max(beside.most_files, len(list((place / "fd").iterdir())))
    beside.cpu_percent = (_ticks(place) - spent) / (time.monotonic() - begun_s)


def _ticks(place: Path) -> int:
    """Hundredths of a second on the processors."""
    fields = (place / "stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def measure(running: Daemon, secret: str, *, seconds: float) -> Beside:
    """Trade, alert and watch for so long."""
    beside, over = Beside(), Event()
    with ThreadPoolExecutor(3) as pool:
        tasks = [
            pool.submit(trade, running, beside, over),
            pool.submit(alert, running, secret, beside, over),
            pool.submit(watch, running, beside, over),
        ]
        time.sleep(seconds)
        over.set()
        for task in tasks:
            task.result()
    return beside


def told_apart(running: Daemon) -> str:
    """How long a source that is there and one that is not take to refuse an alert."""

    async def ask() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {"tv": [], "nobody": []}
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=running.url))
            for _ in range(60):
                for name, times in found.items():
                    begun = time.perf_counter()
                    await client.post(f"/hooks/{name}/{'x' * 47}", json={})
                    times.append((time.perf_counter() - begun) * 1000)
        return found

    found = asyncio.run(ask())
    medians = {name: f"{quantile(times, 50):.1f} ms" for name, times in found.items()}
    return (
        f"refused alerts: {medians['tv']} where there is a source, {medians['nobody']} where none"
    )


def quantile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def row(name: str, beside: Beside) -> str:
    """One line of the table."""
    measured = (
        f"{quantile(times, 50):7.1f} {quantile(times, 99):8.1f} {len(times):6}"
        for times in (beside.orders, beside.alerts, beside.commands)
    )
    taken = f"{beside.most_mb:7.0f} {beside.most_files:6} {beside.cpu_percent:5.0f}"
    return "  ".join((f"{name:<24}", *measured, taken, f"{len(beside.failures):5}"))


HEAD = (
    f"{'':<24}  {'orders, ms':>23}  {'alerts, ms':>23}  {'commands, ms':>23}  {'daemon':>20}\n"
    f"{'attack':<24}"
    + f"  {'p50':>7} {'p99':>8} {'n':>6}" * 3
    + f"  {'MB':>7} {'files':>6} {'cpu':>5}  {'fails':>5}"
)


def _run(running: Daemon, attacks: list[str], seconds: float) -> bool:
    """One attack after the other; whether any of them has done harm."""
    spawn, bad = get_context("spawn"), False
    running.client(None)
    secret = running.command("token", "create", "--source", "tv").strip()
    token = running.command("token", "create", "--user", "u0").strip()
    target = Target(running.port, token)
    for name in ("(none)", *attacks):
        attacker = spawn.Process(target=carry_out, args=(name, target), daemon=True)
        if name in ATTACKS:
            attacker.start()
            time.sleep(1)
        beside = measure(running, secret, seconds=seconds)
        if name in ATTACKS:
            attacker.terminate()
            attacker.join()
        print(row(name, beside), flush=True)
        bad |= bool(beside.failures) or quantile(beside.orders, 99) > BUDGET_MS
        for failure in dict.fromkeys(beside.failures):
            print(f"    {failure}")
        command(running, "POST", "/api/users/u0/resume")
    print(f"\n{told_apart(running)}")
    running.command("halt")
    running.command("unhalt")
    for event in ("alert.discarded", "library.logged"):
        print(f"{running.log.count(event)} lines {event} in the log")
    unexpected = running.log.count("Traceback")
    if unexpected:
        begin = max(0, running.log.index("Traceback") - 500)
        print(f"{unexpected} tracebacks in the log:\n{running.log[begin : begin + 6_000]}")
    return bad or bool(unexpected)


def main() -> int:
    """Run the attacks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attacks", nargs="*", default=list(ATTACKS))
    parser.add_argument("--seconds", type=float, default=10)
    asked = parser.parse_args()
    print(f"Python {platform.python_version()}, {asked.seconds:g} s each, {USERS} users\n\n{HEAD}")
    with (
        tempfile.TemporaryDirectory() as folder,
        daemon(Path(folder), text=CONFIG, rate=20) as running,
    ):
        bad = _run(running, asked.attacks, asked.seconds)
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
