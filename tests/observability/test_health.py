"""The watchdog's checks: every stopped part is detected, without false alarms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.observability.health import (
    CANDLE_GRACE_S,
    MAX_COMMIT_WAIT_S,
    MAX_LAG_S,
    MAX_RECONCILE_AGE_S,
    HealthSnapshot,
    StreamHealth,
    failures,
)


def signs(
    *, lag_s: float = 0, commit_waits_s: float = 0, reconciled_s: float = 0, looked_s: float = 0
) -> HealthSnapshot:
    return HealthSnapshot(
        lag_s=lag_s,
        commit_wait_s=commit_waits_s,
        reconcile_age_s=reconciled_s,
        streams={
            "binance BTC/USDT:USDT 5m": StreamHealth(last_checked_s=looked_s, timeframe_s=300)
        },
    )


@given(part=st.floats(min_value=0, max_value=1))
def test_up_to_the_limits_all_is_well(part: float) -> None:
    """No part is called dead before its limit is over."""
    seen = signs(
        lag_s=part * MAX_LAG_S,
        commit_waits_s=part * MAX_COMMIT_WAIT_S,
        reconciled_s=part * MAX_RECONCILE_AGE_S,
        looked_s=part * (300 + CANDLE_GRACE_S),
    )
    assert list(failures(seen)) == []


@pytest.mark.parametrize(
    ("seen", "named"),
    [
        (signs(lag_s=MAX_LAG_S + 1), "event loop"),
        (signs(commit_waits_s=MAX_COMMIT_WAIT_S + 1), "ledger"),
        (signs(reconciled_s=MAX_RECONCILE_AGE_S + 1), "reconciled"),
        (signs(looked_s=300 + CANDLE_GRACE_S + 1), "binance BTC/USDT:USDT 5m"),
    ],
)
def test_each_part_alone_is_noticed(seen: HealthSnapshot, named: str) -> None:
    """One that has stopped is enough, and is named."""
    (failure,) = failures(seen)
    assert named in failure


def test_a_faster_world_has_longer_limits() -> None:
    """In an accelerated simulation a simulated minute is no time at all."""
    assert list(failures(signs(reconciled_s=MAX_RECONCILE_AGE_S * 50), speed=60)) == []
