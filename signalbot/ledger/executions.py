"""Executions: the sole right to act on one signal for one user, and what came of it."""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum, auto
from statistics import fmean

from signalbot.domain.codes import Code
from signalbot.domain.money import text
from signalbot.domain.orders import OrderRequest
from signalbot.domain.signals import (
    Decision,
    Execution,
    ExecutionStatus,
    SignalId,
    SignalStatistics,
)
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.codec import Codec
from signalbot.ledger.database import Database
from signalbot.ledger.order_rows import insert_order_intents
from signalbot.ledger.signals import insert_decision
from signalbot.ledger.sql import queries

_SQL = queries("executions")
EXECUTIONS = Codec(Execution)


MAX_SLIPPAGES_READ = 400
"""Of an account's latest entries: enough to know what each of its markets costs."""


class ClaimResult(Enum):
    """What came of trying to claim an execution. Only WON allows anything to be sent."""

    WON = auto()
    DUPLICATE = auto()
    NOT_ACTIVE = auto()


class Executions:
    """Claims and their outcomes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, execution: Execution, decision: Decision, intents: Sequence[OrderRequest]
    ) -> ClaimResult:
        """Take the sole right to act on one signal for one user, durably, before the wire.

        Execution, decision and order intents are committed together or not at all. What is known
        of orders already sent is written first: a stop may wait for it.
        """
        return await self._database.write(
            lambda c: _claim(c, execution, decision, intents), low_priority=True
        )

    async def has_user_executed(self, signal_id: SignalId, user_id: UserId) -> bool:
        """Whether this user has claimed this signal, whatever came of it."""
        return await self._database.read(lambda c: _exists(c, signal_id, user_id))

    async def execution(self, signal_id: SignalId, user_id: UserId) -> Execution | None:
        sql, key = _SQL["execution"], (signal_id, user_id)
        rows = await self._database.query(sql, key)
        return EXECUTIONS.decode(rows[0]) if rows else None

    async def executions(self, signal_id: SignalId) -> list[Execution]:
        """All users' executions of one signal, in the order they were claimed."""
        sql = _SQL["executions_of_signal"]
        rows = await self._database.query(sql, (signal_id,))
        return [EXECUTIONS.decode(row) for row in rows]

    async def unresolved_executions(self, user_id: UserId) -> list[Execution]:
        """Claimed executions whose outcome the ledger does not know."""
        sql = _SQL["unresolved_executions"]
        rows = await self._database.query(sql, (user_id,))
        return [EXECUTIONS.decode(row) for row in rows]

    async def latest_slippages(self, user_id: UserId) -> list[tuple[str, Decimal]]:
        """Symbol and slippage in basis points of the latest entries at market, oldest first."""
        sql = _SQL["latest_slippages"]
        rows = await self._database.query(sql, (user_id, MAX_SLIPPAGES_READ))
        return [(row["symbol"], Decimal(row["slippage_bps"])) for row in reversed(rows)]

    async def mark_failed(
        self, signal_id: SignalId, user_id: UserId, *, reason: Code, details: str, now_ms: Ms
    ) -> None:
        """The execution came to nothing: rejected, or proven never to have arrived."""
        values = {
            "signal_id": signal_id,
            "user_id": user_id,
            "failed_at_ms": now_ms,
            "failure_reason": reason,
            "error_details": details,
        }
        await self._database.execute(_SQL["mark_failed"], values)

    async def mark_unknown(self, signal_id: SignalId, user_id: UserId, *, details: str) -> None:
        """No trustworthy answer came: in doubt until looked up."""
        values = {"signal_id": signal_id, "user_id": user_id, "error_details": details}
        await self._database.execute(_SQL["mark_unknown"], values)

    async def mark_executed(self, execution: Execution) -> None:
        """The execution was filled, wholly or in part: keep price, quantity, slippage, latency."""
        await self._database.write(lambda c: update_execution(c, execution))

    async def statistics(self, signal_id: SignalId) -> SignalStatistics:
        """All executions of a signal: how many, their slippage and latency by status."""
        executions = await self.executions(signal_id)
        counts = await self._database.query(_SQL["decision_counts"], (signal_id,))
        return summarize(signal_id, executions, {row["code"]: row["n"] for row in counts})


def summarize(
    signal_id: SignalId, executions: Sequence[Execution], decisions_by_code: dict[str, int]
) -> SignalStatistics:
    """Count executions and average what they measured, by status."""
    groups: dict[ExecutionStatus, list[Execution]] = {}
    for execution in executions:
        groups.setdefault(execution.status, []).append(execution)
    slips = {
        status: [each.slippage_bps for each in group if each.slippage_bps is not None]
        for status, group in groups.items()
    }
    delays = {
        status: [each.latency_ms for each in group if each.latency_ms is not None]
        for status, group in groups.items()
    }
    return SignalStatistics(
        signal_id=signal_id,
        executions=len(executions),
        by_status={status: len(group) for status, group in groups.items()},
        average_slippage_bps={
            status: round(sum(values, Decimal(0)) / len(values), 2)
            for status, values in slips.items()
            if values
        },
        average_latency_ms={
            status: Decimal(f"{fmean(values):.1f}") for status, values in delays.items() if values
        },
        decisions_by_code=decisions_by_code,
    )


def update_execution(connection: sqlite3.Connection, execution: Execution) -> None:
    """Write what an execution came to; executed or failed is final, partial may become executed."""
    connection.execute(
        _SQL["mark_executed"],
        {
            "signal_id": execution.signal_id,
            "user_id": execution.user_id,
            "status": execution.status,
            "executed_at_ms": execution.executed_at_ms,
            "actual_entry_price": _text(execution.actual_entry_price),
            "quantity": _text(execution.quantity),
            "order_id": execution.order_id,
            "slippage_bps": _text(execution.slippage_bps),
            "latency_ms": execution.latency_ms,
            "failure_reason": execution.failure_reason,
        },
    )


def _claim(
    connection: sqlite3.Connection,
    execution: Execution,
    decision: Decision,
    intents: Sequence[OrderRequest],
) -> ClaimResult:
    won = connection.execute(
        _SQL["claim_execution"],
        {
            "signal_id": execution.signal_id,
            "user_id": execution.user_id,
            "subscription_id": execution.subscription_id,
            "mode": execution.mode,
            "claimed_at_ms": execution.claimed_at_ms,
            "quantity": _text(execution.quantity),
            "leverage": execution.leverage,
            "client_order_id": execution.client_order_id,
            "position_id": execution.position_id,
            "ai_decision_applied": int(execution.ai_decision_applied),
            "ai_confidence": execution.ai_confidence,
            "ai_skip_reason": execution.ai_skip_reason,
        },
    ).fetchone()
    if won is None:
        exists = _exists(connection, execution.signal_id, execution.user_id)
        return ClaimResult.DUPLICATE if exists else ClaimResult.NOT_ACTIVE
    insert_decision(connection, decision)
    insert_order_intents(connection, intents)
    return ClaimResult.WON


def _exists(connection: sqlite3.Connection, signal_id: SignalId, user_id: UserId) -> bool:
    return (
        connection.execute(_SQL["has_user_executed"], (signal_id, user_id)).fetchone() is not None
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
