"""A part of a position leaves at a live exchange, killed at every step of it."""

import asyncio
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.live.live_daemon import LiveFixture, live
from tests.venue.model import Kind
from tests.venue.server import DIALECTS

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

LIVES = int(os.environ.get("SIGNALBOT_LIVES", "0"))  # of every step in turn, in every dialect
_USERS = ("anna", "ben")
_WHOLE, _LEFT = Decimal("0.019"), Decimal("0.010")
_STEPS = (
    "claim.committed",
    "exit.before_send",
    "exit.after_answer",
    "reduction.recorded",
    "reduction.rescaled",
)


async def _enter(rig: LiveFixture) -> None:
    await rig.go_long()
    await rig.until(
        lambda: all(rig.is_covered(user) for user in _USERS), what="both are in and protected"
    )
    await rig.until(
        lambda: all(rig.resting(user, Kind.TAKE_PROFIT) for user in _USERS), what="targets rest"
    )


async def _send_half(rig: LiveFixture) -> str:
    sent = await rig.command("send", "trend", "BTC/USDT:USDT", "EXIT_LONG", "--exit-percent", "50")
    return sent.strip()


def _has_halved(rig: LiveFixture, signal_id: str) -> bool:
    """Whether half is left everywhere, behind a stop and a target of its size."""
    sql = f"SELECT status FROM signal_executions WHERE signal_id = '{signal_id}'"
    if [row["status"] for row in rig.rows(sql)] != ["executed", "executed"]:
        return False
    for user in _USERS:
        targets = [order.ask.quantity for order in rig.resting(user, Kind.TAKE_PROFIT)]
        if rig.held(user) != _LEFT or not rig.is_covered(user) or targets != [_LEFT]:
            return False
    return True


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_half_leaves_once_and_stop_and_targets_follow(tmp_path: Path, dialect: str) -> None:
    """At each user's own account; the rest ends at its stop, and nothing is left behind."""
    async with live(tmp_path, *_USERS, dialect=dialect, targets="[5.0]") as rig:
        await rig.start()
        await _enter(rig)
        assert {rig.held(user) for user in _USERS} == {_WHOLE}
        half = await _send_half(rig)
        await rig.until(lambda: _has_halved(rig, half), what="half is left, and protected")
        assert half in await rig.command("why", half)
        await rig.price(49_000)
        await rig.until(
            lambda: not any(rig.held(user) or rig.resting(user) for user in _USERS),
            what="both are out",
        )
        await rig.fills_told(*_USERS)
        await rig.stop()
        check(rig, *_USERS)
        for position in rig.rows("SELECT * FROM positions"):
            assert position["close_reason"] == "STOP_LOSS"
            assert Decimal(position["exit_quantity"]) == _WHOLE


async def _halve_dying_at(rig: LiveFixture, steps: Sequence[str]) -> None:
    """One exit of a half, every life of which ends at the next step: half is left, once."""
    await rig.start(crash_at=steps[0])
    await _enter(rig)
    half = await _send_half(rig)
    assert await rig.died() == -9
    for step in steps[1:]:
        await rig.start(crash_at=step, ready=False)
        assert await rig.died() == -9
    await rig.start()
    await rig.until(lambda: _has_halved(rig, half), seconds=60, what="half is left")
    await rig.fills_told(*_USERS)
    await rig.stop()
    check(rig, *_USERS)


async def test_killed_once_the_order_of_a_part_is_out(tmp_path: Path) -> None:
    """It is found under its own id, and neither sent again nor forgotten."""
    async with live(tmp_path, *_USERS, targets="[5.0]") as rig:
        await _halve_dying_at(rig, _STEPS[2:])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("life", range(LIVES))
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_killed_at_every_step_of_a_part_in_turn(
    tmp_path: Path, dialect: str, life: int
) -> None:
    """From the claim on, in every dialect; what never arrived is sent once that is proven."""
    async with live(tmp_path, *_USERS, dialect=dialect, targets="[5.0]") as rig:
        await asyncio.sleep(0.1 * life)
        await _halve_dying_at(rig, (f"{_STEPS[0]}:3", *_STEPS[1:]))
