"""The daemon under a supervisor that listens as systemd does."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from signalbot.app.watchdog import Watchdog
from signalbot.domain.users import UserId
from signalbot.observability.loop_lag import LoopLag
from signalbot.observability.systemd import SystemdNotifier
from tests.planted_secrets import watch
from tests.simulation import Simulation, run_in_virtual_time, user

CONFIG = """
[daemon]
state_dir = "state"
[api]
listen = "127.0.0.1:{port}"
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
seed = 5
[exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
price = 60000
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
[users.anna]
[users.anna.account]
exchange = "sim"
[users.anna.subscriptions.trend]
[users.ben]
[users.ben.account]
exchange = "sim"
[users.ben.subscriptions.trend]
"""


class Supervisor:
    """Starts the daemon and keeps every message it sends, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.settimeout(0.1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "config.toml").write_text(CONFIG.format(port=port))
        self.log = folder / "log.txt"
        watch(folder)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "signalbot", "run", "-c", str(folder / "config.toml")],
                env=os.environ
                | {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "600000"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, is_right: Callable[[str], bool]) -> str:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                message = self._socket.recv(4096).decode()
            except TimeoutError:
                assert self.process.poll() is None, self.log.read_text()
                continue
            self.messages.append(message)
            if is_right(message):
                return message
        raise AssertionError(f"no such message; {self.messages[-5:]}\n{self.log.read_text()}")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._socket.close()


@contextmanager
def supervised(folder: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(folder)
    try:
        yield supervisor
    finally:
        supervisor.end()


@pytest.mark.process
def test_the_life_cycle_reported_to_systemd(tmp_path: Path) -> None:
    """Ready once recovered, pings while alive, reloads on SIGHUP, and announces its stop."""
    with supervised(tmp_path) as systemd:
        ready = systemd.wait_for(lambda message: "READY=1" in message)
        early = [each for each in systemd.messages[:-1] if not each.startswith("WATCHDOG=1")]
        assert early == [], "it may only be alive before its accounts have been looked at"
        assert "STATUS=2 users, 0 open positions, last candle 2" in ready
        alive = systemd.wait_for(lambda message: message.startswith("WATCHDOG=1"))
        assert "2 users" in alive
        systemd.process.send_signal(signal.SIGHUP)
        systemd.wait_for(lambda message: message == "RELOADING=1")
        systemd.wait_for(lambda message: message == "READY=1")
        systemd.process.send_signal(signal.SIGTERM)
        systemd.wait_for(lambda message: message.startswith("STOPPING=1"))
        assert systemd.process.wait(timeout=30) == 0


def test_the_watchdog_starves_when_reconciliation_stops(tmp_path: Path) -> None:
    """All other parts work, yet the ping is withheld, so that systemd restarts the daemon."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)

        async def story(w: Simulation) -> None:
            systemd = SystemdNotifier({"NOTIFY_SOCKET": listener.getsockname()})
            watchdog = Watchdog(
                w.services,
                lag=LoopLag(w.clock),
                systemd=systemd,
            )
            assert watchdog.failures() == []
            await w.clock.sleep(301)
            (failure,) = watchdog.failures()
            assert "reconciled" in failure
            await w.services.control.sync.compare(w.services.control.accounts[UserId("anna")])
            assert watchdog.failures() == []

        run_in_virtual_time(tmp_path, story, user("anna"))
