"""Orders whose answer never comes: found late, closed while they still fill, killed in between.

``python -m tests.live.late_orders`` plays every story; the gate plays the shortest of them. Each
waits for what an exchange may take to show an order, so that they take one to three minutes.
"""

import argparse
import asyncio
import os
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

from tests.live.invariants import check
from tests.live.live_daemon import LiveFixture, live
from tests.venue.faults import Drop, Hang, Rule, Stale
from tests.venue.matching import Fills
from tests.venue.model import Side

EXITS: Mapping[str, tuple[str, ...]] = {
    "by-command": ("close", "anna", "BTC/USDT:USDT"),
    "by-signal": ("send", "trend", "BTC/USDT:USDT", "EXIT_LONG"),
}
Story = Callable[[Path], Awaitable[None]]


async def appears(
    folder: Path, *, dialect: str, is_killed: bool = False, is_attached: bool = False
) -> None:
    """An entry is shown after its absence was proven: it is taken up and protected.

    Every read is older than the lag the file names. ``is_killed``: the daemon dies in between;
    ``is_attached``: the stop that went along with the entry is there, where the exchange has such.

    Raises:
        AssertionError: the books or the exchange are not what they must be.
    """
    async with live(folder, "anna", dialect=dialect) as rig:
        rig.venue.engine.remember(600)
        rig.venue.limits.on = True
        await rig.start()
        rig.fail("anna", "entry", Drop())
        rig.account("anna").loses_attached = not is_attached
        rig.venue.faults.add(
            Rule(key=rig.key("anna"), reads=True, does=(Stale(seconds=600),), times=-1)
        )
        await rig.go_long()
        rig.venue.streams.refuses = True
        rig.venue.hang_up()
        await rig.daemon.wait_for(
            "execution.failed", user_id="anna", reason="NOT_RECEIVED", seconds=120
        )
        if is_killed:
            await rig.kill()
        rig.venue.faults.clear()
        rig.venue.streams.refuses = False
        if is_killed:  # its ledger has it flat, and its streams have nothing to tell
            await rig.start()
        await rig.until(lambda: rig.is_covered("anna"), seconds=90, what="it is protected")
        await rig.fills_told("anna")
        await rig.until(lambda: _statuses(rig) == ["executed"], what="the claim is executed")
        await rig.stop()
        check(rig, "anna", naked_limit_s=1000 if is_attached else 170)


async def closed_while_it_fills(
    folder: Path, *, dialect: str, how: str, crash_at: str = ""
) -> None:
    """An entry's answer never comes, its parts do: whatever has filled leaves with the exit.

    Raises:
        AssertionError: the books or the exchange are not what they must be.
    """
    async with live(folder, "anna", dialect=dialect) as rig:
        rig.venue.limits.on = True
        await rig.start(crash_at=crash_at)
        shares = [Decimal("0.3"), Decimal("0.3"), Decimal("0.4")]
        rig.venue.engine.plan_fills(Fills(shares=shares, pause_s=2, key=rig.key("anna")))
        rig.fail("anna", "entry", Hang())
        await rig.go_long()
        await rig.until(
            lambda: rig.rows("SELECT 1 FROM positions WHERE status = 'OPEN'"),
            what="the first part is known",
        )
        await rig.ask(*EXITS[how])  # a command whose daemon dies fails
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


def _statuses(rig: LiveFixture) -> list[str]:
    return [row["status"] for row in rig.rows("SELECT status FROM signal_executions")]


def _is_out(rig: LiveFixture) -> bool:
    closed = [row["status"] for row in rig.rows("SELECT status FROM positions")]
    return not rig.held("anna") and not rig.resting("anna") and set(closed) <= {"CLOSED"}


STORIES: Mapping[str, Story] = {
    **{f"appears {name}": partial(appears, dialect=name) for name in ("binance", "bybit", "okx")},
    **{
        f"appears {name} killed": partial(appears, dialect=name, is_killed=True)
        for name in ("binance", "bybit", "okx")
    },
    "appears okx attached killed": partial(
        appears, dialect="okx", is_killed=True, is_attached=True
    ),
    "closed binance": partial(closed_while_it_fills, dialect="binance", how="by-command"),
    "closed bybit killed": partial(
        closed_while_it_fills, dialect="bybit", how="by-signal", crash_at="exit.after_answer"
    ),
    "closed okx killed": partial(
        closed_while_it_fills, dialect="okx", how="by-command", crash_at="exit.intended"
    ),
}


async def _main(named: list[str]) -> int:
    """Play stories; the exit code is 1 if any was wrong."""
    wrong = 0
    for name in named or STORIES:
        folder, since_s = Path(tempfile.mkdtemp(prefix="late-")), time.monotonic()
        try:
            await STORIES[name](folder)
            print(f"{name}: right, {time.monotonic() - since_s:.0f} s", flush=True)
        except* AssertionError as e:
            wrong += 1
            (folder / "wrong.txt").write_text("".join(traceback.format_exception(e)))
            print(f"{name}: WRONG, see {folder}/wrong.txt", flush=True)
    print(f"{wrong} wrong", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("stories", nargs="*", help=f"of: {', '.join(STORIES)}")
    told = parser.parse_args()
    os.environ.setdefault("PYTEST_CURRENT_TEST", "stories::late_orders ")
    raise SystemExit(asyncio.run(_main(told.stories)))
