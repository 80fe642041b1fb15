"""Notices a ledger that is older than what this state directory has run, or another one.

However it got there (a file copied by hand, a snapshot of the disk), it does not know of newer
trades. A note beside the ledger remembers how far it had come.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from signalbot.ledger.base import Database

NOTE_NAME = "signalbot.seen"

_STAND = """
SELECT (SELECT ledger_id FROM lineage) AS ledger_id,
       coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0) AS events
"""


@dataclass(frozen=True, slots=True)
class Stand:
    """Which ledger it is, and how many events it has ever had."""

    ledger_id: str
    events: int


async def stand_of(database: Database) -> Stand:
    row = (await database.query(_STAND))[0]
    return Stand(row["ledger_id"], row["events"])


def read_note(state_dir: Path) -> Stand | None:
    """How far the ledger had come when a note was last taken; None when there is no good note."""
    try:
        note = json.loads((state_dir / NOTE_NAME).read_text())
        return Stand(str(note["ledger_id"]), int(note["events"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_note(state_dir: Path, stand: Stand) -> None:
    """Take a note; it is replaced whole.

    Raises:
        OSError: it cannot be written.
    """
    partial = state_dir / f"{NOTE_NAME}.partial"
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"ledger_id": stand.ledger_id, "events": stand.events}, file)
    partial.replace(state_dir / NOTE_NAME)


def doubt(noted: Stand | None, now: Stand) -> str | None:
    """Why this ledger must not be traded on unasked; None when it is the one that ran last."""
    if noted is None:
        return None
    if noted.ledger_id != now.ledger_id:
        return "another ledger ran in this state directory before"
    if now.events < noted.events:
        missing = noted.events - now.events
        return f"this ledger is older than the one that ran last: it lacks {missing} events"
    return None
