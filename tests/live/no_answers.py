"""Draws bad answers to reads by a seed, over a daemon that holds positions or is entering some.

``python -m tests.live.no_answers --seeds 40`` plays seeds one after the other and prints what each
showed; ``--first``, ``--places``, ``--phases`` choose which, where and how long. The short form
runs with the tests.

A seed decides which reads go wrong and how, when streams end, and when the process is killed. A
no-answer may come to every read of a phase. A list that looks true (empty, old, thinned, the page
before) comes now and then only: an exchange that hides something longer than its visibility lag
cannot be told from one that has lost it.
"""

import argparse
import asyncio
import os
import tempfile
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from tests.live.invariants import check
from tests.live.live_daemon import LiveFixture, live
from tests.live.test_spot import spot
from tests.venue.corrupt_responses import Junk
from tests.venue.faults import Action, Drop, Hang, RepeatPage, Reply, Rule, Spoil, Stale, Thin
from tests.venue.journal import Line
from tests.venue.model import Kind, Side, Ticket

USERS = ("anna", "ben")
#: Where positions are held: the dialect, and whether coins are bought there.
PLACES = {
    "binance": ("binance", False), "bybit": ("bybit", False), "okx": ("okx", False),
    "binance-spot": ("binance_spot", True), "bybit-spot": ("bybit", True),
    "okx-spot": ("okx", True),
}  # fmt: skip
PATIENT = '[defaults.filters]\nmax_signal_age = "15m"\n'
_PATHS = ("", "", "osition", "rder", "rade|fill|execution", "alance|account")
_LIKE_TRUTH = frozenset({Junk.LIST, Junk.OBJECT})  # of an exchange that answers plain lists
_NO_ANSWERS: tuple[Action, ...] = (
    Spoil(how=tuple(each for each in Junk if each not in _LIKE_TRUTH)),
    Spoil(how=(Junk.HTTP_524,)),
    Spoil(how=(Junk.EMPTY,)),
    Spoil(how=(Junk.HTML,)),
    Spoil(how=(Junk.HALF,)),
    Spoil(how=(Junk.NULL, Junk.STRING), inside="rows"),
    Spoil(how=(Junk.NULL, Junk.OBJECT), inside="result"),
    Spoil(how=(Junk.NULL, Junk.STRING), inside="data"),
    Reply(status=502, body="<html><body>Bad Gateway</body></html>"),
    Drop(before=True),
)
_UNTRUE: tuple[Action, ...] = (
    Spoil(how=(Junk.LIST,)),
    Spoil(how=(Junk.OBJECT,)),
    Spoil(how=(Junk.LIST,), inside="rows"),
    Stale(seconds=4),
    Thin(keep=0.5),
    Thin(keep=0.0),
    RepeatPage(),
)


@dataclass(slots=True)
class Run:
    """What one seed did and found."""

    seed: int
    place: str
    is_entering: bool
    faults: list[Rule] = field(default_factory=list)
    kills: int = 0
    reads: int = 0
    struck: int = 0
    unexplained_changes: list[Line] = field(
        default_factory=list
    )  #: what the exchange did for held positions

    def __str__(self) -> str:
        form = "entering" if self.is_entering else "holding"
        return (
            f"seed {self.seed} {self.place} {form}: {self.reads} reads, {self.struck} bad, "
            f"{self.kills} kills, {len(self.unexplained_changes)} changes"
        )


@asynccontextmanager
async def open_rig(folder: Path, place: str) -> AsyncIterator[LiveFixture]:
    dialect, is_spot = PLACES[place]
    if is_spot:
        async with spot(folder, *USERS, dialect=dialect) as rig:
            yield rig
    else:
        async with live(folder, *USERS, dialect=dialect, defaults=PATIENT) as rig:
            yield rig


async def play(folder: Path, place: str, seed: int, *, phases: int) -> Run:
    """One seed: in, faults, a kill, and out of the faults again.

    Raises:
        AssertionError: the books or the exchange are not what they must be.
    """
    run = Run(seed, place, is_entering=seed % 2 == 1)
    random = Random(f"{place} {seed}")
    async with open_rig(folder, place) as rig:
        rig.venue.engine.remember(4)
        await rig.start()
        if not run.is_entering:
            await _hold(rig)
        since_s, line = time.monotonic(), len(rig.venue.engine.journal.lines)
        before = _books(rig)
        await _disturb(rig, run, random, phases)
        await _recover(rig, run)
        if not run.is_entering:
            run.unexplained_changes = rig.venue.engine.journal.lines[line:]
            _nothing_changed(rig, run, before, since_s)
        await rig.stop()
        if PLACES[place][1]:
            _bought_once(rig)
        else:
            check(rig, *USERS, naked_limit_s=60)
    return run


async def _hold(rig: LiveFixture) -> None:
    await rig.go_long()
    await rig.until(lambda: is_calm(rig), what="both hold, protected")
    await rig.fills_told(*USERS)
    unnoted = "SELECT 1 FROM positions WHERE protected_at_ms IS NULL"
    await rig.until(lambda: not rig.rows(unnoted), what="the ledger knows the stops")


async def _disturb(rig: LiveFixture, run: Run, random: Random, phases: int) -> None:
    """So many phases, each with faults of its own; one of them begins with a kill."""
    killed = random.randrange(phases)
    for phase in range(phases):
        _draw(rig, run, random)
        if run.is_entering and phase == 0:
            for user in USERS:
                does = random.choice(((Drop(),), (Hang(),), (Reply(after=True),)))
                rig.fail(user, "entry", *does)
            await rig.go_long()
            await asyncio.sleep(random.uniform(0, 2))
        if phase == killed:
            await rig.kill()
            run.kills += 1
            await rig.start(ready=False)
        await _provoke_reads(rig, random)
    run.reads = sum(1 for call in rig.venue.calls if call.method == "GET")
    rig.venue.faults.clear()


def _draw(rig: LiveFixture, run: Run, random: Random) -> None:
    """No-answers to many or all reads, and some lists that are not true."""
    rig.venue.faults.clear()
    drawn = [
        (random.choice(_UNTRUE), random.uniform(0.02, 0.12), random.choice(_PATHS)),
        (random.choice(_UNTRUE), random.uniform(0.02, 0.12), random.choice(_PATHS)),
        (random.choice(_NO_ANSWERS), random.choice((0.2, 0.5, 1.0)), random.choice(_PATHS)),
        (random.choice(_NO_ANSWERS), random.choice((0.1, 0.3)), ""),
    ]
    for does, chance, path in drawn:
        rule = Rule(
            reads=True, does=(does,), times=-1, chance=chance, path=path,
            seed=random.randrange(2**32),
        )  # fmt: skip
        run.faults.append(rig.venue.faults.add(rule))


async def _provoke_reads(rig: LiveFixture, random: Random) -> None:
    """Everything that lets a daemon look: ended streams, orders of the owner, prices."""
    for _ in range(4):
        match random.randrange(3):
            case 0:
                rig.venue.hang_up()
            case 1:
                _owner_moves(rig)
            case 2:
                await rig.price(50_300 + random.randrange(-150, 300))
        await asyncio.sleep(random.uniform(0.4, 1.2))


def _owner_moves(rig: LiveFixture) -> None:
    """An order of the owner's in another market comes and goes: a hint that something happened."""
    engine = rig.venue.engine
    symbol = rig.symbol.replace("BTC", "ETH")
    market = engine.market_of(symbol)
    quantity = Decimal(1)
    for user in USERS:
        ask = Ticket(
            client_id="", symbol=symbol, side=Side.BUY, kind=Kind.LIMIT, quantity=quantity,
            price=Decimal(1_000), is_spot=market.is_spot,
        )  # fmt: skip
        order = engine.place_foreign(rig.key(user), ask)
        engine.cancel_by_hand(rig.key(user), order.id)


async def _recover(rig: LiveFixture, run: Run) -> None:
    """All answers are true again: the daemon gets ready, and comes to know everything."""
    run.struck = sum(rule.struck for rule in run.faults)
    await rig.daemon.wait_for("daemon.ready", seconds=90)
    await rig.until(
        lambda: is_calm(rig), seconds=90, what="all is settled and protected",
        and_else=lambda: state_of(rig),
    )  # fmt: skip
    held = [user for user in USERS if rig.account(user).trades]
    await rig.fills_told(*held)


def is_calm(rig: LiveFixture, *, claims: int = len(USERS)) -> bool:
    """Every claim is over, every position behind its stop, and ledger and exchange agree.

    ``claims`` is how many there are at least.
    """
    journal = rig.venue.engine.journal
    if any(journal.is_exposed(rig.key(user)) for user in USERS):
        return False
    if any(rig.unexplained(user) for user in USERS):
        return False
    found = [row["status"] for row in rig.rows("SELECT status FROM signal_executions")]
    if len(found) < claims or not set(found) <= {"executed", "partial", "failed"}:
        return False
    doubtful = (
        "SELECT 1 FROM orders WHERE status = 'unknown'"
        " OR (status = 'intended' AND leg IN ('entry', 'exit'))"
    )
    return not rig.rows(doubtful) and all(_agrees(rig, user) for user in USERS)


def _agrees(rig: LiveFixture, user: str) -> bool:
    """Whether the ledger's open position is what the account holds."""
    sql = f"SELECT quantity FROM positions WHERE user_id = '{user}' AND status <> 'CLOSED'"
    known = sum((Decimal(row["quantity"]) for row in rig.rows(sql)), Decimal(0))
    return abs(abs(rig.held(user)) - known) < Decimal("0.0000001")


def _books(rig: LiveFixture) -> list[tuple[Any, ...]]:
    positions = rig.rows("SELECT * FROM positions ORDER BY position_id")
    fills = rig.rows(
        "SELECT trade_id, client_order_id, quantity, price FROM fills ORDER BY trade_id"
    )
    return [tuple(row) for row in (*positions, *fills)]


def state_of(rig: LiveFixture) -> str:
    tables = ("signal_executions", "orders", "positions")
    rows = {table: [dict(each) for each in rig.rows(f"SELECT * FROM {table}")] for table in tables}
    held = {user: (rig.held(user), [str(each) for each in rig.resting(user)]) for user in USERS}
    return f"{rows}\n{held}"


def _nothing_changed(
    rig: LiveFixture, run: Run, before: list[tuple[Any, ...]], since_s: float
) -> None:
    """The books are what they were, and no position was a moment without its stop."""
    after = _books(rig)
    assert after == before, f"{run}\n{before}\n{after}"
    api = [line for line in run.unexplained_changes if line.origin.name == "API"]
    assert not api, f"{run}: {api}"
    journal = rig.venue.engine.journal
    for user in USERS:
        bare = [each for each in journal.exposures(rig.key(user)) if each.from_s >= since_s]
        assert not bare, f"{run}: {bare}"


def _bought_once(rig: LiveFixture) -> None:
    journal = rig.venue.engine.journal
    for user in USERS:
        accepted = journal.entries_accepted(rig.key(user))
        assert sum(accepted.values()) <= 1, accepted
        told = {str(each) for each in journal.trade_ids(rig.key(user))}
        sql = f"SELECT trade_id FROM fills WHERE user_id = '{user}'"
        booked = {row["trade_id"].rpartition(" ")[2] for row in rig.rows(sql)}
        assert booked == told, f"{booked} {told}"


async def _main(first: int, seeds: int, places: list[str], phases: int, minutes: float) -> int:
    """Play all; the exit code is 1 if any was wrong."""
    wrong, deadline = 0, time.monotonic() + 60 * minutes
    for seed in range(first, first + seeds):
        for place in places:
            if minutes and time.monotonic() > deadline:
                break
            folder = Path(tempfile.mkdtemp(prefix=f"{place}-{seed}-"))
            try:
                print(await play(folder, place, seed, phases=phases), flush=True)
            except* AssertionError as e:
                wrong += 1
                (folder / "wrong.txt").write_text("".join(traceback.format_exception(e)))
                print(f"seed {seed} {place}: WRONG, see {folder}/wrong.txt", flush=True)
    print(f"{wrong} wrong", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--places", nargs="+", choices=PLACES, default=list(PLACES))
    parser.add_argument("--phases", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=0.0, help="stop after so long; 0: never")
    told = parser.parse_args()
    os.environ.setdefault("PYTEST_CURRENT_TEST", "seeds::no_answers ")
    raise SystemExit(
        asyncio.run(_main(told.first, told.seeds, told.places, told.phases, told.minutes))
    )
