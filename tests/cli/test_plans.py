"""Reading stays quick on a big ledger: no query walks a big table without an index."""

from pathlib import Path

import pytest

from signalbot.ledger.connection import connect_writer
from signalbot.ledger.migrations import migrate
from signalbot.ledger.sql import queries
from signalbot.ledger.views import ALL_ROWS, Connection

SQL = queries("views")
SMALL = {"users", "strategies", "subscriptions", "absences", "u", "s", "b", "who", "each"}
"""Tables, and their names within queries, that grow with the configuration and not with time."""
SORTED = {
    "signals_active", "unresolved_executions", "orders_unfinished", "positions_open",
    "orders_of_position", "signal_outcomes", "last_runs", "users_by_status", "users_not_trading",
}  # fmt: skip
"""Queries whose rows are few by nature, so that sorting them costs nothing."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Connection:
    """A ledger with tables and nothing in them."""
    path: Path = tmp_path_factory.mktemp("plans") / "signalbot.db"
    connection = connect_writer(path)
    migrate(connection, path)
    return connection


def _plan(connection: Connection, sql: str) -> list[str]:
    named = ALL_ROWS.values | {"signal_id": "", "first": "", "beyond": "", "now_ms": 0}
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("",) if "?" in sql else named)
    return [row["detail"] for row in rows]


@pytest.mark.parametrize("name", SQL)
def test_every_query_finds_its_rows_by_an_index(empty: Connection, name: str) -> None:
    """Only what the configuration bounds may be scanned from end to end."""
    for step in _plan(empty, SQL[name]):
        verb, _, rest = step.partition(" ")
        if verb == "SCAN" and "USING" not in rest and rest != "CONSTANT ROW":
            assert rest.split()[0] in SMALL, step


@pytest.mark.parametrize("name", sorted(set(SQL) - SORTED))
def test_listings_walk_an_index_in_order(empty: Connection, name: str) -> None:
    """So that the newest fifty cost fifty rows, however many there are."""
    assert not [step for step in _plan(empty, SQL[name]) if "ORDER BY" in step]
