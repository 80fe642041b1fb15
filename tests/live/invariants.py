"""What must be true after every run, whatever went wrong: asked of the exchange's own journal.

With ``SIGNALBOT_FAULTS=file`` every run adds a line of what was found to that file; ``python -m
tests.live.fault_table file`` renews the fault table of the manual.
"""

import json
import os
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from tests.live.live_daemon import LiveFixture
from tests.planted_secrets import leaks
from tests.venue.model import Kind

NAKED_LIMIT_S = 7.0  # max_unprotected, and what a look and a close at market take


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One user's account after a run, against the ledger."""

    user: str
    unintended: list[str]  #: entries at the exchange that the ledger does not know
    doubled: list[str]  #: entries that were accepted more than once, or larger than intended
    naked_s: float  #: the longest time without stops of the position's size, while the daemon ran
    uncovered: str  #: a position that is left without its stop
    lost: list[str]  #: fills the ledger has not
    invented: list[str]  #: fills the exchange has not
    unexplained: list[str]  #: resting orders the ledger does not know


def check(rig: LiveFixture, *users: str, naked_limit_s: float = NAKED_LIMIT_S) -> None:
    """Every invariant, for these users."""
    found = [_look(rig, user) for user in users]
    _write_down(rig, found)
    for each in found:
        assert each.naked_s < naked_limit_s, each
        wrong = {name for name, value in asdict(each).items() if value}
        assert wrong <= {"user", "naked_s"}, each
    secrets_are_nowhere(rig)
    assert not rig.venue.faults.violations_after(0.3), "requests during a ban"
    assert rig.rows("PRAGMA integrity_check")[0][0] == "ok"
    assert rig.rows("PRAGMA foreign_key_check") == []


def _look(rig: LiveFixture, user: str) -> Found:
    journal, key = rig.venue.engine.journal, rig.key(user)
    intended = {
        rig.wire_id(row["client_order_id"]): Decimal(row["quantity"])
        for row in rig.rows(f"SELECT * FROM orders WHERE user_id = '{user}' AND leg = 'entry'")
    }
    accepted, filled = journal.entries_accepted(key), journal.entry_fills(key)
    told = {rig.shown_id(trade) for trade in journal.trade_ids(key)}
    booked = {
        row["trade_id"] for row in rig.rows(f"SELECT trade_id FROM fills WHERE user_id = '{user}'")
    }
    held, stops = rig.held(user), rig.resting(user, Kind.STOP)
    return Found(
        user=user,
        unintended=sorted(accepted.keys() - intended.keys()),
        doubled=[
            each for each, quantity in intended.items()
            if accepted.get(each, 0) > 1 or filled.get(each, 0) > quantity
        ],
        # A process that was killed can protect nothing; from READY on it counts again.
        naked_s=max(0.0, rig.naked_s(user) - rig.down_s),
        uncovered=f"{held} behind {stops}" if held and not rig.is_covered(user) else "",
        lost=sorted(told - booked),
        invented=sorted(booked - told),
        unexplained=rig.unexplained(user),
    )  # fmt: skip


def _write_down(rig: LiveFixture, found: list[Found]) -> None:
    if path := os.environ.get("SIGNALBOT_FAULTS"):
        test = os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].partition(" ")[0]
        line = {
            "test": test.partition("[")[0],
            "exchange": rig.venue.dialect.ccxt_id,
            "found": [asdict(each) for each in found],
        }
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")


def secrets_are_nowhere(rig: LiveFixture) -> None:
    """Keys are in the exchange's memory, and nowhere else."""
    assert not list(leaks(rig.folder))
