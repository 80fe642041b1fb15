"""What became of every signal for one user: decision, execution and position as one."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from signalbot.domain.positions import Position
from signalbot.domain.signals import (
    Action,
    Outcome,
    Signal,
    SignalId,
    SignalSource,
    SignalStatus,
    Strength,
)
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId
from signalbot.ledger import past, views
from signalbot.ledger.trades import POSITIONS
from signalbot.ledger.views import Connection, Row, Selection

_SELECT_POSITIONS: Final = """
SELECT * FROM positions WHERE user_id = ? AND opened_at_ms >= ?
 ORDER BY opened_at_ms, position_id
"""
_SELECT_ORDER: Final = """
SELECT signal_id, max(event_id) AS event_id FROM events
 WHERE kind = 'signal.created' OR (kind IN ('decision.execute', 'decision.skip') AND user_id = ?)
 GROUP BY signal_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What one user made of one signal."""

    signal_id: SignalId
    outcome: Outcome
    code: str  #: a ``Reason``, perhaps one of an older version
    decided_at_ms: Ms
    detail: Mapping[str, Any]  #: the numbers behind it
    execution: str | None = None  #: status; None: nothing was to be executed
    failure: str | None = None  #: why the execution failed
    position: Position | None = None  #: opened by it

    @property
    def word(self) -> str:
        """In a word: the code of a refusal, or what came of the execution."""
        if self.outcome is Outcome.SKIP:
            return self.code
        return self.failure or self.execution or self.code

    @property
    def net_pnl(self) -> Decimal | None:
        """What its position kept; None while there is none that is closed."""
        position = self.position
        return None if position is None or position.is_open else position.net_pnl


def read_signals(connection: Connection, *, since_ms: Ms, until_ms: Ms) -> list[Signal]:
    """Signals stored from ``since_ms`` up to and with ``until_ms``, those in archives included.

    Raises:
        LedgerError: an archive that is needed cannot be read.
    """
    selection = Selection(since_ms=since_ms, until_ms=Ms(until_ms + 1))
    return [_signal(row) for row in past.signals(connection, selection)]


def read_fates(connection: Connection, user_id: UserId, *, since_ms: Ms) -> dict[SignalId, Fate]:
    """What the user decided since ``since_ms``, by signal.

    Raises:
        LedgerError: an archive that is needed cannot be read.
    """
    mine = Selection(user=user_id, since_ms=since_ms)
    executions = {row["signal_id"]: row for row in views.executions(connection, mine)}
    positions = {
        each.signal_id: each
        for each in map(
            POSITIONS.decode, connection.execute(_SELECT_POSITIONS, (user_id, since_ms))
        )
    }
    fates = {}
    for row in past.signals(connection, mine):
        signal_id = SignalId(row["signal_id"])
        executed = executions.get(signal_id, {})
        fates[signal_id] = Fate(
            signal_id=signal_id,
            outcome=Outcome(row["outcome"]),
            code=row["code"],
            decided_at_ms=Ms(row["decided_at_ms"]),
            detail=row["detail"],
            execution=executed.get("status"),
            failure=executed.get("failure_reason"),
            position=positions.get(signal_id),
        )
    return fates


def read_order(connection: Connection, user_id: UserId) -> dict[SignalId, int]:
    """Numbers that rise in the order in which signals reached the user's decision."""
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
        reason=row["reason"],
        candle_close_ms=row["candle_close_ms"],
        created_at_ms=Ms(row["created_at_ms"]),
        expires_at_ms=Ms(row["expires_at_ms"]),
        status=SignalStatus(row["status"]),
        cancelled_at_ms=row["cancelled_at_ms"],
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
