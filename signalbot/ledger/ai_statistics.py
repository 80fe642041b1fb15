"""Statistics of AI calls: cost, decisions and outcomes of their signals."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from signalbot.domain.money import HUNDRED, ZERO, text
from signalbot.domain.timeframe import Ms
from signalbot.ledger.ai_calls import CALLS, OUTCOMES, AiCall, AiOutcome, CallOutcome, PriceOutcome
from signalbot.ledger.sql import queries
from signalbot.ledger.views import Connection

Row = dict[str, Any]

_SQL = queries("ai_calls")
_FOLLOWED, _VETOED = "followed", "vetoed"


def ai_statistics(connection: Connection, *, since_ms: Ms) -> Row:
    """Calls by model, with the decisions based on them and the outcomes of their signals.

    A signal is vetoed when the AI made a user skip it, followed when a user traded it with the AI's
    approval; with several users it can be both. Outcomes come from later candles.
    """
    calls = [CALLS.decode(row) for row in connection.execute(_SQL["calls_since"], (since_ms,))]
    decisions = connection.execute(_SQL["decisions_of_calls"], (since_ms,)).fetchall()
    found = connection.execute(_SQL["outcomes_of_calls"], (since_ms,))
    outcomes = {each.signal_id: each for each in map(OUTCOMES.decode, found)}
    signals: Mapping[str, set[str]] = {_FOLLOWED: set(), _VETOED: set()}
    for decision in decisions:
        if (
            result := _decision_result(decision["code"], decision["outcome"], decision["ai"])
        ) in signals:
            signals[result].add(decision["signal_id"])
    return {
        "models": _models(calls),
        "calls": sum(call.outcome is not CallOutcome.NOT_CALLED for call in calls),
        "cache_hits": sum(bool(decision["is_shared"]) for decision in decisions),
        "cost": text(sum((call.cost for call in calls), ZERO)),
        "decisions": dict(
            Counter(
                _decision_result(decision["code"], decision["outcome"], decision["ai"])
                for decision in decisions
            )
        ),
        "signals": {result: _outcome_summary(names, outcomes) for result, names in signals.items()},
    }


def _decision_result(code: str, outcome: str, ai: str) -> str:
    """The decision of one user that is based on a call."""
    if code == "AI_DENIED":
        return _VETOED
    if ai == "failed":
        return "failed_followed" if outcome == "EXECUTE" else "failed_skipped"
    return _FOLLOWED if outcome == "EXECUTE" else "skipped_otherwise"


def _models(calls: Iterable[AiCall]) -> list[Row]:
    groups: dict[tuple[str, str, str], list[AiCall]] = {}
    for call in calls:
        groups.setdefault((call.kind.value, call.provider, call.model), []).append(call)
    return [
        {
            "kind": kind,
            "provider": provider,
            "model": model,
            **{
                outcome.value: sum(call.outcome is outcome for call in group)
                for outcome in CallOutcome
            },
            "input_tokens": sum(call.input_tokens for call in group),
            "output_tokens": sum(call.output_tokens for call in group),
            "cost": text(sum((call.cost for call in group), ZERO)),
            "estimated_cost": text(
                sum((call.cost for call in group if call.cost_is_estimate), ZERO)
            ),
            "average_latency_ms": sum(call.latency_ms for call in group) // len(group),
            "longest_latency_ms": max(call.latency_ms for call in group),
        }
        for (kind, provider, model), group in sorted(groups.items())
    ]


def _outcome_summary(names: Iterable[str], outcomes: Mapping[Any, AiOutcome]) -> Row:
    names = list(names)
    evaluated = [
        outcomes[name]
        for name in names
        if name in outcomes and outcomes[name].move_percent is not None
    ]
    moves = [each.move_percent or Decimal(0) for each in evaluated]
    return {
        "signals": len(names),
        **{
            ended.value: sum(each.ended is ended for each in evaluated)
            for ended in PriceOutcome
            if ended is not PriceOutcome.UNKNOWN
        },
        "not_known": len(names) - len(evaluated),
        "gained_percent": text(round(sum(move > 0 for move in moves) * HUNDRED / len(moves), 1))
        if moves
        else None,
        "average_move_percent": text(round(sum(moves, ZERO) / len(moves), 4)) if moves else None,
    }
