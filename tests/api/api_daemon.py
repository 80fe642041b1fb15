"""A daemon as a process on a simulated exchange, and its API over real sockets."""

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.forked_process import ForkedProcess, fork, run
from tests.planted_secrets import watch

CONFIG = """
[api]
listen = "127.0.0.1:{port}"
requests_per_second = {rate}
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
seed = 5
[exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
price = 60000
annual_volatility_percent = 5
[exchanges.sim.simulated.symbols."ETH/USDT:USDT"]
price = 3000
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1d"
[defaults.sizing]
mode = "quote"
quote_amount = 1000
[users.anna]
[users.anna.account]
exchange = "sim"
[users.anna.subscriptions.trend]
[users.ben]
[users.ben.account]
exchange = "sim"
[users.ben.subscriptions.trend]
"""
BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"
_PATIENCE_S = 90


@dataclass
class Daemon:
    """One life after the other of a daemon in its own folder."""

    folder: Path
    port: int
    process: "ForkedProcess | subprocess.Popen[bytes] | None" = None
    clients: list[httpx.Client] = field(default_factory=list)
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, open_files: int | None = None) -> None:
        """Begin a life; with ``open_files``, in a process that may have no more of them."""
        key = self.folder / "master.key"
        watch(self.folder, *([key.read_text()] if key.exists() else ()))
        arguments = ("run", "-c", str(self.config))
        with (self.folder / "log").open("ab") as log:
            if open_files is None:
                self.process = fork(*arguments, stdout=log.fileno())
            else:
                command = [sys.executable, "-m", "signalbot", *arguments]
                limited = ["sh", "-c", f'ulimit -n {open_files}; exec "$@"', "sh", *command]
                self.process = subprocess.Popen(limited, stdout=log, stderr=log)
        count = self.log.count("daemon.ready") + 1
        self.until(lambda: self.log.count("daemon.ready") == count, "the daemon is ready")

    def stop(self) -> None:
        """End this life in order."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(timeout=_PATIENCE_S) == 0, self.log
            self.process = None

    def kill(self) -> None:
        """End this life at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=_PATIENCE_S)
            self.process = None

    def reload(self, text: str) -> None:
        """Write the file anew and send SIGHUP."""
        assert self.process is not None
        self.config.write_text(text)
        before = self.log.count("config.reloading")
        self.process.send_signal(signal.SIGHUP)
        self.until(lambda: self.log.count("config.reloading") > before, "the file is read")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def until(self, holds: Callable[[], object], what: str = "it holds") -> None:
        """Return when ``holds()`` is true."""
        deadline = time.monotonic() + _PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"in vain: {what}\n{self.log[-3000:]}"
            time.sleep(0.02)

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run one command of the command line; what it prints."""
        ran = run("-c", str(self.config), *arguments, timeout=_PATIENCE_S)
        assert ran.code == code, ran.out + ran.err
        if arguments[:2] == ("token", "create") and code == 0:
            watch(self.folder, ran.out)
        return ran.out if code == 0 else ran.err

    def admin(self) -> httpx.Client:
        """A client with an administrator's token."""
        return self.client(self._token("--admin"))

    def user(self, name: str) -> httpx.Client:
        """A client with one user's token."""
        return self.client(self._token("--user", name))

    def _token(self, *whose: str) -> str:
        if whose not in self.tokens:
            self.tokens[whose] = self.command("token", "create", *whose).strip()
        return self.tokens[whose]

    def client(self, token: str | None) -> httpx.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=_PATIENCE_S,
            event_hooks={"response": [self._keep]},
        )
        self.clients.append(client)
        self.until(lambda: self.log.count("api.listening"), "the API listens")
        return client

    def _keep(self, answer: httpx.Response) -> None:
        """Answers are searched for secrets, but for those that are told this once."""
        if answer.request.url.path != "/api/tokens":
            with (self.folder / "answers").open("ab") as answers:
                answers.write(answer.read() + b"\n")

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the ledger."""
        with sqlite3.connect(f"file:{self.folder}/state/signalbot.db?mode=ro", uri=True) as ledger:
            ledger.row_factory = sqlite3.Row
            return [dict(row) for row in ledger.execute(sql, values)]

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.kill()


@contextmanager
def daemon(
    folder: Path, *, text: str = CONFIG, started: bool = True, rate: int = 20
) -> Iterator[Daemon]:
    """A daemon in ``folder``; whatever is left of it is killed at the end."""
    running = Daemon(folder, free_port())
    running.config.write_text(text.format(port=running.port, rate=rate))
    try:
        if started:
            running.start()
        yield running
    finally:
        running.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
