"""Killed at every step of a trade on a live exchange, and started again.

Two users trade one signal; the process dies by SIGKILL at a named point, which of the two it hits
is a matter of luck. The exchange's own book is compared with the ledger afterwards.
"""

import asyncio
import os
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.live.live_daemon import LiveFixture, live
from tests.venue.model import Kind
from tests.venue.server import DIALECTS

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

ENTERING = (
    "claim.committed",
    "entry.before_send",
    "entry.after_answer",
    "entry.recorded",
)
RECONCILING = "reconcile.order"
PROTECTING = {  # where a stop goes out by itself
    "binance": ("stop_loss.before_send", "stop_loss.after_answer"), "bybit": (), "okx": (),
}  # fmt: skip
LEAVING = ("cancel.before_send", "cancel.after_answer")
EXITING = ("exit.intended", "exit.before_send", "exit.after_answer")
LIVES = int(os.environ.get("SIGNALBOT_LIVES", "0"))  # of each point by itself, in every dialect
EACH = [(dialect, point) for dialect in DIALECTS for point in ENTERING] + [
    (dialect, point) for dialect, points in PROTECTING.items() for point in points
]
USERS = ("anna", "ben")
PATIENT = '[defaults.filters]\nmax_signal_age = "15m"\n'


def _is_settled(rig: LiveFixture) -> bool:
    """Whether both users hold a position behind a stop of its size, and the ledger agrees."""
    if not all(rig.is_covered(user) for user in USERS):
        return False
    rows = rig.rows("SELECT status FROM signal_executions")
    return [row["status"] for row in rows] == ["executed", "executed"]


def _has_left(rig: LiveFixture) -> bool:
    """Whether every position is closed, and nothing rests for it any more."""
    if any(rig.resting(user) for user in USERS):
        return False
    return {row["status"] for row in rig.rows("SELECT status FROM positions")} == {"CLOSED"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_killed_at_every_step_in_turn(tmp_path: Path, dialect: str) -> None:
    """One trade, every life of which ends at the next step: in once, protected, and out again."""
    targets = "[5.0]"
    async with live(tmp_path, *USERS, dialect=dialect, defaults=PATIENT, targets=targets) as rig:
        await rig.start(crash_at=ENTERING[0])
        await rig.go_long()
        assert await rig.died() == -9
        for point in (*ENTERING[1:], RECONCILING, *PROTECTING[dialect]):
            await rig.start(crash_at=point, ready=False)
            # Which user a life served before it ended is chance: nothing may be left to do here.
            if not await rig.died_before(lambda: _is_settled(rig)):
                await rig.kill()
        await rig.start(crash_at=LEAVING[0])
        # OKX may still take an order after half a minute, and is looked at thrice after that.
        seconds = 120 if dialect == "okx" else 60
        await rig.until(lambda: _is_settled(rig), seconds=seconds, what="both are in and protected")
        await rig.until(
            lambda: all(rig.resting(user, Kind.TAKE_PROFIT) for user in USERS), what="targets rest"
        )
        await rig.price(49_000)
        assert await rig.died() == -9
        await rig.start(crash_at=LEAVING[1], ready=False)
        assert await rig.died() == -9
        await rig.start()
        await rig.until(lambda: _has_left(rig), seconds=60, what="both are out")
        await rig.fills_told(*USERS)
        await rig.stop()
        # Where the stop goes along with its entry, dying never leaves a position without it.
        check(rig, *USERS)
        if dialect != "binance":
            naked_s = max(rig.naked_s(user) for user in USERS)
            assert naked_s < 1


@pytest.mark.parametrize("life", range(LIVES))
@pytest.mark.parametrize(("dialect", "point"), EACH)
async def test_killed_while_entering(tmp_path: Path, dialect: str, point: str, life: int) -> None:
    """After the restart everybody is in once, behind a stop, and nothing is unexplained."""
    async with live(tmp_path, *USERS, dialect=dialect) as rig:
        await rig.start(crash_at=point)
        await rig.go_long()
        assert await rig.died() == -9
        await asyncio.sleep(0.1 * life)
        await rig.start()
        await rig.until(lambda: _is_settled(rig), seconds=60, what="both are in and protected")
        await rig.fills_told(*USERS)
        await rig.stop()
        check(rig, *USERS)


@pytest.mark.parametrize("life", range(LIVES))
@pytest.mark.parametrize("point", LEAVING)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_killed_while_leaving(tmp_path: Path, dialect: str, point: str, life: int) -> None:
    """A stop has fired; killed while its target is cancelled, nothing is left behind."""
    async with live(tmp_path, *USERS, targets="[5.0]", dialect=dialect) as rig:
        await rig.start(crash_at=point)
        await rig.go_long()
        await rig.until(lambda: _is_settled(rig), what="both are in and protected")
        await rig.until(
            lambda: all(rig.resting(user, Kind.TAKE_PROFIT) for user in USERS), what="targets rest"
        )
        await asyncio.sleep(0.1 * life)
        await rig.price(49_000)
        assert await rig.died() == -9
        await rig.start()
        await rig.until(lambda: _has_left(rig), seconds=60, what="both are out")
        await rig.fills_told(*USERS)
        await rig.stop()
        check(rig, *USERS)
        reasons = {row["close_reason"] for row in rig.rows("SELECT close_reason FROM positions")}
        assert reasons == {"STOP_LOSS"}


@pytest.mark.parametrize("life", range(LIVES))
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_killed_in_the_middle_of_reconciliation(
    tmp_path: Path, dialect: str, life: int
) -> None:
    """The next start does the same again, and comes to the same."""
    async with live(tmp_path, *USERS, dialect=dialect) as rig:
        await rig.start(crash_at="entry.after_answer")
        await rig.go_long()
        assert await rig.died() == -9
        await rig.start(crash_at=f"reconcile.order:{life + 1}", ready=False)
        assert await rig.died() == -9
        await rig.start()
        await rig.until(lambda: _is_settled(rig), seconds=60, what="both are in and protected")
        await rig.fills_told(*USERS)
        await rig.stop()
        check(rig, *USERS)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_killed_at_every_step_of_an_exit_in_turn(tmp_path: Path, dialect: str) -> None:
    """What a signal closes is closed once, whichever step its exit had come to."""
    async with live(tmp_path, *USERS, targets="[5.0]", dialect=dialect) as rig:
        await rig.start(crash_at=EXITING[0])
        await rig.go_long()
        await rig.until(lambda: _is_settled(rig), what="both are in and protected")
        await rig.command("send", "trend", "BTC/USDT:USDT", "EXIT_LONG")
        assert await rig.died() == -9
        # OKX may still take an order after half a minute: every life waits for that.
        for point in EXITING[1:] if dialect != "okx" else ():
            await rig.start(crash_at=point, ready=False)
            if not await rig.died_before(lambda: _has_left(rig)):
                await rig.kill()
        await rig.start()
        await rig.until(lambda: _has_left(rig), seconds=90, what="both are out")
        await rig.fills_told(*USERS)
        await rig.stop()
        check(rig, *USERS)
        reasons = {row["close_reason"] for row in rig.rows("SELECT close_reason FROM positions")}
        assert reasons == {"EXIT_SIGNAL"}


async def test_stopped_in_order_positions_keep_their_stops(tmp_path: Path) -> None:
    """SIGTERM ends the daemon; what rests for protection stays at the exchange."""
    async with live(tmp_path, *USERS, targets="[5.0]") as rig:
        await rig.start()
        await rig.go_long()
        await rig.until(lambda: _is_settled(rig))
        await rig.fills_told(*USERS)
        await rig.stop()
        assert rig.daemon.process.returncode == 0
        assert _is_settled(rig)
        check(rig, *USERS)
