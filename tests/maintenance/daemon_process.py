"""A daemon as a process in a folder of its own, and small disks that really fill up."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from signalbot.maintenance.disk_monitor import free_bytes
from tests.forked_process import CompletedRun, ForkedProcess, fork, run
from tests.planted_secrets import watch

CONFIG = """
[daemon]
state_dir = "{state}"
log_format = "json"
{daemon}
[api]
listen = "127.0.0.1:{port}"
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
seed = 3
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
timeframe = "1h"
[users.anna.account]
exchange = "sim"
leverage = 5
[users.anna.subscriptions.trend]
{more}
"""

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
_PATIENCE_S = 90


def free_port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(what: Callable[[], bool], why: str) -> None:
    """Return once ``what()`` is true."""
    deadline = time.monotonic() + _PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.05)


@dataclass
class Daemon:
    """One installation: a configuration, a state directory, and sometimes a process."""

    folder: Path
    state: Path
    log: Path = field(init=False)
    process: ForkedProcess | subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.log = self.folder / "log.txt"

    @classmethod
    def configured(
        cls, folder: Path, *, state: Path | None = None, daemon: str = "", more: str = ""
    ) -> "Daemon":
        """An installation that has not run yet."""
        where = state or folder / "state"
        text = CONFIG.format(state=where, daemon=daemon, port=free_port(), more=more)
        (folder / "config.toml").write_text(text)
        return cls(folder, where)

    @property
    def ledger(self) -> Path:
        return self.state / "signalbot.db"

    def start(self, prefix: tuple[str, ...] = ()) -> None:
        """Start it and wait until it trades."""
        watch(self.folder)
        already = self.told("daemon.ready")
        with self.log.open("ab") as log:
            if prefix:
                self.process = subprocess.Popen(
                    [*prefix, sys.executable, "-m", "signalbot", "run", "-c", self._config],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            else:
                self.process = fork("run", "-c", self._config, stdout=log.fileno())
        wait_for(
            lambda: self.told("daemon.ready") > already or self._has_ended(), "it never was ready"
        )
        assert not self._has_ended(), self.log.read_text()

    def stop(self) -> None:
        """Stop it in order."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=_PATIENCE_S) == 0, self.log.read_text()
        self.process = None

    def told(self, event: str) -> int:
        """How often an event was logged."""
        return len(self.lines(event))

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Every log line of an event."""
        if not self.log.exists():
            return []
        texts = self.log.read_text(errors="replace").splitlines()
        lines = [json.loads(text) for text in texts if text.startswith("{") and text.endswith("}")]
        return [line for line in lines if line.get("event") == event]

    def ask(self, *arguments: str) -> tuple[int, Any]:
        """Exit code and JSON of a command."""
        done = self.call(*arguments, "--json")
        return done.code, json.loads(done.out or "null")

    def call(self, *arguments: str) -> CompletedRun:
        return run(*arguments, "-c", self._config, env=os.environ | {"COLUMNS": "200"})

    def send(self, action: str, *, key: str, symbol: str = BTC) -> str:
        """Send a manual signal; return its id once all users have decided on it."""
        code, receipt = self.ask("send", "trend", symbol, action, "--key", key)
        assert code == 0, receipt
        signal_id = str(receipt["signal_id"])
        wait_for(lambda: bool(self.rows(f"decisions WHERE signal_id = '{signal_id}'")), "undecided")
        return signal_id

    def codes(self, signal_id: str) -> list[str]:
        """What was decided on a signal."""
        return [row["code"] for row in self.rows(f"decisions WHERE signal_id = '{signal_id}'")]

    def rows(self, what: str) -> list[dict[str, Any]]:
        """Rows of the ledger, read beside a running daemon."""
        return rows_of(self.ledger, what)

    @property
    def _config(self) -> str:
        return str(self.folder / "config.toml")

    def _has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None


def rows_of(ledger: Path, what: str) -> list[dict[str, Any]]:
    """Rows of any ledger."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {what}")]


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes; the test is skipped where none may be mounted."""
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("there is no mount command")
    size = f"size={megabytes}m"
    done = subprocess.run([mount, "-t", "tmpfs", "-o", size, "tmpfs", folder], check=False)
    if done.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, *, leave_bytes: int = 0) -> Path:
    """A file that takes all the room there is on the disk of ``folder``, but for what is left."""
    path = folder / "somebody-elses.bin"
    with path.open("wb", buffering=0) as file:
        try:
            while (room := free_bytes(folder) - leave_bytes) > 0:
                file.write(b"x" * min(room, 1 << 20))
        except OSError:
            pass
    return path
