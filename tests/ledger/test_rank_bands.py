"""Slippage by place in the fan-out: what being late has cost."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from signalbot.ledger.rank_bands import rank_bands


def _turn(rank: int | None, slippage: str | None, latency: int | None = 5) -> dict[str, Any]:
    return {
        "detail": None if rank is None else {"rank": rank},
        "executed_at_ms": 1,
        "slippage_bps": slippage,
        "latency_ms": latency,
    }


def test_users_served_first_are_compared_with_those_served_last() -> None:
    """In bands that grow tenfold, each with its median and its worst."""
    turns = [
        _turn(0, "1.00", 20), _turn(9, "3.00", 40), _turn(5, "-9.5", 30),
        _turn(10, "4.00", 50), _turn(99, "5.01", 61),
        _turn(1000, None, None),
    ]  # fmt: skip
    assert rank_bands(turns) == [
        {
            "first_rank": 0, "last_rank": 9, "filled": 3,
            "median_slippage_bps": "1.00", "worst_slippage_bps": "3.00",
            "median_latency_ms": 30, "worst_latency_ms": 40,
        },
        {
            "first_rank": 10, "last_rank": 99, "filled": 2,
            "median_slippage_bps": "4.50", "worst_slippage_bps": "5.01",
            "median_latency_ms": 56, "worst_latency_ms": 61,
        },
        {
            "first_rank": 1000, "last_rank": 9999, "filled": 1,
            "median_slippage_bps": None, "worst_slippage_bps": None,
            "median_latency_ms": None, "worst_latency_ms": None,
        },
    ]  # fmt: skip


def test_who_did_not_fill_does_not_count() -> None:
    """Skipped, failed, undecided, or decided before ranks were stored."""
    assert rank_bands([_turn(None, "1"), _turn(3, "1") | {"executed_at_ms": None}]) == []


@given(st.lists(st.tuples(st.integers(0, 5000), st.decimals("-500", "500", places=2))))
def test_every_filled_user_is_in_exactly_one_band(filled: list[tuple[int, Decimal]]) -> None:
    """And no median lies beyond the worst of its band."""
    bands = rank_bands([_turn(rank, f"{slippage:f}") for rank, slippage in filled])
    assert sum(band["filled"] for band in bands) == len(filled)
    for band in bands:
        within = [r for r, _ in filled if band["first_rank"] <= r <= band["last_rank"]]
        assert len(within) == band["filled"]
        assert Decimal(band["median_slippage_bps"]) <= Decimal(band["worst_slippage_bps"])
