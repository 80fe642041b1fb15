"""Journal kinds of version 0.1 become those of the catalogue, in ledgers and in archives."""

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from signalbot.domain.events import EVENTS, RENAMED
from signalbot.ledger.archive.files import read_rows
from signalbot.ledger.codec import insert
from signalbot.ledger.connection import APPLICATION_ID
from signalbot.ledger.migrations import migrate, migrations
from tests.ledger.test_schema import ROWS

BEFORE = 20
"""The schema of version 0.1, whose triggers write the old kinds."""

CHANGES = [
    "INSERT INTO signals SELECT * FROM other_signal",
    "INSERT INTO decisions SELECT signal_id, 'anna', 'SKIP', 'COOLDOWN', '{}', 5 FROM other_signal",
    "UPDATE signal_executions SET status = 'unknown'",
    "UPDATE signal_executions SET status = 'partial'",
    "UPDATE signal_executions SET status = 'pending'",
    "UPDATE signal_executions SET status = 'failed'",
    "UPDATE signal_executions SET status = 'executed'",
    "UPDATE users SET status = 'PAUSED'",
    "UPDATE users SET status = 'HALTED'",
    "UPDATE users SET status = 'ACTIVE'",
    "UPDATE subscriptions SET status = 'PAUSED'",
    "UPDATE subscriptions SET status = 'ACTIVE'",
    "UPDATE subscriptions SET status = 'CANCELLED'",
    "INSERT INTO absences VALUES ('sim', 'direct', 5, NULL)",
    "UPDATE absences SET ended_at_ms = 6",
    "UPDATE absences SET ended_at_ms = NULL",
    "INSERT INTO silences VALUES ('trend', 5, 6, NULL)",
    "UPDATE silences SET ended_at_ms = 7",
    "UPDATE silences SET ended_at_ms = NULL",
    "INSERT INTO position_mismatches VALUES ('anna', 'B', 'sim', 'nothing', 'LONG 1', 5)",
    "UPDATE position_mismatches SET held = 'LONG 2'",
    "INSERT INTO funding_payments"
    " SELECT 'sim', 'anna', 'B', '1', position_id, '-1', 5 FROM positions",
]
"""Changes of a ledger after which the journal has every kind that was renamed."""


@contextmanager
def _old_ledger(path: Path) -> Iterator[sqlite3.Connection]:
    """A ledger of the schema before, with one good row in every table."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        for number, script in migrations():
            if number <= BEFORE:
                connection.executescript(script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {BEFORE}")
        for table, cells in ROWS.items():
            connection.execute(insert(table, tuple(cells)), tuple(cells.values()))
        connection.execute("CREATE TEMP TABLE other_signal AS SELECT * FROM signals")
        connection.execute("UPDATE other_signal SET signal_id = 'sig_other'")
        yield connection


def _events(connection: sqlite3.Connection) -> list[dict[str, object]]:
    return [dict(row) for row in connection.execute("SELECT * FROM events ORDER BY event_id")]


def test_a_migrated_journal_has_the_same_events_under_their_present_names(tmp_path: Path) -> None:
    """Ids, times and details stay, so no client sees an event twice or misses one."""
    with _old_ledger(tmp_path / "a.db") as connection:
        for change in CHANGES:
            connection.execute(change)
        old = _events(connection)
        assert {*RENAMED} <= {row["kind"] for row in old}
        migrate(connection, tmp_path / "a.db")
        assert _events(connection) == [
            row | {"kind": RENAMED.get(str(row["kind"]), row["kind"])} for row in old
        ]


def test_triggers_of_a_migrated_ledger_write_what_the_old_ones_wrote_under_new_names(
    tmp_path: Path,
) -> None:
    """Only the kind differs: the same changes make the same events, in the same order."""
    with _old_ledger(tmp_path / "old.db") as connection:
        for change in CHANGES:
            connection.execute(change)
        old = _events(connection)
    with _old_ledger(tmp_path / "new.db") as connection:
        migrate(connection, tmp_path / "new.db")
        for change in CHANGES:
            connection.execute(change)
        new = _events(connection)
    assert new == [row | {"kind": RENAMED.get(str(row["kind"]), row["kind"])} for row in old]
    assert {row["kind"] for row in new} <= {*EVENTS}


def test_a_line_of_an_old_archive_is_read_under_its_present_name(tmp_path: Path) -> None:
    """Archives are only ever appended to, so their lines keep the name they were written with."""
    path = tmp_path / "2026-08.jsonl.gz"
    content = gzip.compress(
        b'{"events": {"event_id": 1, "kind": "exchange.lost"}}\n'
        b'{"events": {"event_id": 2, "kind": "position.closed"}}\n'
        b'{"strategy_runs": {"strategy": "trend"}}\n'
    )
    path.write_bytes(content)
    rows = list(read_rows(path, confirmed=len(content)))
    assert [row.values.get("kind") for row in rows] == [
        "exchange.disconnected",
        "position.closed",
        None,
    ]
