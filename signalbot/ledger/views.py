"""Read-only listings of the ledger for the command line and the API, newest first.

A row is a mapping by column name: money and quantities are decimal text, instants end in ``_ms``,
JSON columns are parsed, and flags are booleans.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from signalbot.domain.errors import LedgerError
from signalbot.domain.money import ZERO, text
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.connection import APPLICATION_ID, connect_reader
from signalbot.ledger.migrations import migrations
from signalbot.ledger.sql import queries

"""The ledger's file in the state directory."""

FOREVER = Ms(2**62)
"""Later than any instant."""

Connection = sqlite3.Connection
Row = dict[str, Any]

_SQL = queries("views")
_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "take_profits": json.loads,
    "take_profit_shares": json.loads,
    "detail": json.loads,
    "symbols": json.loads,
    "params": json.loads,
    "reduce_only": bool,
    "ai_decision_applied": bool,
}
_FEE_ALLOWANCE = Decimal("0.98")  # a fee in the base currency may be booked later
_UNRESOLVED = ("pending", "unknown")
_UNFINISHED = ("intended", "open", "partially_filled", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Filters of a listing; None: no filter."""

    user: str | None = None
    strategy: str | None = None
    symbol: str | None = None  #: a glob, case-sensitive
    status: str | None = None
    mode: str | None = None
    since_ms: Ms = EPOCH  #: inclusive, by the time the listing is ordered by
    until_ms: Ms = FOREVER  #: exclusive, by the same time
    code: str | None = None  #: of a user's decisions on signals
    limit: int | None = None

    @property
    def values(self) -> Row:
        return {
            "user": self.user,
            "strategy": self.strategy,
            "symbol": self.symbol,
            "status": self.status,
            "mode": self.mode,
            "code": self.code,
            "since_ms": self.since_ms,
            "until_ms": self.until_ms,
            "limit": -1 if self.limit is None else self.limit,
        }


ALL_ROWS = Selection()


@contextmanager
def open_ledger(path: Path) -> Iterator[Connection]:
    """Open the ledger at ``path`` read-only, with or without a running daemon.

    Raises:
        LedgerError: it is missing, cannot be read, or has another schema.
    """
    if not path.is_file():
        raise LedgerError(f"{path}: ledger not found")
    try:
        connection = connect_reader(path)
        try:
            _check_schema(connection, path)
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as e:
        raise LedgerError(f"{path}: cannot read: {e}") from e


@contextmanager
def read_snapshot(connection: Connection) -> Iterator[None]:
    """Read a consistent snapshot within the block, which should be short."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _check_schema(connection: Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LedgerError(f"{path}: not a signalbot ledger")
    version, supported = (
        connection.execute("PRAGMA user_version").fetchone()[0],
        migrations()[-1][0],
    )
    if version > supported:
        raise LedgerError(
            f"{path}: schema {version} was written by a newer signalbot; this one knows {supported}"
        )
    if version < supported:
        raise LedgerError(
            f"{path}: schema {version} was written by an older signalbot; 'signalbot run' migrates "
            f"it to {supported}"
        )


@dataclass(frozen=True, slots=True)
class LedgerTime:
    """The current time of a ledger; replays and fast simulations have their own."""

    clock_ms: Ms  #: of the local clock
    last_ms: Ms | None  #: the latest instant in the ledger; None when it is empty


def ledger_time(connection: Connection) -> LedgerTime:
    row = connection.execute(_SQL["moment"]).fetchone()
    return LedgerTime(Ms(row["clock_ms"]), row["last_ms"])


def user_ids(connection: Connection) -> list[str]:
    """All users, including removed ones."""
    return [row[0] for row in connection.execute(_SQL["user_ids"])]


def strategy_names(connection: Connection) -> list[str]:
    """All strategies, including removed ones."""
    return [row[0] for row in connection.execute(_SQL["strategy_names"])]


def users(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    return _rows(connection, "users", selection.values)


def strategies(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    return _rows(connection, "strategies", selection.values)


def subscriptions(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    return _rows(connection, "subscriptions", selection.values)


def last_runs(connection: Connection) -> list[Row]:
    """The newest run of every active strategy and symbol; nulls without a run."""
    return _rows(connection, "last_runs", {})


def signals(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    """Signals; with a user, those with a decision of the user, and that decision."""
    if selection.user is not None:
        return _rows(connection, "signals_of_user", selection.values)
    name = "signals_active" if selection.status == "ACTIVE" else "signals"
    return _rows(connection, name, selection.values)


def skips(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    """Skipped signals by user and code, the most frequent first."""
    users_read = user_ids(connection) if selection.user is None else [selection.user]
    rows = (
        row
        for user in users_read
        for row in _rows(connection, "skips", selection.values | {"user": user})
    )
    return sorted(rows, key=lambda row: (row["user_id"], -row["signals"], row["code"]))


def executions(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    """Executions with the fields of their signals."""
    if selection.status in _UNRESOLVED:
        return _rows(connection, "unresolved_executions", selection.values)
    name = "executions" if selection.user is None else "executions_of_user"
    return _rows(connection, name, selection.values)


def orders(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    """Orders with the strategy of their signals."""
    if selection.status in _UNFINISHED:
        return _rows(connection, "orders_unfinished", selection.values)
    return _newest(connection, "orders_of_user", selection, by="intended_at_ms")


def orders_of_position(connection: Connection, position_id: str) -> list[Row]:
    """All orders of one position, oldest first."""
    return _rows(connection, "orders_of_position", (position_id,))


def open_positions(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    rows = _rows(connection, "positions_open", selection.values)
    return [_with_net(_with_protection(row)) for row in rows]


def positions(connection: Connection, selection: Selection = ALL_ROWS) -> list[Row]:
    """Positions, open and closed."""
    rows = _newest(connection, "positions_of_user", selection, by="opened_at_ms")
    return [_with_net(_with_protection(row)) for row in rows]


def closed_positions(connection: Connection, selection: Selection) -> Iterator[sqlite3.Row]:
    """Results of the positions closed since ``selection.since_ms``; possibly very many."""
    return connection.execute(_SQL["positions_closed"], selection.values)


def signal(connection: Connection, signal_id: str) -> Row | None:
    found = _rows(connection, "signal", (signal_id,))
    return found[0] if found else None


def signal_ids(connection: Connection, *, prefix: str, limit: int) -> list[str]:
    """Signal ids with ``prefix``, in ascending order."""
    beyond = f"{prefix}\N{DELETE}"  # ids are ASCII
    values = {"first": prefix, "beyond": beyond, "limit": limit}
    return [row[0] for row in connection.execute(_SQL["signal_ids_between"], values)]


def newest_signal_ids(connection: Connection, *, limit: int) -> list[str]:
    return [row[0] for row in connection.execute(_SQL["newest_signal_ids"], {"limit": limit})]


def signal_outcomes(connection: Connection, signal_id: str) -> list[Row]:
    """Decision, execution, entry order and position of each user for one signal.

    Subscribers without a decision have nulls. Executions come first, then skips.
    """
    return [
        _with_net(row) for row in _rows(connection, "signal_outcomes", {"signal_id": signal_id})
    ]


def overview(connection: Connection, *, now_ms: Ms) -> Row:
    """An overview: halts, users, open positions, active signals, unresolved executions."""
    return {
        "halted": _state(connection, "halted"),
        "disk_low": _state(connection, "disk_low"),
        "away": _rows(connection, "ongoing_outages", {}),
        "users": _rows(connection, "users_by_status", {}),
        "users_not_trading": _rows(connection, "users_not_trading", {}),
        "open_positions": _count_of(connection, "count_open_positions"),
        "active_signals": _count_of(connection, "count_active_signals", {"now_ms": now_ms}),
        "executions_in_doubt": _count_of(connection, "count_unresolved"),
        "strategies": last_runs(connection),
    }


def _state(connection: Connection, key: str) -> Any:
    row = connection.execute(_SQL["state"], (key,)).fetchone()
    return None if row is None else json.loads(row[0])


def _rows(connection: Connection, name: str, values: Row | tuple[str, ...]) -> list[Row]:
    return [_row(row) for row in connection.execute(_SQL[name], values)]


def _newest(connection: Connection, name: str, selection: Selection, *, by: str) -> list[Row]:
    """The newest rows of all users, merged from one index walk per user.

    An index over all users would cost each order a write, only for this listing.
    """
    users_read = user_ids(connection) if selection.user is None else [selection.user]
    walks = (
        connection.execute(_SQL[name], selection.values | {"user": each}) for each in users_read
    )
    newest = merge(*walks, key=itemgetter(by), reverse=True)
    return [_row(row) for row in islice(newest, selection.limit)]


def _row(row: sqlite3.Row) -> Row:
    return {
        name: _CONVERTERS[name](row[name])
        if name in _CONVERTERS and row[name] is not None
        else row[name]
        for name in row.keys()  # noqa: SIM118 - iterating a sqlite3.Row gives its values
    }


def _with_protection(row: Row) -> Row:
    """``row`` with the position's protection; null once it is closed."""
    stops = [tuple(map(Decimal, stop)) for stop in json.loads(row.pop("stops"))]
    covered = sum((quantity - filled for quantity, filled in stops), ZERO)
    held = Decimal(row["quantity"])
    if row["status"] == "CLOSED":
        return row | {"protection": None, "protected_quantity": None}
    if not covered:
        state = "no stop wanted" if row["stop_loss"] is None else "MISSING"
    else:
        least = held if ":" in row["symbol"] else held * _FEE_ALLOWANCE
        state = "confirmed" if covered >= least else "PARTIAL"
    return row | {"protection": state, "protected_quantity": text(min(covered, held))}


def _with_net(row: Row) -> Row:
    """``row`` with the position's profit after fees and funding; null without a position."""
    realized = row["realized_pnl"]
    if realized is None:
        return row | {"net_pnl": None}
    net = Decimal(realized) - Decimal(row["fees"]) + Decimal(row["funding"])
    return row | {"net_pnl": text(net)}


def _count_of(connection: Connection, name: str, values: Row | tuple[str, ...] = ()) -> int:
    return int(connection.execute(_SQL[name], values).fetchone()[0])
