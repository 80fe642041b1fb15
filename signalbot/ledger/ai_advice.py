"""Reads the AI advice behind one user's decisions from the ledger."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.signals import SignalId
from signalbot.ledger.signal_outcomes import SignalOutcome
from signalbot.ledger.views import Connection

_SELECT_ANSWER: Final = "SELECT answer FROM ai_calls WHERE call_id = ?"
_VERDICTS: Final = {"approved": Verdict.APPROVE, "vetoed": Verdict.DENY, "failed": Verdict.ABSTAIN}
_FAILURE_CODES: Final = {
    each.value: each for each in (DecisionCode.AI_FAILED, DecisionCode.AI_BUDGET_SPENT)
}


def read_ai_advice(
    connection: Connection, outcomes: Iterable[SignalOutcome]
) -> dict[SignalId, Advice]:
    """The advice behind each decision with AI, by signal."""
    return {
        outcome.signal_id: _advice(connection, outcome)
        for outcome in outcomes
        if outcome.detail.get("ai") in _VERDICTS
    }


def _advice(connection: Connection, outcome: SignalOutcome) -> Advice:
    detail, call_id = outcome.detail, outcome.detail.get("ai_call")
    answer = _answer(connection, call_id)
    return Advice(
        verdict=_VERDICTS[detail["ai"]],
        confidence=float(detail.get("ai_confidence") or 0),
        reason=str(detail.get("ai_says") or ""),
        size_percent=_percent(answer.get("size_percent"), HUNDRED),
        stop_percent=_percent(answer.get("stop_closer_percent"), ZERO),
        failure_code=_FAILURE_CODES.get(outcome.code, DecisionCode.AI_FAILED),
        call_id=call_id,
    )


def _answer(connection: Connection, call_id: str | None) -> dict[str, Any]:
    row = connection.execute(_SELECT_ANSWER, (call_id,)).fetchone()
    answer: dict[str, Any] = json.loads(row["answer"]) if row and row["answer"] else {}
    return answer


def _percent(value: float | None, default: Decimal) -> Decimal:
    return default if value is None else Decimal(repr(value))
