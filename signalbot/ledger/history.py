"""Reads everything that a report over a ledger's whole time needs.

Reads it all at once on a separate connection: for use after a replay, not in a running daemon.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from signalbot.domain.errors import LedgerError
from signalbot.domain.positions import Position
from signalbot.domain.signals import SignalId
from signalbot.domain.users import Mode, UserId
from signalbot.ledger.booking import POSITIONS
from signalbot.ledger.codec import Codec
from signalbot.ledger.connection import connect_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedUser:
    """A user's fields in a report."""

    user_id: UserId
    mode: Mode
    paper_balance: Decimal  #: initial balance of a simulated account


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRuns:
    """The runs of one strategy, by outcome."""

    name: str
    kind: str
    timeframe: str
    runs: int
    signals: int
    failed_runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHistory:
    users: Sequence[ReportedUser]  #: without removed ones
    strategies: Sequence[StrategyRuns]  #: without removed ones
    positions: Mapping[UserId, Sequence[Position]]  #: in the order of opening
    refusals: Mapping[
        UserId, Mapping[str, int]
    ]  #: skipped signals by code, the most frequent first
    executions: Mapping[UserId, Mapping[str, int]]  #: by status
    reasons: Mapping[SignalId, str]  #: of every signal with a position


_USERS: Final = Codec(ReportedUser)
_STRATEGIES: Final = Codec(StrategyRuns)

_SELECT_USERS: Final = (
    "SELECT user_id, mode, paper_balance FROM users WHERE status <> 'REMOVED' ORDER BY user_id"
)
_SELECT_STRATEGIES: Final = """
SELECT s.name, s.kind, s.timeframe,
       count(*) FILTER (WHERE r.outcome <> 'skipped') AS runs,
       count(*) FILTER (WHERE r.outcome = 'signal') AS signals,
       count(*) FILTER (WHERE r.outcome = 'failed') AS failed_runs
  FROM strategies s LEFT JOIN strategy_runs r ON r.strategy = s.name
 WHERE s.status <> 'REMOVED' GROUP BY s.name ORDER BY s.name
"""
_SELECT_POSITIONS: Final = "SELECT * FROM positions ORDER BY opened_at_ms, position_id"
_SELECT_SKIPS: Final = """
SELECT user_id, code AS name, count(*) AS n FROM decisions
 WHERE outcome = 'SKIP' GROUP BY user_id, code ORDER BY user_id, n DESC, code
"""
_SELECT_EXECUTIONS: Final = """
SELECT user_id, status AS name, count(*) AS n FROM signal_executions
 GROUP BY user_id, status ORDER BY user_id, n DESC, status
"""
_SELECT_REASONS: Final = """
SELECT signal_id, reason FROM signals
 WHERE signal_id IN (SELECT signal_id FROM positions) ORDER BY signal_id
"""


def read_ledger_history(path: Path) -> LedgerHistory:
    """Read the ledger at ``path`` in one snapshot.

    Raises:
        LedgerError: it is missing or cannot be read.
    """
    try:
        with closing(connect_reader(path)) as connection:
            connection.execute("BEGIN")
            return _read(connection)
    except sqlite3.Error as e:
        raise LedgerError(f"{path}: cannot read: {e}") from e


def _read(connection: sqlite3.Connection) -> LedgerHistory:
    positions: dict[UserId, list[Position]] = {}
    for row in connection.execute(_SELECT_POSITIONS):
        positions.setdefault(UserId(row["user_id"]), []).append(POSITIONS.decode(row))
    return LedgerHistory(
        users=tuple(map(_USERS.decode, connection.execute(_SELECT_USERS))),
        strategies=tuple(map(_STRATEGIES.decode, connection.execute(_SELECT_STRATEGIES))),
        positions=positions,
        refusals=_counts(connection.execute(_SELECT_SKIPS)),
        executions=_counts(connection.execute(_SELECT_EXECUTIONS)),
        reasons={
            SignalId(row["signal_id"]): row["reason"] for row in connection.execute(_SELECT_REASONS)
        },
    )


def _counts(rows: sqlite3.Cursor) -> dict[UserId, dict[str, int]]:
    counts: dict[UserId, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(UserId(row["user_id"]), {})[row["name"]] = row["n"]
    return counts
