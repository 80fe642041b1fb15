"""Draws what owners, exchanges and operators do to open positions, kills included, by a seed.

``python -m tests.live.owner_acts --seeds 10`` plays seeds and prints what each showed: stops that
are cancelled or moved by hand, parts closed by hand or by the exchange, liquidations, leverage
raised, hedge mode switched on, streams that end, the file read again, without a user or with keys
stored anew, entries halted and allowed again, positions reversed, and the process killed at any
moment.
"""

import argparse
import asyncio
import json
import os
import signal
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from random import Random

from tests.live.invariants import check
from tests.live.live_daemon import LiveFixture
from tests.live.no_answers import PATIENT, USERS, is_calm, open_rig, state_of
from tests.venue.model import Kind, Refused
from tests.venue.server import DIALECTS

PART = Decimal("0.003")


def _cancel_stop(rig: LiveFixture, user: str) -> None:
    for stop in rig.resting(user, Kind.STOP):
        rig.venue.engine.cancel_by_hand(rig.key(user), stop.id)


def _move_stop(rig: LiveFixture, user: str) -> None:
    for stop in rig.resting(user, Kind.STOP):
        rig.venue.engine.amend_by_hand(rig.key(user), stop.id, trigger=Decimal(45_000))


def _close_part(rig: LiveFixture, user: str) -> None:
    rig.venue.engine.close_by_hand(rig.key(user), rig.symbol, PART)


def _close_all(rig: LiveFixture, user: str) -> None:
    rig.venue.engine.close_by_hand(rig.key(user), rig.symbol)


def _deleverage(rig: LiveFixture, user: str) -> None:
    rig.venue.engine.deleverage(rig.key(user), rig.symbol, PART)


def _raise_leverage(rig: LiveFixture, user: str) -> None:
    rig.venue.engine.set_leverage(rig.account(user), rig.symbol, 50)


def _liquidate(rig: LiveFixture, user: str) -> None:
    rig.venue.engine.liquidate(rig.key(user), rig.symbol)


def _hedge(rig: LiveFixture, user: str) -> None:
    """Refused by the exchange while anything is open."""
    symbol = rig.symbol if rig.venue.dialect.ccxt_id == "bybit" else ""
    rig.venue.engine.set_position_mode(rig.account(user), hedged=True, symbol=symbol)


async def _halt(rig: LiveFixture, _: str) -> None:
    await rig.ask("halt", "--reason", "an act")


async def _unhalt(rig: LiveFixture, _: str) -> None:
    await rig.ask("unhalt")


async def _store_keys(rig: LiveFixture, user: str) -> None:
    line = json.dumps({"user": user, **rig.venue.credentials(rig.key(user))})
    await rig.ask("keys", "import", stdin=line)


async def _reverse(rig: LiveFixture, _: str) -> None:
    await rig.go_short()


def _remove(rig: LiveFixture, user: str) -> None:
    """A user leaves the file; refused by the daemon while the account holds something."""
    rig.configure(*(each for each in USERS if each != user), defaults=PATIENT)
    _read_file_again(rig, user)


def _restore(rig: LiveFixture, user: str) -> None:
    rig.configure(*USERS, defaults=PATIENT)
    _read_file_again(rig, user)


def _end_streams(rig: LiveFixture, _: str) -> None:
    rig.venue.hang_up()


def _read_file_again(rig: LiveFixture, _: str) -> None:
    if rig.daemon.process.returncode is None:
        rig.daemon.process.send_signal(signal.SIGHUP)


Act = Callable[[LiveFixture, str], Awaitable[None] | None]
ACTS: tuple[Act, ...] = (
    _cancel_stop, _cancel_stop, _move_stop, _close_part, _close_all, _deleverage,
    _raise_leverage, _end_streams, _read_file_again, _liquidate, _hedge, _halt, _unhalt,
    _store_keys, _remove, _restore, _reverse,
)  # fmt: skip


async def play(folder: Path, dialect: str, seed: int, *, acts: int) -> str:
    """One seed; what was done, and the longest time without a stop.

    Raises:
        AssertionError: the books or the exchange are not what they must be.
    """
    random = Random(f"{dialect} {seed}")
    done: list[str] = []
    async with open_rig(folder, dialect) as rig:
        await rig.start()
        await rig.go_long()
        if random.random() < 0.5:
            await rig.until(lambda: is_calm(rig), what="both hold, protected")
        killed = random.randrange(acts)
        for number in range(acts):
            act, user = random.choice(ACTS), random.choice(USERS)
            try:
                if (doing := act(rig, user)) is not None:
                    await doing
                done.append(f"{act.__name__.strip('_')} {user}")
            except Refused:
                done.append(f"{act.__name__.strip('_')} {user} (refused)")
            if number == killed:
                await rig.kill()
                _restore(
                    rig, user
                )  # a file without a user whose account holds something is refused
                done.append("kill")
                await rig.start()
            await asyncio.sleep(random.uniform(0, 3))
        _restore(rig, USERS[0])
        await rig.until(
            lambda: is_calm(rig, claims=0), seconds=90, what="all is settled and protected",
            and_else=lambda: f"{done}\n{state_of(rig)}",
        )  # fmt: skip
        await rig.fills_told(*(user for user in USERS if rig.account(user).trades))
        naked_s = max(rig.naked_s(user) for user in USERS)
        await rig.stop()
        check(rig, *USERS, naked_limit_s=30)
    return f"seed {seed} {dialect}: {naked_s:.1f} s without a stop; {', '.join(done)}"


async def _main(first: int, seeds: int, dialects: list[str], acts: int) -> int:
    """Play all; the exit code is 1 if any was wrong."""
    wrong = 0
    for seed in range(first, first + seeds):
        for dialect in dialects:
            folder = Path(tempfile.mkdtemp(prefix=f"acts-{dialect}-{seed}-"))
            try:
                print(await play(folder, dialect, seed, acts=acts), flush=True)
            except* AssertionError as e:
                wrong += 1
                (folder / "wrong.txt").write_text("".join(traceback.format_exception(e)))
                print(f"seed {seed} {dialect}: WRONG, see {folder}/wrong.txt", flush=True)
    print(f"{wrong} wrong", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--dialects", nargs="+", choices=DIALECTS, default=list(DIALECTS))
    parser.add_argument("--acts", type=int, default=6)
    told = parser.parse_args()
    os.environ.setdefault("PYTEST_CURRENT_TEST", "seeds::owner_acts ")
    raise SystemExit(asyncio.run(_main(told.first, told.seeds, told.dialects, told.acts)))
