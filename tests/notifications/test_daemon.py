"""The daemon as a process: every event of its ledger is delivered as a notice."""

import os
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.forked_process import ForkedProcess, fork
from tests.notifications.http_receiver import Receiver, receiving
from tests.planted_secrets import MARK, watch

CONFIG = """
[daemon]
state_dir = "state"
log_level = "debug"
[api]
listen = "127.0.0.1:{api}"
[notify]
daily_summary = "none"
operator = ["{operator}"]
[notify.operator_events]
closed = "on"
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
seed = 7
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
[users.anna]
notify = ["{anna}"]
account = {{ exchange = "sim", leverage = 5 }}
[users.anna.subscriptions.trend]
protection = {{ on_opposite_signal = "reverse" }}
[users.dave]
mode = "signals"
notify = ["{dave}"]
account = {{ exchange = "sim" }}
[users.dave.subscriptions.trend]
"""

PATH = f"{MARK}TokenNobodyMaySee"
CANARY = f"{MARK}-password"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A service to deliver to."""
    with receiving() as found:
        yield found


def configure(folder: Path, receiver: Receiver, *, speed: int) -> None:
    """Anna trades on paper, Dave by hand; Anna's URL holds a password and a token."""
    anna = f"json://anna:{CANARY}@127.0.0.1:{receiver.port}/{PATH}"
    (folder / "config.toml").write_text(
        CONFIG.format(
            api=receiver.free_port(),
            operator=receiver.url("operator"),
            anna=anna,
            dave=receiver.url("dave"),
            speed=speed,
        )
    )


def start(folder: Path, *, crash_at: str = "") -> ForkedProcess:
    """The daemon, with its log in a file."""
    watch(folder)
    with (folder / f"log-{time.monotonic_ns()}.txt").open("w") as log:
        return fork(
            "run", "-c", str(folder / "config.toml"), stdout=log.fileno(),
            env=os.environ | {"SIGNALBOT_CRASH_AT": crash_at},
        )  # fmt: skip


def stop(process: ForkedProcess) -> None:
    """In order, as systemd would."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


def logs(folder: Path) -> str:
    """Everything the daemon has logged, in all its lives."""
    return "\n".join(path.read_text() for path in sorted(folder.glob("log-*.txt")))


def rows(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of the ledger."""
    with closing(sqlite3.connect(folder / "state" / "signalbot.db")) as ledger:
        return ledger.execute(sql).fetchall()


def expected_notices(folder: Path, recipient: str, *kinds: str) -> int:
    """How many notices the journal's events of these kinds come to, up to the cursor."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    [(count,)] = rows(
        folder,
        f"SELECT count(*) FROM events WHERE user_id = '{recipient}' AND kind IN ({listed}) "
        "AND event_id <= (SELECT event_id FROM notice_cursor) "
        "AND coalesce(json_extract(detail, '$.action'), '') NOT LIKE 'EXIT%' "
        "AND coalesce(json_extract(detail, '$.code'), 'SIGNALS_ONLY') = 'SIGNALS_ONLY'",
    )
    assert isinstance(count, int)
    return count


def written(folder: Path, recipient: str, *kinds: str) -> int:
    """How many notices of these kinds stand in the outbox."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    [(count,)] = rows(
        folder,
        f"SELECT count(*) FROM notices WHERE recipient = '{recipient}' AND kind IN ({listed})",
    )
    assert isinstance(count, int)
    return count


@pytest.mark.process
@pytest.mark.timeout(180)
def test_the_daemon_delivers_notices_and_no_secret(tmp_path: Path, receiver: Receiver) -> None:
    """Trades, advice, and the operator's share; the log has neither token nor password."""
    receiver.refusals[f"/{PATH}"] = [500]
    configure(tmp_path, receiver, speed=200)
    process = start(tmp_path)
    paths = (PATH, "dave", "operator")
    try:
        receiver.wait(lambda: all(len(receiver.titles(path)) >= 2 for path in paths))
    finally:
        stop(process)
    kinds = {title.partition(":")[0] for title in receiver.titles(PATH)}
    assert {"✅ Filled", "🛡 Stop placed"} <= kinds
    assert all(title.startswith("📈 Signal: ") for title in receiver.titles("dave"))
    assert any(got.body.startswith("User: anna\n") for got in receiver.got)
    log = logs(tmp_path)
    assert "notice.delivery_delayed" in log
    assert PATH not in log
    assert CANARY not in log
    assert re.search(r"ERROR", log) is None


@pytest.mark.process
@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", ["notices.write", "notices.written", "notice.taken"])
def test_killed_between_any_two_steps_nothing_is_lost_or_written_twice(
    tmp_path: Path, receiver: Receiver, point: str
) -> None:
    """Before the notices are written, after it, and before a delivery is marked.

    Only in the last of these may a message come twice: nobody can know whether it came.
    """
    configure(tmp_path, receiver, speed=200)
    process = start(tmp_path, crash_at=point)
    assert process.wait(timeout=60) == -signal.SIGKILL
    configure(tmp_path, receiver, speed=30)
    process = start(tmp_path)
    try:
        receiver.wait(lambda: len(receiver.titles(PATH)) > 0)
        receiver.wait(
            lambda: not rows(tmp_path, "SELECT 1 FROM notices WHERE status <> 'delivered'")
        )
    finally:
        stop(process)
    assert expected_notices(tmp_path, "dave", "decision.skipped") == written(
        tmp_path, "dave", "signal"
    )
    assert expected_notices(tmp_path, "anna", "position.closed") == written(
        tmp_path, "anna", "closed", "unprotected"
    )
    filled = expected_notices(tmp_path, "anna", "execution.executed", "execution.partially_filled")
    assert filled == written(tmp_path, "anna", "filled")
    delivered = rows(
        tmp_path, "SELECT title FROM notices WHERE recipient = 'anna' AND status = 'delivered'"
    )
    told, came = Counter(title for (title,) in delivered), Counter(receiver.titles(PATH))
    assert told <= came
    assert point == "notice.taken" or came.total() <= written(tmp_path, "anna", *ALL)


ALL = ("sent", "filled", "protected", "target_hit", "closed", "unprotected", "failed")
