"""Orders whose answer never comes: found late, closed while they still fill, killed in between."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.live.live_daemon import LiveFixture, live
from tests.venue.faults import Drop, Hang, Rule, Stale
from tests.venue.matching import Fills
from tests.venue.model import Side

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]


def _limited(rig: LiveFixture) -> None:
    """The exchange's published limits hold."""
    rig.venue.limits.on = True


def _statuses(rig: LiveFixture) -> list[str]:
    return [row["status"] for row in rig.rows("SELECT status FROM signal_executions")]


def _is_out(rig: LiveFixture) -> bool:
    closed = [row["status"] for row in rig.rows("SELECT status FROM positions")]
    return not rig.held("anna") and not rig.resting("anna") and set(closed) <= {"CLOSED"}


@pytest.mark.parametrize("dialect", ["binance", "okx"])
async def test_an_entry_that_comes_to_light_after_its_proof_is_taken_up_and_protected(
    tmp_path: Path, dialect: str
) -> None:
    """Every read is older than the lag the file names: it counted as never received."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        rig.venue.engine.remember(600)
        _limited(rig)
        await rig.start()
        rig.fail("anna", "entry", Drop())
        rig.account("anna").loses_attached = True
        rig.venue.faults.add(
            Rule(key=rig.key("anna"), reads=True, does=(Stale(seconds=600),), times=-1)
        )
        await rig.go_long()
        rig.venue.streams.refuses = True
        rig.venue.hang_up()
        await rig.daemon.wait_for(
            "execution.failed", user_id="anna", reason="NOT_RECEIVED", seconds=120
        )
        rig.venue.faults.clear()
        rig.venue.streams.refuses = False
        await rig.until(lambda: rig.is_covered("anna"), seconds=90, what="it is protected")
        await rig.fills_told("anna")
        await rig.until(lambda: _statuses(rig) == ["executed"], what="the claim is executed")
        await rig.stop()
        check(rig, "anna", naked_limit_s=150)


ENDS = {
    "by-command": ("close", "anna", "BTC/USDT:USDT"),
    "by-signal": ("send", "trend", "BTC/USDT:USDT", "EXIT_LONG"),
}


@pytest.mark.parametrize(
    ("dialect", "how", "crash_at"),
    [
        ("binance", "by-command", ""),
        ("bybit", "by-signal", "exit.after_answer"),
        ("okx", "by-command", "exit.intended"),
    ],
)
async def test_closing_while_a_hanging_entry_still_fills_leaves_nothing_behind(
    tmp_path: Path, dialect: str, how: str, crash_at: str
) -> None:
    """Its answer never comes, its parts do: whatever has filled by then leaves with the exit."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        _limited(rig)
        await rig.start(crash_at=crash_at)
        shares = [Decimal("0.3"), Decimal("0.3"), Decimal("0.4")]
        rig.venue.engine.plan_fills(Fills(shares=shares, pause_s=2, key=rig.key("anna")))
        rig.fail("anna", "entry", Hang())
        await rig.go_long()
        await rig.until(
            lambda: rig.rows("SELECT 1 FROM positions WHERE status = 'OPEN'"),
            what="the first part is known",
        )
        await rig.ask(*ENDS[how])  # a command whose daemon dies fails
        if crash_at:
            assert await rig.died() == -9
            await rig.start()
        await rig.until(lambda: _is_out(rig), seconds=90, what="all of it is out")
        await rig.fills_told("anna")
        await rig.stop()
        check(rig, "anna")
        sold = [each for each in rig.account("anna").trades if each.side is Side.SELL]
        bought = [each for each in rig.account("anna").trades if each.side is Side.BUY]
        assert sum(each.quantity for each in sold) == sum(each.quantity for each in bought)
