"""What is written is what is read: every object survives its row, through SQLite itself."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.executions import Decision, DecisionFacts, Execution
from signalbot.domain.orders import ClientOrderId, Fill, Order, OrderRequest
from signalbot.domain.positions import Position, TakeProfit
from signalbot.domain.signals import PositionId, Side, Signal, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Mode, UserId
from signalbot.ledger.booking import FILLS, POSITIONS
from signalbot.ledger.codec import Codec, insert
from signalbot.ledger.executions import EXECUTIONS
from signalbot.ledger.order_rows import PROGRESS, REQUESTS, decode_order
from signalbot.ledger.signals import DECISIONS, RUNS, SIGNALS, StrategyRun
from tests.domain.samples import POSITION, SIGNAL
from tests.ledger.ledger_fixtures import approved, empty_ledger

MONEY = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**20), 10**20),
    st.integers(-18, 8),
)
INSTANTS = st.integers(0, 2**62).map(Ms)
TEXTS = st.text(max_size=8)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | st.floats(allow_nan=False)
)
KINDS: dict[Any, st.SearchStrategy[Any]] = {
    Decimal: MONEY,
    Ms: INSTANTS,
    str: TEXTS,
    int: st.integers(-(2**62), 2**62),
    bool: st.booleans(),
    float: st.floats(0, 1),
    SignalId: TEXTS,
    PositionId: TEXTS,
    ClientOrderId: TEXTS,
    UserId: TEXTS,
    Mode: st.sampled_from((Mode.PAPER, Mode.LIVE)),
    tuple[TakeProfit, ...]: st.lists(st.builds(TakeProfit, MONEY, MONEY), max_size=3).map(tuple),
    tuple[Decimal, ...]: st.lists(MONEY, max_size=3).map(tuple),
    DecisionFacts: st.dictionaries(TEXTS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4),
}


def _any(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of this type may have."""
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(_any, get_args(hint)))
    if hint is NoneType:
        return st.none()
    return KINDS[hint] if hint in KINDS else st.sampled_from(hint)


def _things(kind: type[Any], **special: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any object of a dataclass, every field filled in."""
    hints = get_type_hints(kind)
    given = {name: _any(hints[name]) for name in hints if name not in special}
    return st.builds(kind, **given, **special)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """The real tables, empty; what an object refers to need not be there."""
    with closing(empty_ledger(tmp_path_factory.mktemp("codec") / "a.db")) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        yield connection


def _stored(
    book: sqlite3.Connection, table: str, columns: tuple[str, ...], cells: tuple[object, ...]
) -> sqlite3.Row:
    """The row that SQLite keeps of ``cells``."""
    book.execute("BEGIN")
    try:
        book.execute(insert(table, columns), cells)
        row: sqlite3.Row = book.execute(f"SELECT * FROM {table}").fetchone()
    finally:
        book.execute("ROLLBACK")
    return row


def _survives(book: sqlite3.Connection, table: str, codec: Codec[Any], value: object) -> None:
    row = _stored(book, table, codec.columns, codec.encode(value))
    assert codec.decode(row) == value


SIGNALS_OF_ANY_KIND = _things(
    Signal,
    exit_percent=MONEY.map(abs).filter(lambda percent: 0 < percent <= 100),
    take_profits=st.just((Decimal(1), Decimal(2))),
    take_profit_shares=st.just(()) | st.tuples(MONEY, MONEY),
    price=st.none() | MONEY.filter(bool).map(abs),
    created_at_ms=st.just(1),
    expires_at_ms=INSTANTS.map(lambda ms: ms + 2),
)


@settings(max_examples=50)
@given(SIGNALS_OF_ANY_KIND)
def test_a_signal_survives(book: sqlite3.Connection, signal: Signal) -> None:
    """With or without price, stop, candle and timeframe."""
    _survives(book, "signals", SIGNALS, signal)


@settings(max_examples=50)
@given(_things(Execution))
def test_an_execution_survives(book: sqlite3.Connection, execution: Execution) -> None:
    """Pending or settled in any way."""
    _survives(book, "signal_executions", EXECUTIONS, execution)


@settings(max_examples=50)
@given(_things(Position))
def test_a_position_survives(book: sqlite3.Connection, position: Position) -> None:
    """With its targets and what it has earned."""
    _survives(book, "positions", POSITIONS, position)


@settings(max_examples=50)
@given(_things(Decision))
def test_a_decision_survives(book: sqlite3.Connection, decision: Decision) -> None:
    """With the numbers behind it, JSON as it is."""
    _survives(book, "decisions", DECISIONS, decision)


@settings(max_examples=50)
@given(_things(StrategyRun))
def test_a_run_survives(book: sqlite3.Connection, run: StrategyRun) -> None:
    """With or without a signal or an error."""
    _survives(book, "strategy_runs", RUNS, run)


@settings(max_examples=50)
@given(_things(Fill))
def test_a_fill_survives(book: sqlite3.Connection, fill: Fill) -> None:
    """Beside the account it belongs to."""
    columns = ("exchange", "user_id", *FILLS.columns)
    row = _stored(book, "fills", columns, ("sim", "anna", *FILLS.encode(fill)))
    assert FILLS.decode(row) == fill


@settings(max_examples=50)
@given(_things(Order, request=_things(OrderRequest)))
def test_an_order_survives(book: sqlite3.Connection, order: Order) -> None:
    """The request and its state share one row."""
    row = _stored(
        book,
        "orders",
        REQUESTS.columns + PROGRESS.columns,
        REQUESTS.encode(order.request) + PROGRESS.encode(order),
    )
    assert decode_order(row) == order


@given(MONEY.filter(bool).map(abs))
def test_money_is_stored_as_plain_digits(book: sqlite3.Connection, price: Decimal) -> None:
    """Text that other programs can read: no exponent, no binary float in between."""
    cells = SIGNALS.encode(replace(SIGNAL, price=price, take_profits=(price,)))
    row = _stored(book, "signals", SIGNALS.columns, cells)
    assert isinstance(row["price"], str)
    assert set(row["price"]) <= set("-.0123456789")
    assert json.loads(row["take_profits"]) == [row["price"]]


def test_decimals_and_tuples_within_facts_become_text_and_lists(book: sqlite3.Connection) -> None:
    """Facts are JSON: a number keeps its digits, an enum is its word."""
    facts = {"limit": Decimal("1E-8"), "symbols": ("a", "b"), "side": Side.LONG, "age_ms": 5}
    decision = replace(approved(SIGNAL), detail=facts)
    row = _stored(book, "decisions", DECISIONS.columns, DECISIONS.encode(decision))
    assert DECISIONS.decode(row).detail == {
        "limit": "0.00000001",
        "symbols": ["a", "b"],
        "side": "LONG",
        "age_ms": 5,
    }


def test_targets_are_stored_by_name(book: sqlite3.Connection) -> None:
    """So that a reader of the table knows which number is which."""
    position = replace(POSITION, take_profits=(TakeProfit(Decimal("1E+2"), Decimal("0.50")),))
    row = _stored(book, "positions", POSITIONS.columns, POSITIONS.encode(position))
    assert json.loads(row["take_profits"]) == [{"price": "100", "quantity": "0.50"}]


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("signals", SIGNALS.columns),
        ("signal_executions", EXECUTIONS.columns),
        ("positions", POSITIONS.columns),
        ("decisions", DECISIONS.columns),
        ("strategy_runs", RUNS.columns),
        ("fills", ("exchange", "user_id", "position_id", *FILLS.columns)),
        ("orders", REQUESTS.columns + PROGRESS.columns),
    ],
)
def test_every_column_has_a_field_and_every_field_a_column(
    book: sqlite3.Connection, table: str, columns: tuple[str, ...]
) -> None:
    """Nothing of an object is left out, and no column stays empty for ever."""
    kept = [row["name"] for row in book.execute(f"PRAGMA table_info({table})")]
    assert sorted(kept) == sorted(columns)
