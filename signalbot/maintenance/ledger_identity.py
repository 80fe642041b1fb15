"""Detects a ledger that is older than the last one used here, or a different one.

Such a ledger (a copied file, a disk snapshot) lacks the newer trades. A marker file beside the
ledger holds the identity and the number of events of the last one.
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
    """The identity of a ledger, and the number of events it has ever had."""

    ledger_id: str
    events: int


async def position_of(database: Database) -> LedgerPosition:
    """The identity and progress of an open ledger."""
    row = (await database.query(_SELECT_POSITION))[0]
    return LedgerPosition(row["ledger_id"], row["events"])


def read_marker(state_dir: Path) -> LedgerPosition | None:
    """The position in the marker file; None without a valid one."""
    try:
        marker = json.loads((state_dir / MARKER_NAME).read_text())
        return LedgerPosition(str(marker["ledger_id"]), int(marker["events"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_marker(state_dir: Path, position: LedgerPosition) -> None:
    """Replace the marker file atomically.

    Raises:
        OSError: it cannot be written.
    """
    partial = state_dir / f"{MARKER_NAME}.partial"
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"ledger_id": position.ledger_id, "events": position.events}, file)
    partial.replace(state_dir / MARKER_NAME)


def check_identity(recorded: LedgerPosition | None, current: LedgerPosition) -> str | None:
    """The reason to start halted; None for the ledger that was used last."""
    if recorded is None:
        return None
    if recorded.ledger_id != current.ledger_id:
        return "a different ledger was used in this state directory before"
    if current.events < recorded.events:
        missing = recorded.events - current.events
        return f"this ledger is older than the last one used: it lacks {missing} events"
    return None
