"""Drawdown and daily ratios, against hand-made curves and the plainest definitions."""

from decimal import Decimal
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.timeframe import Ms
from signalbot.replay.report.equity import (
    Curve,
    daily_returns,
    drawdown_percents,
    full_curve,
    max_drawdown,
    sharpe,
    sortino,
)
from tests.replay.report_fixtures import DAY, HOUR, START, curve_of

CURVES = st.lists(
    st.decimals(min_value=1, max_value=100_000, places=2, allow_nan=False), min_size=1, max_size=40
).map(lambda equities: [(Ms(at * HOUR), equity) for at, equity in enumerate(equities)])


@given(CURVES)
def test_the_drawdown_is_the_deepest_fall_between_any_two_samples(curve: Curve) -> None:
    """Compared with looking at every pair of samples."""
    deepest = max(
        (before - after) / before
        for first, (_, before) in enumerate(curve)
        for _, after in curve[first:]
    )
    found = max_drawdown(curve)
    assert found is not None
    assert found.percent == pytest.approx(float(max(deepest, Decimal(0)) * 100))


@given(CURVES)
def test_the_drawdown_tells_when_it_was(curve: Curve) -> None:
    """Peak and trough are samples of the curve, in order, and recovery is back at the peak."""
    found = max_drawdown(curve)
    assert found is not None
    at = dict(curve)
    peak, trough = at[found.peak_ms], at[found.trough_ms]
    assert found.peak_ms <= found.trough_ms
    assert found.quote == peak - trough
    assert found.percent == pytest.approx(float((peak - trough) / peak * 100))
    later = [at_ms for at_ms, equity in curve if at_ms >= found.trough_ms and equity >= peak]
    assert found.recovered_ms == (later[0] if later else None)


@given(CURVES)
def test_the_deepest_of_all_drawdowns_is_the_drawdown(curve: Curve) -> None:
    """The curve that is drawn and the number that is told agree."""
    found = max_drawdown(curve)
    assert found is not None
    assert max(drawdown_percents(curve)) == pytest.approx(found.percent)


def test_a_fall_and_its_recovery_are_dated() -> None:
    """120 falls to 90 over two samples, a quarter of it, and is reached again two later."""
    found = max_drawdown(curve_of([100, 120, 110, 90, 100, 125, 115]))
    assert found is not None
    assert (found.quote, found.percent) == (Decimal(30), 25.0)
    assert (found.peak_ms, found.trough_ms) == (START + DAY, START + 3 * DAY)
    assert found.recovered_ms == START + 5 * DAY


def test_the_larger_share_counts_not_the_larger_sum() -> None:
    """Half of 100 weighs more than 60 of 200."""
    found = max_drawdown(curve_of([100, 50, 200, 140]))
    assert found is not None
    assert (found.quote, found.percent) == (Decimal(50), 50.0)
    assert found.recovered_ms == START + 2 * DAY


def test_a_curve_that_never_falls_has_no_drawdown() -> None:
    """Zero, not nothing: it was looked at."""
    found = max_drawdown(curve_of([100, 100, 110]))
    assert found is not None
    assert (found.quote, found.percent) == (Decimal(0), 0.0)


def test_without_samples_there_is_nothing_to_say() -> None:
    """No drawdown, no returns, no ratio."""
    assert max_drawdown([]) is None
    assert daily_returns([]) == []
    assert drawdown_percents([]) == []


def test_more_than_everything_can_be_lost() -> None:
    """An account in debt is down by more than 100 percent, and no further return is defined."""
    curve = curve_of([100, -20, 10])
    found = max_drawdown(curve)
    assert found is not None
    assert found.percent == 120.0
    assert daily_returns(curve) == []


def test_daily_returns_are_those_of_whole_utc_days() -> None:
    """Samples within a day do not matter, and an unfinished day is left out, at either end."""
    hours = [100] * 24 + [110] * 24 + [99] + [50] * 5
    assert daily_returns(curve_of(hours, every_ms=HOUR)) == pytest.approx([0.1, -0.1])
    early = [70] * 5 + hours
    begin = Ms(START - 5 * HOUR)
    assert daily_returns(curve_of(early, every_ms=HOUR, start_ms=begin)) == pytest.approx(
        [0.1, -0.1]
    )


def test_a_day_without_samples_changed_nothing() -> None:
    """The equity before it still holds."""
    curve = [(START, Decimal(100)), (Ms(START + 3 * DAY), Decimal(121))]
    assert daily_returns(curve) == pytest.approx([0, 0, 0.21])


def test_a_sample_just_after_the_day_belongs_to_the_next() -> None:
    """The end of a day is the last moment at or before it."""
    curve = [
        (START, Decimal(100)),
        (Ms(START + DAY), Decimal(110)),
        (Ms(START + DAY + 1), Decimal(55)),
    ]
    assert daily_returns(curve) == pytest.approx([0.1])


def test_the_sharpe_ratio_of_a_hand_computed_case() -> None:
    """Mean 1/30, sample deviation 0.11547 of 10, -10 and 10 percent."""
    returns = daily_returns(curve_of(["100", "110", "99", "108.9"]))
    assert sharpe(returns) == pytest.approx((1 / 30) / sqrt(0.04 / 3) * sqrt(365))


def test_the_sortino_ratio_of_a_hand_computed_case() -> None:
    """Only the fall counts against the mean, spread over all three days."""
    returns = daily_returns(curve_of(["100", "110", "99", "108.9"]))
    assert sortino(returns) == pytest.approx((1 / 30) / sqrt(0.01 / 3) * sqrt(365))


@pytest.mark.parametrize("returns", [[], [0.1], [0.0, 0.0], [0.1, 0.1, 0.1]])
def test_no_deviation_no_ratio(returns: list[float]) -> None:
    """Too few days or equal ones: both ratios would divide by zero."""
    assert sharpe(returns) is None
    assert sortino(returns) is None


def test_steady_growth_has_no_sharpe_ratio_however_it_is_rounded() -> None:
    """A tenth of a percent every day is the same return every day."""
    equities = [str(Decimal(1000) * Decimal("1.001") ** day) for day in range(10)]
    assert sharpe(daily_returns(curve_of(equities))) is None


def test_a_late_curve_is_completed_with_where_it_started() -> None:
    """A curve that begins in time, or that is empty, stays as it is."""
    late = curve_of([110], start_ms=Ms(START + HOUR))
    assert full_curve(late, start_equity=Decimal(100), start_ms=START) == [(START, 100), *late]
    for curve in ([], curve_of([100])):
        assert full_curve(curve, start_equity=Decimal(90), start_ms=START) == curve
