"""Joins decision, execution and position of one user's signals."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from signalbot.domain.executions import DecisionOutcome
from signalbot.domain.positions import Position
from signalbot.domain.signals import Action, Signal, SignalId, SignalSource, SignalStatus, Strength
from signalbot.domain.timeframe import Ms, Timeframe, day_start
from signalbot.domain.users import UserId
from signalbot.ledger import views
from signalbot.ledger.archive import reader as archive_reader
from signalbot.ledger.booking import POSITIONS
from signalbot.ledger.codec import insert
from signalbot.ledger.executions import MAX_SLIPPAGES_READ
from signalbot.ledger.views import Connection, Row, Selection

_SELECT_POSITIONS: Final = """
SELECT * FROM positions WHERE user_id = ? AND opened_at_ms >= ?
 ORDER BY opened_at_ms, position_id
"""
_SELECT_HOLDING_PERIODS: Final = """
SELECT coalesce(e.claimed_at_ms, p.opened_at_ms) AS from_ms, p.closed_at_ms AS until_ms,
       p.realized_pnl, p.fees, p.funding
  FROM positions p
  LEFT JOIN signal_executions e ON e.signal_id = p.signal_id AND e.user_id = p.user_id
 WHERE p.user_id = ? ORDER BY from_ms, p.position_id
"""
_SELECT_HISTORY: Final = {
    "positions": "SELECT * FROM positions WHERE user_id = ? AND closed_at_ms >= ? "
    "AND closed_at_ms < ? ORDER BY closed_at_ms, position_id",
    "orders": "SELECT * FROM orders WHERE user_id = ? AND intended_at_ms >= ? "
    "AND intended_at_ms < ? AND leg = 'entry' AND status IN ('filled', 'cancelled', 'rejected') "
    "ORDER BY intended_at_ms, client_order_id",
}
_SELECT_SLIPPAGES: Final = """
SELECT o.symbol, e.slippage_bps FROM signal_executions e INDEXED BY executions_by_user
  JOIN orders o ON o.client_order_id = e.client_order_id
 WHERE e.user_id = ? AND e.claimed_at_ms < ? AND e.slippage_bps IS NOT NULL
   AND o.leg = 'entry' AND o.type = 'market'
 ORDER BY e.claimed_at_ms DESC LIMIT ?
"""
_SELECT_ORDER: Final = """
SELECT signal_id, max(event_id) AS event_id FROM events
 WHERE kind = 'signal.created'
    OR (kind IN ('decision.accepted', 'decision.skipped') AND user_id = ?)
 GROUP BY signal_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalOutcome:
    """The outcome of one signal for one user."""

    signal_id: SignalId
    outcome: DecisionOutcome
    code: str  #: a ``DecisionCode``, perhaps of an older version
    created_at_ms: Ms  #: of the signal
    decided_at_ms: Ms
    detail: Mapping[str, Any]  #: the numbers of the decision
    execution: str | None = None  #: status; None: skipped
    failure: str | None = None  #: why the execution failed
    latency_ms: int | None = None  #: from the signal to the acknowledged entry
    mode: str | None = None  #: of the execution
    position: Position | None = None  #: opened by it

    @property
    def result_code(self) -> str:
        """The code of a skip, or the failure or status of the execution."""
        if self.outcome is DecisionOutcome.SKIP:
            return self.code
        return self.failure or self.execution or self.code

    @property
    def net_pnl(self) -> Decimal | None:
        """The net profit of its position; None until it is closed."""
        position = self.position
        return None if position is None or position.is_open else position.net_pnl


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingPeriod:
    """The time that a position was held, from the claim of its entry."""

    from_ms: Ms
    until_ms: Ms | None  #: None: still open
    net_pnl: Decimal  #: so far


@dataclass(frozen=True, slots=True)
class AccountHistory:
    """Rows that risk limits depend on: today's results, and the times of closed positions."""

    rows: Mapping[str, tuple[Row, ...]]  #: by table
    slippages: tuple[tuple[str, Decimal], ...] = ()  #: of market entries, oldest first

    def copy_into(self, connection: Connection) -> None:
        """Insert the rows into another ledger without other rows of this user."""
        for table, rows in self.rows.items():
            for row in rows:
                connection.execute(insert(table, tuple(row)), tuple(row.values()))


def read_holding_periods(connection: Connection, user_id: UserId) -> list[HoldingPeriod]:
    """All positions of the user, in the order of their decisions."""
    return [
        HoldingPeriod(
            from_ms=Ms(row["from_ms"]),
            until_ms=row["until_ms"],
            net_pnl=Decimal(row["realized_pnl"]) - Decimal(row["fees"]) + Decimal(row["funding"]),
        )
        for row in connection.execute(_SELECT_HOLDING_PERIODS, (user_id,))
    ]


def read_account_history(
    connection: Connection, user_id: UserId, at_ms: Ms, *, cooldown_ms: int
) -> AccountHistory:  # fmt: skip
    """The rows that count against the limits of a flat account at ``at_ms``."""
    today_ms = day_start(at_ms)
    slippages = connection.execute(
        _SELECT_SLIPPAGES, (user_id, at_ms, MAX_SLIPPAGES_READ)
    ).fetchall()
    begin_ms = {"positions": min(today_ms, at_ms - cooldown_ms), "orders": today_ms}
    return AccountHistory(
        {
            table: tuple(
                dict(row) for row in connection.execute(sql, (user_id, begin_ms[table], at_ms))
            )
            for table, sql in _SELECT_HISTORY.items()
        },
        slippages=tuple(
            (row["symbol"], Decimal(row["slippage_bps"])) for row in reversed(slippages)
        ),
    )


def read_signals(connection: Connection, *, since_ms: Ms, until_ms: Ms) -> list[Signal]:
    """Signals stored from ``since_ms`` to ``until_ms`` inclusive, including archived ones.

    Raises:
        LedgerError: a required archive cannot be read.
    """
    selection = Selection(since_ms=since_ms, until_ms=Ms(until_ms + 1))
    return [_signal(row) for row in archive_reader.signals(connection, selection)]


def read_signal_outcomes(
    connection: Connection, user_id: UserId, *, since_ms: Ms
) -> dict[SignalId, SignalOutcome]:
    """The user's decisions since ``since_ms`` and their outcomes, by signal.

    Raises:
        LedgerError: a required archive cannot be read.
    """
    mine = Selection(user=user_id, since_ms=since_ms)
    executions = {row["signal_id"]: row for row in views.executions(connection, mine)}
    positions = {
        each.signal_id: each
        for each in map(
            POSITIONS.decode, connection.execute(_SELECT_POSITIONS, (user_id, since_ms))
        )
    }
    outcomes = {}
    for row in archive_reader.signals(connection, mine):
        signal_id = SignalId(row["signal_id"])
        executed = executions.get(signal_id, {})
        outcomes[signal_id] = SignalOutcome(
            signal_id=signal_id,
            outcome=DecisionOutcome(row["outcome"]),
            code=row["code"],
            created_at_ms=Ms(row["created_at_ms"]),
            decided_at_ms=Ms(row["decided_at_ms"]),
            detail=row["detail"],
            execution=executed.get("status"),
            failure=executed.get("failure_reason"),
            latency_ms=executed.get("latency_ms"),
            mode=executed.get("mode"),
            position=positions.get(signal_id),
        )
    return outcomes


def read_decision_order(connection: Connection, user_id: UserId) -> dict[SignalId, int]:
    """Ascending numbers in the order of the user's decisions, by signal."""
    return {
        SignalId(row["signal_id"]): row["event_id"]
        for row in connection.execute(_SELECT_ORDER, (user_id,))
    }


def _signal(row: Row) -> Signal:
    return Signal(
        signal_id=SignalId(row["signal_id"]),
        strategy=row["strategy"],
        source=SignalSource(row["source"]),
        exchange=row["exchange"],
        symbol=row["symbol"],
        timeframe=None if row["timeframe"] is None else Timeframe(row["timeframe"]),
        action=Action(row["action"]),
        strength=Strength(row["strength"]),
        confidence=row["confidence"],
        price=_decimal(row["price"]),
        stop_loss=_decimal(row["stop_loss"]),
        take_profits=tuple(map(Decimal, row["take_profits"])),
        take_profit_shares=tuple(map(Decimal, row["take_profit_shares"])),
        trailing_percent=_decimal(row["trailing_percent"]),
        exit_percent=Decimal(row["exit_percent"]),
        reason=row["reason"],
        candle_close_ms=row["candle_close_ms"],
        created_at_ms=Ms(row["created_at_ms"]),
        expires_at_ms=Ms(row["expires_at_ms"]),
        status=SignalStatus(row["status"]),
        cancelled_at_ms=row["cancelled_at_ms"],
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
