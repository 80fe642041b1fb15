"""Stores signals, the strategy runs that created them, and users' decisions on them."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from signalbot.domain.executions import Decision
from signalbot.domain.signals import Signal, SignalId
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId
from signalbot.ledger.codec import Codec, insert
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("signals")
SIGNALS = Codec(Signal)
DECISIONS = Codec(Decision)


class RunOutcome(StrEnum):
    """How one run of a strategy on one candle ended."""

    SIGNAL = "signal"
    NO_SIGNAL = "no_signal"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRun:
    strategy: str
    symbol: str
    timeframe: Timeframe
    candle_close_ms: Ms
    started_at_ms: Ms
    duration_ms: int
    drift_ms: int  #: delay of the run after the candle's close
    outcome: RunOutcome
    signal_id: SignalId | None
    subscribers: int
    error: str | None = None


RUNS = Codec(StrategyRun)
_INSERT_SIGNAL = insert("signals", SIGNALS.columns, conflict="ON CONFLICT DO NOTHING")
_INSERT_RUN = insert("strategy_runs", RUNS.columns, conflict="ON CONFLICT DO NOTHING")
_INSERT_DECISION = insert("decisions", DECISIONS.columns, conflict="ON CONFLICT DO NOTHING")


class Signals:
    """Reads and writes signals, runs and decisions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, signal: Signal, run: StrategyRun | None = None) -> bool:
        """Store a signal and its run; False if the signal exists already."""
        return await self._database.write(lambda c: _store(c, signal, run))

    def record_run(self, run: StrategyRun) -> None:
        """Store a run without a signal, with the next commit."""
        row = RUNS.encode(run)
        self._database.write_later(lambda c: c.execute(_INSERT_RUN, row))

    async def last_run(self, strategy: str, symbol: str, timeframe: Timeframe) -> Ms | None:
        """Close time of the newest candle that the strategy ran on."""
        key = (strategy, symbol, timeframe)
        rows = await self._database.query(_SQL["last_run"], key)
        return None if rows[0]["close_ms"] is None else Ms(rows[0]["close_ms"])

    async def record_decision(self, decision: Decision) -> None:
        """Store a user's decision on a signal; an existing one stays."""
        row = DECISIONS.encode(decision)
        await self._database.execute(_INSERT_DECISION, row)

    def record_decision_later(self, decision: Decision) -> None:
        """``record_decision`` with the next commit, without waiting."""
        row = DECISIONS.encode(decision)
        self._database.write_later(lambda c: c.execute(_INSERT_DECISION, row))

    async def signal(self, signal_id: SignalId) -> Signal | None:
        sql = _SQL["signal"]
        rows = await self._database.query(sql, (signal_id,))
        return SIGNALS.decode(rows[0]) if rows else None

    async def active(self, now_ms: Ms) -> list[Signal]:
        """Signals that may still be executed, oldest first."""
        sql = _SQL["active_signals"]
        rows = await self._database.query(sql, (now_ms,))
        return [SIGNALS.decode(row) for row in rows]

    async def undecided_users(self, signal_id: SignalId) -> list[UserId]:
        """Subscribers without a decision on the signal."""
        sql, key = _SQL["undecided_users"], {"signal_id": signal_id}
        rows = await self._database.query(sql, key)
        return [UserId(row["user_id"]) for row in rows]

    async def expire(self, now_ms: Ms) -> list[SignalId]:
        """Set ACTIVE signals past their expiry to EXPIRED; return them."""
        sql = _SQL["expire_signals"]
        rows = await self._database.execute(sql, (now_ms,))
        return [SignalId(row["signal_id"]) for row in rows]

    async def cancel(self, signal_id: SignalId, *, now_ms: Ms) -> bool:
        """Cancel an ACTIVE signal, so that it is not executed; False if it is not ACTIVE."""
        sql = _SQL["cancel_signal"]
        values = {"signal_id": signal_id, "now_ms": now_ms}
        return bool(await self._database.execute(sql, values))


def _store(connection: sqlite3.Connection, signal: Signal, run: StrategyRun | None) -> bool:
    stored = connection.execute(_INSERT_SIGNAL, SIGNALS.encode(signal)).rowcount == 1
    if run is not None:
        connection.execute(_INSERT_RUN, RUNS.encode(run))
    return stored


def insert_decision(connection: sqlite3.Connection, decision: Decision) -> None:
    """Store a decision in the caller's transaction; an existing one stays."""
    connection.execute(_INSERT_DECISION, DECISIONS.encode(decision))
