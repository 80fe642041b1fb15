"""Killed at any step and started again: no second execution, no position without its stop.

The daemon runs as a real process on the simulated exchange, which keeps its own books beside the
ledger, and is killed by SIGKILL at a numbered step of its work. After a restart the exchange's
books and the ledger are compared.
"""

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.forked_process import ForkedProcess, fork
from tests.planted_secrets import watch

CONFIG = """
[daemon]
state_dir = "state"
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
seed = {seed}
speed = {speed}
[exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
price = 60000
annual_volatility_percent = 150
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
params = {{ fast = 2, slow = 5, stop_atr = 2.0, take_profit_r = [0.5, 1.0] }}
[defaults.protection]
break_even_after = 1
max_unprotected = "5m"
[users.anna]
mode = "live"
[users.anna.account]
exchange = "sim"
leverage = 5
[users.anna.subscriptions.trend]
protection = {{ on_opposite_signal = "reverse" }}
[users.ben]
mode = "paper"
[users.ben.account]
exchange = "sim"
leverage = 5
[users.ben.subscriptions.trend]
protection = {{ on_opposite_signal = "close", trailing_percent = 0.2 }}
"""

EVERY = os.environ.get("SIGNALBOT_KILL_POINTS", "2 8 21")
LIVES = 6
POINTS = [int(each) for each in EVERY.split()]


def _start(folder: Path, *, crash_at: str = "") -> ForkedProcess:
    watch(folder)
    with (folder / f"log-{time.monotonic_ns()}.txt").open("w") as log:
        return fork(
            "run", "-c", str(folder / "config.toml"), stdout=log.fileno(),
            env=os.environ | {"SIGNALBOT_CRASH_AT": crash_at},
        )  # fmt: skip


def _wait_until_ready(process: ForkedProcess, folder: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if any("daemon.ready" in log.read_text() for log in _logs(folder)[-1:]):
            return
        assert process.poll() is None, _logs(folder)[-1].read_text()
        time.sleep(0.05)
    raise AssertionError("the daemon did not become ready")


def _logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("log-*.txt"))


def _run_until_killed(folder: Path, point: int) -> bool:
    """Whether the process reached its point and was killed there."""
    process = _start(folder, crash_at=f"*:{point}")
    try:
        return process.wait(timeout=60) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        _stop(process)
        return False


def _stop(process: ForkedProcess) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_step_and_restarted(point: int, tmp_path: Path) -> None:
    """Kill at the numbered step, restart, stop: ledger and exchange agree on everything."""
    _configure(tmp_path, seed=point, speed=600)
    killed = _run_until_killed(tmp_path, point)
    assert killed, "the run never came to this step: choose a livelier market"
    _recover_and_check(tmp_path, seed=point)


@pytest.mark.process
@pytest.mark.timeout(180)
def test_killed_again_and_again(tmp_path: Path) -> None:
    """Lives in a row, each ended at another step: the books still agree."""
    _configure(tmp_path, seed=7, speed=600)
    for life in range(LIVES):
        _run_until_killed(tmp_path, 4 + 5 * life)
    _recover_and_check(tmp_path, seed=7)


def _recover_and_check(folder: Path, *, seed: int) -> None:
    """Start once more, in slow time so that the books stand still, and compare them."""
    _configure(folder, seed=seed, speed=2)
    process = _start(folder)
    _wait_until_ready(process, folder)
    time.sleep(0.5)
    _stop(process)
    _check(folder / "state" / "signalbot.db")


def _configure(folder: Path, *, seed: int, speed: int) -> None:
    (folder / "config.toml").write_text(CONFIG.format(seed=seed, speed=speed))


def _check(path: Path) -> None:
    ledger = sqlite3.connect(path)
    ledger.row_factory = sqlite3.Row
    try:
        assert ledger.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert ledger.execute("PRAGMA foreign_key_check").fetchall() == []
        _check_entries(ledger)
        _check_fills(ledger)
        _check_positions(ledger)
        assert _unresolved(ledger) == []
    finally:
        ledger.close()


def _unresolved(ledger: sqlite3.Connection) -> list[sqlite3.Row]:
    return ledger.execute(
        "SELECT * FROM signal_executions WHERE status IN ('pending', 'unknown')"
    ).fetchall()


def _check_entries(ledger: sqlite3.Connection) -> None:
    """The exchange never got two entries for one signal and user, nor an unclaimed one."""
    placed = Counter(
        (row["signal_id"], row["user_id"])
        for row in ledger.execute(
            "SELECT o.signal_id, s.user_id FROM simulated_orders s "
            "JOIN orders o USING (client_order_id) WHERE o.leg = 'entry'"
        )
    )
    assert all(count == 1 for count in placed.values()), placed
    claimed = {
        (row["signal_id"], row["user_id"])
        for row in ledger.execute("SELECT signal_id, user_id FROM signal_executions")
    }
    assert set(placed) <= claimed
    unknown = ledger.execute(
        "SELECT client_order_id FROM simulated_orders "
        "WHERE client_order_id NOT IN (SELECT client_order_id FROM orders) "
        "AND client_order_id NOT LIKE 'liquidation-%'"
    ).fetchall()
    assert unknown == [], "the exchange holds orders that the ledger cannot explain"


def _check_fills(ledger: sqlite3.Connection) -> None:
    """Every fill of the exchange is booked once, with the same quantity, price and fee."""
    columns = "user_id, trade_id, client_order_id, quantity, price, fee"
    theirs = {tuple(row) for row in ledger.execute(f"SELECT {columns} FROM simulated_fills")}
    ours = {tuple(row) for row in ledger.execute(f"SELECT {columns} FROM fills")}
    assert ours == theirs


def _check_positions(ledger: sqlite3.Connection) -> None:
    """Both sides hold the same, and every position has exactly one stop of its own size."""
    held = {
        (row["user_id"], row["symbol"]): (row["side"], Decimal(row["quantity"]))
        for row in ledger.execute("SELECT * FROM simulated_positions")
    }
    open_ = {
        (row["user_id"], row["symbol"]): (row["side"], Decimal(row["quantity"]))
        for row in ledger.execute("SELECT * FROM positions WHERE status <> 'CLOSED'")
    }
    assert open_ == held
    stops = ledger.execute(
        "SELECT o.user_id, o.symbol, o.quantity FROM orders o JOIN simulated_orders s "
        "USING (client_order_id) WHERE o.leg = 'stop_loss' AND s.status = 'open'"
    ).fetchall()
    assert sorted((row["user_id"], row["symbol"]) for row in stops) == sorted(held)
    for row in stops:
        assert Decimal(row["quantity"]) == held[row["user_id"], row["symbol"]][1]
