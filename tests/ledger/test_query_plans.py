"""No query reads a whole table that grows for ever: each finds its rows through an index."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files

import pytest

from signalbot.ledger.sql import queries
from tests.ledger.ledger_fixtures import empty_ledger

GROWING = {
    "signals", "strategy_runs", "decisions", "signal_executions", "orders", "fills", "positions",
}  # fmt: skip
ALLOWED = {
    ("accounts", "put_user"): "children of a new user are looked for only while one is missing",
    ("views", "newest_signal_ids"): "takes the newest few from the end of an index",
}
"""Queries that may walk a whole index, and why that costs little."""

HOT = {
    ("executions", "claim_execution"): "SEARCH signals USING PRIMARY KEY (signal_id=?)",
    ("executions", "has_user_executed"): "(signal_id=? AND user_id=?)",
    ("executions", "execution"): "(signal_id=? AND user_id=?)",
    ("executions", "mark_executed"): "(signal_id=? AND user_id=?)",
    ("executions", "mark_failed"): "(signal_id=? AND user_id=?)",
    ("executions", "mark_unknown"): "(signal_id=? AND user_id=?)",
    ("executions", "unresolved_executions"): "USING INDEX executions_in_doubt (user_id=?)",
    ("signals", "signal"): "USING PRIMARY KEY (signal_id=?)",
    ("signals", "active_signals"): "USING INDEX signals_active (expires_at_ms>?)",
    ("signals", "expire_signals"): "USING INDEX signals_active (expires_at_ms<?)",
    ("signals", "cancel_signal"): "USING PRIMARY KEY (signal_id=?)",
    ("signals", "last_run"): "(strategy=? AND symbol=? AND timeframe=?)",
    ("trades", "order"): "USING PRIMARY KEY (client_order_id=?)",
    ("trades", "orders_of_position"): "USING INDEX orders_by_position (position_id=?)",
    ("trades", "unfinished_orders"): "USING INDEX orders_unfinished (user_id=?)",
    ("trades", "position"): "USING PRIMARY KEY (position_id=?)",
    ("trades", "open_positions"): "USING INDEX positions_one_open (user_id=?)",
    ("trades", "closed_since"): "USING INDEX positions_by_close (user_id=? AND closed_at_ms>?)",
    ("trades", "last_exit"): "USING INDEX fills_by_position (position_id=?)",
    ("trades", "entries_since"): "USING INDEX orders_by_user (user_id=? AND intended_at_ms>?)",
}
"""What trading waits for, and the index each must use."""


def _names() -> list[tuple[str, str]]:
    """Every named query of every file."""
    scripts = (each.name for each in files("signalbot.ledger").joinpath("sql").iterdir())
    names = [each.removesuffix(".sql") for each in scripts if re.fullmatch(r"[a-z_]+\.sql", each)]
    return [(name, query) for name in sorted(names) for query in queries(name)]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """The real tables and indexes."""
    with closing(empty_ledger(tmp_path_factory.mktemp("plans") / "a.db")) as connection:
        yield connection


def _plan(book: sqlite3.Connection, file: str, name: str) -> list[str]:
    sql = queries(file)[name]
    named = set(re.findall(r":(\w+)", sql))
    values = dict.fromkeys(named) if named else (None,) * sql.count("?")
    return [row["detail"] for row in book.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def _walked(book: sqlite3.Connection, file: str, name: str) -> set[str]:
    """Growing tables that a query reads from one end to the other."""
    sql = queries(file)[name]
    aliases = {alias: table for table, alias in re.findall(r"(?:FROM|JOIN)\s+(\w+)\s+(\w+)", sql)}
    walked = set()
    for step in _plan(book, file, name):
        found = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
        if found is None:
            continue
        table = aliases.get(found[1], found[1])
        if table in GROWING and not _is_partial(book, table, found[2]):
            walked.add(table)
    return walked


def _is_partial(book: sqlite3.Connection, table: str, index: str | None) -> bool:
    """Whether an index holds only the few rows that are not over yet."""
    rows = book.execute(f"PRAGMA index_list({table})")
    return any(row["name"] == index and row["partial"] for row in rows)


@pytest.mark.parametrize(("file", "name"), _names())
def test_no_query_walks_a_table_that_grows(book: sqlite3.Connection, file: str, name: str) -> None:
    """Unless it is named above with its reason; a reason that no longer applies has to go."""
    assert bool(_walked(book, file, name)) == ((file, name) in ALLOWED)


@pytest.mark.parametrize(("file", "name"), HOT)
def test_what_trading_waits_for_goes_straight_to_its_rows(
    book: sqlite3.Connection, file: str, name: str
) -> None:
    """By the whole key, or by an index made for it."""
    assert any(HOT[file, name] in step for step in _plan(book, file, name))


def test_every_query_has_a_name_of_its_own() -> None:
    """A second header of the same name would hide the first."""
    for file in {file for file, _ in _names()}:
        script = files("signalbot.ledger").joinpath(f"sql/{file}.sql").read_text()
        headers = re.findall(r"^-- (\w+) --$", script, re.MULTILINE)
        assert sorted(headers) == sorted(queries(file))
        assert headers


def test_the_test_distinguishes_a_scan_from_a_search(book: sqlite3.Connection) -> None:
    """One query that walks is known to walk."""
    assert _walked(book, "views", "newest_signal_ids") == {"signals"}
