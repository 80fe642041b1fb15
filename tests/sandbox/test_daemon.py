"""The daemon as a process, with strategy files of every kind at once."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from signalbot.sandbox.file_strategy import FileStrategyRegistry
from signalbot.strategies.base import StrategyFailed
from signalbot.tasks import SystemClock
from tests.api.api_daemon import daemon as api_daemon
from tests.forked_process import ForkedProcess, fork
from tests.planted_secrets import watch
from tests.sandbox.strategy_fixtures import read, write

CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
speed = 120
[users.anna.account]
exchange = "sim"
"""
STRATEGY = """
[strategies.{name}]
kind = "{kind}"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
{more}
[users.anna.subscriptions.{name}]
"""
FILES = {
    "good": "print('first edition')\nreturn long('always')",
    "hangs": "while True: pass",
    "dies": "import os; os._exit(7)",
}

Daemon = tuple[Path, ForkedProcess]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A running daemon with a built-in strategy and three files, two of which misbehave."""
    text = CONFIG + STRATEGY.format(name="builtin", kind="ema_cross", more="")
    for name, body in FILES.items():
        write(tmp_path / "strategies", body, name=f"{name}.py")
        more = f'path = "strategies/{name}.py"\ndeadline = "300ms"'
        text += STRATEGY.format(name=name, kind="file", more=more)
    (tmp_path / "config.toml").write_text(text)
    watch(tmp_path)
    with (tmp_path / "log.txt").open("w") as log:
        started = fork("run", "-c", str(tmp_path / "config.toml"), stdout=log.fileno())
    try:
        yield tmp_path, started
    finally:
        started.kill()
        started.wait()


def wait_for(what: Callable[[], bool]) -> None:
    """Until it is so; the test's own limit ends the wait."""
    while not what():
        time.sleep(0.05)


def runs(folder: Path) -> dict[str, set[tuple[str, str]]]:
    """Outcomes and the first lines of errors, by strategy."""
    found: dict[str, set[tuple[str, str]]] = {}
    path = folder / "state" / "signalbot.db"
    if not path.exists():
        return found
    ledger = sqlite3.connect(path, timeout=10)
    try:
        rows = ledger.execute("SELECT strategy, outcome, error FROM strategy_runs").fetchall()
    except sqlite3.OperationalError:
        return found  # it is being made
    finally:
        ledger.close()
    for strategy, outcome, error in rows:
        found.setdefault(strategy, set()).add((outcome, (error or "").partition("\n")[0]))
    return found


def children(pid: int) -> set[int]:
    return {
        int(each)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for each in (task / "children").read_text().split()
    }


@pytest.mark.process
def test_who_misbehaves_fails_alone_and_an_edit_counts_after_a_reload(daemon: Daemon) -> None:
    """Each kind of failure is its own runs' error; the others have their signals."""
    folder, process = daemon
    wait_for(lambda: {"builtin", *FILES} <= runs(folder).keys())
    wait_for(lambda: any(each[0] == "failed" for each in runs(folder)["hangs"]))
    found = runs(folder)
    assert {outcome for outcome, _ in found["good"]} == {"signal"}
    assert {outcome for outcome, _ in found["builtin"]} <= {"signal", "no_signal"}
    assert ("failed", "it did not respond within 0.3 s") in found["hangs"]
    assert ("failed", "its process ended itself with exit code 7") in found["dies"]

    log = folder / "log.txt"
    assert "first edition" in log.read_text()
    write(folder / "strategies", "print('second edition')\nreturn None", name="good.py")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "second edition" in log.read_text())
    wait_for(lambda: ("no_signal", "") in runs(folder)["good"])

    write(folder / "strategies", "return None (", name="good.py")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "config.reload_failed" in log.read_text())
    assert "SyntaxError" in log.read_text()
    assert process.poll() is None


@pytest.mark.process
def test_no_worker_outlives_a_daemon_that_is_killed(daemon: Daemon) -> None:
    """Not even one that hangs."""
    folder, process = daemon
    wait_for(lambda: "good" in runs(folder))
    workers = children(process.pid)
    assert workers
    process.kill()
    process.wait()
    wait_for(lambda: not any(_is_running(each) for each in workers))


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state not in "ZX" and os.getpgid(pid) == pid


@pytest.mark.process
@pytest.mark.timeout(120)
def test_a_reload_that_the_system_has_no_room_for_is_refused(tmp_path: Path) -> None:
    """Neither half of it is taken on, and the daemon trades on with what it had."""
    with api_daemon(tmp_path, started=False) as running:
        write(tmp_path / "strategies", "return None", name="own.py")
        running.start(open_files=80)
        text = running.config.read_text()
        more = "".join(
            STRATEGY.format(name=f"s{n}", kind="file", more='path = "strategies/own.py"')
            for n in range(30)
        )
        running.reload(text + more)
        running.until(lambda: "config.reload_failed" in running.log, "it is refused")
        assert running.rows("SELECT * FROM strategies WHERE kind = 'file'") == []
        running.command("send", "trend", "BTC/USDT:USDT", "LONG")
        sql = "SELECT * FROM positions WHERE status = 'OPEN'"
        running.until(lambda: len(running.rows(sql)) == 2, "it trades on")
        running.reload(text + more[: len(more) // 30])
        running.until(lambda: "config.changed" in running.log, "one file has room")


async def test_a_file_for_which_there_is_no_thread_is_not_run(tmp_path: Path) -> None:
    """It is an error of the file's, not of the daemon."""
    files = FileStrategyRegistry(SystemClock())
    file = read(write(tmp_path / "strategies", "return None"))
    before = threading.stack_size(1 << 45)  # more than there is room for
    try:
        with pytest.raises(StrategyFailed, match="no thread"):
            await files.open("own", file)
    finally:
        threading.stack_size(before)
        files.close()
