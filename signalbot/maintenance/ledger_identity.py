"""Notices a ledger that is older than what this state directory has run, or another one.

However it got there (a file copied by hand, a snapshot of the disk), it does not know of newer
trades. A note beside the ledger remembers how far it had come.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from signalbot.ledger.base import Database
from signalbot.state_dir import MARKER_NAME

_SELECT_POSITION = """
SELECT (SELECT ledger_id FROM lineage) AS ledger_id,
       coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0) AS events
"""


@dataclass(frozen=True, slots=True)
class LedgerPosition:
    """Which ledger it is, and how many events it has ever had."""

    ledger_id: str
    events: int


async def position_of(database: Database) -> LedgerPosition:
    row = (await database.query(_SELECT_POSITION))[0]
    return LedgerPosition(row["ledger_id"], row["events"])


def read_marker(state_dir: Path) -> LedgerPosition | None:
    """How far the ledger had come when a note was last taken; None when there is no good note."""
    try:
        marker = json.loads((state_dir / MARKER_NAME).read_text())
        return LedgerPosition(str(marker["ledger_id"]), int(marker["events"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_marker(state_dir: Path, position: LedgerPosition) -> None:
    """Take a note; it is replaced whole.

    Raises:
        OSError: it cannot be written.
    """
    partial = state_dir / f"{MARKER_NAME}.partial"
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"ledger_id": position.ledger_id, "events": position.events}, file)
    partial.replace(state_dir / MARKER_NAME)


def check_identity(recorded: LedgerPosition | None, current: LedgerPosition) -> str | None:
    """Why this ledger must not be traded on unasked; None when it is the one that ran last."""
    if recorded is None:
        return None
    if recorded.ledger_id != current.ledger_id:
        return "another ledger ran in this state directory before"
    if current.events < recorded.events:
        missing = recorded.events - current.events
        return f"this ledger is older than the one that ran last: it lacks {missing} events"
    return None
