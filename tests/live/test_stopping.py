"""SIGTERM in the middle of everything: what has begun is finished, nothing new begins.

systemd gives the daemon 45 seconds; the exchange's own book is looked at afterwards.
"""

import asyncio
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.live.live_daemon import LiveFixture, live
from tests.venue.faults import Delay, Drop, Hang, Refuse
from tests.venue.http_wire import Trouble
from tests.venue.model import Kind

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

LIMIT = '[defaults.entry]\ntype = "limit"\nlimit_offset_percent = 0.05\ntimeout = "10m"\n'
TIME_TO_STOP_S = 45


async def _stopped(rig: LiveFixture) -> None:
    """Ask the daemon to stop; it does, in order and in time."""
    rig.daemon.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(TIME_TO_STOP_S):
        assert await asyncio.to_thread(rig.daemon.process.wait) == 0


def _statuses(rig: LiveFixture) -> dict[str, str]:
    rows = rig.rows("SELECT user_id, status FROM signal_executions")
    return {row["user_id"]: row["status"] for row in rows}


async def test_entries_in_flight_are_finished_to_the_stop(tmp_path: Path) -> None:
    """A late answer and a lost one: both are behind their stops at the end."""
    users = ("quick", "slow", "lost")
    async with live(tmp_path, *users) as rig:
        slow = rig.fail("slow", "entry", Delay(seconds=1.5, after=True))
        rig.fail("lost", "entry", Drop())
        await rig.start()
        await rig.go_long()
        await rig.until(lambda: slow.hits == 1, what="the slow entry is at the exchange")
        await _stopped(rig)
        assert _statuses(rig) == dict.fromkeys(users, "executed")
        assert all(rig.is_covered(user) for user in users)


async def test_an_entry_nobody_answers_is_marked_and_settled_at_the_next_start(
    tmp_path: Path,
) -> None:
    """The stop is not held up for ever; the order is in doubt, and never sent again."""
    async with live(tmp_path, "anna") as rig:
        hanging = rig.fail("anna", "entry", Hang())
        await rig.start()
        await rig.go_long()
        await rig.until(lambda: hanging.hits == 1, what="the entry is sent")
        await _stopped(rig)
        await rig.start()
        await rig.until(
            lambda: _statuses(rig).get("anna") in ("executed", "failed"), what="it is settled"
        )
        assert rig.held("anna") == 0 or rig.is_covered("anna")
        entries = [call for call in rig.venue.calls if call.facts.leg == "entry"]
        assert len(entries) <= 2
        await rig.fills_told("anna")
        await rig.stop()
        check(rig, "anna", naked_limit_s=30)


async def test_entries_that_rest_are_cancelled_and_stops_stay(tmp_path: Path) -> None:
    """Who is filled in part keeps that, covered; one who cannot cancel holds up nobody."""
    users = ("resting", "partly", "revoked")
    async with live(tmp_path, *users, defaults=LIMIT) as rig:
        await rig.start()
        await rig.go_long()
        await rig.until(lambda: all(rig.resting(user) for user in users), what="all entries rest")
        for user in users:
            await rig.daemon.wait_for("order.placed", user_id=user)
        (entry,) = rig.resting("partly")
        rig.venue.engine.fill(entry, Decimal("0.004"))
        await rig.until(lambda: rig.is_covered("partly"), what="the part has its stop")
        rig.fail("revoked", "cancel", Refuse(why=Trouble.BAD_KEY), times=-1)
        await _stopped(rig)
        assert rig.resting("resting") == []
        assert rig.held("partly") == Decimal("0.004")
        assert [each.ask.kind for each in rig.resting("partly")] == [Kind.STOP]
        assert rig.is_covered("partly")
