"""Slippage and latency by rank in the fan-out: the cost of being served late."""

from collections.abc import Iterable
from decimal import Decimal
from statistics import median
from typing import Any

from signalbot.domain.money import text, to_cents

Row = dict[str, Any]

_TEN = 10


def rank_bands(outcomes: Iterable[Row]) -> list[Row]:
    """The filled executions of a signal in bands of rank: 0 to 9, 10 to 99, and so on.

    Rank 0 was served first. Slippage is in basis points against the signal's price, positive when
    worse. Values are medians, which single bad fills do not distort.
    """
    bands: dict[int, list[Row]] = {}
    for outcome in outcomes:
        rank = (outcome["detail"] or {}).get("rank")
        if isinstance(rank, int) and outcome["executed_at_ms"] is not None:
            bands.setdefault(len(str(rank)), []).append(outcome)
    return [_band(digits, bands[digits]) for digits in sorted(bands)]


def _band(digits: int, outcomes: list[Row]) -> Row:
    slips = [
        Decimal(outcome["slippage_bps"])
        for outcome in outcomes
        if outcome["slippage_bps"] is not None
    ]
    waits = [outcome["latency_ms"] for outcome in outcomes if outcome["latency_ms"] is not None]
    return {
        "first_rank": 0 if digits == 1 else _TEN ** (digits - 1),
        "last_rank": _TEN**digits - 1,
        "filled": len(outcomes),
        "median_slippage_bps": text(to_cents(median(slips))) if slips else None,
        "worst_slippage_bps": text(max(slips)) if slips else None,
        "median_latency_ms": round(median(waits)) if waits else None,
        "worst_latency_ms": max(waits) if waits else None,
    }
