"""The daemon as a process: start to READY, memory at rest, and per further user."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.simulation import HEAD, user


def main() -> None:
    print("Start of the daemon, and its memory when idle on the simulated exchange")
    print(f"{'users':>7} {'READY s':>8} {'RSS MB':>8} {'kB per further user':>20}")
    base = None
    for users in (1, 1_000, 5_000):
        ready_s, rss_kb = _start(users)
        base = base or rss_kb
        each = "" if users == 1 else f"{(rss_kb - base) / (users - 1):>20.1f}"
        print(f"{users:>7} {ready_s:>8.1f} {rss_kb / 1024:>8.0f} {each}")
    _read()


def _read() -> None:
    """Reading commands on a small ledger, as whole processes."""
    print(f"\n{'command':>12} {'median s':>9}")
    with tempfile.TemporaryDirectory() as name:
        demo = [sys.executable, "-m", "signalbot", "demo", "--speed", "0", "--keep", name]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL)
        for command in ("signals", "executions", "positions", "pnl"):
            times = []
            for _ in range(7):
                began_s = time.perf_counter()
                line = [sys.executable, "-m", "signalbot", command, "--ledger", f"{name}/demo.db"]
                subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
                times.append(time.perf_counter() - began_s)
            print(f"{command:>12} {median(times):>9.2f}")
    print()


def _start(users: int) -> tuple[float, int]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = HEAD + "".join(user(f"user{number}") for number in range(users))
        (folder / "config.toml").write_text(text)
        log = folder / "log.txt"
        began_s = time.perf_counter()
        with log.open("w") as stream:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "signalbot", "run", "-c", str(folder / "config.toml")],
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        try:
            while "daemon.ready" not in log.read_text():
                assert daemon.poll() is None, log.read_text()
                time.sleep(0.01)
            ready_s = time.perf_counter() - began_s
            time.sleep(2)
            return ready_s, _rss_kb(daemon.pid)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(30)


def _rss_kb(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
