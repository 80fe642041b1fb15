"""The length of candles is the commonest spacing, or the greatest common one."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.timeframe import Timeframe
from signalbot.replay.candle_files.candle_spacing import IrregularSpacing, find_grid

MINUTE = 60_000
HOUR = 60 * MINUTE
START = 1_640_995_200_000


def stamps(*minutes: int) -> list[int]:
    return [START + each * MINUTE for each in minutes]


@given(st.sampled_from(list(Timeframe)), st.sets(st.integers(0, 10_000), min_size=40))
def test_a_file_with_gaps_has_the_greatest_common_spacing(
    timeframe: Timeframe, places: set[int]
) -> None:
    """However many candles are missing, as of a market that is hardly traded."""
    grid = find_grid([START + place * timeframe.ms for place in places], None)
    assert grid.timeframe is timeframe
    assert (grid.phase_ms, grid.outliers) == (0, 0)


@given(st.sampled_from(list(Timeframe)), st.integers(50, 200), st.integers(1, 999))
def test_a_few_rows_off_the_grid_do_not_decide(
    timeframe: Timeframe, count: int, odd_ms: int
) -> None:
    """One row in fifty may be wrong."""
    times = [START + place * timeframe.ms for place in range(count)]
    grid = find_grid([*times, times[-1] + timeframe.ms + odd_ms], None)
    assert (grid.timeframe, grid.outliers) == (timeframe, 1)


@given(st.permutations(stamps(0, 1, 2, 5, 6, 9, 30, 31)))
def test_the_order_of_rows_does_not_matter(times: Sequence[int]) -> None:
    """They are sorted later."""
    assert find_grid(times, None).timeframe is Timeframe.M1


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ([START, START], "fewer than two candles with different times"),
        ([START + each * 8 * HOUR for each in range(9)], "8 h apart"),
        ([START + each * 45_000 for each in range(9)], "45 s apart"),
        ([START + each * 1_000 for each in range(9)], "1 s apart"),
        ([START + each * 7 * 24 * HOUR for each in range(9)], "7 d apart"),
        (stamps(0, 2, 4, 8), "2 min apart"),
    ],
)
def test_a_spacing_that_is_no_timeframe_is_told(times: list[int], says: str) -> None:
    """It is never taken for a smaller one whose every second candle is missing."""
    with pytest.raises(IrregularSpacing, match=says):
        find_grid(times, None)


def test_the_length_that_rows_tell_is_believed_if_it_can_be() -> None:
    """Rows that follow each other sooner contradict it."""
    assert find_grid(stamps(0, 60, 180), HOUR).timeframe is Timeframe.H1
    with pytest.raises(
        IrregularSpacing, match="rows state a length of 1h, but 3 rows are closer together"
    ):
        find_grid(stamps(0, 1, 2, 3), HOUR)
    with pytest.raises(IrregularSpacing, match="a length of 7 d"):
        find_grid(stamps(0, 1, 2, 3), 7 * 24 * HOUR)


@pytest.mark.parametrize("early_ms", [1, 1_000])
def test_the_last_moment_of_a_candle_is_known(early_ms: int) -> None:
    """23:59:59.999 and 23:59:59 are how vendors write the end of a day."""
    day = 24 * HOUR
    grid = find_grid([START + each * day - early_ms for each in range(1, 9)], None)
    assert grid.is_before_the_close
