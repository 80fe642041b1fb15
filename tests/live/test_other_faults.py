"""The faults of answers at exchanges beside the three big ones: one entry each, nobody naked."""

from pathlib import Path

import pytest

from tests.contract.live import CAN
from tests.live.invariants import check
from tests.live.live_daemon import LiveFixture, live
from tests.live.test_faults import (
    ENTRY_FAULTS,
    FATAL_STOP_FAULTS,
    NEVER_RECEIVED,
    STOP_FAULTS,
    TIMES,
)
from tests.live.test_other_exchanges import SYMBOLS
from tests.venue.faults import Refuse
from tests.venue.model import Reason

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]


async def _enter(rig: LiveFixture, symbol: str) -> None:
    """By hand: candles close when minutes do here."""
    file = rig.folder / "config.toml"
    file.write_text(file.read_text().replace("BTC/USDT:USDT", symbol))
    await rig.start(ready=False)
    await rig.daemon.wait_for("daemon.ready", seconds=90)
    await rig.command(
        "send", "trend", symbol, "LONG", "--stop-loss", "49000", "--take-profit", "51000",
        "--key", "in",
    )  # fmt: skip


@pytest.mark.parametrize("exchange", SYMBOLS)
async def test_whatever_becomes_of_the_answer_an_entry_is_made_once(
    exchange: str, tmp_path: Path
) -> None:
    """Twelve ways to lose the answer to an order that was taken: it is found again."""
    faults = {user: does for user, does in ENTRY_FAULTS.items() if user not in NEVER_RECEIVED}
    users = [*faults, "undisturbed"]
    async with live(tmp_path, *users, "poor", dialect=exchange) as rig:
        for user, does in faults.items():
            rig.fail(user, "entry", *does)
        rig.fail("poor", "entry", Refuse(why=Reason.MARGIN))
        await _enter(rig, SYMBOLS[exchange])
        await rig.daemon.wait_for("execution.executed", user_id="undisturbed")
        await rig.until(
            lambda: all(rig.is_covered(user) for user in users), seconds=90, what="stops rest"
        )
        await rig.daemon.wait_for("execution.failed", user_id="poor", reason="REJECTED")
        await rig.fills_told(*users)
        await rig.stop()
        check(rig, *users, "poor")


@pytest.mark.parametrize("exchange", SYMBOLS)
async def test_a_position_is_protected_in_time_or_closed(exchange: str, tmp_path: Path) -> None:
    """A stop that fails is tried again; one that cannot be placed costs the position."""
    fatal = {**FATAL_STOP_FAULTS}
    if not CAN[exchange].refuses_passed_stops:
        del fatal["too-late"]  # it would trade at once there
    users = [*STOP_FAULTS, *fatal]
    async with live(tmp_path, *users, dialect=exchange) as rig:
        for user, does in (STOP_FAULTS | fatal).items():
            rig.fail(user, "stop", *does, times=TIMES.get(user, 1))
        await _enter(rig, SYMBOLS[exchange])
        await rig.until(
            lambda: all(rig.is_covered(user) for user in STOP_FAULTS), seconds=60, what="stops rest"
        )
        for user in fatal:
            await rig.daemon.wait_for("position.closed", user_id=user, seconds=60)
            assert not rig.held(user)
        await rig.fills_told(*users)
        await rig.stop()
        check(rig, *users)
