"""Stores executions: the exclusive right to act on a signal for a user, and its outcome."""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum, auto
from statistics import fmean

from signalbot.domain.codes import Code
from signalbot.domain.executions import Decision, Execution, ExecutionStatus, SignalStatistics
from signalbot.domain.money import text
from signalbot.domain.orders import OrderRequest
from signalbot.domain.signals import SignalId
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
"""The number of latest entries whose slippage is read to estimate costs."""


class ClaimResult(Enum):
    """The result of a claim. Only WON allows an order to be sent."""

    WON = auto()
    DUPLICATE = auto()
    NOT_ACTIVE = auto()


class Executions:
    """Claims executions and stores their outcomes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, execution: Execution, decision: Decision, intents: Sequence[OrderRequest]
    ) -> ClaimResult:
        """Claim the exclusive right to act on a signal for a user, durably, before any order.

        Execution, decision and order intents commit together or not at all. States of orders
        already sent are written first: a stop may wait for them.
        """
        return await self._database.write(
            lambda c: _claim(c, execution, decision, intents), low_priority=True
        )

    async def has_user_executed(self, signal_id: SignalId, user_id: UserId) -> bool:
        """Whether this user has claimed this signal, with any outcome."""
        return await self._database.read(lambda c: _exists(c, signal_id, user_id))

    async def execution(self, signal_id: SignalId, user_id: UserId) -> Execution | None:
        sql, key = _SQL["execution"], (signal_id, user_id)
        rows = await self._database.query(sql, key)
        return EXECUTIONS.decode(rows[0]) if rows else None

    async def executions(self, signal_id: SignalId) -> list[Execution]:
        """All executions of a signal, in the order of their claims."""
        sql = _SQL["executions_of_signal"]
        rows = await self._database.query(sql, (signal_id,))
        return [EXECUTIONS.decode(row) for row in rows]

    async def unresolved_executions(self, user_id: UserId) -> list[Execution]:
        """Executions with the status pending or unknown."""
        sql = _SQL["unresolved_executions"]
        rows = await self._database.query(sql, (user_id,))
        return [EXECUTIONS.decode(row) for row in rows]

    async def latest_slippages(self, user_id: UserId) -> list[tuple[str, Decimal]]:
        """Symbol and slippage in basis points of the latest market entries, oldest first."""
        sql = _SQL["latest_slippages"]
        rows = await self._database.query(sql, (user_id, MAX_SLIPPAGES_READ))
        return [(row["symbol"], Decimal(row["slippage_bps"])) for row in reversed(rows)]

    async def mark_failed(
        self, signal_id: SignalId, user_id: UserId, *, reason: Code, details: str, now_ms: Ms
    ) -> None:
        """Store a failure: rejected, or provably never received."""
        values = {
            "signal_id": signal_id,
            "user_id": user_id,
            "failed_at_ms": now_ms,
            "failure_reason": reason,
            "error_details": details,
        }
        await self._database.execute(_SQL["mark_failed"], values)

    async def mark_unknown(self, signal_id: SignalId, user_id: UserId, *, details: str) -> None:
        """Store that the outcome is unknown until the order is looked up."""
        values = {"signal_id": signal_id, "user_id": user_id, "error_details": details}
        await self._database.execute(_SQL["mark_unknown"], values)

    async def mark_executed(self, execution: Execution) -> None:
        """Store a complete or partial fill: price, quantity, slippage, latency."""
        await self._database.write(lambda c: update_execution(c, execution))

    async def statistics(self, signal_id: SignalId) -> SignalStatistics:
        """Statistics of a signal's executions by status: count, slippage and latency."""
        executions = await self.executions(signal_id)
        counts = await self._database.query(_SQL["decision_counts"], (signal_id,))
        return summarize(signal_id, executions, {row["code"]: row["n"] for row in counts})


def summarize(
    signal_id: SignalId, executions: Sequence[Execution], decisions_by_code: dict[str, int]
) -> SignalStatistics:
    """Count executions by status, with average slippage and latency."""
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
    """Store an outcome; executed and failed are final, partial may become executed."""
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
