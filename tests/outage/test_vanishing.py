"""What the daemon depends on vanishes and comes back: it says so once, and nothing is lost.

For the disk see ``tests/maintenance/test_disk_monitor.py``.
"""

import asyncio
import os
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.outage.outage_daemon import OutageFixture, outage_fixture

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

USERS = ("anna", "ben")
MOST_LINES = 10  # the loss, the stream's end, the alert, a delayed notice, two orders and then some
RESOLVER = Path(__file__).parent / "names"
ENTERED = (
    "SELECT user_id FROM signal_executions JOIN signals USING (signal_id)"
    " WHERE strategy = 'alerts' AND signal_executions.status = 'executed'"
)
DECIDED = ENTERED.replace("= 'executed'", "IN ('executed', 'failed')")


async def _in_position(it: OutageFixture, *, started: bool = False) -> int:
    """Both are in, and told of it; returns how many lines the log has by then."""
    if not started:
        await it.rig.start()
    await it.rig.daemon.wait_for("daemon.ready", seconds=60)
    await it.rig.listening()
    await it.rig.go_long()
    await it.rig.until(lambda: all(map(it.rig.is_covered, USERS)), what="stops rest")
    await it.rig.fills_told(*USERS)
    await it.rig.until(it.is_all_told, what="they are told")
    return len(it.rig.daemon.lines)


@pytest.mark.parametrize("way", ["exchange frozen", "network cut"])
async def test_an_exchange_vanishes_while_positions_are_open(tmp_path: Path, way: str) -> None:
    """Alerts are taken, stops stay and fire; what it did meanwhile is booked when it is back."""
    async with outage_fixture(tmp_path, *USERS) as it:
        rig, line = it.rig, await _in_position(it)
        if way == "network cut":
            await it.post.cut()
            await it.exchange.cut()
        else:
            await it.exchange.freeze()
        await it.alert("while it is away")
        await rig.price(49_000)
        assert rig.held("anna") == 0
        assert rig.is_covered("ben")
        await rig.daemon.wait_for("exchange.disconnected", exchange="venue", after=line)
        metric = 'signalbot_exchange_away_seconds{egress="direct",exchange="venue"}'
        assert f"{metric} 0.0" not in await it.metrics()
        await rig.until(lambda: _away(it) == ["venue"], what="the ledger has it")
        await asyncio.sleep(2)
        told = it.told(line)
        assert set(told.values()) <= {1, len(USERS)}, told
        assert told.total() <= MOST_LINES, told
        await it.exchange.mend()
        await it.post.mend()
        back = await rig.daemon.wait_for("exchange.reconnected", exchange="venue", after=line)
        assert back["away_s"] >= 3
        await rig.until(lambda: _decided(it) == set(USERS), what="entered, or not", seconds=60)
        if way == "network cut":  # nothing had left: what may have left is not sent again
            assert _entered(it) == set(USERS)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.until(
            lambda: it.unguarded_ether(*_entered(it)) == [], what="ether is behind stops"
        )
        await rig.fills_told(*USERS)
        await rig.until(it.is_all_told, what="all is told")
        await rig.stop()
        assert it.told(line)["exchange.disconnected"] == it.told(line)["exchange.reconnected"] == 1
        assert {"🔌 venue disconnected", "🔌 venue reconnected"} <= set(it.outbox())
        assert it.receiver.titles("operator") == it.outbox()
        assert _away(it) == []
        check(rig, *USERS)


async def test_names_are_not_resolved_and_then_a_service_vanishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon waits at its start; trades go on later; what could not be told is told, once."""
    names = tmp_path / "names"
    monkeypatch.setenv("NAMES", str(names))
    monkeypatch.setenv("PYTHONPATH", f"{RESOLVER}:{os.environ.get('PYTHONPATH', '')}")
    async with outage_fixture(tmp_path, *USERS, names=("exchange.test", "post.test")) as it:
        rig = it.rig
        rig.forks = False  # its resolver comes with its environment
        await rig.start(ready=False)
        await rig.daemon.wait_for("exchange.connect_failed", level="warning")
        await rig.daemon.wait_for("exchange.connect_failed", level="debug")
        names.touch()
        line = await _in_position(it, started=True)
        assert it.told(0)["exchange.connect_failed"] == 1
        names.unlink()
        await it.post.cut()
        await it.alert("nobody hears of")
        await rig.until(lambda: _entered(it) == set(USERS), what="entered")
        await rig.daemon.wait_for("notice.delivery_delayed", recipient="@operator", after=line)
        await rig.price(49_000)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        assert not it.is_all_told()
        await it.post.mend()
        names.touch()
        await rig.daemon.wait_for("notice.delivery_recovered", recipient="@operator", after=line)
        await rig.until(it.is_all_told, what="all is told")
        await rig.fills_told(*USERS)
        await rig.stop()
        assert (
            it.told(line)["notice.delivery_delayed"]
            == it.told(line)["notice.delivery_recovered"]
            == 1
        )
        assert it.receiver.titles("operator") == it.outbox()
        check(rig, *USERS)


def _away(it: OutageFixture) -> list[str]:
    """Exchanges that the ledger says are away."""
    sql = "SELECT exchange FROM absences WHERE ended_at_ms IS NULL"
    return [row["exchange"] for row in it.rig.rows(sql)]


def _entered(it: OutageFixture) -> set[str]:
    """Who has executed the alert."""
    return {row["user_id"] for row in it.rig.rows(ENTERED)}


def _decided(it: OutageFixture) -> set[str]:
    """Whose execution of the alert is over, whatever came of it."""
    rows = it.rig.rows(DECIDED)
    return {row["user_id"] for row in rows}
