"""What the daemon depends on vanishes and comes back: it says so once, and nothing is lost.

For the disk see ``tests/keeping/test_disk.py``.
"""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.outage.rig import Plugged, plugged

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

USERS = ("anna", "ben")
ENTERED = (
    "SELECT user_id FROM signal_executions JOIN signals USING (signal_id)"
    " WHERE strategy = 'alerts' AND signal_executions.status = 'executed'"
)


async def _in_position(it: Plugged) -> int:
    """Both are in, and told of it; returns how many lines the log has by then."""
    await it.rig.start()
    await it.rig.go_long()
    await it.rig.until(lambda: all(map(it.rig.is_covered, USERS)), what="stops rest")
    await it.rig.fills_told(*USERS)
    await it.rig.until(it.is_all_told, what="they are told")
    return len(it.rig.daemon.lines)


@pytest.mark.parametrize("way", ["cut", "frozen"])
async def test_an_exchange_vanishes_while_positions_are_open(tmp_path: Path, way: str) -> None:
    """Alerts are taken, stops stay and fire; what it did meanwhile is booked when it is back."""
    async with plugged(tmp_path, *USERS) as it:
        rig, line = it.rig, await _in_position(it)
        await (it.exchange.cut() if way == "cut" else it.exchange.freeze())
        await it.alert("while it is away")
        await rig.price(49_000)
        assert rig.held("anna") == 0
        assert rig.is_covered("ben")
        await rig.daemon.wait_for("exchange.lost", exchange="venue", after=line)
        await rig.until(lambda: "🔌 venue is away" in it.receiver.titles("operator"))
        assert 'signalbot_exchange_away_seconds{egress="direct",exchange="venue"} 0.0' not in (
            await it.metrics()
        )
        assert [row["exchange"] for row in rig.rows("SELECT * FROM absences")] == ["venue"]
        await asyncio.sleep(2)
        told = it.told(line)
        assert set(told.values()) <= {1, len(USERS)}, told
        assert told.total() <= 6 + 2 * len(USERS), told
        await it.exchange.mend()
        back = await rig.daemon.wait_for("exchange.back", exchange="venue", after=line)
        assert back["away_s"] >= 3
        await rig.until(lambda: {row[0] for row in rig.rows(ENTERED)} == set(USERS), what="entered")
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.until(lambda: it.unguarded_ether(*USERS) == [], what="ether is behind stops")
        await rig.fills_told(*USERS)
        await rig.until(it.is_all_told, what="all is told")
        await rig.stop()
        assert it.told(line)["exchange.lost"] == it.told(line)["exchange.back"] == 1
        assert "🔌 venue answers again" in it.receiver.titles("operator")
        check(rig, *USERS)


async def test_a_notification_service_vanishes(tmp_path: Path) -> None:
    """Trades go on; what could not be told is told when it is back, once each and in order."""
    async with plugged(tmp_path, *USERS) as it:
        rig, line = it.rig, await _in_position(it)
        await it.post.cut()
        await it.alert("nobody hears of")
        await rig.until(lambda: {row[0] for row in rig.rows(ENTERED)} == set(USERS), what="entered")
        await rig.daemon.wait_for("notice.delayed", recipient="@operator", after=line)
        await rig.price(49_000)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await asyncio.sleep(2)
        assert it.told(line)["notice.delayed"] == 1
        assert not it.is_all_told()
        await it.post.mend()
        await rig.daemon.wait_for("notice.flowing", recipient="@operator", after=line)
        await rig.until(it.is_all_told, what="all is told")
        await rig.fills_told(*USERS)
        await rig.stop()
        assert it.told(line)["notice.delayed"] == it.told(line)["notice.flowing"] == 1
        assert it.receiver.titles("operator") == it.outbox()
        check(rig, *USERS)


async def test_the_whole_network_vanishes(tmp_path: Path) -> None:
    """Exchange and notification service at once, and back one after the other."""
    async with plugged(tmp_path, *USERS) as it:
        rig, line = it.rig, await _in_position(it)
        await it.exchange.cut()
        await it.post.cut()
        await it.alert("in the dark")
        await rig.price(49_000)
        await rig.daemon.wait_for("exchange.lost", after=line)
        await rig.daemon.wait_for("notice.delayed", after=line)
        await it.exchange.mend()
        await rig.daemon.wait_for("exchange.back", after=line)
        await rig.until(lambda: {row[0] for row in rig.rows(ENTERED)} == set(USERS), what="entered")
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await it.post.mend()
        await rig.until(it.is_all_told, what="all is told")
        await rig.fills_told(*USERS)
        await rig.stop()
        told = it.told(line)
        assert {told[each] for each in PAIRED} == {1}, told
        assert Counter(it.receiver.titles("operator")) == Counter(it.outbox())
        check(rig, *USERS)


PAIRED = ("exchange.lost", "exchange.back", "notice.delayed", "notice.flowing")
