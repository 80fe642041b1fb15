"""The watchdog's judgement: nothing stops unseen, and nobody is restarted for nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.ops.health import (
    CANDLE_GRACE_S,
    MOST_COMMIT_S,
    MOST_LAG_S,
    MOST_RECONCILED_S,
    Signs,
    Watched,
    troubles,
)


def signs(
    *, lag_s: float = 0, commit_waits_s: float = 0, reconciled_s: float = 0, looked_s: float = 0
) -> Signs:
    return Signs(
        lag_s=lag_s,
        commit_waits_s=commit_waits_s,
        reconciled_s=reconciled_s,
        streams={"binance BTC/USDT:USDT 5m": Watched(looked_s=looked_s, timeframe_s=300)},
    )


@given(part=st.floats(min_value=0, max_value=1))
def test_up_to_the_limits_all_is_well(part: float) -> None:
    """No part is called dead before its limit is over."""
    seen = signs(
        lag_s=part * MOST_LAG_S,
        commit_waits_s=part * MOST_COMMIT_S,
        reconciled_s=part * MOST_RECONCILED_S,
        looked_s=part * (300 + CANDLE_GRACE_S),
    )
    assert list(troubles(seen)) == []


@pytest.mark.parametrize(
    ("seen", "named"),
    [
        (signs(lag_s=MOST_LAG_S + 1), "event loop"),
        (signs(commit_waits_s=MOST_COMMIT_S + 1), "ledger"),
        (signs(reconciled_s=MOST_RECONCILED_S + 1), "compared"),
        (signs(looked_s=300 + CANDLE_GRACE_S + 1), "binance BTC/USDT:USDT 5m"),
    ],
)
def test_each_part_alone_is_noticed(seen: Signs, named: str) -> None:
    """One that has stopped is enough, and is named."""
    (trouble,) = troubles(seen)
    assert named in trouble


def test_a_faster_world_has_longer_limits() -> None:
    """In an accelerated simulation a simulated minute is no time at all."""
    assert list(troubles(signs(reconciled_s=MOST_RECONCILED_S * 50), speed=60)) == []
