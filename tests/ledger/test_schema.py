"""The tables themselves refuse what cannot be: a bug in a query is stopped by the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from signalbot.domain.orders import OrderSide
from signalbot.domain.timeframe import Timeframe
from signalbot.ledger.booking import FILLS, POSITIONS
from signalbot.ledger.codec import insert
from signalbot.ledger.executions import EXECUTIONS
from signalbot.ledger.order_rows import PROGRESS, REQUESTS
from signalbot.ledger.signals import DECISIONS, RUNS, SIGNALS, RunOutcome, StrategyRun
from tests.domain.samples import NOW, ORDER, POSITION, SIGNAL, fill
from tests.ledger.ledger_fixtures import approved, empty_ledger, pending

RUN = StrategyRun(
    strategy="trend",
    symbol="BTC/USDT:USDT",
    timeframe=Timeframe.M5,
    candle_close_ms=NOW,
    started_at_ms=NOW,
    duration_ms=1,
    drift_ms=2,
    outcome=RunOutcome.NO_SIGNAL,
    signal_id=None,
    subscribers=2,
)
Cells = dict[str, object]


def _cells(columns: tuple[str, ...], cells: tuple[object, ...]) -> Cells:
    return dict(zip(columns, cells, strict=True))


ROWS: dict[str, Cells] = {
    "users": {
        "user_id": "anna", "mode": "paper", "exchange": "sim", "leverage": 1,
        "margin_mode": "isolated", "paper_balance": "10000", "status": "ACTIVE",
        "status_reason": "", "origin": "config", "updated_at_ms": 1,
    },
    "strategies": {
        "name": "trend", "kind": "ema_cross", "exchange": "sim", "symbols": "[]",
        "timeframe": "5m", "signal_ttl_ms": 1, "params": "{}", "status": "ACTIVE",
        "origin": "config", "updated_at_ms": 1,
    },
    "subscriptions": {
        "subscription_id": "anna/trend", "user_id": "anna", "strategy": "trend",
        "status": "ACTIVE", "origin": "config", "updated_at_ms": 1,
    },
    "signals": _cells(SIGNALS.columns, SIGNALS.encode(SIGNAL)),
    "strategy_runs": _cells(RUNS.columns, RUNS.encode(RUN)),
    "decisions": _cells(DECISIONS.columns, DECISIONS.encode(approved(SIGNAL))),
    "signal_executions": _cells(EXECUTIONS.columns, EXECUTIONS.encode(pending(SIGNAL))),
    "orders": _cells(
        REQUESTS.columns + PROGRESS.columns,
        REQUESTS.encode(ORDER.request) + PROGRESS.encode(ORDER),
    ),
    "fills": _cells(FILLS.columns, FILLS.encode(fill(OrderSide.BUY, 1, 100)))
    | {"exchange": "sim", "user_id": "anna"},
    "positions": _cells(POSITIONS.columns, POSITIONS.encode(POSITION)),
}  # fmt: skip
"""One good row of every table, in an order in which they can be written."""

INVALID_VALUES = [
    ("users", "mode"), ("users", "margin_mode"), ("users", "status"), ("users", "origin"),
    ("strategies", "status"), ("strategies", "origin"),
    ("subscriptions", "status"), ("subscriptions", "origin"),
    ("signals", "action"), ("signals", "strength"), ("signals", "status"),
    ("strategy_runs", "outcome"), ("decisions", "outcome"),
    ("signal_executions", "mode"), ("signal_executions", "status"),
    ("orders", "leg"), ("orders", "side"), ("orders", "type"), ("orders", "status"),
    ("fills", "side"),
    ("positions", "side"), ("positions", "mode"), ("positions", "status"),
    ("positions", "stop_kind"),
]  # fmt: skip

NOT_THERE = [
    ("subscriptions", "user_id"), ("subscriptions", "strategy"), ("signals", "strategy"),
    ("strategy_runs", "signal_id"), ("decisions", "signal_id"), ("decisions", "user_id"),
    ("signal_executions", "signal_id"), ("signal_executions", "user_id"),
    ("orders", "user_id"), ("orders", "signal_id"), ("fills", "user_id"),
    ("positions", "user_id"), ("positions", "signal_id"),
]  # fmt: skip

OUT_OF_BOUNDS = [
    ("signals", "confidence", 1.5), ("signals", "confidence", -0.1),
    ("signals", "expires_at_ms", SIGNAL.created_at_ms),
    ("signal_executions", "ai_decision_applied", 2),
    ("orders", "reduce_only", 2), ("fills", "forced", "no"),
]  # fmt: skip


@pytest.fixture
def book(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A ledger with one good row in every table."""
    with closing(empty_ledger(tmp_path / "a.db")) as connection:
        for table in ROWS:
            _put(connection, table)
        yield connection


def _put(book: sqlite3.Connection, table: str, **changes: object) -> None:
    """Write the good row of a table, with ``changes``, in the place of the one there is.

    The rows of later tables go first: no orphan may wait for the row to come.
    """
    cells = ROWS[table] | changes
    names = list(ROWS)
    for later in reversed(names[names.index(table) :]):
        book.execute(f"DELETE FROM {later}")
    book.execute(insert(table, tuple(cells)), tuple(cells.values()))


@pytest.mark.parametrize("table", ROWS)
def test_a_good_row_is_taken(book: sqlite3.Connection, table: str) -> None:
    """So that what follows is refused for the one thing that is wrong with it."""
    _put(book, table)
    assert book.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 1


@pytest.mark.parametrize(("table", "column"), INVALID_VALUES)
def test_a_word_that_means_nothing_is_refused(
    book: sqlite3.Connection, table: str, column: str
) -> None:
    """Every state is one of a few words, and case matters."""
    word = str(ROWS[table][column])
    for wrong in ("nonsense", "", word.swapcase()):
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            _put(book, table, **{column: wrong})


@pytest.mark.parametrize(("table", "column"), NOT_THERE)
def test_a_row_must_refer_to_one_that_is_there(
    book: sqlite3.Connection, table: str, column: str
) -> None:
    """No execution without its signal, no fill without its user."""
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        _put(book, table, **{column: "nobody"})


@pytest.mark.parametrize(("table", "column", "value"), OUT_OF_BOUNDS)
def test_a_number_out_of_bounds_is_refused(
    book: sqlite3.Connection, table: str, column: str, value: float
) -> None:
    """A probability, a flag, a signal that expires before it is made."""
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        _put(book, table, **{column: value})


@pytest.mark.parametrize("table", ROWS)
def test_a_column_keeps_its_type(book: sqlite3.Connection, table: str) -> None:
    """STRICT: bytes are no text, text is no number, and what must be there cannot be left out."""
    for column in book.execute(f"PRAGMA table_info({table})").fetchall():
        wrong = b"\x00" if column["type"] == "TEXT" else "many"
        with pytest.raises(sqlite3.IntegrityError, match="cannot store"):
            _put(book, table, **{column["name"]: wrong})
        if column["notnull"]:
            with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
                _put(book, table, **{column["name"]: None})


def test_every_table_of_the_ledger_is_strict(book: sqlite3.Connection) -> None:
    """Those of a simulated exchange as well."""
    tables = book.execute("PRAGMA table_list").fetchall()
    mine = [
        row for row in tables if row["schema"] == "main" and not row["name"].startswith("sqlite_")
    ]
    assert len(mine) > len(ROWS)
    assert [row["name"] for row in mine if not row["strict"]] == []


@pytest.mark.parametrize(
    ("table", "other"),
    [
        ("signal_executions", {"subscription_id": "other", "mode": "live"}),
        ("decisions", {"outcome": "SKIP", "code": "COOLDOWN"}),
        ("fills", {"quantity": "2", "client_order_id": "other"}),
        ("strategy_runs", {"outcome": "failed"}),
        ("subscriptions", {"subscription_id": "other"}),
        ("orders", {"status": "filled"}),
        ("positions", {"position_id": "another"}),
    ],
)
def test_what_must_happen_once_cannot_be_there_twice(
    book: sqlite3.Connection, table: str, other: Cells
) -> None:
    """One execution and decision per signal and user, one open position per account and symbol."""
    cells = ROWS[table] | other
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        book.execute(insert(table, tuple(cells)), tuple(cells.values()))


def test_closed_positions_allow_new_ones(book: sqlite3.Connection) -> None:
    """Only one may be open; any number may have been."""
    book.execute("UPDATE positions SET status = 'CLOSED'")
    for number in range(3):
        cells = ROWS["positions"] | {"position_id": f"{number}", "status": "CLOSED"}
        book.execute(insert("positions", tuple(cells)), tuple(cells.values()))
    cells = ROWS["positions"] | {"position_id": "open"}
    book.execute(insert("positions", tuple(cells)), tuple(cells.values()))
    cells = cells | {"position_id": "second", "status": "CLOSING"}
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        book.execute(insert("positions", tuple(cells)), tuple(cells.values()))
